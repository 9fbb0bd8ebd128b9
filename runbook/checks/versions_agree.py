"""Do the versions agree: believed by the ticket, declared in Git, running in the cluster, reported by the service itself?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from runbook.domain.helm import HelmRelease, release_storage
from runbook.domain.images import bare, parse
from runbook.domain.owners import INSTANCE, NAME, name_of_maker, workload_of_pod
from runbook.domain.pods import Pod
from runbook.domain.probes import EndpointProbe, GitFile
from runbook.inventory.model import ExpectedService, Inventory
from runbook.judgement.answers import Answers, by_name
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Do the versions agree: believed, declared, running, reported?"
NEEDS = ("HelmRelease", "Pod")
STAGES = ("verify",)
answer = Answers("versions-agree")
# Pods by what a row may know them by: LABEL or MAKER; namespace; name.
Running = Mapping[tuple[str, str, str], Sequence[Pod]]
LABEL, MAKER = "label", "maker"


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each row of the service checklist."""
    if not inventory.services:
        yield answer.expected(snapshot.cluster, "services")
    releases = by_name(snapshot.of(HelmRelease))
    files = {(f.namespace, f.name): f for f in snapshot.seen(GitFile) if f.kind == "HelmRelease"}
    reported = {p.name: p.body_version for p in snapshot.seen(EndpointProbe) if not p.error and p.status == 200}
    pods = _by_name(p for p in snapshot.of(Pod) if _runs(p)) if inventory.services else {}
    for row in inventory.services:
        key = _key(row)
        release = releases.get(key) if key else None
        if release is None and (key or row.workload is None):
            yield _undeclared(row)
            continue
        declared = _declared(release, files.get(key) if key else None)
        running = tuple(sorted({_tag(pod) for pod in _near(pods, row, release) if _is_of(pod, row, release)}))
        yield _judged(row, declared, running, reported.get(row.endpoint, ""))


def _key(row: ExpectedService) -> tuple[str, str] | None:
    namespace, slash, name = row.release.partition("/")
    return (namespace, name) if slash else None


def _declared(release: HelmRelease | None, file: GitFile | None) -> str:
    """The image tag Git declares, else the one the live HelmRelease's values hold."""
    if file is not None and file.image_tags:
        return file.image_tags[0][1]
    image = (release.spec.values or {}).get("image") if release else None
    return str(image.get("tag", "")) if isinstance(image, dict) else ""


def _runs(pod: Pod) -> bool:
    """Whether a pod runs a service now; a Job's pod runs no service."""
    owner = workload_of_pod(pod.metadata)
    return pod.status.phase == "Running" and bool(pod.spec.containers) and (owner is None or owner.kind != "Job")


def _tag(pod: Pod) -> str:
    return parse(pod.spec.containers[0].image).tag


def _by_name(pods: Iterable[Pod]) -> Running:
    """Each pod under its label and the name of what made it: rows times pods would be millions."""
    found: dict[tuple[str, str, str], list[Pod]] = {}
    for pod in pods:
        meta, owner = pod.metadata, workload_of_pod(pod.metadata)
        if said := meta.label(INSTANCE) or meta.label(NAME):
            found.setdefault((LABEL, meta.namespace, said), []).append(pod)
        maker = owner.name if owner else name_of_maker(meta.name)
        found.setdefault((MAKER, meta.namespace, maker), []).append(pod)
    return found


def _near(pods: Running, row: ExpectedService, release: HelmRelease | None) -> Iterator[Pod]:
    """Every pod that could be the row's; one may come more than once."""
    namespace, name = release_storage(release) if release else ("", "")
    keys = [(LABEL, namespace, name), (MAKER, namespace, name)]
    if (made := row.workload) is not None:
        keys = [(LABEL, made.namespace, name), (MAKER, made.namespace, made.name)]
    for key in keys:
        yield from pods.get(key, ())


def _is_of(pod: Pod, row: ExpectedService, release: HelmRelease | None) -> bool:
    """Whether a pod is the row's: by its controller, else by its labels, and by its name only when it says neither."""
    meta, owner = pod.metadata, workload_of_pod(pod.metadata)
    if row.workload is not None and owner is not None:
        return owner == ObjectRef(row.workload.kind, row.workload.namespace, row.workload.name)
    namespace, name = release_storage(release) if release else ("", "")
    namespace = row.workload.namespace if row.workload else namespace
    said = meta.label(INSTANCE) or meta.label(NAME)
    if meta.namespace != namespace:
        return False
    if said and release is not None:
        return said == name
    wanted = row.workload.name if row.workload else name
    return (owner.name if owner else name_of_maker(meta.name)) == wanted


def _undeclared(row: ExpectedService) -> Finding:
    where = f"HelmRelease {row.release} does not exist" if row.release else "no HelmRelease declares it"
    facts = {"text": row.text, "believed": bare(row.version), "declared": "", "running": "", "reported": ""}
    ref = ObjectRef("Checklist", "", row.id)
    return answer.failed(ref, f"NOT-DECLARED: believed to run, but {where}", **facts)


def _judged(row: ExpectedService, declared: str, running: tuple[str, ...], reported: str) -> Finding:
    ref, believed = ObjectRef("Checklist", "", row.id), bare(row.version)
    facts = {
        "text": row.text,
        "believed": believed,
        "declared": declared,
        "running": ", ".join(running),
        "reported": reported,
    }
    if believed and declared and believed != bare(declared):
        return answer.failed(ref, f"believed {believed}, declared {declared}", **facts)
    if believed and any(bare(tag) != believed for tag in running):
        return answer.failed(ref, f"believed {believed}, running {', '.join(running)}", **facts)
    if not running:
        return answer.failed(ref, f"nothing of it runs; declared {declared or 'nothing'}", **facts)
    if reported and bare(reported) not in map(bare, running):
        return answer.warned(ref, f"runs {', '.join(running)}, but says of itself that it is {reported}", **facts)
    return answer.passed(ref, f"{', '.join(running)} everywhere it is known", **facts)
