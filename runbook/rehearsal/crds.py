"""The CustomResourceDefinitions every embedded cluster starts with, read from `crds.yaml` beside this file."""

from __future__ import annotations

import copy
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML


@cache
def _read() -> tuple[dict[str, Any], ...]:
    text = files("runbook.rehearsal").joinpath("crds.yaml").read_text(encoding="utf-8")
    return tuple(YAML(typ="safe").load(text)["items"])


def builtin_crds() -> list[dict[str, Any]]:
    """Fresh CustomResourceDefinition objects: Flux, Sealed Secrets, Istio, cert-manager."""
    return copy.deepcopy(list(_read()))
