"""What an ingress controller's log says of one host: its last lines that name the host or the backend, from each of its pods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook.clients.kubernetes import KubeClient
from runbook.clients.lastwords import LONGEST, TAIL, LastWords
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


def ingress_words(client: KubeClient, pods: Sequence[Pod], wanted: Sequence[str]) -> tuple[LastWords, ...]:
    """The last lines of each pod's log that hold one of `wanted` (hosts, paths, backends). What cannot be read says why."""
    return tuple(_words(client, pod, container.name, wanted) for pod in pods for container in pod.spec.containers[:1])


def _words(client: KubeClient, pod: Pod, container: str, wanted: Sequence[str]) -> LastWords:
    meta, name = pod.metadata, f"{pod.metadata.namespace}/{pod.metadata.name}"
    try:
        read = client.log(meta.namespace, meta.name, container, tail=READ, previous=False).splitlines()
    except ObservationError as error:
        return LastWords(name, False, (), error.why)
    found = [line[:LONGEST] for line in read if any(word in line for word in wanted)]
    return LastWords(name, False, tuple(found[-TAIL:]))
