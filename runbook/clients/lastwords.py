"""The last lines of a container, of this start and the one before it: bounded, and with secrets cut by whoever shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbook.clients.kubernetes import KubeClient
from runbook.errors import ObservationError

TAIL = 20  # lines
LONGEST = 500  # letters of a line


@dataclass(frozen=True, slots=True)
class LastWords:
    """`lines` of one container; `why_not` says why there are none."""

    container: str
    previous: bool
    lines: tuple[str, ...]
    why_not: str = ""


def last_words(client: KubeClient, namespace: str, pod: str, containers: Sequence[str]) -> tuple[LastWords, ...]:
    """The tail of each container's log, then of its previous start. What cannot be read says why."""
    return tuple(_tail(client, namespace, pod, name, previous) for name in containers for previous in (False, True))


def _tail(client: KubeClient, namespace: str, pod: str, container: str, previous: bool) -> LastWords:
    try:
        read = client.logs(namespace, pod, container=container, tail=TAIL, previous=previous)
        lines = tuple(line[:LONGEST] for line in read)
    except ObservationError as error:
        return LastWords(container, previous, (), error.why)
    return LastWords(container, previous, lines[-TAIL:])
