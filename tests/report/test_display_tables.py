"""Every table has a caption, scopes and a text of 100 columns with the same words in the same order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from report_samples import ENDS, RED, RUN, Reader, green, red, unknown

from runbook.display import (
    Cell,
    Column,
    Paragraph,
    Stack,
    Table,
    actions_table,
    checks_table,
    criteria_tables,
    findings_table,
    first_causes,
    gaps_table,
    look_alikes,
    pods_table,
    provenance,
    redactions_table,
    releases_table,
    retrospective_view,
    timings_table,
    trust_files,
    trust_matrix,
    versions_table,
    waivers_table,
)
from runbook.display.foretold import foretold_table
from runbook.display.lookback import effects_table, next_acts_table
from runbook.display.texts import clip, cut, one_line, visible, width, wrap
from runbook.display.views import reasons_table
from runbook.display.words import FAIL, word_of
from runbook.domain.helm import HelmRelease, HelmReleaseSpec, HelmReleaseStatus, HelmSnapshot
from runbook.domain.meta import Condition, Meta
from runbook.domain.pods import Container, ContainerState, ContainerStatus, Pod, PodSpec, PodStatus, Waiting
from runbook.domain.probes import RegistryTrust
from runbook.model import Explanation, Finding, Gap, ObjectRef, Result, Snapshot, StageResult
from runbook.report.sanitize import sanitize
from runbook.retrospective import review

UNTRUSTED = "x509: certificate signed by unknown authority"


def snapshot() -> Snapshot:
    stuck = ContainerStatus(name="a", state=ContainerState(waiting=Waiting(reason="ImagePullBackOff")))
    return Snapshot(
        red().ended,
        "beckerkube",
        {
            "HelmRelease": tuple(
                HelmRelease(
                    metadata=Meta(name=ref.name, namespace=ref.namespace),
                    spec=HelmReleaseSpec(suspend=True if ref.name == "velero" else None),
                    status=HelmReleaseStatus(
                        history=[HelmSnapshot(chart_version="0.1.12")],
                        conditions=[Condition(type="Ready", status="False", message="hooks failed")],
                    ),
                )
                for ref in RED
            ),
            "Pod": (
                Pod(
                    metadata=Meta(name="stuck", namespace="ffl"),
                    spec=PodSpec(containers=[Container(name="a")]),
                    status=PodStatus(phase="Pending", container_statuses=[stuck]),
                ),
            ),
            "RegistryTrust": (
                RegistryTrust(vantage="beckerbox", runtime="docker", host="reg:5000", node_read="read", resolve="ok",
                              connect="ok", chain=UNTRUSTED, name="ok", expiry="ok", durable=False),
                RegistryTrust(vantage="worker", runtime="containerd", host="reg:5000", node_read="read", resolve="ok",
                              connect="ok", chain="ok", name="ok", expiry="ok", api="ok", manifest="ok"),
            ),
        },
    )  # fmt: skip


def explained(result: StageResult) -> Explanation:
    assert result.explanation is not None
    return result.explanation


TABLES: dict[str, Callable[[StageResult], Table]] = {
    "actions": lambda r: actions_table(r.actions),
    "checks": lambda r: checks_table(r.findings),
    "effects": lambda r: effects_table(review([r, r])),
    "findings": lambda r: findings_table(r.findings),
    "foretold": lambda r: foretold_table(review([r, r])),
    "gaps": lambda r: gaps_table([Gap("helmreleases", "403 Forbidden", "list")]),
    "look-alikes": lambda r: look_alikes(snapshot()),
    "next": lambda r: next_acts_table(explained(red())),
    "pods": lambda r: pods_table(snapshot()),
    "provenance": lambda r: provenance(RUN, r),
    "reasons": lambda r: reasons_table(r.findings),
    "redactions": lambda r: redactions_table({"bearer tokens": 2}),
    "releases": lambda r: releases_table(snapshot(), r.findings),
    "timings": lambda r: timings_table({"observe": 6.1}),
    "trust": lambda r: trust_matrix(r.findings, snapshot()),
    "trust files": lambda r: trust_files(snapshot()),
    "versions": lambda r: versions_table(r.findings),
    "waivers": waivers_table,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_caption_scopes_and_the_same_text(name: str, end: str) -> None:
    table = TABLES[name](ENDS[end]())
    for page in (False, True):
        read = Reader(table.html(page=page))
        assert len(list(read.all("caption"))) == 1
        scopes = [a.get("scope") for a in read.all("th")]
        assert set(scopes) <= {"col", "row"}
        assert scopes.count("row") == max(1, len(table.rows))
        assert scopes.count("col") == (len(table.columns) if table.rows else 0)
    text = table.text()
    assert max(map(width, text.split("\n"))) <= 100
    flat = re.sub(r"\s+", "", text)
    assert re.sub(r"\s+", "", one_line(table.caption) + table.counted) in flat
    bundle = table._repr_mimebundle_()
    assert bundle == {"text/html": table.html(), "text/plain": text}


def test_rows_stand_in_the_same_order_in_text_and_markup() -> None:
    table = findings_table(red().findings)
    table = replace(table, rows=[(row[1], row[0]) for row in table.rows], columns=("Object", "Result"), header=0)
    markup, text = table.html(), table.text()
    places = [(markup.index(f">{row[0]}<"), text.index(f"\n{row[0]} ")) for row in table.rows]
    assert len(places) == 27
    assert [m for m, _ in places] == sorted(m for m, _ in places)
    assert [t for _, t in places] == sorted(t for _, t in places)


def test_notebook_markup_survives_an_untrusted_lab_word_by_word() -> None:
    """The allow-list keeps everything a notebook output needs: nothing of it is lost but ids."""
    shown = Stack(*criteria_tables(red().criteria), first_causes(explained(red())), retrospective_view(review([red()])))
    html = shown.html()
    assert "aria-" not in html
    assert " role=" not in html
    assert "color" not in html.replace("colour", "")
    kept = Reader(sanitize(html))
    assert kept.text == Reader(html).text
    assert [t for t, _ in kept.tags] == [t for t, _ in Reader(html).tags]


@pytest.mark.parametrize("end", ENDS)
def test_unexplained_is_always_printed(end: str) -> None:
    explanation = ENDS[end]().explanation
    if explanation is None:
        return
    ladder = first_causes(explanation)
    number = len(explanation.unexplained)
    assert "Unexplained" in ladder.html()
    assert f">{number}</div>" in ladder.html()
    assert re.search(rf"^ +{number}  Unexplained", ladder.text(), re.MULTILINE)


def test_first_causes_count_each_release_once_and_keep_blocked_apart() -> None:
    ladder = first_causes(explained(red()))
    assert ladder.headline() == "8 + 1 waits, 1, 1 unexplained"
    text = re.sub(r"\s+", " ", ladder.text())
    assert "+ 1 blocked by midwestmtg-backend: midwestmtg-discord-bot" in text
    for ref in RED:
        assert ref.name in ladder.html()


def test_what_could_not_be_asked_is_never_shown_as_passed() -> None:
    text = findings_table(unknown().findings).text()
    assert "NOT EVALUATED" in text
    assert "PASS" not in text
    gaps = first_causes(explained(unknown()))
    assert "403 Forbidden" in gaps.text()
    assert "403 Forbidden" in gaps.html()


def test_releases_keep_fluxs_columns_and_show_what_is_absent() -> None:
    gone = Finding("releases-ready", ObjectRef("HelmRelease", "ffl", "gone"), Result.FAIL, "is not in the cluster")
    table = releases_table(snapshot(), (*red().findings, gone))
    assert [str(c) for c in table.columns] == ["Namespace", "Name", "Revision", "Suspended", "Ready", "Message"]
    assert "is not in the cluster" in table.text()
    assert "True" in table.text()


def test_a_long_table_of_releases_shows_the_first_and_says_where_the_rest_stands() -> None:
    gone = [
        Finding("releases-ready", ObjectRef("HelmRelease", "ffl", f"gone-{n}"), Result.FAIL, "away") for n in range(9)
    ]
    whole, cut = releases_table(snapshot(), gone), releases_table(snapshot(), gone, limit=4)
    assert list(cut.rows) == list(whole.rows)[:4]
    assert cut.counted == f"{whole.counted}; the first 4 are shown, all stand in result.json"
    assert "result.json" not in whole.counted
    not_ready = releases_table(snapshot(), gone, part="not ready")
    assert releases_table(snapshot(), gone, part="not ready", limit=4).counted.startswith(not_ready.counted)


def test_trust_is_a_matrix_in_which_what_was_not_reached_is_not_evaluated() -> None:
    table = trust_matrix((), snapshot())
    letters = [str(c) for c in table.rows[0][1:]]
    assert letters == ["P", "P", "F", "P", "P", "?", "?"]
    assert "2 not evaluated" in table.counted
    files = trust_files(snapshot())
    assert "/etc/docker/certs.d/reg:5000/ca.crt" in files.html()
    assert "no, certs.d is read at every pull" in files.html()
    assert "1 needed, 2 not" in files.text()


def test_versions_show_disagreements_first_and_say_why_a_cell_is_empty() -> None:
    facts = {"believed": "0.1.9", "declared": "0.1.9", "running": "0.1.9"}
    fine = Finding("versions-agree", ObjectRef("Checklist", "", "a-fine"), Result.PASS, "agree", (), facts)
    ccbot = replace(fine, object=ObjectRef("Checklist", "", "ccbot"), result=Result.FAIL,
                    facts={"believed": "2.0.2", "declared": "0.2.3", "running": ""})  # fmt: skip
    table = versions_table([fine, ccbot])
    assert [str(r[0]) for r in table.rows] == ["ccbot", "a-fine"]
    assert "1 disagreement" in table.counted
    assert table.html().count('class="diff"') == 2
    assert "nothing" in table.text()


def test_an_equal_sentence_is_one_row_and_no_object_is_dropped() -> None:
    table = reasons_table([f for f in red().findings if f.result is Result.FAIL])
    assert len(table.rows) == 1
    assert table.rows[0][-1] == 11
    whole = str(table.rows[0][3])
    for ref in RED:
        assert str(ref) in whole
    assert "the rest, " in table.html()


def test_widths_are_those_of_a_terminal() -> None:
    assert width("漢字") == 4
    assert width("e\u0301") == 1
    assert clip("漢字漢字", 5) == "漢字…"
    assert all(width(line) <= 7 for line in wrap("漢字漢字 abc defghijklmnop", 7))
    table = Table("Breite", ("漢字", Column("n", num=True)), [("漢字" * 60, 12345)])
    assert max(map(width, table.text().split("\n"))) <= 100


def test_foreign_text_is_cut_and_says_how_much_is_folded() -> None:
    head, rest = cut("x" * 10_000)
    assert (len(head), len(rest)) == (200, 9_800)
    html = Table("t", ("a",), [(Cell("x" * 10_000),)]).html()
    assert "<details><summary>the rest, 9800 characters</summary>" in html
    assert visible("\x1b[31m\u202e") == "\\x1b[31m\\u202e"


def test_a_stack_and_a_paragraph_say_the_same_in_both_forms() -> None:
    shown = Stack(Paragraph("one <b> sentence"), None, Table("t", ("a",), []))
    assert "one &lt;b&gt; sentence" in shown.html()
    assert shown.text().startswith("one <b> sentence\n\nt 0")
    assert str(shown) == shown.text()


def test_a_table_can_be_asked_further_with_pandas() -> None:
    frame = findings_table(green().findings).frame()
    assert list(frame.columns) == ["Result", "Object", "Check", "What was found"]
    assert len(frame) == 27


def test_words_carry_glyph_and_word_never_colour_alone() -> None:
    failing = next(f for f in red().findings if f.result is Result.FAIL)
    assert word_of(failing) is FAIL
    assert FAIL.html() == '<span class="v f"><b>✗</b> FAIL</span>'
    assert 'aria-hidden="true"' in FAIL.html(page=True)
