"""Do the versions agree: believed by the ticket, declared in Git, running in the cluster, reported by the service itself?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runbook.domain.helm import HelmRelease
from runbook.domain.images import parse
from runbook.domain.pods import Pod
from runbook.domain.probes import EndpointProbe, GitFile
from runbook.inventory.model import ExpectedService, Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Do the versions agree: believed, declared, running, reported?"
NEEDS = ("HelmRelease", "Pod")
STAGES = ("verify",)
answer = Answers("versions-agree")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each row of the service checklist."""
    if not inventory.services:
        yield answer.expected(snapshot.cluster, "services")
    releases = by_name(snapshot.of(HelmRelease))
    files = {(f.namespace, f.name): f for f in snapshot.seen(GitFile) if f.kind == "HelmRelease"}
    reported = {p.name: p.body_version for p in snapshot.seen(EndpointProbe) if not p.error and p.status == 200}
    for row in inventory.services:
        key = _key(row)
        release = releases.get(key) if key else None
        declared = _declared(release, files.get(key) if key else None)
        running = _running(snapshot.of(Pod), row, key)
        yield _judged(row, release, declared, running, reported.get(row.endpoint, ""))


def _key(row: ExpectedService) -> tuple[str, str] | None:
    namespace, slash, name = row.release.partition("/")
    return (namespace, name) if slash else None


def _declared(release: HelmRelease | None, file: GitFile | None) -> str:
    """The image tag Git declares, else the one the live HelmRelease's values hold."""
    if file is not None and file.image_tags:
        return file.image_tags[0][1]
    image = (release.spec.values or {}).get("image") if release else None
    return str(image.get("tag", "")) if isinstance(image, dict) else ""


def _running(pods: Sequence[Pod], row: ExpectedService, key: tuple[str, str] | None) -> tuple[str, ...]:
    """Tags of the first container of the release's running pods."""
    if key is None:
        return ()
    tags = set()
    for pod in pods:
        mine = pod.metadata.namespace == key[0] and (
            pod.metadata.label("app.kubernetes.io/name") == key[1]
            or pod.metadata.label("app.kubernetes.io/instance") == key[1]
            or pod.metadata.name.startswith(f"{row.workload.name if row.workload else key[1]}-")
        )
        if mine and pod.status.phase == "Running" and pod.spec.containers:
            tags.add(parse(pod.spec.containers[0].image).tag)
    return tuple(sorted(tags))


def _judged(
    row: ExpectedService, release: HelmRelease | None, declared: str, running: tuple[str, ...], reported: str
) -> Finding:
    ref = ObjectRef("Checklist", "", row.id)
    believed = row.version.removeprefix("v")
    facts = {
        "text": row.text,
        "believed": believed,
        "declared": declared,
        "running": ", ".join(running),
        "reported": reported,
    }
    if release is None:
        where = f"HelmRelease {row.release} does not exist" if row.release else "no HelmRelease declares it"
        return answer.failed(ref, f"NOT-DECLARED: believed to run, but {where}", **facts)
    if believed and declared and believed != declared:
        return answer.failed(ref, f"believed {believed}, declared {declared}", **facts)
    if believed and running and any(tag != believed for tag in running):
        return answer.failed(ref, f"believed {believed}, running {', '.join(running)}", **facts)
    if not running:
        return answer.failed(ref, f"nothing of it runs; declared {declared or 'nothing'}", **facts)
    if reported and reported not in running:
        return answer.warned(ref, f"runs {', '.join(running)}, but says of itself that it is {reported}", **facts)
    return answer.passed(ref, f"{', '.join(running)} everywhere it is known", **facts)
