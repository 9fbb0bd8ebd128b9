"""What all observed objects share: metadata, conditions, owner references. Frozen msgspec structs, needed fields only.

Unknown fields are dropped while decoding; a field that is absent or null takes its default, because older and newer
API versions differ in what they serve (semantics: `Treat field reads as optional`).
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from runbook.model import ObjectRef


class Observed(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Base of all structs: camelCase on the wire, snake_case here, immutable.

    What was decoded is a tree that never holds itself, so the collector need not walk a hundred thousand of them again
    and again: that cost as much as explaining a large cluster.
    """


class OwnerReference(Observed, frozen=True):
    """metadata.ownerReferences[]. Only `controller: true` says who re-makes the object (kubectl drain's rule)."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class Meta(Observed, frozen=True):
    """metadata, less managedFields."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int | None = None
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: tuple[str, ...] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None

    def label(self, key: str) -> str:
        """A label's value, or an empty string."""
        return (self.labels or {}).get(key, "")

    def annotation(self, key: str) -> str:
        """An annotation's value, or an empty string."""
        return (self.annotations or {}).get(key, "")

    @property
    def controller(self) -> OwnerReference | None:
        """The owner reference with `controller: true`."""
        return next((o for o in self.owner_references or () if o.controller), None)


class Condition(Observed, frozen=True):
    """status.conditions[] as Kubernetes and Flux write them. `status` is `True`, `False` or `Unknown`."""

    type: str = ""
    status: str = "Unknown"
    reason: str = ""
    message: str = ""
    observed_generation: int | None = None
    last_transition_time: datetime | None = None
    last_update_time: datetime | None = None

    def called(self, type_: str) -> Condition:
        """The same under another type: where it stands, of one that is not the object's own."""
        return msgspec.structs.replace(self, type=type_)


class Resource(Observed, frozen=True):
    """An object of the API: what every kind has. KIND is its name; subclasses add spec and status."""

    KIND: ClassVar[str] = ""

    metadata: Meta = Meta()

    @property
    def ref(self) -> ObjectRef:
        """This object's name in the vocabulary."""
        return ObjectRef(self.KIND, self.metadata.namespace, self.metadata.name)


def condition(conditions: tuple[Condition, ...] | None, type_: str) -> Condition | None:
    """The condition of that type, or None: an absent condition is not a false one."""
    return next((c for c in conditions or () if c.type == type_), None)


def is_true(conditions: tuple[Condition, ...] | None, type_: str) -> bool:
    """Whether the condition is there and True."""
    found = condition(conditions, type_)
    return found is not None and found.status == "True"
