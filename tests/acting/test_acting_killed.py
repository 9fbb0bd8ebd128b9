"""SIGKILL at random moments of an apply: nothing is lost, nothing is assumed, nothing happened that is not journalled."""

from __future__ import annotations

import json
import random
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
from acting_pair import Pair

from runbook.cli.app import call
from runbook.evidence import Run, read_journal
from runbook.evidence.acts import acts_of, open_acts, settled_acts

CHILD = Path(__file__).with_name("killed_child.py")
KILLS, VICTIMS = 20, 6


def victims(pair: Pair, round_: int) -> None:
    """Bare pods that wait for an image that no registry has: nothing makes them again, so their deletion leaves no doubt."""
    access = json.loads(pair.cluster.kubeconfig.read_text())
    cluster, user = access["clusters"][0]["cluster"], access["users"][0]["user"]
    context = ssl.create_default_context(cafile=cluster["certificate-authority"])
    headers = {"Authorization": f"Bearer {user['token']}", "User-Agent": "kubectl"}
    with httpx.Client(base_url=cluster["server"], headers=headers, verify=context) as client:
        for n in range(VICTIMS):
            body = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"victim-{round_:02d}-{n}", "labels": {"victim": "yes"}},
                "spec": {"containers": [{"name": "c", "image": "docker.io/library/victim:gone"}]},
            }
            client.post("/api/v1/namespaces/notes/pods", json=body).raise_for_status()


def killed(pair: Pair, run: str, after: float) -> Path:
    """One apply, killed some seconds after its first act could begin; gives the attempt's folder."""
    argv = [sys.executable, str(CHILD), str(pair.inventory), str(pair.cluster.kubeconfig), str(pair.outputs), run]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    attempt = Path(child.stdout.readline().strip())
    time.sleep(after)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    return attempt


def test_twenty_kills(pair: Pair) -> None:
    seed = 20251017
    chance = random.Random(seed)
    run = ""
    ends: list[str] = []
    for round_ in range(KILLS):
        earlier = len(pair.writes())  # one refused then, because its pod had changed, is planned anew
        victims(pair, round_)
        attempt = killed(pair, run, chance.uniform(0.0, 0.25))
        run = str(attempt.parent)
        left = pair.pods("notes")
        found = Run.load(attempt.parent).attempts("cleanup")[-1]
        acts = acts_of(read_journal(found.journal.path).entries)
        deleted = {w["name"] for w in pair.writes()[earlier:] if w["verb"] == "delete"}
        intended = {
            str(e.facts["uid"]): e
            for e in read_journal(found.journal.path).entries
            if e.facts.get("request", "").startswith("DELETE")
        }
        for act in acts:
            there = left.get(act.object.name) == act.uid
            ends.append(act.outcome)
            assert act.outcome in ("changed", "unknown", "planned", "failed"), act
            if act.outcome == "changed":
                assert not there
            if not there:
                assert act.uid in intended, f"{act.name} is gone and no journal says why (seed {seed})"
                kept = json.loads((found.path / "captures" / f"{act.id}-Pod-{act.object.name}.json").read_text())
                assert kept["manifest"]["metadata"]["uid"] == kept["uid"] == act.uid
                assert {"events", "logs", "owners", "release"} <= set(kept)
            if act.outcome == "planned":
                assert act.uid not in intended
                assert act.object.name not in deleted
        assert call(["show", str(found.run_path)]) in (0, 1, 3)
    assert {"changed", "planned"} <= set(ends)
    last = pair.run("cleanup", run=run, without_lease="yes")  # each apply looks at what those before it left open
    loaded = Run.load(Path(run))
    opened = {
        (a.path.name, act.id) for a in loaded.attempts() if a.path != last.setting.attempt.path for act in open_acts(a)
    }
    assert opened == set(settled_acts(loaded))
