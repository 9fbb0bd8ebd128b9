"""Does the registry hold every image that is wanted of it? A manifest by tag is proof; a tag list is not."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.probes import ManifestProbe
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Does the registry hold every image that is wanted of it?"
NEEDS = ("ManifestProbe",)
STAGES = ("preflight", "registry-trust", "verify")
answer = Answers("registry-manifests")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each image that pods ask of this registry."""
    if inventory.registry is None:
        yield answer.expected(snapshot.cluster, "registry")
        return
    probes = snapshot.of(ManifestProbe)
    for probe in probes:
        ref = ObjectRef("Image", "", f"{probe.host}/{probe.repository}:{probe.reference}")
        if probe.digest:
            yield answer.passed(ref, f"served as {probe.digest[:19]}…", digest=probe.digest)
        elif probe.status:
            yield answer.failed(ref, f"not served: {probe.error}", status=probe.status)
        else:
            yield answer.unknown(ref, f"the registry could not be asked: {probe.error}")
    if not probes:
        ref = ObjectRef("Registry", "", inventory.registry.names[0])
        yield answer.failed(ref, "no pod asks for an image of this registry, and the inventory names none to probe")
