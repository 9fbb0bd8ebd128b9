"""Jobs: one pod, retried with back-off until backoffLimit. A Job whose pod cannot pull never fails [kk#101584]."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from runbook.rehearsal.controllers.conditions import deleting, is_true, with_conditions
from runbook.rehearsal.controllers.workloads import new_pod
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.runtime import Controllers

LIMIT = 6
BACK_OFF, BACK_OFF_MAX = 10.0, 360.0


class Jobs:
    """The Job controller [kk:pkg/controller/job/job_controller.go]."""

    def __init__(self, controllers: Controllers) -> None:
        self._store = controllers.store
        self._clock = controllers.clock
        self._pods: defaultdict[str, set[str]] = defaultdict(set)  # of a Job: every pod it ever had
        self._failures: defaultdict[str, set[str]] = defaultdict(set)  # of a Job: its pods that count as failed
        self._again: dict[str, float] = {}
        self._began: dict[str, float] = {}
        controllers.add(self._store.kinds["batch/v1", "jobs"], self._job)

    async def _job(self, obj: Object) -> float | None:
        uid, spec = obj["metadata"]["uid"], obj["spec"]
        if deleting(obj) or is_true(obj, "Complete") or is_true(obj, "Failed"):
            return None
        pods = [p for p in self._store.dependents(uid) if p["kind"] == "Pod"]
        if any((p.get("status") or {}).get("phase") == "Succeeded" for p in pods):
            self._finish(obj, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
            return None
        failed = self._count(uid, pods)
        if failed > spec.get("backoffLimit", LIMIT):
            self._finish(obj, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit", failed)
            return None
        left = self._left(uid, spec)
        if left is not None and left <= 0:
            self._end(pods)
            self._finish(obj, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline", failed)
            return None
        wait = self._again.get(uid, 0.0) - self._clock.elapsed
        active = [p for p in pods if p["metadata"]["uid"] not in self._failures[uid]]
        if not active and wait <= 0:
            self._start(obj)
        started = (obj.get("status") or {}).get("startTime") or self._store.now()
        self._store.status(obj, active=int(bool(active) or wait <= 0) or None, failed=failed or None, startTime=started)
        waits = [w for w in (left, wait if not active and wait > 0 else None) if w is not None]
        return min(waits, default=None)

    def _count(self, uid: str, pods: Sequence[Object]) -> int:
        """How many pods failed so far. One that was deleted before it had ended is one of them [`isPodFailed`]."""
        seen = {p["metadata"]["uid"]: p for p in pods}
        known = self._failures[uid]
        ended = {u for u, p in seen.items() if (p.get("status") or {}).get("phase") == "Failed" or deleting(p)}
        new = (ended | (self._pods[uid] - set(seen))) - known
        self._pods[uid] |= set(seen)
        known |= new
        if new:
            pause = min(BACK_OFF * 2 ** (len(known) - 1), BACK_OFF_MAX)
            self._again[uid] = self._clock.elapsed + pause
        return len(known)

    def _left(self, uid: str, spec: Object) -> float | None:
        """Seconds until activeDeadlineSeconds is over, or None when the Job has none."""
        began = self._began.setdefault(uid, self._clock.elapsed)
        deadline = spec.get("activeDeadlineSeconds")
        return None if deadline is None else began + float(deadline) - self._clock.elapsed

    def _start(self, obj: Object) -> None:
        name, uid = obj["metadata"]["name"], obj["metadata"]["uid"]
        labels = {"batch.kubernetes.io/job-name": name, "batch.kubernetes.io/controller-uid": uid, "job-name": name}
        pod = new_pod(self._store, obj, obj["spec"]["template"], {"generateName": name + "-"}, labels=labels)
        self._pods[uid].add(pod["metadata"]["uid"])
        message = f"Created pod: {pod['metadata']['name']}"
        self._store.event(obj, "Normal", "SuccessfulCreate", message, "job-controller")

    def _end(self, pods: Sequence[Object]) -> None:
        for pod in pods:
            if not deleting(pod) and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                kind, metadata = self._store.kind_of(pod), pod["metadata"]
                self._store.delete(kind, metadata["namespace"], metadata["name"])

    def _finish(self, obj: Object, type_: str, reason: str, message: str, failed: int = 0) -> None:
        now = self._store.now()
        done = {"succeeded": 1, "completionTime": now} if type_ == "Complete" else {"failed": failed or None}
        conditions = with_conditions(obj, now, {type_: ("True", reason, message)}, generation=False)
        self._store.status(obj, active=None, ready=None, conditions=conditions, **done)
        event = "Completed" if type_ == "Complete" else reason
        kind = "Normal" if type_ == "Complete" else "Warning"
        self._store.event(obj, kind, event, "Job completed" if type_ == "Complete" else message, "job-controller")
