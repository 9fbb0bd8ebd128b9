"""Pages of attempts, runs and archives: order, titles, what is folded, and what happens when files are broken."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_samples import ENDS, HOSTILE, NOW, RUN, TICKET, Reader, cause, explanation, night, outside, red, result

from runbook.errors import RunFolderError
from runbook.evidence import Run
from runbook.model import Result, Verdict
from runbook.report import archive_index, render_stage, run_index, stage_report
from runbook.retrospective import review, ticket_block

FACTS = {k: RUN[k] for k in ("cluster", "uid", "server", "inventory_digest", "inventory_path", "who", "how", "tool_version")}  # fmt: skip


def new_run(outputs: Path, **more: Any) -> Run:
    facts: dict[str, Any] = {**FACTS, "time_scale": 60.0, "now": lambda: NOW, "rehearsal": True, **more}
    return Run.open(outputs, **facts)


def titles(page: str) -> list[str]:
    return re.findall(r"<h2 id=\"h-[^>]+>([^<]+)</h2>", page)


@pytest.mark.parametrize(("end", "word"), [("red", "FAIL"), ("green", "PASS"), ("unknown", "NOT EVALUATED"), ("empty", "NOT EVALUATED")])  # fmt: skip
def test_title_starts_with_the_verdict_and_a_rehearsal_says_so(end: str, word: str) -> None:
    page = render_stage(ENDS[end](), RUN)
    title = re.search(r"<title>([^<]*)</title>", page)
    assert title is not None
    assert title[1].startswith(f"{word} · ")
    assert "REHEARSAL" in title[1]
    assert "REHEARSAL" not in render_stage(ENDS[end](), {**RUN, "rehearsal": False})
    assert len(page.encode()) <= 150_000
    assert not outside(Reader(page))


def test_sections_stand_in_the_order_of_a_reader_at_night() -> None:
    found = titles(render_stage(red(), RUN))
    wanted = ["Checklist", "First causes", "Actions", "Findings", "Waivers", "Redactions", "How it was measured"]
    assert [t for t in found if t in wanted] == wanted
    trust = titles(render_stage(replace(red(), stage="registry-trust"), RUN))
    assert trust[:2] == ["Trust matrix", "Which file fixes which cell"]


def test_passes_are_folded_and_what_is_not_a_pass_never_is() -> None:
    waived = replace(TICKET[0], result=Result.FAIL, text="never folded")
    page = render_stage(replace(red(), criteria=(*TICKET, waived)), RUN)
    open_ = re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)
    assert "never folded" in open_
    findings = open_[open_.index('id="findings"') : open_.index('id="gaps"')]
    assert "releases-ready" in findings
    assert "11: 11 fail" in findings
    assert "HelmRelease/apps/fine-0" not in open_


def test_counts_of_all_six_words_are_there_also_when_zero() -> None:
    page = render_stage(ENDS["green"](), RUN)
    tally = page[page.index('class="tally"') : page.index("</ul>", page.index('class="tally"'))]
    assert re.findall(r"</b> ([A-Z -]+)</span>", tally) == ["FAIL", "NOT EVALUATED", "WAIVED", "WARN", "PASS", "N-A"]
    assert "Unexplained" in page


def test_a_broken_notebook_still_gives_a_page(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    attempt = run.new_attempt("verify")
    attempt.write_result(red())
    book = attempt.path / "notebook.ipynb"
    for content in ("{", "[]", '{"cells": 3}', "\x00", ""):
        book.write_text(content)
        page = stage_report(attempt.path, run.as_json(), book).read_text()
        assert "notebook.ipynb could not be read" in page
        assert "16 of 27 releases are ready" in page
    assert attempt.path.joinpath("report.html").stat().st_mode & 0o077 == 0
    assert not list(attempt.path.glob(".report*"))


def test_a_page_is_the_same_bytes_twice(tmp_path: Path) -> None:
    attempt = new_run(tmp_path).new_attempt("verify")
    attempt.write_result(red())
    run = Run.load(attempt.run_path).as_json()
    assert stage_report(attempt.path, run).read_bytes() == stage_report(attempt.path, run).read_bytes()


def test_no_result_no_page(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    attempt = run.new_attempt("verify")
    with pytest.raises(RunFolderError):
        stage_report(attempt.path, run.as_json())
    (attempt.path / "result.json").write_text('{"schema": "other"}')
    with pytest.raises(RunFolderError):
        stage_report(attempt.path, run.as_json())
    assert "not" in run_index(run.path).read_text().lower()


def test_archive_names_broken_folders_and_lists_the_rest(tmp_path: Path) -> None:
    new_run(tmp_path, cluster="whole").new_attempt("verify").write_result(red())
    for number, content in enumerate(("{", "[]", "{}", "\x00" * 10, '{"schema": "runbook/run/v9"}', "")):
        (tmp_path / f"broken-{number}").mkdir()
        (tmp_path / f"broken-{number}" / "run.json").write_text(content)
    (tmp_path / "<img src=x>").mkdir()
    (tmp_path / "<img src=x>" / "run.json").write_text("{")
    (tmp_path / "run.json").write_text("{")
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    page = archive_index(tmp_path).read_text()
    assert all(f"broken-{n}" in page for n in range(6))
    assert "20251017-111558-whole" in page
    assert "REHEARSAL" in page
    assert not list(Reader(page).all("img"))
    assert not outside(Reader(page))


def test_archive_of_nothing_says_so(tmp_path: Path) -> None:
    page = archive_index(tmp_path).read_text()
    assert "0 runs" in page or "no run yet" in page


def test_hostile_names_of_a_run_stay_text_in_both_indexes(tmp_path: Path) -> None:
    for text in HOSTILE[:9]:
        run = new_run(tmp_path, cluster=text.replace("\x00", ""), who=text, server=text, inventory_path=text)
        run.new_attempt("verify").write_result(replace(red(), notes=(text,)))
        for page in (run_index(run.path).read_text(), archive_index(tmp_path).read_text()):
            read = Reader(page)
            assert not outside(read)
            assert not {"script", "img", "svg", "base"} & set(read.shape) or "data:image/png" in page
            assert not [n for _, attributes in read.tags for n in attributes if n.startswith("on")]


def test_the_cause_changed_twice_with_times_on_the_retrospectives_page(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    for made in night():
        run.new_attempt("verify").write_result(made)
    back = new_run(tmp_path, looks_at=run.path.name, looks_at_path="/nowhere")
    attempt = back.new_attempt("retrospective")
    attempt.write_result(replace(result(Verdict.PASS), stage="retrospective"))
    page = stage_report(attempt.path, back.as_json()).read_text()
    assert "The cause changed twice: certificate → hook timeout → sealing key" in page
    for time in ("11:17:28Z", "11:26:58Z", "11:41:58Z"):
        assert time in page
    assert "<title>FAIL · " in page, "a red night looked back on must not pass for a green one"
    assert [t for t in titles(page) if t in ("Timeline", "What was believed, and was not so", "Follow-ups", "For the ticket")] == [
        "Timeline", "What was believed, and was not so", "Follow-ups", "For the ticket"
    ]  # fmt: skip
    assert "All HelmReleases reconcile successfully" in page
    assert "REHEARSAL" in page
    assert len(page.encode()) <= 150_000
    assert "certificate → hook timeout → sealing key" in run_index(run.path).read_text()


def test_your_action_moved_nothing_is_said_when_it_is_true() -> None:
    from runbook.display import retrospective_view

    looks = night()
    text = " ".join(retrospective_view(review(looks)).text().split())
    assert re.search(r"(?i)your action moved nothing|moved nothing for 11", text)
    healed = replace(looks[2], findings=ENDS["green"]().findings, explanation=explanation())
    assert "Your action moved nothing" not in " ".join(retrospective_view(review([looks[0], healed])).text().split())


def test_a_retrospective_of_a_lost_run_still_has_a_page(tmp_path: Path) -> None:
    back = new_run(tmp_path, looks_at="gone", looks_at_path=str(tmp_path / "gone"))
    attempt = back.new_attempt("retrospective")
    attempt.write_result(replace(result(), stage="retrospective"))
    assert "<h1>" in stage_report(attempt.path, back.as_json()).read_text()


def test_the_ticket_block_never_ticks_an_unmet_box_nor_calls_the_seeds_end_completed() -> None:
    block = ticket_block(review([*night(), red()]))
    assert block.startswith("status: open")
    assert "completed" not in block
    for criterion in TICKET:
        (line,) = [line for line in block.split("\n") if criterion.text in line and line.startswith("- [")]
        assert line.startswith("- [x]") is (criterion.result is Result.PASS), line
    for word in (Result.FAIL, Result.ERROR, Result.WARN, Result.SKIP):
        unmet = replace(red(), criteria=tuple(replace(c, result=word) for c in TICKET))
        assert "[x]" not in ticket_block(review([unmet]))


def test_pages_keep_out_of_the_way_of_an_interrupted_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = new_run(tmp_path).new_attempt("verify")
    attempt.write_result(red())
    run = Run.load(attempt.run_path).as_json()
    before = stage_report(attempt.path, run).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        stage_report(attempt.path, run)
    assert (attempt.path / "report.html").read_bytes() == before
    assert not list(attempt.path.glob(".report*"))


def test_many_causes_of_one_kind_are_one_line_of_the_page() -> None:
    many = [cause("sealed-secret-key-mismatch", [f.object]) for f in red().findings[:8]]
    page = render_stage(replace(red(), explanation=explanation(*many)), RUN)
    assert page.count('id="c-sealed-secret-key-mismatch"') == 1
