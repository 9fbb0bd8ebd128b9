"""What an ingress controller's log says of one host: its last lines that name the host or the backend, from each of its pods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook.clients.kubernetes import KubeClient
from runbook.clients.lastwords import TAIL
from runbook.domain.inquiries import LastWords
from runbook.domain.pods import Pod
from runbook.errors import ObservationError

READ = 2_000  # lines of each pod that are looked through
CONTROLLERS = frozenset(
    ("ingress-nginx", "nginx-ingress", "traefik", "haproxy-ingress", "contour", "kong", "istio-ingressgateway")
)
_LABELS = ("app.kubernetes.io/name", "app", "istio")


def controllers(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """The pods that serve ingresses here, by the names their charts give them."""
    return tuple(p for p in pods if any(p.metadata.label(name) in CONTROLLERS for name in _LABELS))


def ingress_words(
    client: KubeClient, pods: Sequence[Pod], wanted: Sequence[str], *, seconds: float = 10.0
) -> tuple[LastWords, ...]:
    """The last lines of each pod's log that hold one of `wanted` (hosts, paths, backends). What cannot be read says why."""
    return tuple(words_of(client, pod, wanted, seconds=seconds) for pod in pods)


def words_of(client: KubeClient, pod: Pod, wanted: Sequence[str], *, seconds: float) -> LastWords:
    """The last lines of one controller's log that hold one of `wanted`."""
    meta, name = pod.metadata, f"{pod.metadata.namespace}/{pod.metadata.name}"
    container = pod.spec.containers[0].name if pod.spec.containers else ""
    try:
        read = client.tail(meta.namespace, meta.name, container, lines=READ, previous=False, seconds=seconds)
    except ObservationError as error:
        return LastWords(name, False, (), error.why)
    found = [line for line in read if any(word in line for word in wanted)]
    return LastWords(name, False, tuple(found[-TAIL:]))
