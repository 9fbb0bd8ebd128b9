"""Charts of the embedded world: a folder per version, templates in sandboxed Jinja2, hooks by Helm's annotation."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

HOOK = "helm.sh/hook"


class ChartError(Exception):
    """Rendering failed, in words close to Helm's."""


class Charts:
    """All charts of a scenario."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
        )

    def versions(self, chart: str) -> list[str]:
        """The versions of a chart; empty when there is no such chart."""
        return sorted(p.parent.name for p in (self._folder / chart).glob("*/templates.yaml"))

    def names(self) -> list[str]:
        """All charts."""
        return sorted(p.name for p in self._folder.glob("*") if p.is_dir())

    def values(self, chart: str, version: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """The chart's own values with overrides merged in, as Helm coalesces them."""
        path = self._folder / chart / version / "values.yaml"
        own = YAML(typ="safe").load(path.read_text()) if path.is_file() else {}
        return merged(own or {}, overrides)

    def render(
        self, chart: str, version: str, values: Mapping[str, Any], *, name: str, namespace: str, revision: int
    ) -> list[dict[str, Any]]:
        """The manifests of a release, hooks among them. Raises ChartError."""
        path = self._folder / chart / version / "templates.yaml"
        release = {"name": name, "namespace": namespace, "revision": revision}
        try:
            text = self._environment.from_string(path.read_text()).render(values=values, release=release)
            return [d for d in YAML(typ="safe").load_all(StringIO(text)) if d]
        except (TemplateError, YAMLError) as error:
            raise ChartError(f"execution error at ({chart}/templates.yaml): {str(error).splitlines()[0]}") from error


def is_hook(obj: Mapping[str, Any], event: str = "") -> bool:
    """Whether a manifest is a hook (of that event)."""
    events = str((obj.get("metadata", {}).get("annotations") or {}).get(HOOK, ""))
    return bool(events) if not event else event in [e.strip() for e in events.split(",")]


def merged(own: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Maps merge deeply, everything else is replaced, null removes."""
    out = dict(own)
    for key, value in over.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(out.get(key), Mapping):
            out[key] = merged(out[key], value)
        else:
            out[key] = value
    return out
