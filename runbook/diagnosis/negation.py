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


def denied(lowered: str, span: Span | None) -> str:
    """The words that deny what is at this place of a text in lower case; empty when none do."""
    if span is None:
        return ""
    start = span[0]
    no = _NO.search(lowered[max(0, start - _WINDOW) : start])
    return f"{no[0]}{lowered[start : min(span[1], start + 40)]}".strip() if no else ""
