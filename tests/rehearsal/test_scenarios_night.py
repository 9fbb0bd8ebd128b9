"""The scenarios as they are lived: frame by frame, over the cluster's own API, at more than one speed."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "runbook" / "rehearsal" / "scenarios"
HELMRELEASES = "/apis/helm.toolkit.fluxcd.io/v2/helmreleases"
KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations"
SEALED = "/apis/bitnami.com/v1alpha1/sealedsecrets"
WAITED, HOOKED = "context deadline exceeded", "pre-upgrade hooks failed: timed out waiting for the condition"
FIRST_HOOK = "failed pre-install: timed out waiting for the condition"
WORKERS = tuple(f"triager/triager-{k}-worker" for k in ("classify", "ingest", "notify", "summarize"))
TRIAGER = ("triager/ccbot", "triager/triager-orchestrator", "triager/triager-redis", *WORKERS)
BOT = {"midwestmtg/midwestmtg-discord-bot": "dependency 'midwestmtg/midwestmtg-backend' is not ready"}
FRONTEND = {"midwestmtg/midwestmtg-frontend": WAITED}

TRUST_BROKEN = {
    "ffl/ffl-backend": FIRST_HOOK,
    "ffl/ffl-frontend": WAITED,
    "istio-system/istio-ingressgateway": WAITED,
    "midwestmtg/midwestmtg-backend": FIRST_HOOK,
    "velero/velero": FIRST_HOOK,
    **dict.fromkeys(TRIAGER, WAITED),
    **BOT,
    **FRONTEND,
}
THE_END = {
    "midwestmtg/midwestmtg-backend": HOOKED,
    "velero/velero": HOOKED,
    **dict.fromkeys(TRIAGER, WAITED),
    **BOT,
    **FRONTEND,
}
HOOKS_HANG = {"ffl/ffl-backend": HOOKED, **THE_END}
PATIENCE = 900.0  # real seconds; a night at ten times its speed takes 170
FRAMES = {"trust-broken": TRUST_BROKEN, "hooks-hang": HOOKS_HANG, "the-end": THE_END}


@dataclass
class Lived:
    """A running cluster whose person waits at each frame."""

    process: subprocess.Popen[str]
    state: Path
    ready: dict[str, Any]

    def events(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        yield from map(json.loads, self.process.stdout)

    def until(self, name: str) -> None:
        """Go on, frame by frame, until this one has come."""
        for event in self.events():
            if event["event"] == "frame":
                if event["name"] == name:
                    return
                self.go_on()
            assert event["event"] != "end", f"the scenario ended before {name}"
        raise AssertionError(f"the cluster ended before {name}: {(self.state / 'errors').read_text()[-2000:]}")

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("next\n")
        self.process.stdin.flush()

    def items(self, path: str) -> list[dict[str, Any]]:
        config = json.loads((self.state / "kubeconfig").read_text())
        cluster = config["clusters"][0]["cluster"]
        request = urllib.request.Request(
            cluster["server"] + path, headers={"Authorization": "Bearer " + config["users"][0]["user"]["token"]}
        )
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            return json.load(answer)["items"]  # type: ignore[no-any-return]

    def releases(self) -> dict[str, dict[str, Any]]:
        return {f"{o['metadata']['namespace']}/{o['metadata']['name']}": o for o in self.items(HELMRELEASES)}

    def not_ready(self) -> dict[str, str]:
        """Releases that are not Ready, and how their message ends after the chart's name."""
        found = {}
        for name, obj in self.releases().items():
            condition = conditions(obj).get("Ready", {"status": "absent", "message": ""})
            if condition["status"] != "True":
                found[name] = (
                    condition["message"].partition("with chart ")[2].partition(": ")[2] or condition["message"]
                )
        return found


def conditions(obj: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["type"]: c for c in obj.get("status", {}).get("conditions", ())}


@contextmanager
def living(scenario: str | Path, state: Path, *, scale: int) -> Iterator[Lived]:
    argv = [sys.executable, "-m", "runbook.rehearsal", "--scenario", str(scenario), "--time-scale", str(scale)]
    argv += ["--state", str(state), "--person", "--control"]
    state.mkdir()
    with (state / "errors").open("w") as errors:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT
        )
    assert process.stdin is not None
    assert process.stdout is not None
    late = threading.Timer(PATIENCE, process.kill)
    late.start()
    try:
        ready = json.loads(process.stdout.readline() or "{}")
        assert ready.get("event") == "ready", (ready, (state / "errors").read_text()[-2000:])
        yield Lived(process, state, ready)
    finally:
        late.cancel()
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with living("healthy", tmp_path_factory.mktemp("calm") / "state", scale=60) as lived:
        lived.until("calm")
        yield lived


class TestHealthy:
    def test_everything_flux_knows_is_ready(self, calm: Lived) -> None:
        assert len(calm.releases()) == 4
        assert calm.not_ready() == {}
        assert {conditions(k)["Ready"]["status"] for k in calm.items(KUSTOMIZATIONS)} == {"True"}

    def test_the_secret_opened(self, calm: Lived) -> None:
        assert [conditions(s)["Synced"]["status"] for s in calm.items(SEALED)] == ["True"]
        assert "shop-api-secrets" in [s["metadata"]["name"] for s in calm.items("/api/v1/namespaces/shop/secrets")]

    def test_nothing_warned(self, calm: Lived) -> None:
        assert [e["message"] for e in calm.items("/api/v1/events") if e["type"] == "Warning"] == []


