"""Honest books: every write the server has seen is in a journal, and every request a journal tells of was seen."""

from __future__ import annotations

from acting_pair import Pair, journalled, ready_to_delete, served

from runbook.evidence import Run
from runbook.stage import Stage


def test_the_books_balance_after_a_repair(pair: Pair) -> None:
    ready_to_delete(pair)
    stages: list[Stage] = [pair.run(s) for s in ("registry-trust", "cleanup", "reconcile", "cleanup")]
    runs = {s.setting.run.path: s.setting.run for s in stages}
    told = journalled([Run.load(path) for path in runs])
    assert told == served(pair)
    deletes = [w["status"] for w in pair.writes() if w["verb"] == "delete"]
    # a slow machine's kubelet may be faster, or write the pod's status in between (409), and then it is asked again
    assert len([status for status in deletes if status != 409]) <= 1
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
