"""What a scenario may say, what its person knows, and what the Helm controller decides."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbook.errors import ScenarioError
from runbook.rehearsal.charts import Charts
from runbook.rehearsal.clock import ScaledClock
from runbook.rehearsal.controllers.helmaction import HelmAction, HelmError
from runbook.rehearsal.controllers.helmstate import Attempt, decide, exhausted, timeout
from runbook.rehearsal.durations import seconds
from runbook.rehearsal.personconditions import COUNTED, TESTS, holds, matching
from runbook.rehearsal.personfile import Condition
from runbook.rehearsal.scenario import Scenario, find
from runbook.rehearsal.store import Store

PAIR = find("pair").folder
START = datetime(2025, 10, 17, 11, tzinfo=UTC)


def replace(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))

    return change


def test_manifests_may_be_json(tmp_path: Path) -> None:
    shutil.copytree(PAIR, tmp_path / "pair")
    folder = tmp_path / "pair/manifests"
    wanted = Scenario(PAIR).manifests
    for path in folder.iterdir():
        path.unlink()
    (folder / "all.json").write_text(json.dumps({"kind": "List", "items": wanted}))
    assert len(wanted) > 3
    assert Scenario(tmp_path / "pair").manifests == wanted


BAD: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "missing authority": (
        replace("world.yaml", "authorities: [registry-ca, ", "authorities: ["),
        "world.yaml: authorities",
        "'registry-ca' is not among the authorities",
    ),
    "unknown key": (
        replace("world.yaml", "runtime: docker,", "runtime: docker, colour: red,"),
        "world.yaml: nodes.0.colour",
        "Extra inputs are not permitted",
    ),
    "unknown runtime": (
        replace("world.yaml", "runtime: docker,", "runtime: rkt,"),
        "world.yaml: nodes.0.runtime",
        "'docker'",
    ),
    "missing field": (replace("world.yaml", "name: pair, uid:", "name: pair, u:"), "world.yaml: cluster.uid", "Field"),
    "bad YAML": (replace("world.yaml", "nodes: [", "nodes: [["), "world.yaml", r"world.yaml is not YAML: line \d+"),
    "bad YAML of a manifest": (
        replace("manifests/platform.yaml", "spec:", "spec: ]"),
        "manifests/platform.yaml",
        r"platform.yaml is not YAML: line \d+, column \d+",
    ),
    "bad JSON of a manifest": (
        lambda folder: (folder / "manifests/more.json").write_text('{"kind": "List",\n "items": [}'),
        "manifests/more.json",
        r"more.json is not JSON: line 2, column \d+: Expecting value",
    ),
    "a manifest that is no object": (
        lambda folder: (folder / "manifests/more.json").write_text("[1]"),
        "manifests/more.json",
        "more.json holds list, not an object",
    ),
    "missing git folder": (
        lambda folder: shutil.rmtree(folder / "git"),
        "world.yaml: gitRepositories",
        "no folder git/pair",
    ),
    "sealed outside of git": (
        replace("world.yaml", "file: pair/", "file: elsewhere/"),
        "world.yaml: sealed",
        "lies in no Git repository",
    ),
    "unknown node of trust": (
        replace("world.yaml", "systemTrust:", "trust: [{node: pair-9, authority: registry-ca}]\nsystemTrust:"),
        "world.yaml: trust.0.node",
        "'pair-9' is not among the nodes",
    ),
    "unknown registry of a published CA": (
        replace("world.yaml", "registry: private}", "registry: privat}"),
        "world.yaml: caSecrets.0.registry",
        "'privat' is not among the registries' ids",
    ),
    "unknown key of a sealed secret": (
        replace("world.yaml", "key: lost", "key: found"),
        "world.yaml: sealed.0.key",
        "'lost' or 'current'",
    ),
    "sealed without sealing": (
        replace("world.yaml", "sealing: {", "# {"),
        "world.yaml: sealed.0.key",
        "the world has no `sealing`",
    ),
    "age of a key": (
        replace("world.yaml", "lostKeyAge: 2000h", "lostKeyAge: 12w"),
        "world.yaml: sealing.lostKeyAge",
        "'12w' is not a duration",
    ),
    "age of a commit": (
        replace("world.yaml", "ago: 20h", "ago: yesterday"),
        "world.yaml: gitRepositories.0.commits.0.ago",
        "'yesterday' is not a duration",
    ),
    "the same node twice": (
        replace("world.yaml", "nodes: [", "nodes: [{name: pair-1, runtime: docker}, "),
        "world.yaml: nodes",
        "'pair-1' stands here twice",
    ),
    "not UTF-8": (
        lambda folder: (folder / "world.yaml").write_bytes(b"flux: \xff"),
        "world.yaml",
        "cannot be read",
    ),
    "a character YAML does not allow": (
        replace("world.yaml", 'flux: "2.7"', 'flux: "\x07"'),
        "world.yaml",
        "is not YAML",
    ),
    "unknown act": (
        replace("person.yaml", "- {installCA:", "- {dance:"),
        "person.yaml: frames.0.person.0.dance",
        "Extra inputs",
    ),
    "two acts in one": (
        replace("person.yaml", "- {reset: {", "- {unseal: {authority: lost}, reset: {"),
        "person.yaml: frames.0.person.2",
        "exactly one of: installCA, delete",
    ),
    "unknown word of a condition": (
        replace("person.yaml", "waiting: ImagePullBackOff}", "after: 5m}"),
        "person.yaml: frames.0.until.2.after",
        "Extra inputs",
    ),
    "unknown stage": (
        replace("person.yaml", "stages: [verify]", "stages: [verfy]"),
        "person.yaml: frames.1.stages.0",
        "'verify'",
    ),
    "a CA for a node that is not there": (
        replace("person.yaml", "nodes: [pair-1]", "nodes: [pair-9]"),
        "person.yaml: frames.0.person.0.installCA.nodes",
        "'pair-9' is not among the nodes",
    ),
    "an edit of a repository that is not there": (
        replace(
            "person.yaml", "- {reset:", "- {gitEdit: {repo: pear, files: [x], set: {a: b}, message: m}}\n  - {reset:"
        ),
        "person.yaml: frames.0.person.2.gitEdit.repo",
        "'pear' is not among",
    ),
    "an edit of the inventory that is two": (
        replace(
            "person.yaml",
            "- {reset:",
            "- {inventoryEdit: {entries: a, where: {b: c}, set: {d: e}, remove: true, message: m}}\n  - {reset:",
        ),
        "person.yaml: frames.0.person.2.inventoryEdit",
        "exactly one of set, remove and add",
    ),
    "an ending called seed": (
        replace("person.yaml", "endings:\n  healed:", "endings:\n  seed: []\n  healed:"),
        "person.yaml: ",
        "is the ending 'seed'",
    ),
    "two frames of one name": (
        replace("person.yaml", "name: half-healed", "name: broken"),
        "person.yaml: ",
        "two frames of one name",
    ),
    "frame without a condition": (
        lambda folder: (folder / "person.yaml").write_text("frames: [{name: x, until: []}]"),
        "person.yaml: frames.0.until",
        "at least 1",
    ),
}


class TestScenario:
    @pytest.mark.parametrize("case", BAD)
    def test_what_is_wrong_is_named_with_file_and_field(self, tmp_path: Path, case: str) -> None:
        change, field, words = BAD[case]
        folder = tmp_path / "copy"
        shutil.copytree(PAIR, folder)
        assert Scenario(folder).world.cluster.name == "pair"
        change(folder)
        with pytest.raises(ScenarioError) as error:
            find(str(folder))
        assert error.value.exit_code == 2
        assert error.value.field == f"{folder}/{field}"
        assert re.search(words, error.value.message)

    @pytest.mark.parametrize("name", ["nowhere", "/", ""])
    def test_unknown_name_is_refused_with_the_known_ones(self, name: str) -> None:
        with pytest.raises(ScenarioError, match="night, pair") as error:
            find(name)
        assert error.value.field == "--scenario"

    @pytest.mark.parametrize(("text", "wanted"), [("1h30m", 5400), ("0.5s", 0.5), ("60s", 60)])
    def test_durations(self, text: str, wanted: float) -> None:
        assert seconds(text) == wanted

    @pytest.mark.parametrize("text", ["", "5", "5 m", "m5", "-5m"])
    def test_what_is_no_duration(self, text: str) -> None:
        with pytest.raises(ValueError, match="not a duration"):
            seconds(text)


@pytest.fixture
def store() -> Store:
    made = Store(ScaledClock(60, start=START))
    pods = made.kinds["v1", "pods"]
    for namespace in ("a", "b"):
        made.create(made.kinds["v1", "namespaces"], None, {"metadata": {"name": namespace}})
        made.create(
            pods,
            namespace,
            {
                "metadata": {"name": f"{namespace}-1", "labels": {"app": namespace}},
                "spec": {"containers": [{"name": "c", "image": "x"}]},
                "status": {
                    "phase": "Running",
                    "conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "no luck"}],
                    "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ErrImagePull"}}}],
                },
            },
            trusted=True,
        )
    return made


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "number"),
        [
            ({}, 2),
            ({"namespace": "a"}, 1),
            ({"namespaces": ["a", "c"]}, 1),
            ({"names": ["b-1"]}, 1),
            ({"except": ["b-1"]}, 1),
            ({"labels": {"app": "b"}}, 1),
            ({"condition": "Ready=False"}, 2),
            ({"condition": "Ready=True"}, 0),
            ({"condition": "Other=absent"}, 2),
            ({"reason": "R"}, 2),
            ({"contains": "luck"}, 2),
            ({"contains": "unlucky"}, 0),
            ({"waiting": ["ErrImagePull", "ImagePullBackOff"]}, 2),
            ({"waiting": "CrashLoopBackOff"}, 0),
            ({"phase": "Running"}, 2),
            ({"equals": {"spec.containers": "x"}}, 0),
        ],
    )
    def test_each_word_selects_on_state(self, store: Store, condition: dict[str, Any], number: int) -> None:
        assert len(matching(store, {"kind": "Pod", **condition})) == number

    @pytest.mark.parametrize(
        ("counted", "wanted"), [({"count": 2}, True), ({"count": 1}, False), ({"min": 3}, False), ({"max": 1}, False)]
    )
    def test_counts(self, store: Store, counted: dict[str, int], wanted: bool) -> None:
        assert holds(store, [{"kind": "Pod", **counted}]) is wanted

    def test_all_of_them_must_hold_and_none_means_one(self, store: Store) -> None:
        assert holds(store, [{"kind": "Pod"}, {"kind": "Namespace"}])
        assert not holds(store, [{"kind": "Pod"}, {"kind": "Job"}])

    @pytest.mark.parametrize(
        ("condition", "words"),
        [
            ({"kind": "Pod", "after": "5m"}, r"unknown word\(s\) after"),
            ({"kind": "Pods"}, "no kind 'Pods' is served"),
            ({}, "no kind None is served"),
        ],
    )
    def test_a_word_nobody_knows_is_refused(self, store: Store, condition: dict[str, Any], words: str) -> None:
        with pytest.raises(ScenarioError, match=words) as error:
            holds(store, [condition])
        assert error.value.field == "person.yaml"

    @pytest.mark.parametrize(("current", "number"), [(True, 1), (False, 1)])
    def test_current_means_that_the_controller_has_ended_with_the_generation_there_is(
        self, store: Store, current: bool, number: int
    ) -> None:
        deployments = store.kinds["apps/v1", "deployments"]
        for name, seen in (("ended", 3), ("lags", 2)):
            obj = {"metadata": {"name": name, "generation": 3}, "spec": {}, "status": {"observedGeneration": seen}}
            store.create(deployments, "a", obj, trusted=True)
        found = matching(store, {"kind": "Deployment", "current": current})
        assert [o["metadata"]["name"] for o in found] == ["ended" if current else "lags"]
        assert len(found) == number

    def test_the_files_model_and_the_conditions_know_the_same_words(self) -> None:
        fields = {field.alias or name for name, field in Condition.model_fields.items()}
        assert fields == {*COUNTED, *TESTS}


ATTEMPT = Attempt("c", "1.0.0", {"a": 1})
ASKED, RESET, FORCE = (f"reconcile.fluxcd.io/{k}At" for k in ("requested", "reset", "force"))


def release(
    status: str = "", *, retries: int | None = None, annotations: dict[str, str] | None = None, **over: Any
) -> Any:
    """A HelmRelease whose last action ended as `status`; "" is none yet."""
    spec: dict[str, Any] = {}
    if retries is not None:
        spec = {k: {"remediation": {"retries": retries}} for k in ("install", "upgrade")}
    obj: dict[str, Any] = {
        "metadata": {"name": "r", "namespace": "n", "uid": "u", "generation": 1, "annotations": annotations or {}},
        "spec": spec,
    }
    last = {"version": 1, "status": status, "chartVersion": "1.0.0", "configDigest": ATTEMPT.digest}
    history = [last] if status else []
    obj["status"] = {
        "lastAttemptedGeneration": 1,
        "lastAttemptedRevision": "1.0.0",
        "lastAttemptedConfigDigest": ATTEMPT.digest,
        "history": history,
        **over,
    }
    return obj


FAILED = {"failures": 1, "installFailures": 1}
TOKENS = {ASKED: "t1", RESET: "t1"}
FORCED = {ASKED: "t1", FORCE: "t1"}


class TestHelmDecision:
    @pytest.mark.parametrize(
        ("obj", "attempt", "wanted"),
        [
            (release(), ATTEMPT, "install"),
            (release(**FAILED), ATTEMPT, "stalled"),
            (release(retries=1, **FAILED), ATTEMPT, "install"),
            (release("deployed"), ATTEMPT, "in-sync"),
            (release("deployed"), Attempt("c", "1.1.0", {"a": 1}), "upgrade"),
            (release("deployed"), Attempt("c", "1.0.0", {"a": 2}), "upgrade"),
            (release("deployed", annotations=FORCED), ATTEMPT, "upgrade"),
            (release("deployed", annotations=FORCED, lastHandledForceAt="t1"), ATTEMPT, "in-sync"),
            (release("failed", **FAILED), ATTEMPT, "stalled"),
            (release("failed", retries=1, **FAILED), ATTEMPT, "upgrade"),
            (release("failed", retries=-1, failures=99, installFailures=99), ATTEMPT, "upgrade"),
            (release("failed", upgradeFailures=1), ATTEMPT, "stalled"),
            (release("failed", annotations=TOKENS, **FAILED), ATTEMPT, "upgrade"),
            (release("failed", annotations=TOKENS, lastHandledResetAt="t1", **FAILED), ATTEMPT, "stalled"),
            (release("failed", annotations={RESET: "t1"}, **FAILED), ATTEMPT, "stalled"),
            (release("failed", annotations={ASKED: "t2", RESET: "t1"}, **FAILED), ATTEMPT, "stalled"),
            (release("failed", annotations={ASKED: "t1"}, **FAILED), ATTEMPT, "stalled"),
            (release("failed", annotations=FORCED, **FAILED), ATTEMPT, "upgrade"),
            (release("failed", lastAttemptedGeneration=0, **FAILED), ATTEMPT, "upgrade"),
            (release("failed", **FAILED), Attempt("c", "1.0.0", {"a": 2}), "upgrade"),
        ],
    )
    def test_what_comes_next(self, obj: Any, attempt: Attempt, wanted: str) -> None:
        assert decide(obj, attempt) == wanted

    def test_retries_and_timeouts_have_fluxs_defaults(self) -> None:
        obj = release()
        assert (exhausted(obj, "install", 0), exhausted(obj, "install", 1)) == (False, True)
        assert timeout(obj, "install") == 300
        obj["spec"] = {"timeout": "1m", "upgrade": {"timeout": "10m"}}
        assert (timeout(obj, "install"), timeout(obj, "upgrade")) == (60, 600)


HOOK = """
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: pre-install}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: x}]}}}
"""


async def play_deletion(folder: Path, *, helm4: bool) -> None:
    """A pre-install hook whose Job is deleted while Helm waits for it."""
    clock = ScaledClock(60, start=START)
    store = Store(clock)
    store.create(store.kinds["v1", "namespaces"], None, {"metadata": {"name": "n"}})
    action = HelmAction(store, clock, Charts(folder), helm4=helm4)
    task = asyncio.create_task(action.run(release(), Attempt("c", "1.0.0", {}), "install", 60.0, 1))
    jobs = store.kinds["batch/v1", "jobs"]
    while store.find(jobs, "n", "migrate") is None:
        await asyncio.sleep(0)
    store.delete(jobs, "n", "migrate")
    while not task.done():
        clock.advance(1.0)
        await asyncio.sleep(0)
    await task


class TestDeletedHook:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "c/1.0.0").mkdir(parents=True)
        (tmp_path / "c/1.0.0/templates.yaml").write_text(HOOK)
        return tmp_path

    def test_helm_3_takes_it_for_a_success(self, folder: Path) -> None:
        asyncio.run(play_deletion(folder, helm4=False))

    def test_helm_4_waits_until_the_time_is_over(self, folder: Path) -> None:
        words = r"failed pre-install: timeout waiting for: \[Job/n/migrate status: 'InProgress'\]"
        with pytest.raises(HelmError, match=words):
            asyncio.run(play_deletion(folder, helm4=True))
