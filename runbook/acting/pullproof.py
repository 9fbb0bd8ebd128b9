"""Trust proved by a pull: after a CA was installed, what does that node's kubelet say of the next pull from that host?

A kubelet tries a failed pull again after at most five minutes [kubelet's MaxContainerBackOff], so one that waits tells
within that time; when no pod on the node waits for an image of that host, nothing can be proved this way, and that is said.
A pull that was under way when the CA was written may still fail by what the node trusted before: only one that began
later refuses. Kubelets drop events of a pod that has failed for long [client-go's EventSourceObjectSpamFilter: 25, then
one in five minutes], so a container that waited for its image and has started is a proof too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from runbook.clients.kubernetes import KubeClient
from runbook.domain.cluster import Event
from runbook.domain.pods import ContainerStatus, Pod
from runbook.domain.podstatus import IMAGE_WAITING, troubles
from runbook.errors import ObservationError

LONGEST = 330.0  # seconds of the cluster's time: the longest back-off and some for the pull
PAUSE = 5.0  # seconds of the cluster's time between two looks: each lists all pods and events
REFUSED = frozenset(
    {"registry-ca-untrusted", "registry-cert-expired", "registry-cert-san-mismatch", "registry-http-https-mismatch"}
)
ANSWERED = frozenset({"image-not-found", "registry-auth", "image-arch-mismatch"})  # said by a registry that is trusted


@dataclass(frozen=True, slots=True)
class Pull:
    """What is to be proved: that this node pulls from this host."""

    node: str
    host: str


@dataclass(frozen=True, slots=True)
class PullProof:
    """What was seen. Neither `trusted` nor `refused`: no pull was made, or none was seen."""

    sentence: str
    trusted: bool = False
    refused: bool = False


Meaning = Callable[[Event], str]  # the id of the cause that an event names


@dataclass(frozen=True, slots=True)
class _Look:
    pods: tuple[Pod, ...]
    events: tuple[Event, ...]
    began: dict[tuple[str, str], datetime] = field(default_factory=dict)  # the last pull, by pod's uid and container


def pull_proofs(
    client: KubeClient,
    asked: Collection[Pull],
    since: datetime,
    meaning: Meaning,
    *,
    now: Callable[[], datetime],
    progress: Callable[[int, Pull], None],
    scale: float = 1.0,
    note: Callable[[str], None] = lambda _note: None,
) -> dict[Pull, PullProof]:
    """Look until each node has pulled from its host after `since`, or nothing there waits for one; all are waited for at once.

    `progress` is called before each look with how many are proved and the first that is not; `note` hears what is to be
    said of how a list came about.
    """
    start, pause, first = now(), threading.Event(), None
    wanted, found = dict.fromkeys(asked), dict[Pull, PullProof]()
    while left := [pull for pull in wanted if pull not in found]:
        progress(len(found), left[0])
        try:
            look = _look(client, note)
        except ObservationError as error:
            return found | {pull: PullProof(f"not proved by a pull: {error}") for pull in left}
        first = first or look
        found |= {pull: proof for pull in left if (proof := _proof(pull, first, look, since, meaning))}
        if (now() - start).total_seconds() > LONGEST:
            return {pull: PullProof(_silence(pull, first, look, since)) for pull in left} | found
        if len(found) < len(wanted):
            pause.wait(PAUSE / scale)
    return found


def _look(client: KubeClient, note: Callable[[str], None]) -> _Look:
    listings = [client.list(kind) for kind in ("Event", "Pod")]
    for said in (n for listing in listings for n in listing.notes):
        note(said)
    events = tuple(e for e in listings[0].items if isinstance(e, Event))
    pods = tuple(p for p in listings[1].items if isinstance(p, Pod))
    pulls = sorted((e.when, _place(e)) for e in events if e.reason == "Pulling" and e.when is not None)
    return _Look(pods, events, {place: when for when, place in pulls})


def _proof(pull: Pull, first: _Look, look: _Look, since: datetime, meaning: Meaning) -> PullProof | None:
    pods, told = [p for p in look.pods if p.spec.node_name == pull.node], _told(pull, look)
    for event in told:
        if event.reason == "Pulled" and "already present" not in (event.message or "") and _is_after(event, since):
            return PullProof(f"proved by a pull at {_words(event)}", trusted=True)
    waited = {p.metadata.uid for p in first.pods if _waits(pull, p)}
    for pod in (p for p in pods if p.metadata.uid in waited and _has_started(pull, p)):
        return PullProof(f"proved by a pull: {pod.metadata.name} has its image and was started", trusted=True)
    for event in (e for e in told if e.reason == "Failed" and _is_of_a_later_pull(e, first, look, since)):
        cause = meaning(event)
        if cause in REFUSED:
            return PullProof(f"{pull.node} still refuses {pull.host} at {_words(event)}", refused=True)
        if cause in ANSWERED:
            return PullProof(f"proved by a pull, which the registry itself denied at {_words(event)}", trusted=True)
    if not any(_waits(pull, pod) for pod in pods):
        return PullProof(f"not proved by a pull: no pod on {pull.node} waits for an image of {pull.host}")
    return None


def _told(pull: Pull, look: _Look) -> list[Event]:
    """Events about images of that host, of pods on that node."""
    mine = {
        p.metadata.uid
        for p in look.pods
        if p.spec.node_name == pull.node and any(_is_from(pull, image) for image in _images(p))
    }
    return [e for e in look.events if e.involved_object.uid in mine and f"{pull.host}/" in (e.message or "")]


def _is_of_a_later_pull(event: Event, first: _Look, look: _Look, since: datetime) -> bool:
    """Whether the pull that failed began after the CA was written: by the node's clock, and unseen at the first look."""
    began = look.began.get(_place(event))
    return began is not None and since <= began != first.began.get(_place(event)) and _is_after(event, began)


