"""The ticket's own check-boxes, ticked by evidence, as a Markdown block ready to paste."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runbook.model import Criterion, Result, Verdict
from runbook.retrospective.boxes import boxes
from runbook.retrospective.story import Retrospective

_SPECIAL = re.compile(r"([\\`*_\[\]<>&~])")
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
_LINE = 300


def ticket_block(story: Retrospective) -> str:
    """Suggested state, the counts, every box in the ticket's order, and what is open.

    What a cluster said is escaped for Markdown: no link, image, mark-up or mention comes out of it.
    """
    state = {
        Verdict.PASS: "completed",
        Verdict.WAIVED: "completed with waivers, not completed",
        Verdict.FAIL: "open",
        Verdict.ERROR: "open, not evaluated in part",
    }[story.last.verdict]
    lines = [f"status: {state}", ""]
    if story.impact is not None and story.impact.failing:
        lines += [f"{_plain(story.impact.sentence())}.", ""]
    lines += _boxes(boxes(story.last))
    if story.follow_ups:
        lines += ["", "Open:", ""]
        lines += [f"- {_plain(f.what)} ({_owned(f.owner, f.due)})" for f in story.follow_ups]
    return "\n".join(lines) + "\n"


def box(criterion: Criterion) -> str:
    """`- [ ] All HelmReleases reconcile successfully: 16/27, fail. …`: ticked only by a pass."""
    tick = "x" if criterion.result is Result.PASS else " "
    word = {
        Result.PASS: "",
        Result.FAIL: ", fail",
        Result.ERROR: ", not evaluated",
        Result.WARN: ", waived" if criterion.waivers else ", not met and not scored",
        Result.SKIP: ", not applicable",
    }[criterion.result]
    reason = criterion.reason.removeprefix("not met: ").removeprefix("not evaluated: ")
    # The box's own words are the operator's ticket and stay as he wrote them; what a cluster said does not.
    return f"- [{tick}] {' '.join(criterion.text.split())}: {criterion.met}/{criterion.of}{word}. {_plain(reason)}"


def _boxes(criteria: Sequence[Criterion]) -> list[str]:
    lines: list[str] = []
    group = None
    for criterion in criteria:
        if criterion.group != group:
            group = criterion.group
            lines += ([""] if lines else []) + [f"**{_plain(group or 'criteria')}**", ""]
        lines.append(box(criterion))
    return lines


def _owned(owner: str, due: str) -> str:
    return f"{_plain(owner) or 'nobody yet'}, {due or 'no date'}"


def _plain(text: str) -> str:
    """Foreign text for Markdown: one line, cut, marks escaped, and no mention of anybody (`velero@8.1` is none)."""
    flat = " ".join(text.split())
    kept = flat if len(flat) <= _LINE else flat[:_LINE] + " …"
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in kept)
    return _MENTION.sub("(at)", _SPECIAL.sub(r"\\\1", shown))
