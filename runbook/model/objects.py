"""Names of things, and what could not be observed of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True, slots=True)
class ObjectRef:
    """One object by name. `namespace` is empty for cluster-scoped things and for what lives outside the API."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> ObjectRef:
        """Read `Kind/namespace/name` or `Kind/name`; raises ValueError on anything else."""
        parts = text.split("/", 2)
        if len(parts) == 2:
            return cls(parts[0], "", parts[1])
        if len(parts) == 3:
            return cls(*parts)
        raise ValueError(f"{text!r} is not Kind/name or Kind/namespace/name")


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be observed, and why. `permission` is the missing verb and resource, when it is that."""

    what: str
    why: str
    permission: str = ""
