"""Whether the words before a proof deny it: `no pods are in ImagePullBackOff` is not about a failed pull.

Only the same clause is read, and only a few words of it: what stands behind a colon, a comma or a quote is said anew.
"""

from __future__ import annotations

import re

from runbook.diagnosis.patterns import Span

_WINDOW = 32
# `could not resolve` is a failure, `is not` and `no` say that there is none.
_NO = re.compile(
    r"(?<![a-z0-9/.-])(?:no|never|without|zero|0|(?<!could )(?<!can )(?<!did )(?<!does )not|(?:is|are|was|were)n['’]t)"
    r"(?: [a-z-]{1,12}){0,2}(?: (?:are |is |were |was )?(?:in|with|of))? ?[\"'“‘(]?\Z"
)
# What one of them must have: looked for first, since hardly any text has it.
_COULD = re.compile(r"n[o'’]|never|without|zero|0")


def denied(lowered: str, span: Span | None) -> str:
    """The words that deny what is at this place of a text in lower case; empty when none do."""
    if span is None:
        return ""
    start = span[0]
    before = lowered[max(0, start - _WINDOW) : start]
    no = _NO.search(before) if _COULD.search(before) else None
    return f"{no[0]}{lowered[start : min(span[1], start + 40)]}".strip() if no else ""
