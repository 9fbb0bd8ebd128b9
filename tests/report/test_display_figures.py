"""Figures: the same bytes each time, at most 20 KB, alt text with the numbers, and never a missing one."""

from __future__ import annotations

import struct
from datetime import timedelta

import pytest
from report_samples import HOSTILE, NOW, night, red

from runbook.display import Figure, soak_figure, soak_table, timeline_figure
from runbook.domain.probes import SoakReset, SoakWindow
from runbook.retrospective import review

QUIET = SoakWindow(wanted_seconds=900, quiet_seconds=900, started=NOW, ended=NOW + timedelta(seconds=900), samples=90)
RESET = SoakWindow(
    wanted_seconds=900,
    quiet_seconds=900,
    started=NOW,
    ended=NOW + timedelta(seconds=1442),
    resets=(SoakReset(NOW + timedelta(seconds=542), "restarted once", "Pod/ffl/ffl-backend"),),
)
NONE = SoakWindow(wanted_seconds=900, quiet_seconds=0, why_not="11 releases failing")
WINDOWS = {"quiet": QUIET, "reset": RESET, "not started": NONE}


@pytest.mark.parametrize("name", WINDOWS)
def test_a_figure_is_the_same_bytes_each_time_and_small(name: str) -> None:
    one, other = soak_figure(WINDOWS[name]).png(), soak_figure(WINDOWS[name]).png()
    assert one == other
    assert one.startswith(b"\x89PNG")
    assert len(one) <= 20_480
    assert struct.unpack(">I", one[16:20])[0] == 1120


def test_the_timeline_is_the_same_bytes_each_time_and_small() -> None:
    one = timeline_figure(review(night())).png()
    assert one == timeline_figure(review(night())).png()
    assert len(one) <= 20_480


def test_alt_text_carries_the_numbers_to_nbconvert_and_lab() -> None:
    data, metadata = soak_figure(RESET)._repr_mimebundle_()
    alt = metadata["image/png"]["alt"]
    for said in ("11:15:58Z to 11:25:00Z", "9 min 02 s", "restarted once", "1 reset", "15 min 00 s of 15 min 00 s"):
        assert said in alt
    assert "text/html" not in data
    assert soak_table(RESET).text() in data["text/plain"]


def test_quiet_that_was_measured_says_stable_with_its_resets() -> None:
    assert "stable 11:15:58Z to 11:30:58Z, 15 min 00 s of 15 min 00 s, 0 resets" in soak_figure(QUIET).alt


def test_a_clock_that_never_started_is_an_empty_track_with_its_reason() -> None:
    figure = soak_figure(NONE)
    assert "not started, 11 releases failing" in figure.alt
    assert "0 of 15 min 00 s" in figure.table.text()
    assert figure.png() != soak_figure(QUIET).png()


@pytest.mark.parametrize(
    "text", [HOSTILE[2], "".join(HOSTILE), "漢字 \U0001f600 عربي"], ids=["quotes", "all", "glyphs"]
)
def test_foreign_text_in_a_drawing_is_text(text: str) -> None:
    """No mathtext, no missing glyph (warnings are errors here), no markup in the alt attribute."""
    reset = SoakReset(NOW + timedelta(seconds=60), "$\\frac{" + text, text)
    figure = soak_figure(SoakWindow(900, 0, NOW, NOW + timedelta(seconds=90), (reset,), why_not=text))
    assert figure.png().startswith(b"\x89PNG")
    image = figure.html(page=True).split("<img ", 1)[1].split(">", 1)[0]
    assert image.count('"') == 8
    assert "<script" not in figure.html()


def test_a_page_puts_the_table_beside_the_picture() -> None:
    html = soak_figure(RESET).html(page=True)
    assert "<figcaption>" in html
    assert "<caption>" in html
    assert 'tabindex="0" role="region"' in html


def test_every_mark_of_the_timeline_stands_in_its_table() -> None:
    figure: Figure = timeline_figure(review(night()))
    assert len(figure.table.rows) == len(review(night()).timeline)
    assert red().stage in figure.alt
