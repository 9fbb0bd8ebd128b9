"""spec.valuesFrom of a HelmRelease [pkg:chartutil/values.go]."""

from __future__ import annotations

import base64
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from runbook.rehearsal.charts import merged
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store


class ValuesError(Exception):
    """A reference cannot be resolved, in helm-controller's words."""


def values_of(store: Store, obj: Object) -> dict[str, Any]:
    """All referenced values, later ones over earlier ones. Raises ValuesError."""
    out: dict[str, Any] = {}
    for reference in obj["spec"].get("valuesFrom") or ():
        found = _one(store, obj["metadata"]["namespace"], reference)
        if found is not None:
            out = merged(out, found)
    return out


def _one(store: Store, namespace: str, reference: Object) -> dict[str, Any] | None:
    kind, name, key = reference["kind"], reference["name"], reference.get("valuesKey", "values.yaml")
    plural = "secrets" if kind == "Secret" else "configmaps"
    what = f"could not resolve {kind} chart values reference '{namespace}/{name}' with key '{key}'"
    held = store.find(store.kinds["v1", plural], namespace, name)
    if held is None:
        if reference.get("optional"):
            return None
        raise ValuesError(f'{what}: {plural} "{name}" not found')
    text = (held.get("data") or {}).get(key)
    if text is None:
        raise ValuesError(f"{what}: key not found")
    try:
        plain = base64.b64decode(text).decode() if kind == "Secret" else text
        return YAML(typ="safe").load(StringIO(plain)) or {}
    except (ValueError, YAMLError) as error:
        raise ValuesError(f"{what}: {str(error).splitlines()[0]}") from error
