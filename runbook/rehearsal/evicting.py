"""Eviction: a delete that a PodDisruptionBudget may refuse [kk:pkg/registry/core/pod/storage/eviction.go]."""

from __future__ import annotations

import copy
from typing import Any

from runbook.rehearsal import apierrors, identity
from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.messages import Request, Response, answer, mapping
from runbook.rehearsal.options import write_options
from runbook.rehearsal.routes import Target
from runbook.rehearsal.selectors import match_labels
from runbook.rehearsal.store import Store

VERSIONS = ("policy/v1", "policy/v1beta1")
BLOCKED = "Cannot evict pod as it would violate the pod's disruption budget."
SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def evict(store: Store, request: Request, kind: Kind, target: Target) -> Response:
    """POST: 201 when the pod is being deleted. Raises ApiError 400, 404, 409, 429 (budget), 500 (two budgets)."""
    options, eviction = write_options(request), mapping(request)
    version, name = eviction.get("apiVersion", VERSIONS[0]), eviction.get("kind", "Eviction")
    if version not in VERSIONS or name != "Eviction":
        group, _, short = str(version).rpartition("/")
        raise apierrors.bad_request(
            f'no kind "{name}" is registered for version "{group or ""}{"/" if group else ""}{short}"'
        )
    if (eviction.get("metadata") or {}).get("name") != target.name:
        raise apierrors.bad_request("name in URL does not match name in Eviction object")
    pod, delete = store.get(kind, target.namespace, target.name), eviction.get("deleteOptions") or {}
    dry = options.dry or bool(delete.get("dryRun"))
    if not _unguarded(pod):
        _check_budgets(store, pod, dry)
    identity.check_preconditions(kind, pod, delete)
    if not dry:
        _mark(store, pod)
        delete = {
            key: value for key, value in delete.items() if key != "preconditions"
        }  # checked, and outdated by the mark
    store.delete(kind, target.namespace, target.name, {"propagationPolicy": "Background", **delete}, dry)
    return answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)


def _mark(store: Store, pod: Object) -> None:
    """The condition by which a lingering pod says that it was evicted."""
    target = "DisruptionTarget"
    conditions = [c for c in (pod.get("status") or {}).get("conditions") or () if c.get("type") != target]
    said = {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting", "lastTransitionTime": store.now()}
    store.status(pod, conditions=[*conditions, {"type": target, "status": "True", **said}])


def _unguarded(pod: Object) -> bool:
    """A pod that has not started, has ended, or is already going disrupts nothing."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Pending", "Succeeded", "Failed") or bool(pod["metadata"].get("deletionTimestamp"))


def _check_budgets(store: Store, pod: Object, dry: bool) -> None:
    kind = store.kinds["policy/v1", "poddisruptionbudgets"]
    labels = pod["metadata"].get("labels") or {}
    budgets = [
        budget
        for budget in store.list(kind, pod["metadata"]["namespace"])
        if (selector := (budget.get("spec") or {}).get("selector")) is not None  # none at all selects nothing
        and match_labels(selector)(labels)
    ]
    if len(budgets) > 1:
        raise ApiError(500, "", SEVERAL)
    for budget in budgets:
        if not _healthy_without(pod, budget):
            _take_one(store, kind, budget, pod["metadata"]["name"], dry)


def _healthy_without(pod: Object, budget: Object) -> bool:
    """A pod that is not ready may go while the budget is kept without it."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    if any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions):
        return False
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    always = (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
    return always or (desired > 0 and status.get("currentHealthy", 0) >= desired)


def _take_one(store: Store, kind: Kind, budget: Object, pod: str, dry: bool) -> None:
    status: dict[str, Any] = copy.deepcopy(budget.get("status") or {})
    name = budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 1):
        raise _blocked(f"The disruption budget {name} is still being processed by the server.", 10)
    if status.get("disruptionsAllowed", 0) < 0:
        message = f'poddisruptionbudget.policy "{name}" is forbidden: pdb disruptions allowed is negative'
        raise ApiError(403, "Forbidden", message, {"name": name, "group": "policy", "kind": "poddisruptionbudget"})
    if not status.get("disruptionsAllowed", 0):
        needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _blocked(f"The disruption budget {name} needs {needs} healthy pods and has {has} currently", 0)
    status["disruptionsAllowed"] -= 1
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod: store.now()}
    store.update(kind, budget, {**budget, "status": status}, dry, "status")


def _blocked(why: str, after: int) -> ApiError:
    details: dict[str, Any] = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    details |= {"retryAfterSeconds": after} if after else {}
    headers = {"Retry-After": str(after)} if after else {}
    return ApiError(429, "TooManyRequests", BLOCKED, details, headers)
