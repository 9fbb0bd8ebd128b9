"""Edges of the Gateway API: route → Gateway, Gateway → the Secrets with its listeners' certificates."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.diagnosis.edge import Edge
from runbook.diagnosis.index import Index
from runbook.domain import custom
from runbook.domain.gateway import Gateway, ParentRef, Route, certificates
from runbook.model import ObjectRef


def edges(index: Index) -> Iterator[Edge]:
    """All edges that start at a Gateway, or lead from a route to one."""
    for ref, obj in index.objects.items():
        if isinstance(obj, Gateway):
            for listener in obj.spec.listeners or ():
                for secret in certificates(obj, listener):
                    yield Edge(ref, secret, "needs", f"spec.listeners[{listener.name}].tls.certificateRefs")
        elif isinstance(obj, Route):
            for parent in custom.parents(obj):
                if edge := attached(ref, parent):
                    yield edge


def attached(ref: ObjectRef, parent: ParentRef) -> Edge | None:
    """The edge from a route to the Gateway, or the one listener of it, that a parentRef names."""
    target = parent.gateway(ref.namespace)
    section = f" (listener {parent.section_name})" if parent.section_name else ""
    return Edge(ref, target, "attaches", f"spec.parentRefs{section}") if target else None
