"""The last lines of a container, of this start and the one before it: bounded, and with secrets cut by whoever shows them."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.clients.kubernetes import KubeClient
from runbook.domain.inquiries import LastWords
from runbook.errors import ObservationError

TAIL = 20  # lines


def last_words(
    client: KubeClient, namespace: str, pod: str, containers: Sequence[str], *, seconds: float = 10.0
) -> tuple[LastWords, ...]:
    """The tail of each container's log, then of its previous start. What cannot be read says why."""
    return tuple(
        tail(client, namespace, pod, name, previous=previous, seconds=seconds)
        for name in containers
        for previous in (False, True)
    )


def tail(client: KubeClient, namespace: str, pod: str, container: str, *, previous: bool, seconds: float) -> LastWords:
    """The tail of one container's log. Lines are whole: they are cut only after secrets were cut in them."""
    try:
        read = client.tail(namespace, pod, container, lines=TAIL, previous=previous, seconds=seconds)
    except ObservationError as error:
        return LastWords(container, previous, (), error.why)
    return LastWords(container, previous, read[-TAIL:])
