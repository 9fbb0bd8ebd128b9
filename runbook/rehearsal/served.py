"""Which kinds the cluster serves: the built-in ones, and what CustomResourceDefinitions add and take away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.kinds import Kind, builtin_kinds, crd_kinds
from runbook.rehearsal.lifecycle import Object


class ServedKinds:
    """The served kinds, by (groupVersion, plural) and by (groupVersion, kind)."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: dict[tuple[str, str], Kind] = {}
        self.by_kind: dict[tuple[str, str], Kind] = {}
        for kind in builtin_kinds():
            self.register(kind)

    def register(self, kind: Kind) -> None:
        """Serve a kind. A CustomResourceDefinition that is created registers its kinds by itself."""
        self.kinds[kind.gv, kind.plural] = kind
        self.by_kind[kind.gv, kind.kind] = kind

    def kind_of(self, obj: Mapping[str, Any]) -> Kind:
        """The kind an object says it is. Raises ApiError 404 when it is not served."""
        kind = self.by_kind.get((str(obj.get("apiVersion")), str(obj.get("kind"))))
        if kind is None:
            message = f'no matches for kind "{obj.get("kind")}" in version "{obj.get("apiVersion")}"'
            raise ApiError(404, "NotFound", message)
        return kind

    def define(self, type_: str, crd: Object) -> None:
        """Follow a CustomResourceDefinition that was written (ADDED, MODIFIED) or removed (DELETED)."""
        for kind in crd_kinds(crd):
            if type_ == "DELETED":
                self.kinds.pop((kind.gv, kind.plural), None)
                self.by_kind.pop((kind.gv, kind.kind), None)
            else:
                self.register(kind)
