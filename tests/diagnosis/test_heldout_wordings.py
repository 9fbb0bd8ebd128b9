"""Wordings held out: written down before a rule was touched. What is asked is the share that is right, and none wrong.

Tried blind, 276 of the first 293 were right and 6 wrong, then 82 of the next 84 and 1 wrong; each that was not right
changed a rule or, where two readings are as good, its label. Every fifth of the second part was never looked at while
rules were written: 17 of 17 right. The last row is of a cause that came later, and was not held out; one
label was a mistake (the kubelet leaves out a fourth name server: names are resolved as before) and is `unknown` now.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from runbook.diagnosis.catalogue import built_in
from runbook.diagnosis.classify import classify

ROWS = [
    line.split("\t", 3)
    for line in (Path(__file__).parents[1] / "data" / "heldout.tsv").read_text().splitlines()
    if line and not line.startswith("#")
]
SECOND_PART = 293
FIFTH = [row for n, row in enumerate(ROWS) if n >= SECOND_PART and n % 5 == 4]


def _confusion(rows: list[list[str]]) -> list[tuple[str, str, str]]:
    answers = ((cause, classify(text, reason=reason, kind=kind).cause, text) for cause, kind, reason, text in rows)
    return [(cause, answer, text[:160]) for cause, answer, text in answers if answer != cause]


def test_of_all_wordings_none_is_wrong_and_nearly_none_unknown() -> None:
    confusion = _confusion(ROWS)
    assert [c for c in confusion if c[1] != "unknown"] == []
    assert len(confusion) <= 0.02 * len(ROWS), confusion


def test_the_fifth_that_no_rule_was_written_for_is_right_as_often() -> None:
    confusion = _confusion(FIFTH)
    assert [c for c in confusion if c[1] != "unknown"] == []
    assert len(confusion) <= 0.05 * len(FIFTH), confusion


def test_every_cause_that_words_can_show_has_one_and_what_is_nobodys_cause_has_some() -> None:
    counts = Counter(row[0] for row in ROWS)
    assert len(ROWS) >= 350
    assert set(built_in().causes) - set(counts) <= {"sealed-secret-scope-mismatch", "dependency-circle"}
    assert counts["unknown"] >= 15


def test_the_time_a_call_was_given_does_not_say_that_it_ran_out() -> None:
    call = 'Internal error occurred: failed calling webhook "w.lab": failed to call webhook: Post "https://w.lab.svc:443/?timeout=10s": '
    assert classify(call + "x509: certificate specifies an incompatible key usage").cause == "webhook-tls"
    assert classify(call + "odd").cause == "unknown"
