"""Restart the sealed-secrets controller when a key was added after it started: it reads its keys at its start only.

[ss:cmd/controller/main.go: without --watch-for-secrets]. The proof is metadata alone: a Secret labelled as an active key
that is younger than the running pod, while SealedSecrets stay closed. Secrets are seen only with `secrets: metadata`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runbook.acting.hands import Hands, NotDone
from runbook.domain.cluster import Secret
from runbook.domain.meta import Resource
from runbook.domain.network import Service
from runbook.domain.pods import Pod
from runbook.domain.probes import UnsealProbe
from runbook.domain.workloads import Deployment, ReplicaSet
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, ObjectRef, Snapshot

KINDS = ("restart-controller",)
KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
RESTARTED = "kubectl.kubernetes.io/restartedAt"


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """One restart, when a key is younger than every running controller pod and something does not open."""
    entry = inventory.sealed_secrets
    if entry is None or all(p.opens for p in snapshot.seen(UnsealProbe)):
        return ()
    service = next(
        (
            s
            for s in snapshot.seen(Service)
            if (s.metadata.namespace, s.metadata.name) == (entry.namespace, entry.service)
        ),
        None,
    )
    selector = (service.spec.selector or {}) if service else {}
    pods = [p for p in snapshot.seen(Pod) if p.metadata.namespace == entry.namespace and _matches(p, selector)]
    started = max((p.status.start_time for p in pods if p.status.start_time), default=None)
    keys = [
        s
        for s in snapshot.seen(Secret)
        if s.metadata.namespace == entry.namespace and s.metadata.label(KEY_LABEL) == "active"
    ]
    younger = [k for k in keys if started and k.metadata.creation_timestamp and k.metadata.creation_timestamp > started]
    deployment = _made_by(pods, snapshot)
    if not younger or deployment is None or started is None:
        return ()
    return (_restart(deployment, younger, started),)


def perform(action: Action, hands: Hands) -> str:
    """A rollout restart, as kubectl does it. Raises NotDone when it was restarted since the plan, ActionError."""
    obj = hands.fresh(action)
    template = (obj.get("spec") or {}).get("template") or {}
    before = (template.get("metadata") or {}).get("annotations") or {}
    if before.get(RESTARTED, "") != action.details["restarted"]:
        raise NotDone("unchanged", "it was restarted since the plan")
    stamp = f"{hands.now():%Y-%m-%dT%H:%M:%SZ}"
    body = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: stamp}}}}}
    hands.patch(
        action, obj, body, made=lambda: hands.holds(action.object, lambda o: stamp in str(o["spec"]["template"]))
    )
    return f"restarted at {stamp}"


def _restart(deployment: Deployment, keys: list[Secret], started: datetime) -> Action:
    meta = deployment.metadata
    template = deployment.spec.template.metadata
    names = ", ".join(k.metadata.name for k in keys)
    return Action(
        id="",
        kind="restart-controller",
        object=deployment.ref,
        reason=f"the key {names} was added after the controller started at {started:%H:%M:%SZ}: it reads keys at its start only",
        undo="none needed: it starts as it is declared",
        command=f"kubectl rollout restart deployment {meta.name} -n {meta.namespace}",
        finding="sealed-secrets-unsealed",
        precondition=f"uid {meta.uid}, not restarted since",
        blast_radius="the controller's pods are replaced; nothing is unsealed for some seconds",
        uid=meta.uid,
        resource_version=meta.resource_version,
        details={"restarted": template.annotation(RESTARTED)},
    )


def _matches(pod: Pod, selector: dict[str, str]) -> bool:
    return bool(selector) and all(pod.metadata.label(k) == v for k, v in selector.items())


def _made_by(pods: list[Pod], snapshot: Snapshot) -> Deployment | None:
    """The Deployment above the pods' ReplicaSet, by their references: a name may be the beginning of another's."""
    sets = {_above(pod) for pod in pods}
    above = {_above(one) for one in snapshot.seen(ReplicaSet) if one.ref in sets}
    return next((d for d in snapshot.seen(Deployment) if d.ref in above), None)


def _above(obj: Resource) -> ObjectRef | None:
    owner = obj.metadata.controller
    return ObjectRef(owner.kind, obj.metadata.namespace, owner.name) if owner else None