def test_empty_has_a_node_and_namespaces_and_nothing_else(tmp_path: Path) -> None:
    with living("empty", tmp_path / "state", scale=60) as lived:
        lived.until("void")
        for path in (HELMRELEASES, KUSTOMIZATIONS, SEALED, "/api/v1/pods", "/apis/apps/v1/deployments"):
            assert lived.items(path) == [], path
        assert len(lived.items("/api/v1/nodes")) == 1
        assert "kube-system" in [n["metadata"]["name"] for n in lived.items("/api/v1/namespaces")]


def test_harbour_has_its_own_faults_and_helm_4s_words(tmp_path: Path) -> None:
    with living("harbour", tmp_path / "state", scale=300) as lived:
        lived.until("as-found")
        assert len(lived.releases()) == 6
        reasons = {name: conditions(lived.releases()[name])["Ready"]["reason"] for name in lived.not_ready()}
        assert reasons == {
            "berths/crane-planner": "SourceNotReady",
            "berths/ledger": "ValuesError",
            "berths/manifest-board": "DependencyNotReady",
            "berths/tide-gauge": "InstallFailed",
        }
        assert lived.not_ready()["berths/tide-gauge"].startswith("timeout waiting for: [DaemonSet/berths/tide-gauge")
        gauges = lived.items("/api/v1/namespaces/berths/pods")
        stuck = [p["spec"]["nodeName"] for p in gauges if p["status"]["phase"] != "Running"]
        assert stuck == ["pier-3"]


@contextmanager
def busy_cores(number: int) -> Iterator[None]:
    """Processes that do nothing but work, ended by pid."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


@pytest.mark.tier2
class TestNight:
    @pytest.mark.parametrize(("scale", "busy"), [(10, 0), (60, 0), (300, 0), (300, 2)])
    def test_comes_out_frame_by_frame(self, scale: int, busy: int, tmp_path: Path) -> None:
        with busy_cores(busy), living("night", tmp_path / "state", scale=scale) as night:
            seen = [f["name"] for f in night.ready["frames"]]
            assert (seen, night.ready["releases"]) == (list(FRAMES), 27)
            for name, expected in FRAMES.items():
                night.until(name)
                self.releases_are(night, expected)
                self.causes_hold(night, name)
                night.go_on()

    @staticmethod
    def releases_are(night: Lived, expected: dict[str, str]) -> None:
        releases = night.releases()
        assert len(releases) == 27
        assert night.not_ready() == expected
        assert {n for n, o in releases.items() if "Stalled" in conditions(o)} == set(expected) - set(BOT)
        assert {conditions(k)["Ready"]["status"] for k in night.items(KUSTOMIZATIONS)} == {"True"}

    @staticmethod
    def causes_hold(night: Lived, frame: str) -> None:
        """What lies under the messages: keys at every frame, the certificate only at the first, one image for ever."""
        closed = [s for s in night.items(SEALED) if conditions(s)["Synced"]["status"] == "False"]
        assert len(closed) == 8
        events = [e["message"] for e in night.items("/api/v1/events") if e["reason"] == "Failed"]
        assert any("manifest for docker.io/bitnami/kubectl:1.31 not found" in m for m in events)
        pods = night.items("/api/v1/pods")
        pulling = {
            s["image"]
            for p in pods
            for s in (p["status"].get("initContainerStatuses") or []) + (p["status"].get("containerStatuses") or [])
            if s["state"].get("waiting", {}).get("reason") in ("ErrImagePull", "ImagePullBackOff")
        }
        if frame == "trust-broken":
            assert any("192.168.7.21:5000" in image for image in pulling)
            assert any("x509: certificate signed by unknown authority" in m for m in events)
        else:
            assert pulling == {"docker.io/bitnami/kubectl:1.31"}

    def test_the_frontend_is_left_red_with_pods_that_run(self, tmp_path: Path) -> None:
        with living("night", tmp_path / "state", scale=300) as night:
            night.until("the-end")
            release = night.releases()["midwestmtg/midwestmtg-frontend"]
            pods = night.items("/api/v1/namespaces/midwestmtg/pods")
        assert release["metadata"]["generation"] == release["status"]["observedGeneration"] == 1
        failed = conditions(release)["Ready"]["lastTransitionTime"]
        running = [p for p in pods if "frontend" in p["metadata"]["name"]]
        assert len(running) == 1
        assert conditions(running[0])["Ready"]["status"] == "True"
        assert running[0]["metadata"]["creationTimestamp"] >= failed  # whole seconds, which last 3 ms here


RENAMED = {"triager": "sorter", "midwestmtg": "prairie"}


@pytest.mark.tier2
def test_other_names_and_one_good_key_give_seven_one_one_one(tmp_path: Path) -> None:
    """Outcomes come from causes: with other namespaces and one secret sealed with the right key, that release heals."""
    folder = tmp_path / "other"
    shutil.copytree(SCENARIOS / "night", folder)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.write_text(renamed(path.read_text(encoding="utf-8")), encoding="utf-8")
        if renamed(path.name) != path.name:
            path.rename(path.with_name(renamed(path.name)))
    world = folder / "world.yaml"
    lost = "{namespace: sorter, name: ccbot-secrets, key: lost"
    assert lost in world.read_text()
    world.write_text(world.read_text().replace(lost, lost.replace("lost", "current")))
    with living(folder, tmp_path / "state", scale=300) as lived:
        lived.until("the-end")
        expected = {renamed(k): renamed(v) for k, v in THE_END.items() if k != "triager/ccbot"}
        assert lived.not_ready() == expected
        assert len(lived.releases()) - len(expected) == 17
        closed = [s for s in lived.items(SEALED) if conditions(s)["Synced"]["status"] == "False"]
        assert len(closed) == 7


def renamed(text: str) -> str:
    for old, new in RENAMED.items():
        text = text.replace(old, new)
    return text
