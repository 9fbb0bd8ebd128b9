"""Git checkouts, controller logs, measured quiet, and one whole observation of the embedded cluster `pair`."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from runbook.clients import controllerlogs
from runbook.clients.git import read_checkout
from runbook.clients.kubernetes import KubeClient, Listing, WatchEvent, connect
from runbook.clients.kubernetes.watching import Unreadable
from runbook.clients.observe import PROBES, observe
from runbook.clients.soak import WATCHED, difference, mark, soak
from runbook.domain.cluster import Event, Node
from runbook.domain.helm import HelmRelease
from runbook.domain.kinds import KINDS, decode
from runbook.domain.pods import Pod
from runbook.embedded import EmbeddedCluster
from runbook.errors import DeniedError, ObservationError
from runbook.inventory.load import load
from runbook.inventory.model import Inventory
from runbook.model import ObjectRef

START = datetime(2025, 10, 17, 11, tzinfo=UTC)
RELEASE = """# a comment
kind: Namespace
metadata: {name: ffl}
---
kind: HelmRelease
metadata: {name: backend, namespace: ffl}
spec:
  chart: {spec: {chart: backend, version: "1.2.3"}}
  values:
    image: {tag: 0.1.18}
    sidecar: {image: "x/y:2.0"}
"""


class TestGit:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        (tmp_path / "apps").mkdir()
        (tmp_path / "apps/backend.yaml").write_text(RELEASE)
        (tmp_path / "apps/chart.yaml").write_text("kind: HelmRelease\nname: {{ nothing }\n")
        git(tmp_path, "init", "-q", "-b", "main")
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-q", "-m", "one", when="2025-10-01T10:00:00+02:00")
        (tmp_path / "other.yaml").write_text("kind: Kustomization\nmetadata: {name: k, namespace: n}\n")
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-q", "-m", "two", when="2025-10-02T10:00:00+00:00")
        return tmp_path

    def test_what_files_declare_with_line_and_date(self, checkout: Path) -> None:
        head, files = read_checkout(checkout)
        assert (head.branch, head.dirty, len(head.revision)) == ("main", False, 40)
        assert head.committed == datetime(2025, 10, 2, 10, tzinfo=UTC)
        backend, other = files
        assert (backend.path, backend.line, backend.name, backend.chart_version) == (
            "apps/backend.yaml",
            5,
            "backend",
            "1.2.3",
        )
        assert backend.image_tags == (("image.tag", "0.1.18"), ("sidecar.image", "2.0"))
        assert backend.committed == datetime(2025, 10, 1, 8, tzinfo=UTC)
        assert (other.kind, other.line, other.committed) == ("Kustomization", 1, head.committed)

    def test_a_changed_tree_is_dirty_and_an_untracked_file_declares_nothing(self, checkout: Path) -> None:
        (checkout / "new.yaml").write_text(RELEASE)
        head, files = read_checkout(checkout)
        assert head.dirty
        assert "new.yaml" not in {f.path for f in files}

    def test_it_is_only_read(self, checkout: Path) -> None:
        before = {p: p.stat().st_mtime_ns for p in checkout.rglob("*") if p.is_file()}
        read_checkout(checkout)
        assert {p: p.stat().st_mtime_ns for p in checkout.rglob("*") if p.is_file()} == before

    def test_a_folder_of_a_checkout_has_its_own_dates(self, checkout: Path) -> None:
        (backend,) = read_checkout(checkout / "apps")[1]
        assert (backend.path, backend.committed) == ("backend.yaml", datetime(2025, 10, 1, 8, tzinfo=UTC))

    def test_names_beyond_ascii(self, checkout: Path) -> None:
        (checkout / "größe.yaml").write_text(RELEASE)
        git(checkout, "add", "-A")
        git(checkout, "commit", "-q", "-m", "three", when="2025-10-03T10:00:00+00:00")
        found = {f.path: f.committed for f in read_checkout(checkout)[1]}
        assert found["größe.yaml"] == datetime(2025, 10, 3, 10, tzinfo=UTC)

    @pytest.mark.parametrize("key", ["fsmonitor", "hooksPath", "pager"])
    def test_nothing_a_checkout_configures_is_run(self, checkout: Path, tmp_path: Path, key: str) -> None:
        with (checkout / ".git/config").open("a") as config:
            config.write(f"[core]\n\t{key} = touch {tmp_path}/run; false\n")
        read_checkout(checkout)
        assert not (tmp_path / "run").exists()

    def test_no_other_repository_is_taken_from_the_environment(
        self, checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        head = read_checkout(checkout)[0]
        other = tmp_path_factory.mktemp("other")
        git(other, "init", "-q")
        monkeypatch.setenv("GIT_DIR", str(other / ".git"))
        assert read_checkout(checkout)[0] == head

    @pytest.mark.parametrize(
        "text",
        [
            "kind: HelmRelease\nmetadata: text\nspec: {chart: text}\n",
            "kind: HelmRelease\nmetadata: {name: x}\nspec: {chart: {spec: []}, values: [1]}\n",
            "kind: HelmRelease\nspec:\n",
        ],
    )
    def test_an_odd_file_takes_nothing_with_it(self, checkout: Path, text: str) -> None:
        (checkout / "apps/chart.yaml").write_text(text)
        names = [f.name for f in read_checkout(checkout)[1]]
        assert {"backend", "k"} <= set(names)

    def test_a_quoted_kind_counts(self, checkout: Path) -> None:
        (checkout / "other.yaml").write_text('{"kind": "HelmRelease", "metadata": {"name": "quoted"}}')
        assert "quoted" in {f.name for f in read_checkout(checkout)[1]}

    def test_what_is_no_checkout(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        with pytest.raises(ObservationError, match="not a git repository"):
            read_checkout(tmp_path)
        with pytest.raises(ObservationError, match="it is not a folder"):
            read_checkout(tmp_path / "gone")


def git(folder: Path, *argv: str, when: str = "") -> None:
    person = {f"GIT_{r}_{k}": "x@example.invalid" for r in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *argv], cwd=folder, env={**os.environ, **person, **dates, **quiet}, check=True)


JSON = (
    '{"level":"error","ts":"2025-10-17T11:00:01.5Z","msg":"Reconciler error","controllerKind":"HelmRelease",'
    '"namespace":"ffl","name":"backend","error":"timed out"}'
)


class TestLogs:
    @pytest.mark.parametrize(
        ("line", "level", "message", "subject"),
        [
            (JSON, "error", "timed out", "HelmRelease/ffl/backend"),
            ('{"level":"info","msg":"fine"}', "info", "fine", ""),
            ('{"level":"warn","msg":"hm"}', "warning", "hm", ""),
            ('{"level":"panic","msg":"oh"}', "error", "oh", ""),
            ("{broken json", "info", "{broken json", ""),
            ("E1017 11:00:01.123456       1 main.go:12] no luck", "error", "no luck", ""),
            ("W1017 11:00:01.123456       1 main.go:12] hm", "warning", "hm", ""),
            ("I1017 11:00:01.123456       1 main.go:12] fine", "info", "fine", ""),
            ('time="2025-10-17T11:00:01Z" level=error msg="no luck" x=1', "error", "no luck", ""),
            ("level=fatal msg=over", "error", "over", ""),
            ("hello", "info", "hello", ""),
            ("panic: runtime error: nil", "error", "panic: runtime error: nil", ""),
            ("fatal error: concurrent map writes", "error", "fatal error: concurrent map writes", ""),
            ('{"level":"error","msg":"cut', "error", '{"level":"error","msg":"cut', ""),
            ("", "info", "", ""),
        ],
    )
    def test_each_form_of_a_line(self, line: str, level: str, message: str, subject: str) -> None:
        assert controllerlogs.parse(line)[:3] == (level, message, subject)

    def test_time_of_a_json_line(self) -> None:
        assert controllerlogs.parse(JSON)[3] == datetime(2025, 10, 17, 11, 0, 1, 500_000, UTC)

    def test_alike_errors_are_one_group_and_every_line_is_counted(self, inventory: Inventory) -> None:
        lines = [f"level=error msg=attempt {n} failed for 3f2a9c1d{n}" for n in range(40)]
        lines += ["level=info msg=fine"] * 10
        (window,), (group,) = read(inventory, lambda: iter(lines))
        assert (window.lines, window.error) == (50, "")
        assert (group.level, group.count, group.sample) == ("error", 40, lines[0])
        assert group.message == "attempt … failed for …"

    def test_a_pod_that_cannot_be_read_is_a_window_with_an_error(self, inventory: Inventory) -> None:
        def refuse() -> Iterator[str]:
            raise DeniedError("log", "403 no")

        (window,), groups = read(inventory, refuse)
        assert (window.error, groups) == ("403 no", ())

    def test_the_last_words_of_a_container_that_ended_are_read(self, inventory: Inventory) -> None:
        asked, client, pod = [], SimpleNamespace(), ended("2025-10-17T10:55:00Z")

        def logs(*_where: str, previous: bool, **_rest: Any) -> Iterator[str]:
            asked.append(previous)
            return iter(["panic: no"] if previous else ["level=info msg=fine"])

        client.logs = logs
        (window,), (group,) = controllerlogs.read_logs(client, inventory, [pod], START)  # type: ignore[arg-type]
        assert (asked, window.lines, group.message) == ([True, False], 2, "panic: no")
        controllerlogs.read_logs(client, inventory, [ended("2025-10-17T09:00:00Z")], START)  # type: ignore[arg-type]
        assert asked == [True, False, False]

    def test_last_words_that_are_gone_are_not_silence(self, inventory: Inventory) -> None:
        def logs(*_where: str, previous: bool, **_rest: Any) -> Iterator[str]:
            if previous:
                raise ObservationError("log", "400 previous terminated container not found")
            return iter(["level=info msg=fine"])

        client: Any = SimpleNamespace(logs=logs)
        (window,), groups = controllerlogs.read_logs(client, inventory, [ended("2025-10-17T10:55:00Z")], START)
        assert (window.lines, groups) == (1, ())
        assert "its last log cannot be read: 400" in window.error

    def test_half_a_window_is_not_a_window_without_errors(
        self, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(controllerlogs, "MAX_LINES", 5)
        (window,), _ = read(inventory, lambda: iter(["level=info msg=fine"] * 5))
        assert "only the last 5 lines" in window.error
        (window,), (group,) = read(inventory, lambda: iter(["level=error msg=no"] * 5))
        assert (window.error, group.count) == ("", 5)

    @pytest.mark.parametrize("older", [True, False])
    def test_a_log_without_a_line_in_the_window_is_asked_for_one_before_it(
        self, inventory: Inventory, older: bool
    ) -> None:
        def logs(*_where: str, since_seconds: int | None = None, **_rest: Any) -> Iterator[str]:
            return iter(["level=info msg=started"] if older and since_seconds is None else [])

        client: Any = SimpleNamespace(logs=logs)
        (window,), _ = controllerlogs.read_logs(client, inventory, [ended("2025-10-17T09:00:00Z")], START)
        assert (window.lines, window.older, window.error) == (0, older, "")


def ended(when: str) -> Any:
    last = {"terminated": {"exitCode": 2, "finishedAt": when}}
    status = {"containerStatuses": [{"name": "manager", "restartCount": 1, "lastState": last}]}
    return made("Pod", namespace="flux-system", spec={"containers": [{"name": "manager"}]}, status=status)


def read(inventory: Inventory, lines: Callable[[], Iterator[str]]) -> Any:
    spec = {"containers": [{"name": "manager"}]}
    pods = [made("Pod", namespace=n, spec=spec) for n in ("flux-system", "elsewhere")]
    client: Any = SimpleNamespace(logs=lambda *_a, **_k: lines())
    return controllerlogs.read_logs(client, inventory, pods, START)  # type: ignore[arg-type]


def made(kind: str, name: str = "x", namespace: str = "mail", **fields: Any) -> Any:
    metadata = {"name": name, "namespace": namespace, "uid": f"{kind}-{name}"}
    return decode(kind, msgspec.json.encode({"metadata": metadata, **fields}))


def a_pod(
    restarts: int = 0,
    *,
    ready: str = "True",
    image: str = "sha256:a",
    since: str = "2025-10-17T11:00:00Z",
    phase: str = "Running",
) -> Pod:
    statuses = [{"name": "c", "restartCount": restarts, "imageID": image}]
    conditions = [{"type": "Ready", "status": ready, "lastTransitionTime": since}]
    found: Pod = made("Pod", status={"phase": phase, "containerStatuses": statuses, "conditions": conditions})
    return found


def a_node(*, cordoned: bool = False, pressure: str = "False") -> Node:
    conditions = [{"type": "Ready", "status": "True"}, {"type": "MemoryPressure", "status": pressure}]
    found: Node = made("Node", namespace="", spec={"unschedulable": cordoned}, status={"conditions": conditions})
    return found


def a_release(version: int) -> HelmRelease:
    found: HelmRelease = made("HelmRelease", status={"history": [{"version": version}]})
    return found


def an_event(count: int) -> Event:
    found: Event = made("Event", reason="BackOff", type="Warning", count=count, involvedObject={"namespace": "mail"})
    return found


class TestMarks:
    @pytest.mark.parametrize(
        ("before", "after", "words"),
        [
            (a_pod(0), a_pod(1), "restarts 0 → 1"),
            (a_pod(), a_pod(ready="False"), "ready True → False"),
            (a_pod(), a_pod(image="sha256:b"), "an image changed"),
            (a_release(1), a_release(2), "revision 1 → 2"),
            (a_node(), a_node(cordoned=True), "cordoned False → True"),
            (a_node(), a_node(pressure="True"), "MemoryPressure False → True"),
            (
                a_pod(),
                a_pod(since="2025-10-17T11:05:00Z"),
                "ready since 2025-10-17 11:00:00+00:00 → 2025-10-17 11:05:00+00:00",
            ),
            (an_event(1), an_event(2), "Warning event BackOff again"),
        ],
    )
    def test_what_disturbs(self, before: Any, after: Any, words: str) -> None:
        assert mark(before) == mark(before)
        assert mark(before) != mark(after)
        assert difference(after, mark(before), mark(after)) == words


class FakeClient:
    """Lists one pod, as the script has left it; its watch of pods plays the script."""

    def __init__(self, script: list[WatchEvent | Exception]) -> None:
        self._script = script
        self.lists: dict[str, tuple[Any, ...]] = {"Pod": (a_pod(),), "Node": (a_node(),)}
        self.refuses: Exception | None = None
        self.listed: list[str] = []

    def list(self, kind: str) -> Listing:
        self.listed.append(kind)
        if self.refuses and self.listed.count(kind) > 1:
            raise self.refuses
        return Listing(kind, self.lists.get(kind, ()), (), "1")

    def watch(self, kind: str, _version: str, *, until: Callable[[], bool], silence: float) -> Iterator[WatchEvent]:
        for step in self._script if kind == "Pod" else ():
            if isinstance(step, Exception):
                raise step
            self.lists["Pod"] = step.relisted.items if step.relisted else (step.object,)
            yield step
        while not until():
            time.sleep(0.01)


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    root = Path(__file__).resolve().parents[2] / "runbook/rehearsal/scenarios/pair/inventory.yaml"
    return load(root, today=date(2025, 10, 17)).inventory


def quiet(inventory: Inventory, *script: WatchEvent | Exception) -> Any:
    client: Any = FakeClient(list(script))
    return soak(client, inventory, wanted_seconds=0.6, now=lambda: datetime.now(UTC), patience=5)


def restarting(client: Any) -> Callable[[], datetime]:
    """A clock that has a pod restart, untold, at its third look."""
    looks: list[int] = []

    def now() -> datetime:
        looks.append(1)
        if len(looks) == 3:
            client.lists["Pod"] = (a_pod(7),)
        return datetime.now(UTC)

    return now


class TestSoak:
    def test_quiet_is_measured(self, inventory: Inventory) -> None:
        window = quiet(inventory)
        assert (window.quiet_seconds, window.resets, window.samples) == (0.6, (), 0)

    def test_one_restart_starts_the_clock_again(self, inventory: Inventory) -> None:
        window = quiet(inventory, WatchEvent("MODIFIED", a_pod(1)))
        ((reason, name),) = [(r.reason, r.object) for r in window.resets]
        assert (reason, name) == ("restarts 0 → 1", "Pod/mail/x")
        assert (window.ended - window.resets[0].at).total_seconds() >= 0.6

    def test_what_was_missed_is_found_in_the_list(self, inventory: Inventory) -> None:
        missed = Listing("Pod", (a_pod(3),), (), "9")
        window = quiet(inventory, WatchEvent("RELISTED", None, missed))
        assert [r.reason for r in window.resets] == ["restarts 0 → 3"]

    def test_what_cannot_be_read_is_not_quiet(self, inventory: Inventory) -> None:
        broken = Unreadable(ObjectRef("Pod", "mail", "x"), "u", "expected `str`")
        unreadable = WatchEvent("MODIFIED", None, unreadable=broken)
        window = quiet(inventory, unreadable, WatchEvent("MODIFIED", a_pod()))
        assert [(r.reason, r.object) for r in window.resets] == [("a Pod cannot be read", "Pod/mail/x: expected `str`")]

    def test_what_cannot_be_read_elsewhere_disturbs_nobody(self, inventory: Inventory) -> None:
        broken = Unreadable(ObjectRef("Pod", "elsewhere", "x"), "u", "expected `str`")
        window = quiet(inventory, WatchEvent("MODIFIED", None, unreadable=broken), WatchEvent("MODIFIED", a_pod()))
        assert window.resets == ()

    def test_a_pod_that_changes_nothing_that_counts_is_quiet(self, inventory: Inventory) -> None:
        window = quiet(inventory, WatchEvent("MODIFIED", a_pod()))
        assert (window.resets, window.samples) == ((), 1)

    def test_a_watch_that_tells_nothing_is_confirmed_by_a_last_list(self, inventory: Inventory) -> None:
        # a scaled clock is over before silence shows: the restart below is in no event
        client: Any = FakeClient([])
        window = soak(client, inventory, wanted_seconds=0.6, now=restarting(client), patience=3)
        assert [r.reason for r in window.resets] == ["restarts 0 → 7"]
        assert window.quiet_seconds == 0.6

    def test_quiet_that_cannot_be_confirmed_is_not_quiet(self, inventory: Inventory) -> None:
        client: Any = FakeClient([])
        client.refuses = DeniedError("pods in all namespaces", "403 no longer")
        with pytest.raises(ObservationError, match="no longer"):
            soak(client, inventory, wanted_seconds=0.3, now=lambda: datetime.now(UTC))

    def test_a_watch_that_dies_of_a_bug_is_not_quiet(
        self, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[Any] = []
        monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_type))
        with pytest.raises(ObservationError, match="watch of Pod: it ended before the soak did"):
            quiet(inventory, RuntimeError("a bug"))
        for thread in threading.enumerate():
            if "_follow" in thread.name:
                thread.join(2)
        assert told == [RuntimeError]  # and the bug is not swallowed

    def test_a_pod_that_finishes_is_not_missed(self, inventory: Inventory) -> None:
        window = quiet(inventory, WatchEvent("MODIFIED", a_pod(phase="Succeeded")))
        assert window.resets == ()

    def test_a_frozen_watch_whose_list_fails_is_not_quiet(self, inventory: Inventory) -> None:
        with pytest.raises(ObservationError, match="no longer"):
            quiet(inventory, DeniedError("pods in all namespaces", "403 no longer"))


# one whole observation


@pytest.fixture(scope="module")
def pair() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster("pair", time_scale=300) as cluster:
        cluster.wait_for_frame(lambda _event: None)
        yield cluster


def look(cluster: EmbeddedCluster, *wants: str, user: str = "") -> Any:
    read = load(cluster.inventory, today=date(2025, 10, 17)).inventory
    path = cluster.kubeconfig.with_name(f"kubeconfig-{user}") if user else cluster.kubeconfig
    client: KubeClient = connect(kubeconfig=str(path), resolve=read.resolve)
    try:
        return observe(client, read, wants=wants, base=cluster.inventory.parent, now=lambda: client.clock().now)
    finally:
        client.close()


PROBED = sorted(name for names in PROBES for name in names)


class TestObserve:
    def test_everything_there_is_without_a_gap(self, pair: EmbeddedCluster) -> None:
        found = look(pair, *KINDS, *PROBED)
        snapshot = found.snapshot
        assert set(snapshot.gaps) <= {"Secret", "OCIRepository", "Bucket", "StorageClass"}
        assert {r.metadata.name for r in snapshot.objects["HelmRelease"]} == {"noteboard", "postbox"}
        assert len(found.raw["HelmRelease"]) == 2
        cells = {c.vantage: c for c in snapshot.objects["RegistryTrust"]}
        assert cells["operator"].manifest == "ok"
        assert cells["pair-1"].chain.startswith("x509: certificate signed by unknown authority")
        assert [u.opens for u in snapshot.objects["UnsealProbe"]] == [False]
        assert all(w.error == "" and w.lines >= 0 for w in snapshot.objects["LogWindow"])
        assert snapshot.objects["EndpointProbe"][0].status == 503

    def test_what_is_denied_is_a_gap_with_its_permission_and_the_rest_intact(self, pair: EmbeddedCluster) -> None:
        snapshot = look(pair, "HelmRelease", "Pod", "SealedSecret", "LogWindow", "Secret", user="viewer").snapshot
        gap = snapshot.gaps["HelmRelease"]
        assert gap.permission == "list helmreleases.helm.toolkit.fluxcd.io in all namespaces"
        assert "403" in gap.why
        assert "HelmRelease" not in snapshot.objects
        assert "does not opt in" in snapshot.gaps["Secret"].why
        assert snapshot.objects["Pod"]
        assert len(snapshot.objects["SealedSecret"]) == 1
        assert all("403" in w.error for w in snapshot.objects["LogWindow"])

    def test_soak_sees_the_list_it_watches(self, pair: EmbeddedCluster) -> None:
        assert set(WATCHED) <= set(KINDS)
        assert set(look(pair, *WATCHED).snapshot.objects) == set(WATCHED)

    def test_secrets_are_seen_with_sealed_secrets_where_they_were_opted_in_and_never_their_values(
        self, pair: EmbeddedCluster
    ) -> None:
        read = load(pair.inventory, today=date(2025, 10, 17)).inventory
        access = read.secrets_access.model_copy(update={"namespaces": ("flux-system",)})
        opted = read.model_copy(update={"secrets": "metadata", "secrets_access": access})
        client = connect(kubeconfig=str(pair.kubeconfig))
        try:
            found, silent = (
                observe(client, i, wants=["SealedSecret"], base=pair.inventory.parent, now=lambda: client.clock().now)
                for i in (opted, read)
            )
        finally:
            client.close()
        secrets = found.snapshot.objects["Secret"]
        assert {s.metadata.namespace for s in secrets} <= {"flux-system"}
        assert all(s.data is None for s in secrets)
        assert b'"data"' not in b"".join(found.raw["Secret"])
        assert "Secret" not in {**silent.snapshot.objects, **silent.snapshot.gaps}
