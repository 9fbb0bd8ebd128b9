"""Delete a Job that a failed roll-out left stuck, so that its hook can run anew. Captured first; its pods go with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runbook.acting.hands import Hands, NotDone
from runbook.acting.midaction import release_details
from runbook.acting.removing import remove
from runbook.acting.wreckage import CAPTURED, in_the_way, left_alone, maker, pods_of, stuck_jobs, unknown, why_stuck
from runbook.domain.owners import is_hook, job_of_pod
from runbook.domain.pods import Pod
from runbook.domain.workloads import Job
from runbook.evidence.acts import note_list
from runbook.inventory.model import Inventory
from runbook.judgement.permissions import touched_namespaces
from runbook.model import Action, Explanation, Finding, ObjectRef, Snapshot

KINDS = ("delete-job",)


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """One deletion for each stuck Job of the inventory's namespaces, with what stands in its way."""
    jobs = stuck_jobs(snapshot, touched_namespaces(inventory))
    return tuple(_delete(job, snapshot, explanation) for job in jobs)


def notes(snapshot: Snapshot, inventory: Inventory) -> tuple[str, ...]:
    """What is wreckage and was not selected, and why."""
    return left_alone(snapshot, touched_namespaces(inventory))


def perform(action: Action, hands: Hands) -> str:
    """Capture the Job and its pods, look once more, delete it as it was seen. Raises NotDone, ActionError, EvidenceError."""
    return remove(action, hands, refuse=_refuse_finished, pods=lambda: _pods(action.object, hands))


def _delete(job: Job, snapshot: Snapshot, explanation: Explanation | None) -> Action:
    meta, (again, made_by) = job.metadata, maker(job, snapshot)
    alone = "" if made_by is not None else "nothing would make this Job again: a person decides"
    return Action(
        id="",
        kind="delete-job",
        object=job.ref,
        reason=_why(job, snapshot),
        undo=f"none: {again}; its {CAPTURED} it goes",
        command=f"kubectl delete job {meta.name} -n {meta.namespace} --cascade=background",
        finding="pods-healthy",
        precondition=f"uid {meta.uid}, not finished since, its release not in mid-action",
        blast_radius=f"its pods; {again}",
        requires=tuple(in_the_way(job, snapshot, explanation)),
        asks=alone or unknown(job, snapshot, explanation),
        uid=meta.uid,
        resource_version=meta.resource_version,
        details=release_details(job, snapshot),
    )


def _why(job: Job, snapshot: Snapshot) -> str:
    hook = "hook Job" if is_hook(job.metadata) else "Job"
    waits = why_stuck(pods_of(job, snapshot)) or "failed"
    return f"{hook} with {job.status.failed} failed and {job.status.active} active pod(s): {waits}"


def _pods(ref: ObjectRef, hands: Hands) -> list[Mapping[str, Any]]:
    listing = hands.client.list("Pod", namespace=ref.namespace, as_served=True)
    for note in listing.notes:
        note_list(hands.journal, hands.redactor.text(note))
    mine = {p.ref.name for p in listing.items if isinstance(p, Pod) and job_of_pod(p.metadata) == ref}
    found = [{"kind": "Pod", **json.loads(raw)} for raw in listing.raw]
    return [p for p in found if p["metadata"]["name"] in mine]


def _refuse_finished(job: Mapping[str, Any]) -> None:
    conditions = (job.get("status") or {}).get("conditions") or []
    if any(c.get("type") == "Complete" and c.get("status") == "True" for c in conditions):
        raise NotDone("unchanged", "it has completed since the plan: there is nothing to remove")
