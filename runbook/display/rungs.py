"""The way from a red object down to its first cause: each step with how it is known, and the observation that proves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from runbook.display.texts import TEXT_WIDTH, one_line, short, telling, wrap
from runbook.model import Explained, FirstCause, ObjectRef, Step

_DEEPEST = 12  # steps that are indented further and further; the rest stands below the last of them
_OBJECT = 160  # letters of an object's name that a step shows
_SAID = "its message"
_EDGES = {
    "depends-on": "what it depends on",
    "source": "its source",
    "hook": "its hook",
    "applies": "what it deployed",
    "owns": "what it made",
    "owned": "what it made for an earlier revision",
    "needs": "what it needs",
    "pulls-with": "what it pulls with",
    "made-by": "who should make it",
    "serves": "what it leads to",
    "admits": "the webhook that is asked of it",
    "attaches": "what it attaches to",
    "tests": "what it tests",
    "calls": "whom it calls",
    "runs-on": "where it runs",
    "class": "its class",
}


def step_words(step: Step) -> str:
    """`its hook, seen in Helm's or Flux's labels and annotations`; empty where nothing is kept of the edge."""
    if not step.edge:
        return ""
    if step.proof == _SAID and step.edge in ("applies", "owns", "hook", "admits"):
        return "what its message names"
    seen = f", seen in {one_line(step.proof)}" if step.proof else ""
    return f"{_EDGES.get(step.edge, step.edge)}{seen}"


def chain(cause: FirstCause, explained: Explained) -> list[Step]:
    """From the red object to the object that the cause is told of, both of them included."""
    steps = [Step(str(explained.object)), *map(Step.parse, explained.via)]
    if steps[-1].object == str(cause.object):
        return steps
    alike = steps[-1].object.partition("/")[0] == cause.object.kind
    how = "at fault in the same way" if alike else "what its own words name"
    return [*steps, Step(str(cause.object), how)]


def chains_of(cause: FirstCause, asked: Sequence[ObjectRef]) -> list[Explained]:
    """The chains of the objects asked about; of one that only is the cause, the longest that leads to it."""
    mine = [e for e in cause.explains if e.object in asked]
    return mine or ([longest(cause)] if cause.object in asked and cause.explains else [])


def longest(cause: FirstCause) -> Explained:
    """Of what hangs on the cause that with the longest way down, what merely waits left aside where it can be."""
    own = [e for e in cause.explains if e.relation != "blocked-by"]
    return max(own or cause.explains, key=lambda e: len(e.via))


def chain_text(cause: FirstCause, explained: Explained, indent: int) -> list[str]:
    """Nested lines, the red object first; the last one says what is wrong there."""
    lines: list[str] = []
    steps = chain(cause, explained)
    for depth, step in enumerate(steps):
        lines += _line(f"{short(step.object, _OBJECT)}{_colon(step_words(step))}", depth, indent)
    return [*lines, *_line(f"“{telling(cause.message, cause.words)}” ({cause.proof})", len(steps), indent)]


def _colon(words: str) -> str:
    return f": {words}" if words else ""


def _line(text: str, depth: int, indent: int) -> Iterator[str]:
    """One step under the one before; what does not fit goes on below its own first letter."""
    lead = " " * (indent + 2 * min(max(depth - 1, 0), _DEEPEST)) + ("└ " if depth else "")
    first, *more = wrap(one_line(text), TEXT_WIDTH - len(lead))
    yield lead + first
    yield from (" " * len(lead) + part for part in more)


def steps_html(cause: FirstCause) -> str:
    """List items upwards from the cause to what fails: each object, and how it is known that the one above leads to it."""
    if not cause.explains:
        return ""
    steps = chain(cause, longest(cause))
    return "".join(_item(below, step) for below, step in _pairs(steps))


def _pairs(steps: list[Step]) -> Iterator[tuple[Step, Step]]:
    """`(step below, step)` upwards, so that each item says what leads down from it."""
    for at in range(len(steps) - 2, -1, -1):
        yield steps[at + 1], steps[at]


def _item(below: Step, step: Step) -> str:
    words = step_words(below)
    how = f'<div class="msg">below it: {escape(short(words))}</div>' if words else ""
    return f'<li class="m">{escape(one_line(short(step.object, _OBJECT)))}{how}</li>'
