"""The embedded pair of releases, broken, as a stage that may act meets it; each test that changes it has one of its own."""

from __future__ import annotations

import json
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from ruamel.yaml import YAML

from runbook.clients.kubernetes import KubeClient, connect
from runbook.clients.kubernetes.answers import Answer
from runbook.domain.certificates import facts
from runbook.embedded import EmbeddedCluster
from runbook.errors import VerdictFailed
from runbook.evidence import Run, read_journal
from runbook.model import Action, ObjectRef
from runbook.stage import Stage, begin

HOST = "registry.pair.example:5000"
VERBS = {"DELETE": "delete", "PATCH": "patch", "POST": "create", "PUT": "update"}
SCALE = 100  # the longest back-off of a pull is three real seconds


@dataclass
class Pair:
    """A broken pair: its cluster, its inventory as a file of the test's own, and where runs go."""

    cluster: EmbeddedCluster
    inventory: Path
    outputs: Path

    @property
    def given(self) -> dict[str, str]:
        """What every stage is asked with."""
        return {
            "inventory": str(self.inventory),
            "kubeconfig": str(self.cluster.kubeconfig),
            "outputs": str(self.outputs),
        }

    def begin(self, stage: str, **given: str) -> Stage:
        """A stage that may act."""
        return begin(stage, **{**self.given, "mode": "apply", "confirm": "pair", **given})

    def run(self, stage: str, **given: str) -> Stage:
        """All steps of a stage that may act, to its record."""
        opened = self.begin(stage, **given)
        opened.observe()
        opened.check()
        opened.plan()
        opened.apply()
        opened.prove()
        try:
            opened.record()
        except VerdictFailed:
            assert opened.result is not None
        return opened

    def client(self) -> KubeClient:
        """A reader of its own."""
        return connect(kubeconfig=str(self.cluster.kubeconfig))

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """An object as it is now."""
        client = self.client()
        try:
            found: dict[str, Any] = json.loads(client.get(kind, namespace, name))
        finally:
            client.close()
        return found

    def pods(self, namespace: str) -> dict[str, str]:
        """Names and uids of the pods there, once the kubelet has carried out every deletion that the server accepted."""
        client = self.client()
        try:
            for _ in range(400):
                pods = client.list("Pod", namespace=namespace).items
                going = [str(p.ref) for p in pods if p.metadata.deletion_timestamp and not p.metadata.finalizers]
                if not going:
                    return {p.ref.name: p.metadata.uid for p in pods}
                time.sleep(0.05)
        finally:
            client.close()
        raise TimeoutError(f"after 20 s still being deleted: {', '.join(going)}")

    def edit(self, change: Callable[[Any], None]) -> None:
        """Edit the inventory's file."""
        yaml = YAML()
        data = yaml.load(self.inventory.read_text())
        change(data)
        with self.inventory.open("w") as file:
            yaml.dump(data, file)

    def writes(self) -> list[dict[str, Any]]:
        """Every request of the product that may have changed something, from the server's own log."""
        lines = (self.cluster.state / "requests.jsonl").read_text().splitlines()
        asked = [json.loads(line) for line in lines]
        questions = ("get", "list", "watch")
        return [
            r
            for r in asked
            if r["verb"] not in questions
            and not any(part in r["path"] for part in ("accessreviews", "/proxy/"))
            and r["user_agent"].startswith("runbook")
        ]


def events(stage: Stage) -> list[str]:
    """The journal in short: `intended A1 …`."""
    return [f"{e.event} {e.what}" for e in read_journal(stage.setting.attempt.journal.path).entries]


def outcomes(stage: Stage) -> dict[str, str]:
    """What came of each act, by its name."""
    return {a.name: a.outcome for a in stage.actions}


def named(stage: Stage, part: str) -> Action:
    """The one act whose name contains a part."""
    (found,) = [a for a in stage.actions if part in a.name]
    return found


@contextmanager
def a_pair(folder: Path) -> Iterator[Pair]:
    with EmbeddedCluster("pair", time_scale=SCALE) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        inventory = cluster.inventory.parent / "mine.yaml"
        inventory.write_text(cluster.inventory.read_text())
        pair = Pair(cluster, inventory, folder / "outputs")
        pair.edit(lambda data: _pinned(data, cluster))
        yield pair


