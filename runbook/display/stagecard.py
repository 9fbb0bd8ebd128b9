"""The 3 a.m. card: verdict and where, red and why, the one next act, what is not known, usual and seen, more.

Always six blocks in this order, at most 80 columns by 24 lines, and nothing in it needs colour.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from runbook.display.acts import Why, next_act, next_note, why_red
from runbook.display.blocks import Shown, code_block, folded
from runbook.display.causewords import act_kind
from runbook.display.phrases import releases_ready
from runbook.display.texts import ascii_text, one_line, plural, utc
from runbook.display.views import run_fact
from runbook.display.words import headline, tally_of, word_of_verdict
from runbook.model import Criterion, Explanation, Finding, NextAct, Result, StageResult
from runbook.retrospective.impact import RELEASE, grouped, unexplained

COLUMNS, LINES = 80, 24


@dataclass(frozen=True, slots=True)
class Seen:
    """An earlier run with the same cause: when, and what is known to have fixed it (empty when nothing is)."""

    cause: str
    run: str
    link: str = ""
    fixed_by: str = ""


@dataclass(frozen=True)
class Card(Shown):
    """Everything a card says, before it is laid out."""

    result: StageResult
    run: Mapping[str, Any]
    why: tuple[Why, ...]
    act: NextAct
    note: str
    unknown: tuple[str, ...]
    usual: str = ""
    seen: tuple[Seen, ...] = ()
    more: tuple[str, ...] = ()

    def html(self, *, page: bool = False) -> str:
        """Two columns on a page, one below the other in a notebook."""
        verdict = word_of_verdict(self.result.verdict).html(page=page)
        return (
            f'<div class="head"><div class="top"><p class="stamp">{verdict}</p>'
            f"<p><strong>{escape(title(self.result))}</strong></p>"
            f'<p class="sub">{escape(one_line(" · ".join(where(self.result, self.run))))}</p></div>'
            f"{self.body(page=page)}</div>"
        )

    def body(self, *, page: bool = False) -> str:
        """What is red beside the one next act."""
        level = "h2" if page else "p"
        name = "What is red, and why" if self.result.findings or self.result.criteria else "What is known"
        rows = "".join(f"<li><b>{w.count}</b><span>{escape(w.sentence())}</span></li>" for w in self.why)
        reds = f'<ul class="why">{rows}</ul>' if rows else f"<p>{escape(nothing(self.result))}</p>"
        command = code_block(self.act.command, page=page) if self.act.command else ""
        return (
            f'<div class="card"><div><{level}>{name}</{level}>{reds}</div>'
            f'<div><{level}>The one next act</{level}><p class="next">{folded(self.act.text)}</p>{command}'
            f'<p class="small muted"><strong>{act_kind(self.act)}</strong> {escape(one_line(self.note))}</p></div></div>'
        )

    def text(self) -> str:
        """80 columns by 24 lines."""
        from runbook.display.cardlines import lay_out

        return lay_out(self)


def card(
    result: StageResult,
    run: Mapping[str, Any],
    *,
    usual: str = "",
    seen: Sequence[Seen] = (),
    more: Sequence[str] = (),
) -> Card:
    """The card of one result. `usual` and `seen` come from earlier runs and are left out honestly when not known."""
    return Card(
        result, run, why_red(result), next_act(result, run), next_note(result), unknown(result), usual, tuple(seen), tuple(more)
    )  # fmt: skip


def card_text(
    result: StageResult,
    run: Mapping[str, Any],
    *,
    usual: str = "",
    seen: Sequence[Seen] = (),
    more: Sequence[str] = (),
    ascii: bool | None = None,  # noqa: A002  the word for it
) -> str:
    """The card for a terminal; ASCII when the encoding or `TERM=dumb` asks for it."""
    text = card(result, run, usual=usual, seen=seen, more=more).text()
    if speaks_ascii() if ascii is None else ascii:
        return "\n".join(line[:COLUMNS] for line in ascii_text(text).split("\n"))
    return text


def speaks_ascii() -> bool:
    """Whether standard output cannot show our glyphs."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    return os.environ.get("TERM") == "dumb" or not encoding.startswith("utf")


def title(result: StageResult) -> str:
    """The headline: `Verify: not fine. 16 of 27 releases are ready.`"""
    name = result.stage.replace("-", " ").capitalize()
    return f"{name}: {headline(result.verdict)}. {numbers(result)}"


def numbers(result: StageResult) -> str:
    """Numerator of denominator, the strongest thing this stage counts."""
    if result.ended_as != "recorded":
        return f"It ended as {result.ended_as}, {plural(len(result.findings), 'finding')} recorded."
    if not result.findings and not result.criteria and result.explanation is not None:
        return f"{failing(result.explanation)}."
    ready = releases_ready(result.findings)
    if ready is not None:
        return f"{ready[0]} of {ready[1]} releases are ready."
    items: Sequence[Finding | Criterion] = result.criteria or result.findings
    met = sum(i.result is Result.PASS for i in items)
    noun = "criteria are met" if result.criteria else "checks pass"
    return f"{met} of {len(items)} {noun}." if items else "Nothing was asked."


def failing(explanation: Explanation) -> str:
    """`11 releases fail, 2 causes, 1 unexplained`."""
    groups, left = grouped(explanation), unexplained(explanation)
    releases = sum(g.frees for g in groups if g.counts == RELEASE) + sum(u.object.kind == RELEASE for u in left)
    number = plural(releases, "release") if releases or not groups else plural(sum(g.frees for g in groups), "object")
    verb = "fails" if number.startswith("1 ") else "fail"
    return f"{number} {verb}, {plural(len(groups), 'cause')}, {len(left)} unexplained"


def where(result: StageResult, run: Mapping[str, Any]) -> list[str]:
    """Cluster, context, revision, time; a rehearsal says so where the cluster's name would stand."""
    name = run_fact(run, "cluster", "not known")
    first = [f"REHEARSAL, embedded cluster, not {name} itself"] if run.get("rehearsal") else [name]
    if (context := run_fact(run, "context")) and not run.get("rehearsal"):
        first.append(f"context {context}")
    first += [revision(result)] if revision(result) and not run.get("rehearsal") else []
    return [*first, utc(result.cluster_time or result.ended)]


def revision(result: StageResult) -> str:
    """The Git revision that was applied, where a finding names it."""
    for kind in ("Kustomization", "GitRepository"):
        for finding in result.findings:
            found = finding.facts.get("revision")
            if finding.object.kind == kind and isinstance(found, str) and found:
                branch, _, commit = found.replace("refs/heads/", "").partition("@sha1:")
                return f"{branch}@sha1:{commit[:8]}" if commit else found[:40]
    return ""


def unknown(result: StageResult) -> tuple[str, ...]:
    """What could not be evaluated, each with its reason, shortest first words first."""
    gaps = [f"{g.what}: {g.why}" for g in result.explanation.not_evaluated] if result.explanation else []
    source: Sequence[Criterion | Finding] = result.criteria or result.findings
    items = [f"{_name(i)}: {i.reason.removeprefix('not evaluated: ')}" for i in source if i.result is Result.ERROR]
    return tuple(dict.fromkeys(one_line(t) for t in [*items, *gaps]))


def _name(item: Criterion | Finding) -> str:
    return item.text if isinstance(item, Criterion) else str(item.object)


def nothing(result: StageResult) -> str:
    """What a card says when it has no red line: not evaluated is not fine."""
    tally = tally_of(result)
    if tally.not_evaluated and not tally.fail:
        return "Nothing red was seen. That is not the same as fine."
    return "Nothing is red."