def _is_after(event: Event, when: datetime) -> bool:
    return event.when is not None and event.when >= when


def _place(event: Event) -> tuple[str, str]:
    return event.involved_object.uid, event.involved_object.field_path


def _words(event: Event) -> str:
    return f"{event.when:%H:%M:%SZ}: {event.involved_object.name}: {(event.message or '')[:200]}"


def _silence(pull: Pull, first: _Look, look: _Look, since: datetime) -> str:
    """Why there is no proof after all that time: no pull, or none that came as far as the certificate."""
    failed = [e for e in _told(pull, look) if e.reason == "Failed" and _is_of_a_later_pull(e, first, look, since)]
    if failed:
        last = max(failed, key=lambda e: e.when or since)
        return f"not proved by a pull: within {LONGEST:.0f} s none came as far as the certificate, the last at {_words(last)}"
    return f"not proved by a pull: no kubelet tried one from {pull.host} on {pull.node} within {LONGEST:.0f} s"


def _is_from(pull: Pull, image: str) -> bool:
    return image.startswith(f"{pull.host}/")


def _images(pod: Pod) -> list[str]:
    return [c.image for c in (*(pod.spec.init_containers or ()), *pod.spec.containers)]


def _waits(pull: Pull, pod: Pod) -> bool:
    if pod.spec.node_name != pull.node:
        return False
    return any(t.reason in IMAGE_WAITING and _is_from(pull, t.image) for t in troubles(pod))


def _has_started(pull: Pull, pod: Pod) -> bool:
    """Whether every container from that host runs or ran, as the status says it: none without an image does."""
    statuses: list[ContainerStatus] = [
        *(pod.status.init_container_statuses or ()),
        *(pod.status.container_statuses or ()),
    ]
    names = {c.name for c in (*(pod.spec.init_containers or ()), *pod.spec.containers) if _is_from(pull, c.image)}
    states = [s.state for s in statuses if s.name in names]
    return bool(states) and all(s.running is not None or s.terminated is not None for s in states)
