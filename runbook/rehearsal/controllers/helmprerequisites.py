"""What a HelmRelease needs before anything is released: its dependencies ready, and a HelmChart of its own."""

from __future__ import annotations

from runbook.rehearsal.controllers.conditions import is_true
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store

SOURCE = "source.toolkit.fluxcd.io/v1"


def unready_dependency(store: Store, kind: Kind, obj: Object) -> str:
    """What a release waits for, in helm-controller's words, or an empty string [hc:internal/controller]."""
    for wanted in obj["spec"].get("dependsOn") or ():
        where, name = wanted.get("namespace") or obj["metadata"]["namespace"], wanted["name"]
        other = store.find(kind, where, name)
        if other is None:
            return (
                f"unable to get '{where}/{name}' dependency: helmreleases.helm.toolkit.fluxcd.io \"{name}\" not found"
            )
        current = (other.get("status") or {}).get("observedGeneration") == other["metadata"]["generation"]
        if not (current and is_true(other, "Ready")):
            return f"dependency '{where}/{name}' is not ready"
    return ""


def helm_chart(store: Store, obj: Object) -> Object:
    """The HelmChart of a release: helm-controller keeps it in step with spec.chart."""
    spec, charts = obj["spec"]["chart"]["spec"], store.kinds[SOURCE, "helmcharts"]
    reference = spec["sourceRef"]
    where = reference.get("namespace") or obj["metadata"]["namespace"]
    wanted = {
        "chart": spec["chart"],
        "version": str(spec.get("version", "*")),
        "interval": obj["spec"].get("interval", "10m"),
        "reconcileStrategy": "ChartVersion",
        "sourceRef": {"kind": reference["kind"], "name": reference["name"]},
    }
    held = store.find(charts, where, chart_name(obj))
    if held is None:
        labels = {
            "helm.toolkit.fluxcd.io/name": obj["metadata"]["name"],
            "helm.toolkit.fluxcd.io/namespace": obj["metadata"]["namespace"],
        }
        metadata = {"name": chart_name(obj), "labels": labels}
        return store.create(charts, where, {"metadata": metadata, "spec": wanted})
    return store.update(charts, held, {**held, "spec": wanted})


def chart_name(obj: Object) -> str:
    """`<namespace>-<name>`, as helm-controller names it."""
    return f"{obj['metadata']['namespace']}-{obj['metadata']['name']}"
