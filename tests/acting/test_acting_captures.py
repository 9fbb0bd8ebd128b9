"""What is kept of a deleted Job: all of it and of its pods, the log before the last start among it, in one file."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runbook.acting.capturing import capture
from runbook.acting.hands import NotDone
from runbook.errors import DeniedError, ObservationError
from runbook.evidence import Redactor
from runbook.evidence.shapes import MARK
from runbook.model import Action, ObjectRef

JOB = {"metadata": {"name": "migrate", "namespace": "notes", "uid": "u-job", "managedFields": [{"manager": "helm"}]}}
SECRET = "Canary-8f3a91c7-Zq"


def pod(name: str, restarts: int) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "notes", "uid": f"u-{name}"},
        "spec": {"containers": [{"name": "app", "env": [{"name": "DB_PASSWORD", "value": SECRET}]}]},
        "status": {"containerStatuses": [{"name": "app", "restartCount": restarts}]},
    }


class Client:
    """Answers with events of each uid, and with logs; `refuses` is raised for the log of a container's earlier start."""

    def __init__(self, refuses: ObservationError | None = None) -> None:
        self.refuses = refuses

    def events_of(self, _namespace: str, uid: str) -> bytes:
        return json.dumps({"items": [{"reason": f"of {uid}"}]}).encode()

    def log(self, _namespace: str, name: str, container: str, *, tail: int, previous: bool) -> str:
        assert tail > 1_000
        if previous and self.refuses:
            raise self.refuses
        return f"{name} {container}\n{'before' if previous else 'now'}: {SECRET}"


def kept(folder: Path, client: Client, name: str = "migrate") -> dict[str, Any]:
    hands: Any = SimpleNamespace(attempt=SimpleNamespace(path=folder), client=client, redactor=Redactor([SECRET]))
    action = Action("A1", "delete-job", ObjectRef("Job", "notes", name), "a test", "none", "", uid="u-job")
    path = capture(action, JOB, hands, pods=(pod("p1", 0), pod("p2", 3)))
    assert path.parent == folder / "captures"
    assert path.stat().st_mode & 0o777 == 0o600
    assert SECRET not in path.read_text()
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_job_is_kept_with_its_pods_their_events_and_the_log_before_the_last_start(tmp_path: Path) -> None:
    found = kept(tmp_path, Client())
    assert (found["object"], found["uid"]) == ("Job/notes/migrate", "u-job")
    assert found["manifest"] == {
        "kind": "Job",
        "metadata": {k: v for k, v in JOB["metadata"].items() if k != "managedFields"},
    }
    assert [e["reason"] for e in found["events"]] == ["of u-job"]
    assert list(found["pods"]) == ["p1", "p2"]
    assert {n: [e["reason"] for e in p["events"]] for n, p in found["pods"].items()} == {
        "p1": ["of u-p1"], "p2": ["of u-p2"],
    }  # fmt: skip
    assert found["pods"]["p1"]["logs"] == {"app": {"current": ["p1 app", f"now: {MARK}"]}}
    assert found["pods"]["p2"]["logs"]["app"]["previous"] == ["p2 app", f"before: {MARK}"]
    assert found["pods"]["p2"]["manifest"]["metadata"]["uid"] == "u-p2"


def test_a_log_that_is_not_there_is_kept_as_what_it_is(tmp_path: Path) -> None:
    found = kept(tmp_path, Client(ObservationError("log", "400 previous terminated container not found")))
    assert found["pods"]["p2"]["logs"]["app"]["previous"] == ["(no log: 400 previous terminated container not found)"]


def test_a_log_that_is_refused_stops_the_deletion(tmp_path: Path) -> None:
    with pytest.raises(NotDone, match="not deleted, because its evidence could not be read"):
        kept(tmp_path, Client(DeniedError("log", "403")))
    assert list((tmp_path / "captures").iterdir()) == []


def test_the_longest_name_of_an_object_is_no_name_too_long_for_a_file(tmp_path: Path) -> None:
    assert kept(tmp_path, Client(), "m" * 253)["object"].endswith("m" * 253)
