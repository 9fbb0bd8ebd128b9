"""A list that had to be begun again, or is shorter than announced: whoever reads the answer is told, on the screen and in the record."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from calm_pair import CalmPair

from runbook.acting.awaiting import Request, answers
from runbook.acting.pullproof import Pull, pull_proofs
from runbook.actions import delete_job
from runbook.clients.kubernetes import Listing, WatchEvent, listing
from runbook.clients.soak import soak
from runbook.evidence import Run, read_journal
from runbook.evidence.acts import with_list_notes
from runbook.evidence.journal import Journal
from runbook.inventory.model import Inventory
from runbook.model import ObjectRef, Result
from runbook.stage import looking, replay_attempts
from runbook.stage.identity import utc_now

NOTE = "the list of pods in all namespaces was begun again: 410 The provided continue parameter is too old"
KEPT = {"SealedSecret"}  # of what a look without a record lists, what its controller is asked about


@dataclasses.dataclass
class Lists:
    """Every list of pods that is asked for; of those whose turn is in `again` a token has expired."""

    again: set[int]
    turn: int = 0
    as_served: dict[str, bool] = dataclasses.field(default_factory=dict)

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real: Callable[..., Listing] = listing.fetch

        def fetch(transport: Any, kind: str, *rest: Any, **more: Any) -> Listing:
            found = real(transport, kind, *rest, **more)
            self.as_served[kind] = more["as_served"]
            if kind != "Pod":
                return found
            self.turn += 1
            return dataclasses.replace(found, restarted=NOTE) if self.turn in self.again else found

        monkeypatch.setattr(listing, "fetch", fetch)


class Heard:
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, str]] = []

    def warning(self, stage: str, sentence: str) -> None:
        self.warnings.append((stage, sentence))

    def __getattr__(self, _verb: str) -> Callable[..., None]:
        return lambda *_words, **_more: None


@pytest.mark.parametrize("turn", [1, 2, 3, 4], ids=["first look", "soak", "end of the soak", "second look"])
def test_the_record_of_a_verify_says_so_on_every_page_and_replays(
    calm: CalmPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], turn: int
) -> None:
    lists = Lists({turn})
    lists.watch(monkeypatch)
    seen = calm.verify(tmp_path, user="")
    assert lists.turn == 4
    assert lists.as_served["Pod"]
    assert seen.result.notes == (NOTE,)
    assert json.loads((seen.attempt / "result.json").read_text())["notes"] == [NOTE]
    assert [e.facts for e in read_journal(seen.attempt / "journal.jsonl").entries if e.what == "list"] == [
        {"note": NOTE}
    ]
    assert NOTE in seen.page
    assert "was begun again" in " ".join(capsys.readouterr().err.split())
    assert [r.differences for r in replay_attempts(Run.load(seen.attempt.parent))] == [()]
    assert all(c.result in (Result.PASS, Result.SKIP) for c in seen.result.criteria)


def test_nothing_is_said_of_lists_that_came_in_one_go(
    calm: CalmPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Lists(set()).watch(monkeypatch)
    seen = calm.verify(tmp_path, user="")
    assert seen.result.notes == ()
    assert [e for e in read_journal(seen.attempt / "journal.jsonl").entries if e.event == "noted"] == []


@pytest.mark.parametrize("way", ["status", "explain", "inventory"])
def test_a_look_without_a_record_says_so_and_keeps_no_bytes(
    calm: CalmPair, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    lists, heard = Lists({1}), Heard()
    talk: Any = heard
    lists.watch(monkeypatch)
    where: dict[str, Any] = {"kubeconfig": str(calm.cluster.kubeconfig), "context": None, "talk": talk}
    if way == "status":
        result, _ = looking.look(inventory=calm.cluster.inventory, **where)
        assert result.findings
    elif way == "explain":
        snapshot, _ = looking.observe_for_explanation(calm.cluster.inventory, **where)
        assert snapshot.objects["Pod"]
    else:
        snapshot, _, _ = looking.observe_for_inventory(**where)
        assert snapshot.objects["Pod"]
    assert [said for _, said in heard.warnings if "begun again" in said] == [NOTE]
    assert {kind for kind, kept in lists.as_served.items() if kept} == (set() if way == "inventory" else KEPT)


class Server:
    """Lists nothing, and each list had to be begun again; its watch relists once."""

    def list(self, kind: str, **_rest: Any) -> Listing:
        return Listing(kind, (), (), "7", restarted=f"{kind} begun again")

    def watch(self, kind: str, _version: str, *, until: Any, **_rest: Any) -> Any:
        yield WatchEvent("RELISTED", None, Listing(kind, (), (), "8", short=f"{kind} may lack objects"))
        while not until():
            pass


INVENTORY = Inventory.model_validate({"schema": "runbook/inventory/v1", "cluster": {"name": "here"}})


def test_so_do_a_soak_and_those_who_wait_for_answers_and_pulls() -> None:
    server: Any = Server()
    heard: list[str] = []
    soak(server, INVENTORY, wanted_seconds=0.3, now=utc_now, note=heard.append)
    watched = ("Pod", "HelmRelease", "Event", "Node")
    assert {*heard} == {f"{kind} {said}" for kind in watched for said in ("begun again", "may lack objects")}
    assert len([said for said in heard if said == "Node begun again"]) == 2  # before and after
    heard.clear()
    ref = ObjectRef("HelmRelease", "a", "b")
    request = Request(ref, "uid", "token")
    answers(server, {ref: request}, limit=5, now=utc_now, progress=lambda *_: None, note=heard.append)
    assert heard == ["HelmRelease begun again"]
    heard.clear()
    pull_proofs(
        server, [Pull("n", "h")], utc_now(), lambda _: "", now=utc_now, progress=lambda *_: None, note=heard.append
    )
    assert heard == ["Event begun again", "Pod begun again"]


def test_the_list_of_a_jobs_pods_is_told_to_the_journal_and_stands_first_among_the_notes(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    hands: Any = SimpleNamespace(client=Server(), journal=journal, redactor=SimpleNamespace(text=str.upper))
    assert delete_job._pods(ObjectRef("Job", "a", "j"), hands) == []
    assert with_list_notes(("other", "POD BEGUN AGAIN"), journal) == ("POD BEGUN AGAIN", "other")
