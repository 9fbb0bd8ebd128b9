"""The night's other endings: what its person does there, and that the product's acts and those edits heal all 27 releases.

A script stands in for the product here: it installs the CA, deletes wreckage and resets releases over the cluster's API.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import time
import urllib.error
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from pair_process import Living, living
from ruamel.yaml import YAML

from runbook.embedded import EmbeddedCluster as ParentOf
from runbook.errors import ScenarioError
from runbook.inventory.load import load
from runbook.inventory.model import Inventory
from runbook.judgement.waivers import is_automation
from runbook.rehearsal.cluster import EmbeddedCluster
from runbook.rehearsal.inventoryediting import edit_inventory
from runbook.rehearsal.person import Person
from runbook.rehearsal.personfile import StageName, words
from runbook.rehearsal.scenario import find
from runbook.stage.stages import STAGES

NIGHT = find("night")
ENDINGS = ("healed", "healed-waived")
AGENTS = [f"mtg-dev-agents-{role}" for role in ("orchestrator", "worker", "evaluator", "stenographer")]
FLUX, SEALED = "/apis/helm.toolkit.fluxcd.io/v2", "/apis/bitnami.com/v1alpha1/sealedsecrets"
RELEASES = f"{FLUX}/helmreleases"


def acts(ending: str) -> list[Any]:
    return [act for frame in NIGHT.frames(ending) for act in frame.person]


class TestWhatThePersonDoes:
    @pytest.mark.parametrize("ending", ENDINGS)
    def test_only_what_a_person_must(self, ending: str) -> None:
        done = Counter(act.word for act in acts(ending))
        assert set(done) == {"gitEdit", "unseal", "restart", "inventoryEdit", "wait"}
        assert (done["gitEdit"], done["unseal"], done["restart"]) == (2, 1, 1)

    def test_stages_are_the_products(self) -> None:
        assert set(get_args(StageName)) == set(STAGES) - {"retrospective"}

    def test_the_night_is_24_executions_at_most_with_the_look_back(self) -> None:
        for ending in ENDINGS:
            stages = [stage for frame in NIGHT.frames(ending) for stage in frame.stages]
            assert len(stages) + 1 <= 24
            last = NIGHT.frames(ending)[-1].stages
            assert set(last) == set(stages), "a stage whose latest attempt is an old red one decides the run"

    def test_the_seed_ending_acts_by_hand_as_before(self) -> None:
        done = Counter(act.word for act in acts("seed"))
        assert done == {"installCA": 1, "delete": 2, "reset": 1, "gitEdit": 1, "request": 3}
        assert [f.name for f in NIGHT.frames()] == ["trust-broken", "hooks-hang", "the-end"]


def edited(folder: Path, ending: str) -> tuple[Inventory, list[str]]:
    """The night's inventory after the person's edits, and the lines that came and went."""
    path, now = folder / "inventory.yaml", datetime.now(UTC)
    shutil.copy(NIGHT.folder / "inventory.yaml", path)
    before = path.read_text()
    lines: list[str] = []
    for act in (act.inventoryEdit for act in acts(ending) if act.inventoryEdit):
        did, diff = edit_inventory(path, words(act), now)
        assert did.startswith("edited ")
        lines += [x for x in diff.splitlines() if x[:1] in "+-" and x[:3] not in ("+++", "---")]
        assert edit_inventory(path, words(act), now) == ("changed nothing in inventory.yaml: it already says so", "")
    assert path.read_text() != before
    return load(path, today=now.date()).inventory, lines


class TestEndings:
    """What one process says of an ending, and what its parent makes of it."""

    def test_unaided_is_the_same_night_with_nobody_in_it(self) -> None:
        healed, alone = NIGHT.frames("healed"), NIGHT.frames("healed-unaided")
        assert [f.model_copy(update={"person": ()}) for f in healed] == list(alone)
        assert acts("healed-unaided") == []

    @pytest.mark.parametrize(("ending", "may"), [("seed", False), ("healed-unaided", True)])
    def test_the_parent_is_told_whether_stages_may_act(self, ending: str, may: bool) -> None:
        with ParentOf("night", time_scale=60, ending=ending) as cluster:
            assert [(f.name, f.acts) for f in cluster.frames] == [(f.name, may) for f in NIGHT.frames(ending)]
            assert cluster.ready["ending"] == ending

    def test_an_ending_there_is_not_is_refused_with_the_names_of_those_there_are(self) -> None:
        with pytest.raises(ScenarioError, match="has no ending 'haeled'; it has: seed, healed, healed-waived") as error:
            ParentOf("night", time_scale=60, ending="haeled")
        assert error.value.exit_code == 2

    def test_nothing_waits_for_a_time(self) -> None:
        """Every word of every condition but `kind` and the counts is asked of objects, and none of them is a duration."""
        endings = YAML(typ="safe").load((NIGHT.folder / "person.yaml").read_text())["endings"].values()
        frames = [frame for ending in endings for frame in ending]
        waits = [act["wait"] for frame in frames for act in frame.get("person") or () if "wait" in act]
        conditions = [c for some in (*waits, *(f["until"] for f in frames)) for c in some]
        assert len(conditions) > 20
        assert {word for c in conditions for word in c} <= {
            "kind", "namespace", "name", "condition", "waiting", "equals", "current", "count", "min",
        }  # fmt: skip


class TestInventoryEdits:
    def test_healed_corrects_ccbot_declares_a_smoke_check_and_takes_the_agents_off(self, tmp_path: Path) -> None:
        found, lines = edited(tmp_path, "healed")
        rows = {s.id: s for s in found.services}
        assert rows["ccbot"].version == "0.2.3"
        assert not set(AGENTS) & set(rows)
        assert all(s.release or s.workload for s in found.services)
        smoke = [e for e in found.endpoints if e.smoke]
        assert [(e.name, e.expect) for e in smoke] == [("ffl-selftest", {"selftest": "passed"})]
        assert found.waivers == ()
        # one line of ccbot, the endpoint, the agents with their comment: nothing else moved
        assert Counter(x[0] for x in lines) == {"-": 6, "+": 7}

    def test_healed_waived_keeps_the_agents_and_waives_them_by_a_person_for_a_time(self, tmp_path: Path) -> None:
        found, lines = edited(tmp_path, "healed-waived")
        assert set(AGENTS) <= {s.id for s in found.services}
        assert {w.check for w in found.waivers} == {"services-running", "versions-agree"}
        for waiver in found.waivers:
            assert not is_automation(waiver.who)
            assert waiver.ticket
            assert waiver.why
            assert timedelta(0) < waiver.until - datetime.now(UTC).date() <= timedelta(days=31)
        gone = [x for x in lines if x.startswith("-")]
        assert ("2.0.2" in gone[0], gone[1:]) == (True, ["-waivers: []"])
        text = (tmp_path / "inventory.yaml").read_text()
        assert "\nwaivers:\n  - id: W1\n" in text
        assert re.search(r"\n    until: [-\d]+\n  - id: W2\n(?:    .*\n)+\nsoak: 15m\n", text)

    @pytest.mark.parametrize(
        ("act", "words_"),
        [
            ({"entries": "servces", "where": {"id": "ccbot"}, "set": {"version": "1"}}, "no list 'servces'"),
            ({"entries": "services", "where": {"id": "ccbt"}, "set": {"version": "1"}}, "no entry of services"),
            ({"entries": "endpoints", "like": {"name": "f"}, "add": {"name": "g"}}, "no entry of endpoints"),
        ],
    )
    def test_an_edit_that_meets_nothing_is_refused_and_changes_nothing(
        self, tmp_path: Path, act: dict[str, Any], words_: str
    ) -> None:
        path = Path(shutil.copy(NIGHT.folder / "inventory.yaml", tmp_path))
        with pytest.raises(Exception, match=words_):
            edit_inventory(path, {**act, "message": "m"}, datetime.now(UTC))
        assert path.read_text() == (NIGHT.folder / "inventory.yaml").read_text()


@pytest.mark.parametrize(
    ("edits", "done"), [("all", ["unseal", "inventoryEdit"]), ("cluster", ["unseal"]), ("none", [])]
)
def test_the_persons_edits_can_be_left_out(edits: str, done: list[str], tmp_path: Path) -> None:
    told: list[str] = []
    amended: list[tuple[Path, str]] = []

    async def play() -> str:
        cluster = EmbeddedCluster(find("pair"), tmp_path, scale=0, inventory=tmp_path / "mine.yaml")
        await cluster.start()
        try:
            cluster.write_kubeconfigs()
            cluster.write_inventory()
            async with Person(
                cluster,
                lambda _did, **facts: told.append(facts["act"]),
                edits=edits,
                amended=lambda *a: amended.append(a),
            ) as person:
                edit = {"entries": "services", "where": {"id": "postbox"}, "remove": True, "message": "m"}
                await person.act([{"unseal": {"authority": "lost"}}, {"inventoryEdit": edit}])
                await person.act([{"inventoryEdit": {**edit, "message": "again"}}])  # nothing is left to change
                if edits == "none":  # nor is what they would bring about waited for
                    await person.act([{"wait": [{"kind": "Pod", "count": 99}]}])
        finally:
            await cluster.stop()
        return (tmp_path / "mine.yaml").read_text()

    text = asyncio.run(asyncio.wait_for(play(), 30))
    assert told == [*done, *(["inventoryEdit"] if edits == "all" else [])]
    assert amended == ([(tmp_path / "mine.yaml", "m")] if edits == "all" else [])
    assert ("id: postbox" in text) == (edits != "all")


# lived, with a script in place of the product


def condition(obj: dict[str, Any], type_: str = "Ready") -> str:
    found = (c["status"] for c in (obj.get("status") or {}).get("conditions") or () if c["type"] == type_)
    return next(found, "absent")


def red(cluster: Living) -> set[str]:
    return {o["metadata"]["name"] for o in cluster.items(RELEASES) if condition(o) != "True"}


def private(cluster: Living) -> tuple[str, ...]:
    """The names of the rebuilt registry."""
    registry = load(cluster.state / "inventory.yaml", today=datetime.now(UTC).date()).inventory.registry
    assert registry is not None
    return registry.names


def untrusted(pod: dict[str, Any], hosts: tuple[str, ...]) -> bool:
    """Whether a container waits for an image of these hosts."""
    statuses = (pod["status"].get(key) or () for key in ("initContainerStatuses", "containerStatuses"))
    waiting = [s for some in statuses for s in some if "ImagePull" in str(s["state"].get("waiting", {}).get("reason"))]
    return any(s["image"].startswith(hosts) for s in waiting)


def gone(cluster: Living, path: str) -> None:
    try:
        cluster.send("DELETE", path, {"propagationPolicy": "Background"})
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 404:
            raise


def install_ca(cluster: Living) -> None:
    pem = (cluster.state / "ca/registry-ca.crt").read_bytes()
    for node in (cluster.state / "nodes").iterdir():
        for host in private(cluster):
            path = node / f"etc/docker/certs.d/{host}/ca.crt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pem)


def clean_up(cluster: Living) -> None:
    hosts = private(cluster)
    pods = [p for p in cluster.items("/api/v1/pods") if untrusted(p, hosts)]
    owners = [(p["metadata"]["namespace"], o) for p in pods for o in p["metadata"].get("ownerReferences") or ()]
    for namespace, name in sorted({(n, o["name"]) for n, o in owners if o["kind"] == "Job"}):
        gone(cluster, f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}")
    for pod in pods:
        gone(cluster, f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}")


def reset(cluster: Living, *, hold: tuple[str, ...] = ()) -> None:
    """Reset what is stalled, and wait until each has answered and nothing moves."""
    stalled = [o for o in cluster.items(RELEASES) if condition(o, "Stalled") == "True"]
    chosen = [o["metadata"] for o in stalled if o["metadata"]["name"] not in hold]
    token = f"t{time.time()}"
    marks = {f"reconcile.fluxcd.io/{word}At": token for word in ("requested", "reset")}
    for found in chosen:
        path = f"{FLUX}/namespaces/{found['namespace']}/helmreleases/{found['name']}"
        cluster.send("PATCH", path, {"metadata": {"annotations": marks}})
    ends, names = time.monotonic() + 60, {found["uid"] for found in chosen}
    while time.monotonic() < ends:
        now = cluster.items(RELEASES)
        answered = {o["metadata"]["uid"] for o in now if o["status"].get("lastHandledReconcileAt") == token}
        if names <= answered and not any(condition(o) == "Unknown" for o in now):
            return
        time.sleep(0.05)
    raise AssertionError(f"no answer from {names}")


STAGE_ACTS = {"registry-trust": install_ca, "cleanup": clean_up, "reconcile": reset}


def heal(cluster: Living) -> dict[str, set[str]]:
    """Go through the frames and act as their stages do; what was red when each frame came, and in the end."""
    seen: dict[str, set[str]] = {}
    for frame in cluster.told[0]["frames"]:
        cluster.until("frame", frame["name"])
        seen[frame["name"]] = red(cluster)
        for stage in frame["stages"]:
            if stage in STAGE_ACTS:
                STAGE_ACTS[stage](cluster)
        if frame is not cluster.told[0]["frames"][-1]:
            cluster.go_on()
    return seen


LOCKED = {
    "ccbot", "midwestmtg-backend", "triager-classify-worker", "triager-ingest-worker", "triager-notify-worker",
    "triager-orchestrator", "triager-redis", "triager-summarize-worker",
}  # fmt: skip


def settle(cluster: Living) -> None:
    """What waits for another release comes up after it."""
    ends = time.monotonic() + 30
    while red(cluster) and time.monotonic() < ends:
        time.sleep(0.1)
    assert red(cluster) == set()


@pytest.mark.parametrize(("edits", "left"), [("all", set()), ("none", {"postbox"})])
def test_two_releases_heal_the_same_way(edits: str, left: set[str], tmp_path: Path) -> None:
    with living(tmp_path, "--person", "--ending", "healed", "--person-edits", edits) as cluster:
        seen = heal(cluster)
        assert seen == {"broken": {"noteboard", "postbox"}, "unsealed": {"postbox"}}
        assert red(cluster) == left
        synced = [condition(s, "Synced") for s in cluster.items(SEALED)]
        assert synced == (["False"] if left else ["True"])


@pytest.mark.tier2
class TestLived:
    @pytest.mark.parametrize("ending", ENDINGS)
    def test_all_27_releases_are_ready_in_the_end(self, ending: str, tmp_path: Path) -> None:
        with living(tmp_path, "--person", "--ending", ending, scenario="night") as cluster:
            assert cluster.told[0]["ending"] == ending
            seen = heal(cluster)
            assert len(seen["trust-broken"]) == 14
            assert seen["hooks-hang"] == LOCKED | {"midwestmtg-discord-bot", "velero"}
            assert seen["the-end"] == LOCKED | {"midwestmtg-discord-bot"}  # velero's new values healed it; a reset must
            settle(cluster)
            assert len(cluster.items(RELEASES)) == 27
            assert [condition(s, "Synced") for s in cluster.items(SEALED)] == ["True"] * 8
            secrets = {s["metadata"]["name"] for s in cluster.items("/api/v1/namespaces/triager/secrets")}
            assert {"ccbot-secrets", "triager-redis-secrets"} <= secrets
            assert self.writes(cluster) == [
                ("POST", "/api/v1/namespaces/kube-system/secrets"),
                ("PATCH", "/apis/apps/v1/namespaces/kube-system/deployments/sealed-secrets-controller"),
            ]
            found = load(cluster.state / "inventory.yaml", today=datetime.now(UTC).date()).inventory
            assert bool(found.waivers) == (ending == "healed-waived")
            self.tells_of_its_edits_once(cluster)
            assert any(e.smoke and e.ca for e in found.endpoints)

    @staticmethod
    def writes(cluster: Living) -> list[tuple[str, str]]:
        """What the person wrote through the API: the cluster's own log and the person's journal agree."""
        log, journal = ((cluster.state / f"{name}.jsonl").read_text().splitlines() for name in ("requests", "person"))
        logged = [e for e in map(json.loads, log) if e["user"] == "person" and e["method"] != "GET"]
        noted = [w for line in map(json.loads, journal) for w in line["writes"]]
        assert [(e["method"], e["path"]) for e in logged] == [(w["method"], w["path"]) for w in noted]
        return [(w["method"], w["path"]) for w in noted]

    @staticmethod
    def tells_of_its_edits_once(cluster: Living) -> None:
        """One event after the last of them: what a run takes in then is the edited file, with every reason."""
        events = [e["event"] if e["event"] != "person" else e["act"] for e in cluster.told]
        (told,) = (e for e in cluster.told if e["event"] == "inventory")
        edits = [e for e in cluster.told if e.get("act") == "inventoryEdit"]
        assert set(told) == {"event", "path", "who", "why"}
        assert (told["path"], told["who"]) == (cluster.told[0]["inventory"], "R. Becker")
        assert told["why"] == "; ".join(e["why"] for e in edits)
        assert events[events.index("inventory") - 1] == "inventoryEdit"
        assert "inventoryEdit" not in events[events.index("inventory") :]
        assert hashlib.sha256(Path(told["path"]).read_bytes()).hexdigest() == edits[-1]["after"]

    def test_what_is_stalled_stays_red_without_a_reset(self, tmp_path: Path) -> None:
        """The frontend's pods run as soon as the CA is there; its release has no retries left and stays as it is."""
        with living(tmp_path, "--person", "--ending", "healed", scenario="night") as cluster:
            cluster.until("frame", "trust-broken")
            install_ca(cluster)
            clean_up(cluster)
            reset(cluster, hold=("midwestmtg-frontend",))
            cluster.go_on()
            cluster.until("frame", "hooks-hang")
            assert "midwestmtg-frontend" in red(cluster)
            reset(cluster)
            assert "midwestmtg-frontend" not in red(cluster)

    @pytest.mark.parametrize("more", [("healed-unaided",), ("healed", "--person-edits", "none")], ids=" ".join)
    def test_without_the_persons_edits_every_frame_comes_and_the_end_is_red(
        self, more: tuple[str, ...], tmp_path: Path
    ) -> None:
        with living(tmp_path, "--person", "--ending", *more, scenario="night") as cluster:
            heal(cluster)
            assert red(cluster) == LOCKED | {"midwestmtg-discord-bot", "velero", "ffl-backend"}
            assert [e for e in cluster.told if e["event"] in ("person", "inventory")] == []

    def test_without_the_inventorys_edits_the_cluster_heals_and_the_inventory_is_as_it_was(
        self, tmp_path: Path
    ) -> None:
        more = ("--person", "--ending", "healed", "--person-edits", "cluster")
        with living(tmp_path, *more, scenario="night") as cluster:
            before = (tmp_path / "inventory.yaml").read_bytes()
            heal(cluster)
            settle(cluster)
            assert (tmp_path / "inventory.yaml").read_bytes() == before
