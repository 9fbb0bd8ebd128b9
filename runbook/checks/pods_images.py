"""Do running containers hold the very image the registry serves for the tag that is wanted? Digests decide, tags do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runbook.domain.images import digest_of, parse
from runbook.domain.pods import ContainerStatus, Pod
from runbook.domain.probes import ManifestProbe
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Do running containers hold the very image the registry serves for the tag that is wanted?"
NEEDS = ("Pod", "ManifestProbe")
STAGES = ("verify",)
answer = Answers("pods-images")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each running container whose image comes from the inventory's registry."""
    names = inventory.registry.names if inventory.registry else ()
    if not names:
        yield answer.expected(snapshot.cluster, "registry")
        return
    served = {(p.host, p.repository, p.reference): p for p in snapshot.of(ManifestProbe)}
    for pod in snapshot.of(Pod):
        images = {c.name: c.image for c in pod.spec.containers}
        for status in pod.status.container_statuses or ():
            image = images.get(status.name, "")
            if parse(image).host in names and status.state.running:
                yield _judged(pod, status, image, served)
    if not any(parse(c.image).host in names for p in snapshot.of(Pod) for c in p.spec.containers):
        yield answer.failed(ObjectRef("Registry", "", names[0]), "no container asks for an image of this registry")


def _judged(
    pod: Pod, status: ContainerStatus, image: str, served: Mapping[tuple[str, str, str], ManifestProbe]
) -> Finding:
    reference, running = parse(image), digest_of(status.image_id)
    ref = ObjectRef("Container", pod.metadata.namespace, f"{pod.metadata.name}/{status.name}")
    probe = served.get((reference.host, reference.repository, reference.wanted))
    facts = {"image": image, "running": running, "served": probe.digest if probe else ""}
    if probe is None or (probe.error and not probe.status):
        return answer.unknown(
            ref, f"the registry was not asked for {image}: {probe.error if probe else 'not probed'}", **facts
        )
    if not probe.digest:
        return answer.failed(ref, f"runs {image}, which the registry does not serve: {probe.error}", **facts)
    if not running:
        return answer.unknown(ref, f"the node reports no digest for {image}", **facts)
    if running in (probe.digest, *probe.platform_digests):
        return answer.passed(ref, f"runs {image} at the digest that is served", **facts)
    return answer.failed(
        ref, f"runs an older image of {image}: {running[7:19]}, served is {probe.digest[7:19]}", **facts
    )
