"""What a Kustomization needs before it is built: its dependencies, its source, the source's artifact [kc:internal/controller]."""

from __future__ import annotations

from pathlib import Path

from runbook.rehearsal.controllers.conditions import is_true
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store
from runbook.rehearsal.world import LiveWorld


def unmet(store: Store, obj: Object) -> tuple[str, str] | None:
    """Reason and message of the first thing that is missing: a dependency, the source, its artifact."""
    namespace, kind = obj["metadata"]["namespace"], store.kind_of(obj)
    for wanted in obj["spec"].get("dependsOn") or ():
        where, name = wanted.get("namespace") or namespace, wanted["name"]
        other = store.find(kind, where, name)
        if other is None:
            words = f'kustomizations.kustomize.toolkit.fluxcd.io "{name}" not found'
            return "DependencyNotReady", f"dependency '{where}/{name}' not found: {words}"
        current = (other.get("status") or {}).get("observedGeneration") == other["metadata"]["generation"]
        if not is_true(other, "Ready") or not current:
            return "DependencyNotReady", f"dependency '{where}/{name}' is not ready"
        if _behind(store, obj, other):
            return "DependencyNotReady", f"dependency '{where}/{name}' revision is not up to date"
    reference = obj["spec"]["sourceRef"]
    where = reference.get("namespace") or namespace
    sources = store.by_kind["source.toolkit.fluxcd.io/v1", reference["kind"]]
    source = store.find(sources, where, reference["name"])
    if source is None:
        return "ArtifactFailed", f"Source '{reference['kind']}/{where}/{reference['name']}' not found"
    if not (source.get("status") or {}).get("artifact"):
        return "ArtifactFailed", "Source artifact not found, retrying in 30s"
    return None


def _behind(store: Store, obj: Object, other: Object) -> bool:
    """Whether a dependency with the same source has not applied that source's revision yet."""
    mine, its = (o["spec"]["sourceRef"] for o in (obj, other))
    where = mine.get("namespace") or obj["metadata"]["namespace"]
    if (mine["kind"], mine["name"], where) != (
        its["kind"],
        its["name"],
        its.get("namespace") or other["metadata"]["namespace"],
    ):
        return False
    kind = store.by_kind["source.toolkit.fluxcd.io/v1", mine["kind"]]
    source = store.find(kind, where, mine["name"]) or {}
    revision = ((source.get("status") or {}).get("artifact") or {}).get("revision")
    return bool(revision) and other["status"].get("lastAppliedRevision") != revision


def artifact(store: Store, world: LiveWorld, obj: Object) -> tuple[str, Path]:
    """The source's revision and a folder with its files."""
    reference = obj["spec"]["sourceRef"]
    kind = store.by_kind["source.toolkit.fluxcd.io/v1", reference["kind"]]
    where = reference.get("namespace") or obj["metadata"]["namespace"]
    source = store.get(kind, where, reference["name"])
    revision = str(source["status"]["artifact"]["revision"])
    repository = world.repository(source["spec"]["url"])
    assert repository is not None
    return revision, repository.checkout(revision.rpartition(":")[2])
