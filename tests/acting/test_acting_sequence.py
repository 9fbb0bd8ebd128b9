"""Several stages in one command: what a red one forbids to those after it, and what is run all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook import sequence
from runbook.display import Talk
from runbook.model import Verdict
from runbook.runner import READ_ONLY, Acting, StageOutcome
from runbook.sequence import RunOutcome, run_stages

ALL = ("preflight", "registry-trust", "cleanup", "reconcile", "verify")
Ran = Callable[..., list[tuple[str, bool]]]


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Runs ALL with the verdicts given; tells each stage and whether it could write."""

    def run(verdicts: Mapping[str, Verdict], *, repaired: bool = False) -> list[tuple[str, bool]]:
        seen: list[tuple[str, bool]] = []

        def stage(name: str, *, acting: Acting, **_rest: Any) -> StageOutcome:
            seen.append((name, acting.parameters(name)["mode"] == "apply"))
            verdict = verdicts.get(name, Verdict.PASS)
            return StageOutcome(verdict.exit_code(allow_waived=False), verdict, tmp_path / name)

        monkeypatch.setattr(sequence, "run_stage", stage)
        monkeypatch.setattr(
            sequence, "finish", lambda path, last, *_a, **_k: RunOutcome(path, last.verdict, last.exit_code)
        )
        monkeypatch.setattr(sequence, "_is_repaired", lambda *_: repaired)
        run_stages(
            ALL,
            inventory=tmp_path / "i.yaml",
            outputs=tmp_path,
            soak="none",
            kubeconfig=None,
            context=None,
            deadline=None,
            talk=Talk(),
            allow_waived=False,
            acting=Acting(confirm="meadow"),
            when_red=("diagnose",),
        )
        return seen

    return run


def test_with_nothing_red_the_three_that_may_act_do_and_nothing_is_diagnosed(ran: Ran) -> None:
    assert ran({}) == [
        ("preflight", False), ("registry-trust", True), ("cleanup", True), ("reconcile", True), ("verify", False),
    ]  # fmt: skip


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.ERROR])
def test_a_red_stage_takes_the_leave_to_write_from_those_after_it(ran: Ran, verdict: Verdict) -> None:
    assert ran({"registry-trust": verdict}) == [
        ("preflight", False), ("registry-trust", True), ("cleanup", False), ("reconcile", False), ("verify", False),
        ("diagnose", False),
    ]  # fmt: skip


def test_a_red_preflight_forbids_all_writing_unless_the_stages_to_come_repair_it(ran: Ran) -> None:
    assert not any(writes for _, writes in ran({"preflight": Verdict.FAIL}))
    assert [name for name, writes in ran({"preflight": Verdict.FAIL}, repaired=True) if writes] == [
        "registry-trust", "cleanup", "reconcile",
    ]  # fmt: skip


def test_a_waived_stage_forbids_nothing(ran: Ran) -> None:
    assert [name for name, writes in ran({"registry-trust": Verdict.WAIVED}) if writes] == [
        "registry-trust", "cleanup", "reconcile",
    ]  # fmt: skip


def test_verify_and_diagnose_run_whatever_was_red(ran: Ran) -> None:
    assert [name for name, _ in ran({"reconcile": Verdict.FAIL, "verify": Verdict.FAIL})][-2:] == ["verify", "diagnose"]


def test_without_a_confirmed_name_nothing_may_write() -> None:
    assert {READ_ONLY.parameters(s)["mode"] for s in ALL} == {"plan"}
