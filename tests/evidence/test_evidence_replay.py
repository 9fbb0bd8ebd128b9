"""Observations read back: the same snapshot, the same digest, and a difference for every touched byte."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from evidence_samples import NOW, endpoint, new_run, pod, seen

from runbook.domain.probes import SoakReset, SoakWindow
from runbook.errors import EvidenceError, RunFolderError
from runbook.evidence import Attempt, Redactor, load_snapshot, observations_digest
from runbook.model import Gap, NotObserved, ObjectRef


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    found = new_run(tmp_path).new_attempt("verify")
    found.store(
        seen(pod("a"), pod("b"), gaps={"Job": Gap("jobs", "403 Forbidden", "list jobs")}, probes=(endpoint("ok"),))
    )
    return found


def test_a_snapshot_reads_back_with_its_gaps_and_malformed_objects(attempt: Attempt) -> None:
    snapshot = attempt.snapshot()
    assert (snapshot.observed_at, snapshot.cluster) == (NOW, "beckerkube")
    assert [p.metadata.name for p in snapshot.objects["Pod"]] == ["a", "b"]
    assert snapshot.objects["EndpointProbe"] == (endpoint("ok"),)
    assert snapshot.malformed == ((ObjectRef("Pod", "a", "odd"), "spec: expected object"),)
    from runbook.domain.workloads import Job

    with pytest.raises(NotObserved, match="403 Forbidden"):
        snapshot.of(Job)


def test_some_kinds_alone_can_be_read_when_others_are_broken(attempt: Attempt) -> None:
    for path in (attempt.path / "observations").glob("Pod.*"):
        path.write_bytes(b"")
    assert attempt.snapshot(only={"EndpointProbe"}).objects == {"EndpointProbe": (endpoint("ok"),)}
    with pytest.raises(RunFolderError):
        attempt.snapshot()


def test_storing_the_same_twice_gives_the_same_bytes(attempt: Attempt) -> None:
    first = observations_digest(attempt.path)
    again = attempt.store(
        seen(pod("a"), pod("b"), gaps={"Job": Gap("jobs", "403 Forbidden", "list jobs")}, probes=(endpoint("ok"),))
    )
    assert again.digest == first == observations_digest(attempt.path)


def test_the_second_look_counts_and_the_first_one_stays(attempt: Attempt) -> None:
    attempt.store(seen(pod("c")), part="proved")
    assert [p.metadata.name for p in attempt.snapshot().objects["Pod"]] == ["c"]
    assert [p.metadata.name for p in attempt.snapshot(part="").objects["Pod"]] == ["a", "b"]
    attempt.forget_proof()
    assert [p.metadata.name for p in load_snapshot(attempt.path).objects["Pod"]] == ["a", "b"]


def test_measured_quiet_stands_beside_the_looks(attempt: Attempt) -> None:
    window = SoakWindow(60.0, 60.0, NOW, NOW, (SoakReset(NOW, "restarts 0 → 1", "Pod/a/b"),), 3)
    attempt.store_soak(window, Redactor())
    assert attempt.snapshot().of(SoakWindow) == (window,)
    assert "SoakWindow" not in attempt.snapshot(part="").objects


def test_an_altered_file_is_not_what_was_recorded(attempt: Attempt) -> None:
    path = attempt.path / "observations/Pod.jsonl.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b'"a:1"', b'"a:2"'), mtime=0))
    with pytest.raises(EvidenceError, match=r"Pod\.jsonl\.gz is not what was recorded"):
        observations_digest(attempt.path)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("snapshot.json", lambda d: d[:40], "truncated"),
        ("snapshot.json", lambda d: d.replace(b"snapshot/v1", b"snapshot/v2"), "snapshot/v2"),
        ("Pod.jsonl.gz", lambda d: d[:-9], "truncated"),
        ("EndpointProbe.jsonl", lambda _d: b"", "0 of 1 objects"),
        ("Pod.jsonl.gz", None, r"holds no Pod\.jsonl\.gz"),
    ],
    ids=["cut json", "newer", "cut gzip", "fewer lines", "gone"],
)
def test_a_broken_observation_is_one_clear_error(attempt: Attempt, name: str, change: object, words: str) -> None:
    path = attempt.path / "observations" / name
    if callable(change):
        path.write_bytes(change(path.read_bytes()))
    else:
        path.unlink()
    with pytest.raises(RunFolderError, match=words):
        attempt.snapshot()


def test_of_many_objects_the_unremarkable_ones_keep_their_typed_fields(tmp_path: Path) -> None:
    attempt = new_run(tmp_path).new_attempt("verify")
    pods = [{**pod(f"p{n}"), "spec": {**pod()["spec"], "hostNetwork": True}} for n in range(2001)]
    observed = attempt.store(seen(*pods)).compact({ObjectRef("Pod", "ffl", "p7")})
    lines = [
        json.loads(x) for x in gzip.decompress((attempt.path / "observations/Pod.jsonl.gz").read_bytes()).splitlines()
    ]
    whole = [x["metadata"]["name"] for x in lines if "hostNetwork" in x["spec"]]
    assert whole == ["p7"]
    kinds = json.loads((attempt.path / "observations/snapshot.json").read_text())["kinds"]
    assert kinds["Pod"]["typed_only"] == 2000
    assert attempt.snapshot().objects["Pod"][0].spec.node_name == "n1"
    assert observed.digest == observations_digest(attempt.path)
