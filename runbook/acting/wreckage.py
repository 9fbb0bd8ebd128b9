"""What a failed roll-out left behind: stuck Jobs and pods that cannot start, and what stands in the way of removing it.

A pod is never selected while the registry trust of its node is red (it would fail the same pull, and its evidence would
be gone), nothing is while its first cause stands or its HelmRelease is in mid-action: a hook Job deleted then makes
Helm count success (semantics 2.4). A pod that waits for a Secret or whose container crashes is no wreckage: it starts by
itself once its cause is gone, and deleting it would only take its evidence (semantics 3.6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runbook.acting.standing import KEEP, causes_of, is_reconciling, release_of, stands, unknown_cause, untrusted_nodes
from runbook.domain.meta import is_true
from runbook.domain.owners import is_hook, job_of_pod
from runbook.domain.pods import Pod
from runbook.domain.podstatus import troubles
from runbook.domain.workloads import Job
from runbook.model import Explanation, ObjectRef, Snapshot

STUCK = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError", "CreateContainerError", "CrashLoopBackOff"}
)
CAPTURED = "manifest, events, current and previous logs, owner chain and release status on disk before"


def stuck_jobs(snapshot: Snapshot, namespaces: frozenset[str]) -> Iterator[Job]:
    """Failed Jobs, and active ones whose pod cannot start, but those on nodes whose registry trust is red."""
    red = untrusted_nodes(snapshot)
    for job in snapshot.seen(Job):
        if job.metadata.namespace not in namespaces or job.metadata.label(KEEP) or job.metadata.deletion_timestamp:
            continue
        pods = pods_of(job, snapshot)
        failed = is_true(job.status.conditions, "Failed")
        stuck = job.status.active > 0 and any(is_stuck(p) for p in pods)
        done = is_true(job.status.conditions, "Complete")
        if not done and (failed or stuck) and not any(p.spec.node_name in red for p in pods):
            yield job


def stuck_pods(snapshot: Snapshot, namespaces: frozenset[str]) -> Iterator[Pod]:
    """Pods that cannot start, whatever their node."""
    for pod in snapshot.seen(Pod):
        if pod.metadata.namespace in namespaces and not pod.metadata.label(KEEP) and is_stuck(pod):
            yield pod


def pods_of(job: Job, snapshot: Snapshot) -> list[Pod]:
    """A Job's pods."""
    return [p for p in snapshot.seen(Pod) if job_of_pod(p.metadata) == job.ref]


def is_stuck(pod: Pod) -> bool:
    """Whether a pod has failed or waits with a reason that a retry alone does not cure quickly."""
    if pod.metadata.deletion_timestamp is not None:
        return False
    return pod.status.phase == "Failed" or any(t.reason in STUCK for t in troubles(pod))


def in_the_way(obj: Job | Pod, snapshot: Snapshot, explanation: Explanation | None) -> list[str]:
    """Why an object must not be deleted now: its first cause stands, or its release is in the middle of an action."""
    causes = causes_of(explanation)
    refs = [obj.ref, *((p.ref for p in pods_of(obj, snapshot)) if isinstance(obj, Job) else ())]
    cause = next((causes[r] for r in refs if r in causes and causes[r].object not in refs), None)
    own = next((causes[r] for r in refs if r in causes), None)
    sentence = stands(cause or own, snapshot)
    return [*([sentence] if sentence else []), *_busy(obj, snapshot)]


def unknown(obj: Job | Pod, snapshot: Snapshot, explanation: Explanation | None) -> str:
    """The decision that only a person can take: nobody knows why it is red, so nobody knows whether deleting cures it."""
    refs = [obj.ref, *((p.ref for p in pods_of(obj, snapshot)) if isinstance(obj, Job) else ())]
    why = next(filter(None, (unknown_cause(explanation, ref) for ref in refs)), "")
    return f"{why}; a person decides" if why else ""


def left_alone(snapshot: Snapshot, namespaces: frozenset[str]) -> tuple[str, ...]:
    """Why wreckage on a node with red trust, or marked to be kept, is not selected."""
    red: Mapping[str, str] = untrusted_nodes(snapshot)
    lines: list[str] = []
    for node, proof in sorted(red.items()):
        held = [p for p in stuck_pods(snapshot, namespaces) if p.spec.node_name == node]
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


def why_stuck(pods: Sequence[Pod]) -> str:
    """The reasons their containers give, once each."""
    return ", ".join(dict.fromkeys(t.reason for p in pods for t in troubles(p)))


def maker(obj: Job | Pod, snapshot: Snapshot) -> tuple[str, ObjectRef | None]:
    """Who makes the object again, as a sentence and by name; None when nobody does."""
    release, owner = release_of(obj.metadata, snapshot), obj.metadata.controller
    if isinstance(obj, Job) and release is not None:
        when = "its next install or upgrade" if is_hook(obj.metadata) else "its next pass"
        return f"{release.ref} makes it again at {when}", release.ref
    if owner is not None:
        return f"{owner.kind} {owner.name} makes it again", ObjectRef(owner.kind, obj.metadata.namespace, owner.name)
    return "nothing makes it again", None


def _busy(obj: Job | Pod, snapshot: Snapshot) -> list[str]:
    release = release_of(obj.metadata, snapshot)
    if release is not None and is_reconciling(release):
        return [f"{release.ref} is in the middle of an action: Helm would count a deleted hook as a success"]
    return []
