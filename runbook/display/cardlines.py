"""The card laid out for a terminal: what is clipped, what is wrapped, and which lines yield when there are too many."""

from __future__ import annotations

from runbook.display.stagecard import COLUMNS, LINES, Card, nothing, numbers, where
from runbook.display.texts import clip, one_line, pad, plural, span, width, wrap
from runbook.display.views import run_fact
from runbook.display.words import headline, tally_of, word_of_verdict
from runbook.model import Tally

_RED = 5
_KEY = 13


def _counts(tally: Tally) -> str:
    words = ((tally.fail, "fail"), (tally.not_evaluated, "not evaluated"), (tally.waived, "waived"))
    shown = [f"{n} {word}" for n, word in words if n] or [f"{tally.passed} pass"]
    return ", ".join(shown)


def _row(left: str, right: str) -> str:
    room = COLUMNS - width(right) - 1
    return f"{pad(clip(left, room), room)} {right}".rstrip()


def lay_out(shown: Card) -> str:
    """The six blocks; the act gets the lines that the others leave over, and says when that is too few."""
    result, tally = shown.result, tally_of(shown.result)
    word = word_of_verdict(result.verdict)
    stated = numbers(result).rstrip(".").replace(" are ready", " ready")
    first = f"{word.glyph[0]} {headline(result.verdict).upper():<11}  {stated}   {_counts(tally)}"
    place = where(result, shown.run)
    reds = _red_lines(shown)
    count = sum(w.count for w in shown.why)
    what = shown.why[0].kind if shown.why else ""
    causes = len({w.cause for w in shown.why if w.cause})
    right = f"{count} {what}" + (f", {plural(causes, 'cause')}" if causes else "") if shown.why else "nothing"
    unknown = result.verdict.value == "error" and not shown.why
    name = "WHAT IS NOT KNOWN, AND WHY" if unknown else "WHAT IS RED, AND WHY"
    head = [
        clip(one_line(first), COLUMNS),
        clip(one_line("   ".join(place)), COLUMNS),
        "",
        _row(name, right),
        *reds,
        "",
    ]
    tail = [*_unknown_lines(shown), "", *_last_lines(shown)]
    room = LINES - len(head) - len(tail) - 1
    return "\n".join([*head, *_act_lines(shown, room), "", *tail])


def _red_lines(shown: Card) -> list[str]:
    if not shown.why:
        open_ = shown.unknown[:2] if shown.result.verdict.value == "error" else ()
        return [*(clip(f"  {line}", COLUMNS) for line in open_), f"  {nothing(shown.result)}"]
    kept = list(shown.why if len(shown.why) <= _RED else shown.why[: _RED - 1])
    said = [(w.count, one_line(w.phrase), one_line(w.names)) for w in kept]
    widest = min(42, max(width(phrase) for _, phrase, _ in said))
    lines = [clip(f"{n:>3}  {pad(clip(phrase, widest), widest)}  {names}", COLUMNS) for n, phrase, names in said]
    if len(kept) < len(shown.why):
        rest = shown.why[len(kept) :]
        lines.append(f"{sum(w.count for w in rest):>3}  of {len(rest)} more causes, see MORE")
    return lines


def _act_lines(shown: Card, room: int) -> list[str]:
    text = one_line(shown.act.text).rstrip(".:") + (":" if shown.act.command else ".")
    sentence = [f"  {line}" for line in wrap(text, COLUMNS - 2)]
    if len(sentence) > 2:
        sentence = [sentence[0], clip(sentence[1] + " …", COLUMNS)]
    commands = _commands(shown.act.command)
    notes = [f"  {line}" for line in wrap(one_line(shown.note), COLUMNS - 2)] if shown.note else []
    kind = "SAFE" if shown.act.safe else "CHANGES THE CLUSTER"
    lines = [_row("NEXT, ONE ACT", kind), *sentence]
    room -= len(lines)
    if len(commands) > room:
        commands = [*commands[: max(0, room - 1)], "    … the rest stands in the report"]
    return [*lines, *commands, *notes[: max(0, room - len(commands))]]


def _commands(command: str) -> list[str]:
    """A command's lines; one that is too long goes on after a backslash, as a shell would read it."""
    lines: list[str] = []
    for line in filter(None, (one_line(part) for part in command.split("\n"))):
        indent = "    " if width(line) <= COLUMNS - 4 else "  "
        parts = [line] if width(line) <= COLUMNS - 2 else wrap(line, COLUMNS - 4)
        lines += [indent + part + (" \\" if i < len(parts) - 1 else "") for i, part in enumerate(parts)]
    return lines


def _unknown_lines(shown: Card) -> list[str]:
    number = max(tally_of(shown.result).not_evaluated, len(shown.unknown))
    right = f"{number}, so not known" if number else "nothing"
    lines = [_row("NOT EVALUATED", right)]
    return [*lines, clip("  " + "; ".join(shown.unknown[:3]), COLUMNS)] if shown.unknown else lines


def _last_lines(shown: Card) -> list[str]:
    took = span((shown.result.ended - shown.result.started).total_seconds())
    usual = shown.usual or f"not known, no earlier run is at hand; this time {took}"
    seen = "; ".join(f"{s.cause}: {s.run}{', ' + s.fixed_by if s.fixed_by else ''}" for s in shown.seen[:2])
    more = shown.more[:1] or (f"runbook explain -i {run_fact(shown.run, 'inventory_path', 'INVENTORY')}",)
    rows = [("USUALLY", usual), ("SEEN BEFORE", seen or "not known, no earlier run is at hand"), ("MORE", more[0])]
    return [clip(f"{name:<{_KEY}}{one_line(text)}", COLUMNS) for name, text in rows]
