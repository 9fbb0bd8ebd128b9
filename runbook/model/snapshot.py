"""Everything one stage observed, at one time: what checks and diagnosis read, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from runbook.errors import ObservationError
from runbook.model.objects import Gap, ObjectRef

T = TypeVar("T")


class NotObserved(ObservationError):
    """A check asked a snapshot for something that could not be observed. It becomes NOT EVALUATED with this reason."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(gap.what, gap.why)
        self.gap = gap


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one stage observed, at one time. Checks and diagnosis read this and nothing else.

    `observed_at` is the cluster's time. `objects` maps a kind's name (`Pod`, `HelmRelease`, and the probes of
    `domain/probes.py` by their class name) to typed, frozen objects; a kind that is absent from `objects` and from
    `gaps` was never asked for, which `of` reports as such. `malformed` are objects that were served but could not be
    decoded: each is a finding of its own, and nothing else is lost. `left_out` is what was given and not used: files
    without objects, older copies. `complete` says that each kind was listed as a whole: only then is an object that is
    not here known not to be there.
    """

    observed_at: datetime
    cluster: str
    objects: Mapping[str, tuple[Any, ...]]
    gaps: Mapping[str, Gap] = field(default_factory=dict)
    malformed: tuple[tuple[ObjectRef, str], ...] = ()
    left_out: tuple[Gap, ...] = ()
    complete: bool = True

    def of(self, kind: type[T]) -> tuple[T, ...]:
        """All observed objects of a typed kind; raises NotObserved when the kind could not be observed."""
        name = getattr(kind, "KIND", kind.__name__)
        if name in self.gaps:
            raise NotObserved(self.gaps[name])
        if name not in self.objects:
            raise NotObserved(Gap(name, "was not observed by this stage"))
        return self.objects[name]

    def seen(self, kind: type[T]) -> tuple[T, ...]:
        """Like `of`, but empty when the kind could not be observed: only for context, never for a verdict."""
        name = getattr(kind, "KIND", kind.__name__)
        return () if name in self.gaps else self.objects.get(name, ())
