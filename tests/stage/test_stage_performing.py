"""Deletions a few at a time: never more than said, in the acts' order, and none begun after the record cannot be kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runbook import actions
from runbook.errors import EvidenceError
from runbook.evidence import Journal, read_journal
from runbook.model import Action, ObjectRef
from runbook.stage.performing import AT_ONCE, perform_all
from runbook.stage.telling import Relay

Perform = Callable[[Action, Any], Action]


def act(number: int, kind: str = "delete-pod") -> Action:
    ref = ObjectRef("Pod", "notes", f"p{number}")
    return Action(f"A{number}", kind, ref, "a test", "none", "", uid="u", resource_version="1")


class Wave:
    """Acts on no cluster: a journal of its own, and whatever `perform` does."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, perform: Perform) -> None:
        monkeypatch.setattr(actions, "perform", perform)
        self.journal = Journal(folder / "journal.jsonl")
        self.hands: Any = SimpleNamespace(journal=self.journal)
        self.setting: Any = SimpleNamespace(talk=Relay(None), asked=SimpleNamespace(stage="cleanup"))

    def run(self, *acts: Action) -> list[Action]:
        return perform_all(self.setting, self.hands, acts)

    def recorded(self) -> list[str]:
        return [f"{e.facts['act']} {e.facts['outcome']}" for e in read_journal(self.journal.path).entries]


class Counted:
    """Counts who is at work at the same time; each waits until as many as are wanted stand beside it."""

    def __init__(self, together: int) -> None:
        self.most, self.now, self.turn = 0, 0, threading.Lock()
        self.meet = threading.Barrier(together, timeout=5)

    def __call__(self, action: Action, _hands: Any) -> Action:
        with self.turn:
            self.now += 1
            self.most = max(self.most, self.now)
        self.meet.wait()
        with self.turn:
            self.now -= 1
        return replace(action, outcome="changed")


def test_deletions_are_done_a_few_at_a_time_and_told_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(AT_ONCE)
    wave = Wave(tmp_path, monkeypatch, counted)
    results = wave.run(*(act(n) for n in range(1, 2 * AT_ONCE + 1)))
    assert counted.most == AT_ONCE
    assert [r.id for r in results] == [f"A{n}" for n in range(1, 2 * AT_ONCE + 1)]
    assert wave.recorded() == [f"{r.id} changed" for r in results]


def test_what_is_not_a_deletion_is_done_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(1)
    Wave(tmp_path, monkeypatch, counted).run(*(act(n, "request-reconcile") for n in range(1, 4)))
    assert counted.most == 1


def test_after_a_record_that_cannot_be_kept_nothing_is_begun_and_what_runs_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def perform(action: Action, _hands: Any) -> Action:
        begun.append(action.id)
        if action.id == "A1":
            raise EvidenceError("captures/A1 could not be written: the disk is full")
        return replace(action, outcome="changed")

    wave = Wave(tmp_path, monkeypatch, perform)
    with pytest.raises(EvidenceError, match="the disk is full"):
        wave.run(*(act(n) for n in range(1, 20)))
    assert sorted(begun) == [f"A{n}" for n in range(1, AT_ONCE + 1)]
    assert sorted(wave.recorded()) == [f"A{n} changed" for n in range(2, AT_ONCE + 1)]


def test_threads_share_a_journal_without_a_cut_or_doubled_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")

    def write(who: int) -> None:
        for n in range(25):
            entry = journal.append("noted", f"{who}-{n}")
            assert journal.path.read_bytes()[entry.offset :].startswith(b'{"schema"')

    threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_journal(journal.path)
    assert [e.n for e in found.entries] == list(range(1, 201))
    assert len({e.what for e in found.entries}) == 200
    assert found.cut == ()
