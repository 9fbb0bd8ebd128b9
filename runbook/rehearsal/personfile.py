"""person.yaml: a scenario's endings, their frames, and what its person does after each, as strict models.

`frames` is the ending `seed`, in which the person cures the cluster by hand. Every other ending stands under its own name
in `endings`: there the product acts, and the person does only what a person must.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from runbook.rehearsal.durations import Duration
from runbook.rehearsal.scenariofiles import Strict

SEED = "seed"
StageName = Literal["preflight", "registry-trust", "cleanup", "reconcile", "verify", "diagnose"]


class Selection(Strict):
    """Objects by kind and state; the words of personconditions.TESTS."""

    kind: str = Field(min_length=1)
    namespace: str | None = None
    namespaces: tuple[str, ...] | None = None
    name: str | None = None
    names: tuple[str, ...] | None = None
    except_: tuple[str, ...] | None = Field(default=None, alias="except")
    labels: dict[str, str] | None = None
    condition: str | None = None
    reason: str | None = None
    contains: str | None = None
    waiting: str | tuple[str, ...] | None = None
    phase: str | None = None
    unfinished: bool | None = None
    current: bool | None = None
    equals: dict[str, Any] | None = None


class Condition(Selection):
    """How many objects must be so."""

    count: int | None = Field(default=None, ge=0)
    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)


class InstallCA(Strict):
    """A CA put where nodes' runtimes read it."""

    authority: str
    nodes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    store: bool = False


class GitEdit(Strict):
    """Dotted paths set in documents of a Git repository's files, and committed."""

    repo: str
    files: tuple[str, ...] = Field(min_length=1)
    kind: str | None = None
    missing: str | None = None
    set: dict[str, Any] = Field(min_length=1)
    message: str = Field(min_length=1)


class Unseal(Strict):
    """A sealing key brought back from a backup."""

    authority: Literal["lost"]


class InventoryEdit(Strict):
    """One edit of one list of the run's inventory: entries `where` fields are equal are set or removed, or one is added.

    `like` names the entry that the added one is a copy of, but for the fields given; `dates` are fields that become the
    date so much later than now.
    """

    entries: str = Field(min_length=1)
    where: dict[str, Any] = {}
    set: dict[str, Any] | None = None
    remove: bool = False
    add: dict[str, Any] | None = None
    like: dict[str, Any] = {}
    dates: dict[str, Duration] = {}
    message: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_kind_of_edit(self) -> Self:
        if (self.set is not None) + self.remove + (self.add is not None) != 1:
            raise ValueError("exactly one of set, remove and add")
        if (self.add is None) != bool(self.where):
            raise ValueError("set and remove need `where`, add has none")
        if self.add is None and (self.like or self.dates):
            raise ValueError("like and dates go with add")
        return self


class Act(Strict):
    """One act, by its one key."""

    installCA: InstallCA | None = None  # noqa: N815  the file's word
    delete: Selection | None = None
    reset: Selection | None = None
    request: Selection | None = None
    gitEdit: GitEdit | None = None  # noqa: N815  the file's word
    inventoryEdit: InventoryEdit | None = None  # noqa: N815  the file's word
    restart: Selection | None = None
    unseal: Unseal | None = None
    wait: tuple[Condition, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        if len(self.model_fields_set) != 1:
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"an act is a mapping with exactly one of: {known}")
        return self

    @property
    def word(self) -> str:
        """Its key."""
        return next(iter(self.model_fields_set))


class FrameEntry(Strict):
    """One frame: the stages run there and whether they may act, when it has come, what the person does after it."""

    name: str = Field(min_length=1)
    stages: tuple[StageName, ...] = ()
    acts: bool = False
    until: tuple[Condition, ...] = Field(min_length=1)
    person: tuple[Act, ...] = ()


class PersonFile(Strict):
    """person.yaml. `name` is who edits, as the record of a run says it."""

    name: str = Field(default="person", min_length=1)
    frames: tuple[FrameEntry, ...] = ()
    endings: dict[str, tuple[FrameEntry, ...]] = {}

    @model_validator(mode="after")
    def _named(self) -> Self:
        if SEED in self.endings:
            raise ValueError(f"`frames` is the ending {SEED!r}; endings has others")
        for ending, frames in self.every_ending().items():
            names = [f.name for f in frames]
            if len(set(names)) != len(names):
                raise ValueError(f"ending {ending!r} has two frames of one name")
        return self

    def every_ending(self) -> dict[str, tuple[FrameEntry, ...]]:
        """Frames by the ending's name; `frames` first."""
        return {SEED: self.frames, **self.endings}


def words(entry: Strict) -> dict[str, Any]:
    """What the file said, as it said it."""
    return entry.model_dump(by_alias=True, exclude_unset=True)
