"""Whatever is deleted from a recorded state, no explanation turns into a different confident cause: only into a
hypothesis, or into nothing. Object by object: a fact about one is the cause that the whole state gives it.

Wide: DELETIONS=20000 pytest tests/diagnosis/test_explanation_deletions.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

from diagnosis_worlds import night
from held_worlds import STATES
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from recorded_worlds import RECORDINGS, saved
from variation_worlds import VARIATIONS

from runbook.clients import recorded
from runbook.diagnosis import explain
from runbook.domain.kinds import KINDS
from runbook.evidence import load_snapshot
from runbook.model import Gap, ObjectRef, Snapshot

EXAMPLES = int(os.environ.get("DELETIONS", "400"))
SEALED = Path(__file__).parents[2] / "outputs" / "example" / "red" / "40-verify"


def _states() -> Iterator[tuple[str, Snapshot]]:
    for file in sorted(RECORDINGS.glob("*/*.json.gz")):
        yield f"{file.parent.name}/{file.name}", recorded.load([file])
    yield "the night", replace(night(), complete=False)
    yield "the night, as it was sealed", replace(load_snapshot(SEALED), complete=False)
    for name, variation in VARIATIONS.items():
        yield name, saved(*variation.objects)
    for name, objects in STATES.items():
        yield name, saved(*objects)


@cache
def states() -> dict[str, Snapshot]:
    """Every recorded state by name."""
    return dict(_states())


def named(state: Snapshot) -> dict[ObjectRef, tuple[str, str]]:
    """Object → the cause it stands under and how that is proved."""
    return {e.object: (c.cause, c.proof) for c in explain(state).first_causes for e in c.explains}


@cache
def whole(name: str) -> dict[ObjectRef, tuple[str, str]]:
    return named(states()[name])


@st.composite
def cut(draw: st.DrawFn) -> tuple[str, Snapshot]:
    """A recorded state without some of its objects, and without some kinds as a whole."""
    name = draw(st.sampled_from(sorted(states())))
    state = states()[name]
    refused = draw(st.sets(st.sampled_from(sorted(state.objects)), max_size=4))
    share = draw(st.sampled_from((0.0, 0.02, 0.1, 0.3, 0.6)))
    chosen = Random(draw(st.integers(0, 2**32)))
    kept = {
        kind: tuple(o for o in items if chosen.random() >= share)
        for kind, items in state.objects.items()
        if kind not in refused
    }
    left = {kind: items for kind, items in kept.items() if items}
    gaps = {kind: Gap(kind, "not in the input") for kind in state.objects if kind in KINDS and kind not in left}
    return name, replace(state, objects=left, gaps={**state.gaps, **gaps})


def test_there_are_states_enough() -> None:
    assert len(states()) >= 85 + len(STATES)
    assert sum(bool(whole(name)) for name in states()) >= 60


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="DELETIONS" not in os.environ,
)
@given(cut())
def test_no_deletion_makes_another_confident_cause(given_: tuple[str, Snapshot]) -> None:
    name, state = given_
    for ref, (cause, proof) in named(state).items():
        event(proof)
        if proof == "fact":
            assert cause == whole(name).get(ref, ("nothing", ""))[0], f"{name}: {ref}"
