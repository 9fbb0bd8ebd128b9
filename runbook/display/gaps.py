"""What could not be evaluated beside an answer: many of one reason in one sentence, what matters to the answer first."""

from __future__ import annotations

import re
from collections import defaultdict

from runbook.display.texts import plural, short
from runbook.model import Explanation, Gap

_FEW = 2  # of one reason that are said one by one
_NAMED = 8


def gap_sentences(explanation: Explanation, *, named: int = _NAMED) -> list[str]:
    """`21 kinds, not in the input: events, pods and 19 more`; a reason of its own gets a sentence of its own."""
    by_why: dict[str, list[Gap]] = defaultdict(list)
    for gap in explanation.not_evaluated:
        by_why[gap.why].append(gap)
    sentences = []
    for why, gaps in by_why.items():
        if len(gaps) <= _FEW:
            sentences += [f"{short(g.what)}: {short(why)}" for g in gaps]
            continue
        words = _words(explanation)
        ordered = sorted(gaps, key=lambda g: not _matters(g, words))
        shown = ", ".join(short(g.what, 80) for g in ordered[:named])
        more = f" and {len(gaps) - named} more" if len(gaps) > named else ""
        noun = "kind" if all(g.what.isalnum() for g in gaps) else "thing"
        sentences.append(f"{plural(len(gaps), noun)}, {short(why)}: {shown}{more}")
    return sentences


def _words(explanation: Explanation) -> str:
    """What the answer itself says it would need: the checks that decide, and why something has no cause."""
    said = [c.decides for c in explanation.first_causes if c.proof == "hypothesis"]
    said += [text for u in explanation.unexplained for text in (u.why, *(h.decides for h in u.hypotheses))]
    return " ".join(said).lower()


def _matters(gap: Gap, words: str) -> bool:
    return re.search(rf"\b{re.escape(gap.what.lower().removesuffix('s'))}(?:s|es)?\b", words) is not None
