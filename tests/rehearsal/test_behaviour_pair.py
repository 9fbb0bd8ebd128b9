"""The scenario `pair` as it is lived: two causes, one cured by its person, read over the cluster's own HTTPS API."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from pair_process import Living, living

from runbook.inventory.load import load

RELEASES = "/apis/helm.toolkit.fluxcd.io/v2/helmreleases"
SEALED = "/apis/bitnami.com/v1alpha1/sealedsecrets"
PODS = "/api/v1/namespaces/notes/pods"
X509 = "x509: certificate signed by unknown authority"


@dataclass
class Story:
    """What was there at each frame."""

    cluster: Living
    broken: dict[str, list[dict[str, Any]]]
    healed: dict[str, list[dict[str, Any]]]


def look(cluster: Living) -> dict[str, list[dict[str, Any]]]:
    return {path: cluster.items(path) for path in (RELEASES, SEALED, PODS)}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    state = tmp_path_factory.mktemp("pair")
    with living(state, "--person") as cluster:
        cluster.until("frame", "broken")
        broken = look(cluster)
        cluster.go_on()
        cluster.until("frame", "half-healed")
        yield Story(cluster, broken, look(cluster))


def condition(obj: dict[str, Any], type_: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        (c for c in (obj.get("status") or {}).get("conditions") or () if c["type"] == type_), {}
    )
    return found


def named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(i for i in items if i["metadata"]["name"] == name)


def waiting(pods: list[dict[str, Any]]) -> str:
    """The words of every container that waits."""
    states = [s["state"] for p in pods for s in p["status"].get("containerStatuses") or ()]
    return " ".join((s.get("waiting") or {}).get("message", "") for s in states)


def test_events_tell_frames_and_acts_in_order(story: Story) -> None:
    ready, *later = story.cluster.told
    assert (ready["nodes"], ready["releases"]) == (1, 2)
    assert ready["frames"] == [
        {"name": "broken", "stages": ["preflight", "verify", "diagnose"]},
        {"name": "half-healed", "stages": ["verify"]},
    ]
    assert [e["event"] for e in later] == ["frame", "person", "person", "person", "frame"]
    first, last = (datetime.fromisoformat(e["cluster_time"]) for e in later if e["event"] == "frame")
    assert first < last


def test_kubeconfig_reaches_a_verified_https_api(story: Story) -> None:
    assert story.cluster.told[0]["server"].startswith("https://127.0.0.1:")
    assert story.cluster.get("/version")["gitVersion"] == "v1.34.2"
    assert (story.cluster.state / "kubeconfig").stat().st_mode & 0o077 == 0


def test_pull_fails_in_x509_words_until_the_ca_is_installed(story: Story) -> None:
    assert X509 in waiting(story.broken[PODS])
    assert "registry.pair.example:5000" in waiting(story.broken[PODS])
    assert waiting(story.healed[PODS]) == ""
    assert {p["metadata"]["uid"] for p in story.broken[PODS]} & {p["metadata"]["uid"] for p in story.healed[PODS]} == (
        set()
    )
    assert all(condition(p, "Ready")["status"] == "True" for p in story.healed[PODS])


def test_secret_sealed_for_the_lost_key_stays_closed(story: Story) -> None:
    for seen in (story.broken, story.healed):
        synced = condition(named(seen[SEALED], "postbox-secrets"), "Synced")
        assert synced["status"] == "False"
        assert "no key could decrypt secret (KEY)" in synced["message"]
    assert "under the mat" not in json.dumps(story.broken)


def test_release_stalls_when_retries_are_exceeded_and_leaves_it_by_reset(story: Story) -> None:
    for name in ("noteboard", "postbox"):
        release = named(story.broken[RELEASES], name)
        stalled = condition(release, "Stalled")
        assert (stalled["status"], stalled["reason"]) == ("True", "RetriesExceeded")
        assert condition(release, "Ready")["status"] == "False"
        assert "context deadline exceeded" in condition(release, "Ready")["message"]
    cured, red = (named(story.healed[RELEASES], n) for n in ("noteboard", "postbox"))
    assert condition(cured, "Ready")["status"] == "True"
    assert condition(cured, "Stalled") == {}
    assert cured["status"]["lastHandledResetAt"] == cured["metadata"]["annotations"]["reconcile.fluxcd.io/resetAt"]
    assert condition(red, "Stalled")["reason"] == "RetriesExceeded"


def test_person_writes_through_the_api_under_its_own_name(story: Story) -> None:
    log = [json.loads(line) for line in (story.cluster.state / "requests.jsonl").read_text().splitlines()]
    writes = [(e["user"], e["verb"], e["resource"]) for e in log if e["verb"] not in ("get", "list", "watch")]
    assert writes == [("person", "delete", "pods"), ("person", "patch", "helmreleases")]
    assert {e["user"] for e in log if e["verb"] in ("get", "list")} >= {"admin"}


def test_the_persons_journal_holds_what_was_told_and_every_write(story: Story) -> None:
    state, told = story.cluster.state, [e for e in story.cluster.told if e["event"] == "person"]
    journal = [json.loads(line) for line in (state / "person.jsonl").read_text().splitlines()]
    assert [{**line, "event": "person"} for line in journal] == told
    assert [line["act"] for line in journal] == ["installCA", "delete", "reset"]
    log = [json.loads(line) for line in (state / "requests.jsonl").read_text().splitlines()]
    logged = [(e["method"], e["path"]) for e in log if e["user"] == "person" and e["method"] != "GET"]
    assert [(w["method"], w["path"]) for line in journal for w in line["writes"]] == logged
    assert len(logged) == 2


def test_effective_inventory_loads_and_is_filled_in(story: Story) -> None:
    found = load(story.cluster.state / "inventory.yaml", today=date(2025, 10, 17)).inventory
    uid = story.cluster.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    assert found.cluster.uid == uid
    assert found.resolve["registry.pair.example:5000"].startswith("127.0.0.1:")
    assert found.resolve["pair.example:443"].startswith("127.0.0.1:")
    assert Path(found.nodes[0].transport.root).is_dir()
    assert found.nodes[0].transport.kind == "local"
    assert found.registry is not None
    pem = Path(found.registry.ca_file).read_text()
    assert found.registry.ca_fingerprint == hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    assert (Path(found.git.path) / ".git").is_dir()


def test_viewer_is_refused_what_its_role_does_not_name(story: Story) -> None:
    assert story.cluster.get(PODS, user="viewer")["items"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        story.cluster.get(RELEASES, user="viewer")
    with refused.value as answer:
        assert answer.code == 403
        assert 'User "viewer" cannot list resource "helmreleases"' in json.load(answer)["message"]


# how it ends


def test_process_ends_when_its_standard_input_does(tmp_path: Path) -> None:
    with living(tmp_path / "s") as cluster:
        assert cluster.process.stdin is not None
        cluster.process.stdin.close()
        assert cluster.process.wait(timeout=5) == 0


def test_process_ends_on_sigterm(tmp_path: Path) -> None:
    with living(tmp_path / "s") as cluster:
        cluster.process.send_signal(signal.SIGTERM)
        assert cluster.process.wait(timeout=5) == 0


PARENT = """
import subprocess, sys, time
argv = [sys.executable, "-m", "runbook.rehearsal", "--scenario", "pair", "--state", sys.argv[1], "--control"]
child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_process_never_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", PARENT, str(tmp_path / "s")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    ends = time.monotonic() + 5
    while running(child) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not running(child)


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize(
    ("more", "words"),
    [(["--ending", "haeled"], "has no ending 'haeled'; it has: seed"), (["--person-edits", "some"], "invalid choice")],
)
def test_unknown_ending_is_refused_with_exit_code_2(more: list[str], words: str) -> None:
    argv = [sys.executable, "-m", "runbook.rehearsal", "--scenario", "pair", *more]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert words in done.stdout + done.stderr


def test_unknown_scenario_is_refused_with_exit_code_2() -> None:
    argv = [sys.executable, "-m", "runbook.rehearsal", "--scenario", "nowhere"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    event = json.loads(done.stdout)
    assert (done.returncode, event["event"]) == (2, "error")
    assert "'nowhere'" in event["message"]
    assert "pair" in event["message"]


# the same at every speed


def causes(cluster: Living) -> set[tuple[str, str, str]]:
    found = [(r["metadata"]["name"], condition(r, "Ready")) for r in cluster.items(RELEASES)]
    found += [(s["metadata"]["name"], condition(s, "Synced")) for s in cluster.items(SEALED)]
    return {(name, c.get("reason", ""), c["message"]) for name, c in found}


@pytest.mark.tier2
def test_causes_do_not_depend_on_the_speed_of_time(tmp_path: Path) -> None:
    seen: list[list[set[tuple[str, str, str]]]] = []
    for scale in (60, 300):
        with living(tmp_path / str(scale), "--person", scale=scale) as cluster:
            cluster.until("frame", "broken")
            broken = causes(cluster)
            cluster.go_on()
            cluster.until("frame", "half-healed")
            seen.append([broken, causes(cluster)])
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[0][1]