def _pinned(data: Any, cluster: EmbeddedCluster) -> None:
    ca = Path(data["registry"]["ca_file"])
    pem = (ca if ca.is_absolute() else cluster.inventory.parent / ca).read_bytes()
    data["registry"].setdefault("ca_fingerprint", facts(pem).fingerprint)


def status(code: int, reason: str, message: str, **headers: str) -> Answer:
    """A Status as an API server sends it."""
    body = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
    return Answer(code, json.dumps(body).encode(), tuple((key.lower(), value) for key, value in headers.items()))


def ready_to_delete(pair: Pair) -> None:
    """The CA is installed by hand between a kubelet's tries, and the next is far: the pod is wreckage whose cause is gone."""
    next_pull(pair, "3h")
    until = time.monotonic() + 40
    while (told := _pulls(pair)).begun != told.failed or not told.failed:  # one that has begun may yet meet the CA
        assert time.monotonic() < until, f"the kubelet has not failed: {told}"
        time.sleep(0.05)
    root = pair.cluster.state / "nodes/pair-1/etc/docker/certs.d" / HOST
    root.mkdir(parents=True, exist_ok=True)
    root.joinpath("ca.crt").write_bytes((pair.cluster.state / "ca/registry-ca.crt").read_bytes())


def next_pull(pair: Pair, after: str) -> None:
    """The kubelet tries again so long after its last failed pull."""
    for name in pair.pods("notes"):
        annotated = {"metadata": {"annotations": {"rehearsal.runbook/image-back-off": after}}}
        patch(pair, f"/api/v1/namespaces/notes/pods/{name}", annotated)


def is_running(pair: Pair, pod: ObjectRef) -> bool:
    """Whether the pod's containers run by now."""
    client = pair.client()
    try:
        return bool(json.loads(client.get("Pod", pod.namespace, pod.name))["status"]["phase"] == "Running")
    finally:
        client.close()


class Pulls(NamedTuple):
    """How many the kubelet has begun in the namespace, and how many of them have failed."""

    begun: int
    failed: int


def _pulls(pair: Pair) -> Pulls:
    client = pair.client()
    try:
        listing = client.list("Event", namespace="notes", as_served=True)
    finally:
        client.close()
    events_ = [json.loads(raw) for raw in listing.raw]
    counted = Counter[str]()
    for event in events_:
        counted[" ".join(event.get("message", "").split()[:3])] += event.get("count") or 1
    begun = sum(n for said, n in counted.items() if said.startswith("Pulling image"))
    return Pulls(begun, sum(n for said, n in counted.items() if said.startswith("Failed to pull")))


def patch(pair: Pair, path: str, body: object) -> None:
    """As somebody else would: another tool, with the same rights."""
    ask(pair, "PATCH", path, body, "application/merge-patch+json")


def fault(pair: Pair, name: str, **options: Any) -> None:
    """Set a fault of the embedded API, as `runbook/rehearsal/faults.py` describes them."""
    ask(pair, "POST", "/faults", {"fault": name, **options})


def ask(pair: Pair, method: str, path: str, body: object = None, content_type: str = "application/json") -> Any:
    """One request past the product; what was answered."""
    access = json.loads(pair.cluster.kubeconfig.read_text())
    cluster, user = access["clusters"][0]["cluster"], access["users"][0]["user"]
    context = ssl.create_default_context(cafile=cluster["certificate-authority"])
    headers = {"Authorization": f"Bearer {user['token']}", "Content-Type": content_type, "User-Agent": "kubectl"}
    content = None if body is None else json.dumps(body).encode()
    with httpx.Client(base_url=cluster["server"], headers=headers, verify=context, trust_env=False) as client:
        return client.request(method, path, content=content).raise_for_status().json()


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
    names = ((w["method"], w["path"].rpartition("/")[2]) for w in pair.writes())
    return Counter((VERBS[method], "runbook-operator" if method == "POST" else name) for method, name in names)
