"""What a Kustomization's path builds: the resources of its kustomization.yaml, else every YAML file below it."""

from __future__ import annotations

from pathlib import Path

from runbook.errors import ScenarioError
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.scenariofiles import documents


class BuildError(Exception):
    """A Kustomization's path cannot be built: (reason, message)."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def build(folder: Path, path: str) -> list[Object]:
    """The objects of a path: its kustomization.yaml's resources, else every YAML file below it. Raises BuildError."""
    root = (folder / path).resolve()
    if not root.is_relative_to(folder.resolve()) or not root.is_dir():
        where = f"/tmp/kustomization-0/{path.removeprefix('./')}"  # noqa: S108  the controller's own wording
        raise BuildError("ArtifactFailed", f"kustomization path not found: stat {where}: no such file or directory")
    return _resources(root)


def _resources(root: Path) -> list[Object]:
    listing = root / "kustomization.yaml"
    try:
        if not listing.is_file():
            return [d for p in sorted(root.rglob("*.yaml")) if p.name != "kustomization.yaml" for d in documents(p)]
        out: list[Object] = []
        for name in documents(listing)[0].get("resources") or ():
            target = root / name
            if not target.exists():
                words = f"accumulating resources: accumulation err='accumulating resources from '{name}': open {name}: no such file or directory'"
                raise BuildError("BuildFailed", f"kustomize build failed: {words}")
            out += _resources(target) if target.is_dir() else documents(target)
    except ScenarioError as error:
        words = error.message.removeprefix(f"{error.field}: ")  # the revision's folder is this machine's own affair
        raise BuildError("BuildFailed", f"kustomize build failed: {words}") from error
    return out
