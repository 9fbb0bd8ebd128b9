"""The 3 a.m. card: six blocks, 80 by 24, and on the seed's end the act is the sealing key, not a timeout."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_samples import ENDS, RED, RUN, cause, explanation, green, red, unknown

from runbook.display import Seen, card, card_text
from runbook.display.stagecard import numbers, title
from runbook.display.texts import width
from runbook.model import Action, Explained, FirstCause, NextAct, ObjectRef, StageResult, Verdict

BLOCKS = ("NEXT, ONE ACT", "NOT EVALUATED", "USUALLY", "SEEN BEFORE", "MORE")
REAL = {**RUN, "rehearsal": False, "context": "beckerkube"}


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_a_card_is_at_most_80_by_24_and_has_its_six_blocks_in_order(end: str, ascii_only: bool) -> None:
    text = card_text(ENDS[end](), RUN, ascii=ascii_only)
    lines = text.split("\n")
    assert len(lines) <= 24
    assert max(map(width, lines)) <= 80
    assert not ascii_only or text.isascii()
    assert "\x1b" not in text
    places = [next(i for i, line in enumerate(lines) if line.startswith(b)) for b in BLOCKS]
    assert places == sorted(places)
    assert lines[3].startswith(("WHAT IS RED, AND WHY", "WHAT IS NOT KNOWN, AND WHY"))


def test_the_seeds_end_names_the_sealing_keys_and_warns_of_the_timeout() -> None:
    text = card_text(red(), RUN)
    assert text.startswith("✗ NOT FINE")
    assert "16 of 27 releases ready" in text
    assert "  8  Secrets that no sealing key can open    midwestmtg-backend, 7 in triager" in text
    assert "  1  waits for midwestmtg-backend" in text
    assert "unexplained" in text
    assert "11 releases, 2 causes" in text
    after = text.split("NEXT, ONE ACT")[1]
    assert after.split("\n")[1].strip().startswith("Restore the sealing keys")
    assert "CHANGES THE CLUSTER" in after.split("\n")[0]
    assert "Do not raise a timeout" in text


def test_a_rehearsal_says_so_where_the_clusters_name_would_stand() -> None:
    assert card_text(red(), RUN).split("\n")[1].startswith("REHEARSAL, embedded cluster, not beckerkube itself")
    assert card_text(red(), REAL).split("\n")[1].startswith("beckerkube   context beckerkube")


def test_not_known_is_never_called_fine() -> None:
    text = card_text(unknown(), REAL)
    assert text.startswith("? NOT KNOWN")
    assert "That is not the same as fine." in text
    assert "runbook plan preflight" in text
    assert "PASS" not in text


def test_fine_points_on_and_calls_nothing_red() -> None:
    text = card_text(green(), REAL)
    assert text.startswith("✔ FINE")
    assert "Nothing is red." in text
    assert "SAFE" in text


def test_what_older_runs_say_is_shown_and_otherwise_left_out_honestly() -> None:
    seen = (Seen("sealed-secret-key-mismatch", "14 Oct", "", "still open at its end"),)
    told = card_text(red(), REAL, usual="24 s here (median of 6)", seen=seen)
    assert "USUALLY      24 s here (median of 6)" in told
    assert "SEEN BEFORE  sealed-secret-key-mismatch: 14 Oct, still open at its end" in told
    assert "SEEN BEFORE  not known, no earlier run is at hand" in card_text(red(), REAL)


def test_more_causes_than_lines_are_counted_not_dropped() -> None:
    causes = [cause(f"cause-{n}", (ref,)) for n, ref in enumerate(RED)]
    crowded = replace(red(), explanation=explanation(*causes))
    text = card_text(crowded, REAL)
    assert len(text.split("\n")) <= 24
    assert "  7  of 7 more causes, see MORE" in text


def test_a_long_command_goes_on_after_a_backslash_as_a_shell_reads_it() -> None:
    long = "kubectl -n kube-system get secrets " + " ".join(f"--field-selector=metadata.name=key-{n}" for n in range(5))
    ref = ObjectRef("SealedSecret", "a", "b")
    first = FirstCause(
        "secret-missing", ref, "fact", "m", (Explained(RED[0], "caused-by"),), NextAct("Look", long, True)
    )
    text = card_text(replace(red(), explanation=explanation(first)), REAL)
    command = text.split("Look:\n")[1].split("\n  Frees")[0]
    assert " ".join(part.strip().rstrip("\\").strip() for part in command.split("\n")) == long


def test_a_red_stage_without_an_explanation_offers_its_planned_act_and_what_stands_in_its_way() -> None:
    act = Action("A1", "install-registry-ca", ObjectRef("Node", "", "beckerbox"), "not trusted", "rm ca.crt",
                 "install ca.crt", requires=("compare the fingerprint with Git",))  # fmt: skip
    text = card_text(replace(red(), explanation=None, actions=(act,)), REAL)
    assert "install ca.crt" in text
    assert "compare the fingerprint with Git" in text.replace("\n  ", " ")


def _broken(ended: str) -> StageResult:
    return replace(red(), verdict=Verdict.ERROR, findings=(), criteria=(), explanation=None, ended_as=ended)  # type: ignore[arg-type]


@pytest.mark.parametrize("ended", ["interrupted", "error", "deadline"])
def test_a_stage_that_did_not_record_says_how_it_ended(ended: str) -> None:
    assert ended in numbers(_broken(ended))
    assert title(_broken(ended)).startswith("Verify: not known.")


def test_a_diagnosis_counts_what_it_explains() -> None:
    only = replace(red(), stage="diagnose", findings=(), criteria=())
    assert numbers(only) == "11 releases fail, 2 causes, 1 unexplained."


def test_the_card_of_a_notebook_says_the_same_as_its_text() -> None:
    shown = card(red(), RUN)
    assert "Restore the sealing keys" in shown.html()
    assert "waits for midwestmtg-backend" in shown.html()
    assert "<style" not in shown.html()
