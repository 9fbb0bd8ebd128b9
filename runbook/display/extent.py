"""Of how much an answer speaks: how many objects were looked at, and where nothing is tried because somebody suspended it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook.display.texts import plural
from runbook.domain.cluster import Event, Generic
from runbook.domain.meta import Resource
from runbook.model import ObjectRef, Snapshot

_RECONCILED = ("Kustomization", "HelmRelease")
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Extent:
    """Objects and kinds that were observed, events not counted; suspended ones, and namespaces in which all of Flux is."""

    objects: int
    kinds: int
    suspended: tuple[ObjectRef, ...] = ()
    whole: tuple[str, ...] = ()

    def calm(self) -> str:
        """What is said where nothing is red. Nothing at all is never fine."""
        if not self.objects:
            return "Nothing is red, because no object was observed at all: that is not the same as fine."
        return f"Nothing is red among {plural(self.objects, 'object')} of {plural(self.kinds, 'kind')}."

    def asleep(self) -> tuple[str, ...]:
        """What is suspended, counted and named: one sentence, and one for each namespace that is so as a whole."""
        if not self.suspended:
            return ()
        shown = ", ".join(str(ref) for ref in self.suspended[:_NAMED])
        more = f" and {len(self.suspended) - _NAMED} more" if len(self.suspended) > _NAMED else ""
        verb = "is" if len(self.suspended) == 1 else "are"
        first = f"{plural(len(self.suspended), 'object')} {verb} suspended, so nothing is tried there: {shown}{more}."
        return (
            first,
            *(f"Namespace {name} is suspended as a whole: none of its releases is reconciled." for name in self.whole),
        )


def extent(snapshot: Snapshot, namespace: str = "") -> Extent:
    """Count a snapshot, or one namespace of it."""
    every = [
        o for items in snapshot.objects.values() for o in items if isinstance(o, Resource) and not isinstance(o, Event)
    ]
    found = [o for o in every if namespace in ("", o.metadata.namespace)]
    suspended = sorted(_ref(o) for o in found if _suspended(o))
    return Extent(len(found), len({_ref(o).kind for o in found}), tuple(suspended), tuple(_whole(found)))


def _whole(found: Sequence[Resource]) -> list[str]:
    spaces: Mapping[str, list[bool]] = defaultdict(list)
    for obj in found:
        if obj.KIND in _RECONCILED:
            spaces[obj.metadata.namespace].append(_suspended(obj))
    return sorted(name for name, asleep in spaces.items() if all(asleep))


def _suspended(obj: Any) -> bool:
    return bool(getattr(getattr(obj, "spec", None), "suspend", None))


def _ref(obj: Resource) -> ObjectRef:
    kind = obj.kind if isinstance(obj, Generic) else obj.KIND
    return ObjectRef(kind, obj.metadata.namespace, obj.metadata.name)
