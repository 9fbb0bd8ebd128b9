"""Which controller should have spoken of an object that says nothing, and what keeps that from its work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from runbook.diagnosis.edge import Edge
from runbook.diagnosis.index import Index, ref_of
from runbook.diagnosis.roots import Root, Walk, doubted, nowhere
from runbook.diagnosis.signs_workload import PATIENCE, desired
from runbook.domain.meta import condition
from runbook.domain.workloads import ReplicaSet, Workload
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

_SEALER = "sealed-secrets-controller-missing"
_SOURCES = ("GitRepository", "OCIRepository", "HelmRepository", "HelmChart", "Bucket")
_KEPT_BY = {
    "SealedSecret": "sealed-secrets",
    "ExternalSecret": "external-secrets",
    "Certificate": "cert-manager",
    "Kustomization": "kustomize-controller",
    "HelmRelease": "helm-controller",
    **dict.fromkeys(_SOURCES, "source-controller"),
}
# By its name or the labels of its chart; by its image where that is of this one program alone.
_NAMES = {"sealed-secrets-controller": "sealed-secrets", **{name: name for name in _KEPT_BY.values()}}
_IMAGES = {
    "sealed-secrets-controller": "sealed-secrets",
    "cert-manager-controller": "cert-manager",
    **{name: name for name in ("kustomize-controller", "helm-controller", "source-controller")},
}
_LABELS = ("app.kubernetes.io/name", "app")


class Controllers:
    """The workloads that run controllers, by what they run."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def of(self, kind: str) -> tuple[ObjectRef, ...]:
        """The workloads that keep objects of the kind."""
        return self._found.get(_KEPT_BY.get(kind, ""), ())

    @cached_property
    def _found(self) -> Mapping[str, tuple[ObjectRef, ...]]:
        found: dict[str, list[ObjectRef]] = defaultdict(list)
        for obj in self._index.objects.values():
            if isinstance(obj, Workload) and not isinstance(obj, ReplicaSet) and (runs := _runs(obj)):
                found[runs].append(ref_of(obj))
        return {runs: tuple(sorted(refs)) for runs, refs in found.items()}


def _runs(obj: Workload) -> str:
    named = (obj.metadata.name, *(obj.metadata.label(key) for key in _LABELS))
    images = (c.image.partition("@")[0].rpartition("/")[2].partition(":")[0] for c in obj.spec.template.spec.containers)
    found = (*(_NAMES.get(name) for name in named), *(_IMAGES.get(image) for image in images))
    return next((runs for runs in found if runs), "")


def asleep(walker: Walker, ref: ObjectRef, since: datetime | None, budget: float = PATIENCE) -> Walk | None:
    """The walk to the controller that has no ready pod; None where one is at work, or where none is known.

    That its silence comes from there is proved only where it had no ready pod before it would have had to speak, and where all workloads
    were listed: another one may keep the object.
    """
    known = [obj for at in walker.controllers.of(ref.kind) if isinstance(obj := walker.index.get(at), Workload)]
    if any(_is_at_work(obj) for obj in known):
        return None
    if not known:
        return _nobody(walker, ref, since)
    down = known[0]
    at = ref_of(down)
    open_ = (
        ""
        if _was_down(walker, down, since, budget)
        else f"Since when {at} has no ready pod, and whether it keeps {ref}."
    )
    if not desired(down):
        said = f"{at} is scaled to 0"
        return doubted(Walk(Root(_SEALER, ref, at, said, None)), open_) if ref.kind == "SealedSecret" else nowhere(said)
    walk = walker.walk(at)
    if walk.root is not None:
        return doubted(walk.after(Edge(ref, at, "kept-by", "its kind")), open_)
    return nowhere(f"it waits for {at}, which has no ready pod: {walk.why}", *walk.hypotheses)


def _is_at_work(obj: Workload) -> bool:
    return bool(obj.status.ready_replicas or obj.status.number_ready)


def _was_down(walker: Walker, obj: Workload, since: datetime | None, budget: float) -> bool:
    available = condition(obj.status.conditions, "Available")
    if since is None or available is None or available.status != "False" or available.last_transition_time is None:
        return False
    return walker.index.snapshot.complete and available.last_transition_time <= since + timedelta(seconds=budget)


def _nobody(walker: Walker, ref: ObjectRef, since: datetime | None) -> Walk | None:
    """No workload runs the controller of SealedSecrets by its usual names: likely there is none."""
    waited = since is not None and (walker.index.now - since).total_seconds() > PATIENCE
    if ref.kind != "SealedSecret" or not waited or not walker.index.saw("Deployment"):
        return None
    said = "no Deployment of the usual names runs the controller of SealedSecrets"
    fault = ObjectRef("Deployment", "", "sealed-secrets-controller")
    decides = walker.catalogue.causes[_SEALER].decides
    return Walk(Root(_SEALER, ref, fault, said, since, "hypothesis", decides))
