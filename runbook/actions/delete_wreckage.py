"""Delete what a failed roll-out left behind: stuck Jobs and pods that cannot start. Planned only; nothing is deleted here.

A pod is never selected while the registry trust of its node is red (it would fail the same pull, and its evidence would be
gone), and nothing is while its first cause stands or its HelmRelease is in mid-action: a hook Job deleted then makes Helm
count success (semantics 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runbook.actions.standing import (
    KEEP,
    causes_of,
    is_reconciling,
    owned_namespaces,
    release_of,
    stands,
    untrusted_nodes,
)
from runbook.domain.meta import is_true
from runbook.domain.owners import is_hook, job_of_pod
from runbook.domain.pods import Pod
from runbook.domain.podstatus import troubles
from runbook.domain.workloads import Job
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, ObjectRef, Snapshot

_STUCK_PODS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError", "CreateContainerError", "CrashLoopBackOff"}
)
_CAPTURED = "manifest, events, current and previous logs, owner chain and release status on disk before"


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """Jobs first, then the pods that no planned Job owns. What stands in the way is listed with each."""
    red, causes = untrusted_nodes(snapshot), causes_of(explanation)
    namespaces, chosen = owned_namespaces(inventory), list[Action]()
    jobs = {j.ref for j in _jobs(snapshot, namespaces) if not _node_red(_pods_of(j, snapshot), red)}
    for job in (j for j in _jobs(snapshot, namespaces) if j.ref in jobs):
        cause = causes.get(job.ref) or next((causes[p.ref] for p in _pods_of(job, snapshot) if p.ref in causes), None)
        needs = [stands(cause)] if cause else []
        chosen.append(_delete(len(chosen) + 1, job, _why_job(job, snapshot), [*needs, *_busy(job, snapshot)], snapshot))
    for pod in _pods(snapshot, namespaces):
        if pod.spec.node_name in red or job_of_pod(pod.metadata) in jobs:
            continue
        needs = [stands(causes.get(pod.ref))] if pod.ref in causes else []
        chosen.append(_delete(len(chosen) + 1, pod, _why_pod(pod), [*needs, *_busy(pod, snapshot)], snapshot))
    return tuple(chosen)


def left_alone(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[str, ...]:
    """Why wreckage on a node with red trust, or marked to be kept, is not selected."""
    red, namespaces = untrusted_nodes(snapshot), owned_namespaces(inventory)
    lines: list[str] = []
    for node, proof in sorted(red.items()):
        held = [p for p in _pods(snapshot, namespaces) if p.spec.node_name == node]
        if held:
            names = ", ".join(str(p.ref) for p in held[:8]) + (f" and {len(held) - 8} more" if len(held) > 8 else "")
            lines.append(
                f"{len(held)} pod(s) on {node} are left alone, and so are their Jobs: its registry trust is red "
                f"({proof}). A new pod would fail the same pull. {names}"
            )
    kept = [o.ref for kind in (Job, Pod) for o in snapshot.seen(kind) if o.metadata.label(KEEP)]
    if kept:
        lines.append(f"left alone because they carry the label {KEEP}: {', '.join(map(str, kept))}")
    return tuple(lines)


def _jobs(snapshot: Snapshot, namespaces: frozenset[str]) -> Iterator[Job]:
    for job in snapshot.seen(Job):
        if job.metadata.namespace not in namespaces or job.metadata.label(KEEP) or job.metadata.deletion_timestamp:
            continue
        failed = is_true(job.status.conditions, "Failed")
        stuck = job.status.active > 0 and any(_is_stuck(p) for p in _pods_of(job, snapshot))
        if not is_true(job.status.conditions, "Complete") and (failed or stuck):
            yield job


def _pods(snapshot: Snapshot, namespaces: frozenset[str]) -> Iterator[Pod]:
    for pod in snapshot.seen(Pod):
        if pod.metadata.namespace in namespaces and not pod.metadata.label(KEEP) and _is_stuck(pod):
            yield pod


def _pods_of(job: Job, snapshot: Snapshot) -> list[Pod]:
    return [p for p in snapshot.seen(Pod) if job_of_pod(p.metadata) == job.ref]


def _is_stuck(pod: Pod) -> bool:
    if pod.metadata.deletion_timestamp is not None:
        return False
    return pod.status.phase == "Failed" or any(t.reason in _STUCK_PODS for t in troubles(pod))


def _node_red(pods: list[Pod], red: object) -> bool:
    return isinstance(red, dict) and any(p.spec.node_name in red for p in pods)


def _busy(obj: Job | Pod, snapshot: Snapshot) -> list[str]:
    release = release_of(obj.metadata, snapshot)
    if release is not None and is_reconciling(release):
        return [f"{release.ref} is in the middle of an action: Helm would count a deleted hook as a success"]
    return []


def _why_job(job: Job, snapshot: Snapshot) -> str:
    waiting = [w for p in _pods_of(job, snapshot) for w in (t.reason for t in troubles(p))]
    hook = "hook Job" if is_hook(job.metadata) else "Job"
    return f"{hook} with {job.status.failed} failed and {job.status.active} active pod(s): {', '.join(dict.fromkeys(waiting)) or 'failed'}"


def _why_pod(pod: Pod) -> str:
    found = troubles(pod)
    if not found:
        return f"phase {pod.status.phase} {pod.status.reason}".strip()
    return f"{found[0].container}: {found[0].reason} {found[0].message}".strip()[:300]


def _delete(number: int, obj: Job | Pod, reason: str, needs: list[str], snapshot: Snapshot) -> Action:
    meta, kind = obj.metadata, obj.KIND.lower()
    release, owner = release_of(meta, snapshot), meta.controller
    maker = release.ref if isinstance(obj, Job) and release is not None else None
    again = f"{owner.kind} {owner.name} makes it again" if owner else "nothing makes it again"
    if maker is not None:
        again = f"{maker} makes it again at its next install or upgrade"
    if not owner and maker is None and isinstance(obj, Pod):
        needs = [*needs, "a bare pod: nothing would make it again; a person must decide"]
    return Action(
        id=f"A{number}",
        kind=f"delete-{kind}",
        object=ObjectRef(obj.KIND, meta.namespace, meta.name),
        reason=reason,
        undo=f"none: {again}; its {_CAPTURED} it goes",
        command=f"kubectl delete {kind} {meta.name} -n {meta.namespace} --cascade=background",
        finding="pods-healthy",
        precondition=f"uid {meta.uid}, resourceVersion {meta.resource_version}",
        blast_radius=f"{'its pods' if isinstance(obj, Job) else 'this pod'}; {again}",
        requires=tuple(filter(None, needs)),
    )
