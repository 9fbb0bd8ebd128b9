"""Flux readiness as a whole: of every combination of the fields that matter, exactly one kind of row is ready."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from runbook.domain.readiness import flux_state

READY = ("True", "False", "Unknown", "absent")
TOKENS = {"none": ("", ""), "handled": ("t2", "t2"), "pending": ("t2", "t1"), "never handled": ("t2", "")}
COMBINATIONS = list(product(READY, (0, 1), (0, 1), (False, True), TOKENS, (False, True), (False, True)))


def build(worlds: Any, kind: str, row: tuple[Any, ...]) -> Any:
    ready, behind, condition_behind, suspend, token, reconciling, stalled = row
    requested, handled = TOKENS[token]
    conditions = [] if ready == "absent" else [{"type": "Ready", "status": ready, "reason": "InstallFailed"}]
    for one in conditions:
        one["observedGeneration"] = 2 - condition_behind
    conditions += [{"type": "Reconciling", "status": "True"}] if reconciling else []
    conditions += [{"type": "Stalled", "status": "True"}] if stalled else []
    status = {"observedGeneration": 2 - behind, "conditions": conditions, "lastHandledReconcileAt": handled}
    annotations = {"reconcile.fluxcd.io/requestedAt": requested} if requested else {}
    return worlds.obj(
        kind, "o", "flux-system", generation=2, annotations=annotations, spec={"suspend": suspend}, status=status
    )


@pytest.mark.parametrize("kind", ["GitRepository", "Kustomization", "HelmRelease"])
def test_only_one_kind_of_row_is_ready(worlds: Any, kind: str) -> None:
    ready = {row for row in COMBINATIONS if flux_state(build(worlds, kind, row)).ready}
    assert ready == {("True", 0, 0, False, token, False, False) for token in ("none", "handled")}


@pytest.mark.parametrize("row", [r for r in COMBINATIONS if r[3]][::7])
def test_suspended_is_said_before_anything_its_conditions_say(worlds: Any, row: tuple[Any, ...]) -> None:
    assert flux_state(build(worlds, "Kustomization", row)).word == "suspended"


@pytest.mark.parametrize("observed", [-1, 1, 3, None])
def test_a_generation_that_was_not_observed_is_not_ready(worlds: Any, observed: int | None) -> None:
    status = {"observedGeneration": observed, "conditions": [{"type": "Ready", "status": "True"}]}
    assert not flux_state(worlds.obj("HelmRelease", "o", "n", generation=2, status=status)).ready


def test_a_failed_release_shows_what_failed_and_not_how_often_it_was_tried(worlds: Any) -> None:
    conditions = [
        {"type": "Ready", "status": "False", "reason": "UpgradeFailed", "message": "pre-upgrade hooks failed"},
        {"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "Failed after 1 attempt(s)"},
    ]
    state = flux_state(worlds.obj("HelmRelease", "o", "n", generation=1, status={"conditions": conditions}))
    assert (state.word, state.reason, state.message) == ("stalled", "RetriesExceeded", "pre-upgrade hooks failed")
