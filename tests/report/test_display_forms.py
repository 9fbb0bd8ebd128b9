"""Every display says the same in HTML and in text: captions, scopes, counts; the card fits; figures are small and repeat."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from report_samples import (
    ENDS,
    FRONT,
    NOW,
    RUN,
    SEALED,
    TICKET,
    Reader,
    cause,
    explanation,
    hostile,
    night,
    red,
    result,
)

from runbook.display import (
    Figure,
    Shown,
    Table,
    actions_table,
    believed_table,
    card,
    card_text,
    checks_table,
    criteria_tables,
    findings_table,
    first_causes,
    follow_ups_table,
    gaps_table,
    look_alikes,
    provenance,
    redactions_table,
    soak_figure,
    soak_table,
    timeline_figure,
    timeline_table,
    timings_table,
    trust_files,
    trust_matrix,
    versions_table,
    waivers_table,
)
from runbook.display.lookback import effects_table, next_acts_table
from runbook.display.texts import width
from runbook.domain.probes import SoakReset, SoakWindow
from runbook.model import Result, Snapshot, StageResult
from runbook.retrospective import review

SOAK = SoakWindow(
    started=NOW, ended=NOW + timedelta(minutes=22), wanted_seconds=900, quiet_seconds=900,
    resets=(SoakReset(at=NOW + timedelta(minutes=7), reason="Ready flipped", object="HelmRelease/ffl/ffl-backend"),),
)  # fmt: skip
NEVER = SoakWindow(wanted_seconds=900, quiet_seconds=0, why_not="95 checks fail")


def tables(end: StageResult) -> dict[str, Table]:
    """Every table that results alone can fill."""
    story = review([*night(), end])
    found: dict[str, Table] = {
        "actions": actions_table(end.actions), "believed": believed_table(story), "checks": checks_table(end.findings),
        "effects": effects_table(story), "findings": findings_table(end.findings), "follow-ups": follow_ups_table(story),
        "gaps": gaps_table(end.explanation.not_evaluated if end.explanation else ()), "look-alikes": look_alikes(None),
        "provenance": provenance(RUN, end), "redactions": redactions_table(end.redactions), "soak": soak_table(SOAK),
        "no soak": soak_table(NEVER), "timeline": timeline_table(story), "timings": timings_table(end.timings),
        "trust": trust_matrix(end.findings, None), "files": trust_files(None), "versions": versions_table(end.findings),
        "waivers": waivers_table(end),
    }  # fmt: skip
    found |= {f"criteria {i}": t for i, t in enumerate(criteria_tables(end.criteria))}
    if end.explanation:
        found["next acts"] = next_acts_table(end.explanation)
    return found


@pytest.mark.parametrize("end", [*ENDS, "hostile"])
def test_tables_have_a_caption_scopes_and_a_text_form_with_the_same_count(end: str) -> None:
    made = hostile("a <b> c") if end == "hostile" else ENDS[end]()
    for name, table in tables(made).items():
        for page in (False, True):
            read = Reader(table.html(page=page))
            assert len(list(read.all("caption"))) == 1, name
            assert all(th.get("scope") in ("col", "row") for th in read.all("th")), name
            rows = sum(th["scope"] == "row" for th in read.all("th"))
            assert rows == max(1, len(table.rows)), name
            assert table.counted in "".join(read.text), name
        text = table.text()
        assert " ".join(text.split()).startswith(f"{table.caption} {table.counted}"), name
        assert max(map(width, text.split("\n"))) <= 100, name
        assert table._repr_mimebundle_()["text/plain"] == text


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("rehearsal", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_card_is_at_most_80_by_24_with_six_blocks_in_order(end: str, rehearsal: bool, ascii_only: bool) -> None:
    text = card_text(ENDS[end](), {**RUN, "rehearsal": rehearsal}, ascii=ascii_only)
    lines = text.split("\n")
    assert len(lines) <= 24
    assert max(map(width, lines)) <= 80
    assert text.isascii() or not ascii_only
    assert ("REHEARSAL" in lines[1]) is rehearsal
    red_or_not = "WHAT IS NOT KNOWN, AND WHY" if end in ("unknown", "empty") else "WHAT IS RED, AND WHY"
    blocks = [red_or_not, "NEXT, ONE ACT", "NOT EVALUATED", "USUALLY", "SEEN BEFORE", "MORE"]
    at = [[n for n, line in enumerate(lines) if line.startswith(block)] for block in blocks]
    assert all(len(found) == 1 for found in at)
    assert at == sorted(at)


def test_card_says_the_strongest_thing_known_first() -> None:
    first = {end: card_text(make(), RUN).split("\n")[0] for end, make in ENDS.items()}
    assert first["red"].startswith("✗ NOT FINE     16 of 27 releases ready   2 fail, 2 not evaluated")
    assert first["green"].startswith("✔ FINE         27 of 27 releases ready")
    assert first["unknown"].startswith("? NOT KNOWN    ")
    assert "Nothing was asked" in first["empty"]
    assert "Nothing red was seen. That is not the same as fine." in card_text(ENDS["unknown"](), RUN)


def test_first_causes_are_grouped_and_unexplained_is_always_printed() -> None:
    many = [cause("sealed-secret-key-mismatch", [ref]) for ref in SEALED]
    ladder = first_causes(explanation(*many, left=(FRONT,)))
    assert ladder.headline() == "8, 1 unexplained"
    assert "   8  Sealing key does not match (sealed-secret-key-mismatch), fact" in ladder.text()
    for none in (first_causes(explanation()), first_causes(explanation(*many))):
        assert "   0  Unexplained" in none.text()
        assert "Unexplained" in none.html()
        assert "0 unexplained" in none.headline()


def test_who_is_blocked_is_named_with_whom_it_waits_for() -> None:
    text = card_text(red(), RUN)
    assert re.search(r"^ {2}1 {2}waits for midwestmtg-backend +midwestmtg-discord-bot$", text, re.MULTILINE)


def test_criteria_keep_the_tickets_order() -> None:
    shuffled = tuple(reversed(TICKET[:4]))
    (table,) = criteria_tables(shuffled)
    assert [str(row[1]) for row in table.rows] == [c.text for c in shuffled]


@pytest.mark.parametrize("result_word", list(Result))
def test_a_word_stands_beside_every_colour(result_word: Result) -> None:
    (table,) = criteria_tables([replace(TICKET[0], result=result_word)])
    said = {"pass": "PASS", "warn": "WARN", "fail": "FAIL", "error": "NOT EVALUATED", "skip": "N-A"}[result_word]
    assert said in "".join(Reader(table.html()).text)
    assert said in table.text()


FIGURES: dict[str, Callable[[], Figure]] = {
    "soak": lambda: soak_figure(SOAK),
    "no soak": lambda: soak_figure(NEVER),
    "timeline": lambda: timeline_figure(review(night())),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_small_described_and_the_same_bytes_twice(name: str) -> None:
    one, two = FIGURES[name](), FIGURES[name]()
    assert one.png() == two.png()
    assert len(one.png()) <= 20_000
    assert struct.unpack(">II", one.png()[16:24]) == one.size
    data, metadata = one._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == one.alt
    assert re.search(r"\d", one.alt)
    assert one.table.text() in data["text/plain"]
    (image,) = Reader(one.html()).all("img")
    assert image["alt"] == one.alt


def test_a_soak_that_never_began_says_why_in_figure_and_table() -> None:
    shown = soak_figure(NEVER)
    assert "95 checks fail" in shown.alt
    assert "not started" in shown.table.text()


def test_all_displays_are_data_for_a_notebook() -> None:
    shown: list[Shown] = [card(red(), RUN), first_causes(explanation()), Table("a", ("b",), [])]
    for item in shown:
        assert set(item._repr_mimebundle_()) == {"text/html", "text/plain"}
        assert not re.search(r"style=\"[^\"]*(color|background)", item._repr_html_())


def test_a_matrix_without_probes_is_never_all_pass() -> None:
    assert "PASS" not in trust_matrix((), Snapshot(NOW, "b", {})).text()
    assert "no node" in trust_files(None).text()


def test_nothing_asked_is_not_fine() -> None:
    assert "not known" in "".join(Reader(card(result(), RUN).html()).text).lower() or "asked" in card_text(
        result(), RUN
    )
