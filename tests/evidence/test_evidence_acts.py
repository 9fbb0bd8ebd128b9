"""What an attempt did, read from its journal alone: each act done, not done, unknown or only planned, under one number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runbook.evidence import Journal, read_journal
from runbook.evidence.acts import CUT, acts_of, note_outcome, note_plan
from runbook.model import Action, ObjectRef
from runbook.stage import Stage
from runbook.stage.applying import _numbered


def act(number: int, name: str = "web", **changed: str) -> Action:
    return replace(
        Action(f"A{number}", "delete-pod", ObjectRef("Pod", "ffl", name), "r", "u", "c", uid=f"uid-{name}"),
        **changed,  # type: ignore[arg-type]
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def told(journal: Journal) -> dict[str, tuple[str, str, str]]:
    """Each act by its number: object, outcome, what was said."""
    return {a.id: (a.object.name, a.outcome, a.said) for a in acts_of(read_journal(journal.path).entries)}


def sent(journal: Journal, number: int, *ends: str, **facts: str) -> None:
    journal.append("intended", f"A{number} x", act=f"A{number}")
    for end in ends:
        journal.append(end, f"A{number} x", act=f"A{number}", **facts)  # type: ignore[arg-type]


class TestOneRound:
    def test_nothing_planned_nothing_done(self, journal: Journal) -> None:
        assert told(journal) == {}
        note_plan(journal, "p", ())
        assert told(journal) == {}

    def test_what_was_recorded_is_what_came_of_it(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1), act(2, "b"), act(3, "c")])
        sent(journal, 1, "done")
        note_outcome(journal, act(1, outcome="changed", said="deleted"))
        sent(journal, 2, "failed", why="403")
        note_outcome(journal, act(2, "b", outcome="failed", said="403 in words"))
        assert told(journal) == {
            "A1": ("web", "changed", "deleted"),
            "A2": ("b", "failed", "403 in words"),
            "A3": ("c", "planned", ""),
        }

    def test_a_later_line_about_the_same_act_tells_more(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1)])
        note_outcome(journal, act(1, outcome="changed", said="requested"))
        note_outcome(journal, act(1, outcome="changed", said="requested; answered ready"))
        assert told(journal)["A1"] == ("web", "changed", "requested; answered ready")


class TestCutOff:
    """The process died before it could record what came of the act."""

    def test_before_it_was_intended_it_was_not_done(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1)])
        assert told(journal)["A1"] == ("web", "planned", "")

    def test_between_intention_and_end_nobody_knows(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1)])
        sent(journal, 1)
        assert told(journal)["A1"] == ("web", "unknown", CUT)

    def test_an_interrupt_that_was_noted_is_no_end(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1)])
        sent(journal, 1, "noted", why="interrupted while it was sent: not known yet")
        assert told(journal)["A1"][1] == "unknown"

    def test_after_the_server_answered_it_is_known(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1), act(2, "b"), act(3, "c")])
        sent(journal, 1, "done")
        sent(journal, 2, "failed", why="409 modified: twice")
        sent(journal, 3, "done", why="no answer came; looked again: it was done")
        assert told(journal) == {
            "A1": ("web", "changed", "the server carried it out"),
            "A2": ("b", "failed", "409 modified: twice"),
            "A3": ("c", "changed", "no answer came; looked again: it was done"),
        }

    def test_in_its_second_try_it_is_unknown_although_the_first_is_known(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1)])
        sent(journal, 1, "failed", why="409 modified")
        sent(journal, 1)
        assert told(journal)["A1"] == ("web", "unknown", CUT)

    def test_a_line_that_was_cut_in_two_says_nothing(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1)])
        sent(journal, 1, "done")
        journal.path.write_bytes(journal.path.read_bytes()[:-9])
        assert told(journal)["A1"][1] == "unknown"

    def test_the_lease_is_no_act(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1)])
        journal.append("intended", "take Lease", act="lease-take")
        assert list(told(journal)) == ["A1"]


class TestSeveralPlans:
    def test_what_was_done_stays_done_when_a_round_plans_again(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(1), act(2, "b")])
        sent(journal, 1, "done")
        note_outcome(journal, act(1, outcome="changed", said="deleted"))
        note_plan(journal, "q", [act(2, "b", reason="another reason"), act(3, "c")])
        assert told(journal) == {
            "A1": ("web", "changed", "deleted"),
            "A2": ("b", "planned", ""),
            "A3": ("c", "planned", ""),
        }
        again = {a.id: a.reason for a in acts_of(read_journal(journal.path).entries)}
        assert again == {"A1": "r", "A2": "another reason", "A3": "r"}

    def test_they_stand_in_the_order_of_their_numbers(self, journal: Journal) -> None:
        note_plan(journal, "p", [act(10, "j"), act(2, "b")])
        note_plan(journal, "q", [act(1)])
        assert list(told(journal)) == ["A1", "A2", "A10"]

    def test_an_act_that_was_done_and_is_planned_again_as_the_same_is_told_once_and_with_its_end(
        self, journal: Journal
    ) -> None:
        note_plan(journal, "p", [act(1)])
        note_outcome(journal, act(1, outcome="changed", said="deleted"))
        note_plan(journal, "q", [act(1)])
        assert told(journal) == {"A1": ("web", "changed", "deleted")}


class TestNumbers:
    def test_the_same_act_keeps_its_number_and_a_new_one_takes_the_next(self) -> None:
        known = [act(1), act(2, "b")]
        planned = [act(1, "c"), act(2, "b"), act(3, "d")]
        assert [(a.id, a.object.name) for a in _numbered(planned, known, 0)] == [("A3", "c"), ("A2", "b"), ("A4", "d")]

    @pytest.mark.parametrize("known", [[], [act(8, "h")]])
    def test_none_that_an_earlier_apply_of_the_attempt_gave_is_given_again(self, known: list[Action]) -> None:
        numbers = [a.id for a in _numbered([act(1, "x"), act(2, "y")], known, 7)]
        assert numbers == [f"A{n}" for n in range(8 + len(known), 10 + len(known))]

    def test_also_where_what_is_known_has_lower_ones(self) -> None:
        """The second plan of an attempt kept an act of its own, numbered before the first apply found further ones."""
        assert [a.id for a in _numbered([act(1, "x")], [act(2, "b")], 7)] == ["A8"]

    def test_an_act_that_vanished_from_the_plan_keeps_its_number_when_the_attempt_plans_again(
        self, journal: Journal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A2 went away by itself; were its number free again, the next plan would give A3 to a second act."""
        note_plan(journal, "p", [act(1, "a"), act(2, "b"), act(3, "c")])
        for number, name in ((1, "a"), (3, "c")):
            note_outcome(journal, act(number, name, outcome="changed", said="deleted"))
        known = acts_of(read_journal(journal.path).entries)
        monkeypatch.setattr("runbook.actions.plan", lambda *_: (act(0, "x"), act(0, "y")))
        monkeypatch.setattr("runbook.actions.notes", lambda *_: ())
        seen: Any = SimpleNamespace(snapshot=None, findings=(), explanation=None)
        asked = SimpleNamespace(stage="cleanup")
        setting: Any = SimpleNamespace(
            attempt=SimpleNamespace(journal=journal), file=SimpleNamespace(inventory=None), asked=asked, how="runner"
        )
        stage = Stage(setting, judged=seen, actions=known, acted=True)
        stage.plan()
        assert [(a.id, a.object.name) for a in stage.actions] == [("A1", "a"), ("A3", "c"), ("A4", "x"), ("A5", "y")]
