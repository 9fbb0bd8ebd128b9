"""Is no container of any pod waiting for an image, whoever's registry it comes from?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.images import parse
from runbook.domain.pods import ContainerStatus, Pod
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers, cluster_ref
from runbook.model import Finding, Snapshot

QUESTION = "Is no container waiting for an image, whoever's registry it comes from?"
NEEDS = ("Pod",)
STAGES = ("verify", "cleanup")
REASONS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "ImageInspectError",
    "InvalidImageName",
    "RegistryUnavailable",
    "SignatureValidationFailed",
)
answer = Answers("image-pulls")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One failure for each pod that waits, init containers and Jobs included; else one pass that says its scope."""
    own = inventory.registry.names if inventory.registry else ()
    pods = snapshot.of(Pod)
    waiting = [f for pod in pods for f in _waiting(pod, own)]
    yield from waiting
    if waiting:
        return
    if not pods:
        yield answer.failed(cluster_ref(snapshot), "there is no pod at all: nothing was pulled")
        return
    images = {c.image for p in pods for c in (*p.spec.containers, *(p.spec.init_containers or ()))}
    mine = sum(parse(i).host in own for i in images)
    reason = f"0 of {len(pods)} pods wait for an image ({mine} own, {len(images) - mine} external images)"
    yield answer.passed(cluster_ref(snapshot), reason, pods=len(pods), own=mine, external=len(images) - mine)


def _waiting(pod: Pod, own: tuple[str, ...]) -> Iterator[Finding]:
    specs = {c.name: c.image for c in (*pod.spec.containers, *(pod.spec.init_containers or ()))}
    for init, statuses in ((True, pod.status.init_container_statuses), (False, pod.status.container_statuses)):
        for status in statuses or ():
            if status.state.waiting and status.state.waiting.reason in REASONS:
                yield _failed(pod, status, specs.get(status.name, status.image), own, init=init)
                return


def _failed(pod: Pod, status: ContainerStatus, image: str, own: tuple[str, ...], *, init: bool) -> Finding:
    waiting = status.state.waiting
    assert waiting is not None
    scope = "own registry" if parse(image).host in own else "external registry"
    prefix = "Init:" if init else ""
    reason = f"{prefix}{waiting.reason} for {image} ({scope})"
    return answer.failed(pod.ref, reason, waiting.message, image=image, scope=scope, node=pod.spec.node_name)
