"""What `runbook explain KIND/NAME` asks of a live cluster about one object: last words, answers from inside, ingress logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from runbook.clients.ingresslogs import controllers, ingress_words
from runbook.clients.inside import Answer, ask_service
from runbook.clients.kubernetes import KubeClient
from runbook.clients.lastwords import LastWords, last_words
from runbook.domain.network import Ingress, Service
from runbook.domain.peers import peers_of
from runbook.domain.pods import Pod
from runbook.evidence import Redactor
from runbook.model import ObjectRef, Snapshot
from runbook.stage.identity import reach, read_inventory


@dataclass(frozen=True)
class Told:
    """The failing containers' logs, what each Service answered port by port, and what ingress controllers wrote."""

    logs: tuple[LastWords, ...] = ()
    answers: Mapping[ObjectRef, tuple[Answer, ...]] = field(default_factory=dict)
    ingress: tuple[LastWords, ...] = ()
    controllers: int | None = None


def ask_about(
    inventory: Path,
    snapshot: Snapshot,
    ref: ObjectRef,
    failing: Sequence[str],
    *,
    kubeconfig: str | None,
    context: str | None,
) -> Told:
    """Everything worth asking about this object, secrets cut. Nothing is asked about other kinds. Raises what `begin` raises."""
    file = read_inventory(str(inventory))
    reached = reach(file, kubeconfig=kubeconfig or "", context=context or "")
    try:
        found = _asked(reached.client, snapshot, ref, failing)
    finally:
        reached.client.close()
    cut = Redactor().text
    return replace(found, logs=_cut(found.logs, cut), ingress=_cut(found.ingress, cut))


def _asked(client: KubeClient, snapshot: Snapshot, ref: ObjectRef, failing: Sequence[str]) -> Told:
    if ref.kind == "Ingress":
        pods = controllers(snapshot.seen(Pod))
        return Told(ingress=ingress_words(client, pods, tuple(_names(snapshot, ref))), controllers=len(pods))
    logs = last_words(client, ref.namespace, ref.name, failing) if ref.kind == "Pod" and failing else ()
    services = {service.ref: service for service in snapshot.seen(Service)}
    meant = [services[one] for one in dict.fromkeys(_services(snapshot, ref)) if one in services]
    return Told(logs, {service.ref: ask_service(client, service) for service in meant})


def _services(snapshot: Snapshot, ref: ObjectRef) -> Iterator[ObjectRef]:
    """The Service itself, or those that a failing pod is told to talk to."""
    if ref.kind == "Service":
        yield ref
    for pod in snapshot.seen(Pod) if ref.kind == "Pod" else ():
        if pod.ref == ref:
            yield from (peer.service for peer in peers_of(pod.spec, ref.namespace))


def _names(snapshot: Snapshot, ref: ObjectRef) -> Iterator[str]:
    """What a log line about this Ingress would name: its hosts, its paths, its backends."""
    for ingress in (i for i in snapshot.seen(Ingress) if i.ref == ref):
        for rule in ingress.spec.rules or ():
            if rule.host:
                yield rule.host
            for path in rule.http.paths if rule.http else ():
                if path.path.strip("/"):
                    yield path.path
                if path.backend.service is not None:
                    yield path.backend.service.name


def _cut(logs: tuple[LastWords, ...], cut: Callable[[str], str]) -> tuple[LastWords, ...]:
    return tuple(replace(log, lines=tuple(cut(line) for line in log.lines)) for log in logs)
