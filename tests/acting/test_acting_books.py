"""Honest books: every write the server has seen is in a journal, and every request a journal tells of was seen."""

from __future__ import annotations

from collections import Counter

from acting_pair import Pair, ready_to_delete

from runbook.evidence import Run, read_journal
from runbook.stage import Stage

VERBS = {"DELETE": "delete", "PATCH": "patch", "POST": "create", "PUT": "update"}


def journalled(runs: list[Run]) -> Counter[tuple[str, str]]:
    """Requests that journals tell of: verb and the object's name."""
    found: Counter[tuple[str, str]] = Counter()
    for run in runs:
        for attempt in run.attempts():
            for entry in read_journal(attempt.journal.path).entries:
                verb, _, what = str(entry.facts.get("request", "")).partition(" ")
                if entry.event == "intended" and verb in VERBS:
                    found[VERBS[verb], what.rpartition("/")[2]] += 1
    return found


def served(pair: Pair) -> Counter[tuple[str, str]]:
    """What the server's own log says was asked; a POST names its object in the body alone."""
    return Counter((w["verb"], w["name"] or "runbook-operator") for w in pair.writes())


def test_the_books_balance_after_a_repair(pair: Pair) -> None:
    ready_to_delete(pair)
    stages: list[Stage] = [pair.run(s) for s in ("registry-trust", "cleanup", "reconcile", "cleanup")]
    runs = {s.setting.run.path: s.setting.run for s in stages}
    told = journalled([Run.load(path) for path in runs])
    assert told == served(pair)
    assert sum(n for (verb, _), n in told.items() if verb == "delete") <= 1  # a slow machine's kubelet may be faster
    assert ("patch", "noteboard") in told


def test_an_unwritten_act_is_found_missing(pair: Pair) -> None:
    """The comparison itself: a write that no journal tells of must show."""
    client = pair.client()
    client.transport.change(
        "PATCH",
        "/apis/helm.toolkit.fluxcd.io/v2/namespaces/notes/helmreleases/noteboard",
        "a write past the journal",
        b'{"metadata": {"annotations": {"x": "y"}}}',
        "application/merge-patch+json",
        {},
    )
    client.close()
    assert served(pair) != journalled([])
