"""Reads the YAML and JSON files of a scenario, into strict models or as documents. Bad files are named with line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from runbook.errors import ScenarioError


class Strict(BaseModel):
    """Base of everything a scenario's files say: no unknown keys, immutable once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=Strict)


def read_model(model: type[M], path: Path) -> M:
    """One file as a model. Raises ScenarioError naming the file and the field, or the line."""
    try:
        return model.model_validate(_plain(YAML(typ="safe").load(_text(path)) or {}))
    except YAMLError as error:
        raise ScenarioError(_yaml_words(path, error), field=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise ScenarioError(f"{first['msg']}", field=f"{path}: {where}") from error


def documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a file; a List becomes its items. Raises ScenarioError naming file, line and column.

    JSON is one document, and read a hundred times as fast: what a whole recorded cluster is kept in.
    """
    text = _text(path)
    try:
        found = [json.loads(text)] if path.suffix == ".json" else list(YAML(typ="safe").load_all(text))
    except YAMLError as error:
        raise ScenarioError(_yaml_words(path, error), field=str(path)) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ScenarioError(f"{path.name} is not JSON: {where}: {error.msg}", field=str(path)) from error
    if strange := [d for d in found if d and not isinstance(d, dict)]:
        raise ScenarioError(f"{path.name} holds {type(strange[0]).__name__}, not an object", field=str(path))
    found = [d for d in found if d]
    items = [i for d in found for i in (d.get("items") or () if d.get("kind") == "List" else (d,))]
    return [_plain(item) for item in items]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path.name} cannot be read: {error}", field=str(path)) from error


def _plain(value: Any) -> Any:
    """Dates that YAML read are written back as the strings Kubernetes uses."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z") + ("" if value.tzinfo else "Z")
    return value


def _yaml_words(path: Path, error: YAMLError) -> str:
    if not isinstance(error, MarkedYAMLError):
        return f"{path.name} is not YAML: {' '.join(str(error).split())[:200]}"
    mark = error.problem_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{path.name} is not YAML: {where}{error.problem}"
