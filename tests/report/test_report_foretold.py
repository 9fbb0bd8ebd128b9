"""Preflight's prediction beside what then failed: kept, wrong, missed; and an honest word where nothing was foretold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from report_samples import BOT, NOW, SEALED, VELERO, green, red, release, result

from runbook.display.foretold import foretold_table
from runbook.model import Finding, ObjectRef, Result, StageResult
from runbook.retrospective import foretold, review


def sealed(name: str, needed_by: str, result_: Result = Result.FAIL) -> Finding:
    facts = {"status": 409, "needed_by": needed_by} if result_ is Result.FAIL else {}
    return Finding("sealing-keys", ObjectRef("SealedSecret", "apps", name), result_, "no key opens it", (), facts)


def preflight(*findings: Finding, minutes: float = -30) -> StageResult:
    return replace(result(minutes=minutes), stage="preflight", findings=findings)


def names(*refs: ObjectRef) -> str:
    return ", ".join(f"{r.namespace}/{r.name}" for r in refs)


def told(*attempts: StageResult) -> dict[str, str]:
    return {f.release.name: f.kept for f in foretold(attempts).fates}


def flat(text: str) -> str:
    return " ".join(text.split())


def test_all_that_was_foretold_came_and_who_only_waits_is_not_counted() -> None:
    story = review([preflight(sealed("all", names(*SEALED))), red()])
    assert {f.release for f in story.foretold.fates} == set(SEALED)
    assert {(f.kept, f.ended) for f in story.foretold.fates} == {("came", "red")}
    assert BOT not in {f.release for f in story.foretold.fates}
    assert foretold_table(story).count == f"{len(SEALED)}: {len(SEALED)} came, 0 did not, 0 not foretold"


def test_foretold_and_did_not_come_with_what_it_failed_for_instead() -> None:
    story = review([preflight(sealed("one", names(VELERO, SEALED[0]))), red()])
    fates = {f.release: f for f in story.foretold.fates}
    assert (fates[VELERO].kept, fates[VELERO].meanwhile) == ("did not come", "image-not-found")
    assert fates[SEALED[0]].kept == "came"
    text = flat(foretold_table(story).text())
    assert "foretold, and it did not come" in text
    assert "failed for missing image meanwhile" in text


def test_came_and_was_not_foretold_stands_first() -> None:
    story = review([preflight(sealed("some", names(*SEALED[1:])), sealed("fine", "", Result.PASS)), red()])
    assert story.foretold.fates[0].release == SEALED[0]
    assert story.foretold.fates[0].kept == "not foretold"
    assert foretold_table(story).count.endswith("0 did not, 1 not foretold")


def test_healed_later_it_came_all_the_same_and_ended_ready() -> None:
    later = replace(green(), cluster_time=NOW + timedelta(minutes=30))
    fates = foretold([preflight(sealed("all", names(*SEALED))), red(), later]).fates
    assert {(f.kept, f.ended, f.came) for f in fates} == {("came", "ready", NOW)}


def test_the_time_it_came_is_the_first_look_that_saw_it() -> None:
    again = replace(red(), cluster_time=NOW + timedelta(minutes=30))
    assert {f.came for f in foretold([preflight(sealed("all", names(*SEALED))), red(), again]).fates} == {NOW}


def test_what_failed_before_it_was_foretold_is_no_proof_of_the_prediction() -> None:
    before = replace(red(), cluster_time=NOW - timedelta(hours=1))
    calm = replace(green(), findings=(release(SEALED[0], ready=True),))
    assert told(before, preflight(sealed("one", names(SEALED[0]))), calm) == {SEALED[0].name: "did not come"}


def test_a_closed_one_that_nobody_was_known_to_need_is_counted_and_never_lost() -> None:
    story = review([preflight(sealed("lonely", "")), red()])
    assert story.foretold.closed == (ObjectRef("SealedSecret", "apps", "lonely"),)
    assert "of 1 closed SealedSecret nobody was known to need it" in foretold_table(story).counted


def test_without_a_preflight_or_an_answer_it_is_not_evaluated_and_says_why() -> None:
    for attempts, why in (
        ([red()], "no preflight was run"),
        ([preflight(), red()], "it asked no such question"),
        ([preflight(sealed("a", "", Result.ERROR)), red()], "no key opens it"),
        ([preflight(Finding("sealing-keys", ObjectRef("Cluster", "", "x"), Result.ERROR, "403 no proxy")), red()], "403 no proxy"),
    ):  # fmt: skip
        table = foretold_table(review(attempts))
        assert (table.rows, table.counted) == ([], "not evaluated")
        assert why in table.text()
    assert foretold_table(review([preflight(sealed("a", "", Result.PASS)), green()])).empty.startswith(
        "none was foretold"
    )


def test_notebook_and_page_show_it_with_a_caption() -> None:
    from runbook.report.lookback import story_sections

    story = review([preflight(sealed("all", names(*SEALED))), red()])
    (section,) = (s for s in story_sections(story, base="") if s.id == "foretold")
    assert "<caption>SealedSecrets that would not open: foretold, and what came" in str(section.body)
    assert section.count == foretold_table(story).counted
