"""The world's parts, each alone: clock, sealing, node trust, charts, Git, kustomize builds."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from runbook.errors import ScenarioError
from runbook.rehearsal import images, pki
from runbook.rehearsal.charts import ChartError, Charts, merged
from runbook.rehearsal.clock import TICK, ScaledClock
from runbook.rehearsal.controllers.kubelet import pull_wait
from runbook.rehearsal.controllers.kustomizations import BuildError, build
from runbook.rehearsal.gitrepos import GitRepository
from runbook.rehearsal.sealingkeys import SealingKey, UnsealError, scope_label, unseal

START = datetime(2025, 10, 17, 11, tzinfo=UTC)


class TestClock:
    def test_wakes_sleepers_in_the_order_of_their_time_then_of_their_coming(self) -> None:
        async def play() -> list[str]:
            clock, woken = ScaledClock(60, start=START), list[str]()

            async def sleeper(name: str, seconds: float) -> None:
                await clock.sleep(seconds)
                woken.append(name)

            tasks = [asyncio.create_task(sleeper(n, s)) for n, s in (("c", 9), ("a", 3), ("b", 3), ("z", 30))]
            await asyncio.sleep(0)
            clock.advance(10)
            await asyncio.gather(*tasks[:3])
            assert not tasks[3].done()
            tasks[3].cancel()
            return woken

        assert asyncio.run(play()) == ["a", "b", "c"]

    def test_cannot_jump_while_the_loop_is_blocked(self) -> None:
        async def play() -> float:
            clock = ScaledClock(300, start=START)
            task = asyncio.create_task(clock.run())
            await asyncio.sleep(2 * TICK)
            before = clock.elapsed
            time.sleep(0.4)  # the point: the loop is blocked, as on a busy machine
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            return clock.elapsed - before

        assert asyncio.run(play()) <= 1.5 * TICK * 300 + 1e-6

    def test_stands_still_while_work_is_left_at_this_moment(self) -> None:
        async def play() -> tuple[float, float, float]:
            clock, work = ScaledClock(300, start=START), [True]
            clock.watch(lambda: bool(work))
            task = asyncio.create_task(clock.run())
            await asyncio.sleep(5 * TICK)
            at_work = clock.elapsed
            work.clear()
            with clock.standing():
                await asyncio.sleep(5 * TICK)
                clock.advance(60)
                standing = clock.elapsed
            await asyncio.sleep(5 * TICK)
            task.cancel()
            return at_work, standing, clock.elapsed

        at_work, standing, after = asyncio.run(play())
        assert (at_work, standing) == (0.0, 0.0)
        assert after > 0.0

    def test_tells_aware_time_that_passes_scaled(self) -> None:
        clock = ScaledClock(60, start=START)
        clock.advance(90.0)
        assert clock.now() == START + timedelta(seconds=90)
        assert ScaledClock(1).now() < datetime.now(UTC) - timedelta(hours=5)

    def test_a_sleep_of_nothing_returns(self) -> None:
        asyncio.run(asyncio.wait_for(ScaledClock(1, start=START).sleep(-5), 1))


@pytest.fixture(scope="module")
def keys() -> tuple[SealingKey, SealingKey]:
    return SealingKey.generate(START), SealingKey.generate(START)


def sealed(key: SealingKey, scope: str = "", **over: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": "mail", "name": "box"}
    if scope:
        metadata["annotations"] = {f"sealedsecrets.bitnami.com/{scope}": "true"}
    data = {"KEY": key.seal(scope_label(metadata), "under the mat")}
    return {"metadata": metadata | over, "spec": {"encryptedData": data}}


class TestSealing:
    @pytest.mark.parametrize("scope", ["", "namespace-wide", "cluster-wide"])
    def test_opens_with_its_key_among_others(self, keys: tuple[SealingKey, SealingKey], scope: str) -> None:
        found = unseal(sealed(keys[0], scope), [keys[1], keys[0]])
        assert base64.b64decode(found["KEY"]) == b"under the mat"

    def test_stays_closed_for_another_key(self, keys: tuple[SealingKey, SealingKey]) -> None:
        with pytest.raises(UnsealError, match=r"^no key could decrypt secret \(KEY\)$"):
            unseal(sealed(keys[0]), [keys[1]])

    @pytest.mark.parametrize(
        ("scope", "over", "opens"),
        [
            ("", {"name": "other"}, False),
            ("", {"namespace": "other"}, False),
            ("namespace-wide", {"name": "other"}, True),
            ("namespace-wide", {"namespace": "other"}, False),
            ("cluster-wide", {"namespace": "other", "name": "other"}, True),
        ],
    )
    def test_scope_binds_it_to_its_names(
        self, keys: tuple[SealingKey, SealingKey], scope: str, over: dict[str, str], opens: bool
    ) -> None:
        moved = sealed(keys[0], scope, **over)
        if opens:
            assert unseal(moved, [keys[0]])
        else:
            with pytest.raises(UnsealError, match="no key could decrypt"):
                unseal(moved, [keys[0]])

    @pytest.mark.parametrize("length", [0, 1, 100, 257, 260])
    def test_truncated_ciphertext_is_closed_not_a_crash(self, keys: tuple[SealingKey, SealingKey], length: int) -> None:
        obj = sealed(keys[0])
        blob = base64.b64decode(obj["spec"]["encryptedData"]["KEY"])
        obj["spec"]["encryptedData"]["KEY"] = base64.b64encode(blob[:length]).decode()
        with pytest.raises(UnsealError, match="KEY"):
            unseal(obj, [keys[0]])

    def test_what_is_no_base64_is_told_so(self, keys: tuple[SealingKey, SealingKey]) -> None:
        obj = sealed(keys[0])
        obj["spec"]["encryptedData"]["KEY"] = "!!!"
        with pytest.raises(UnsealError, match="illegal base64"):
            unseal(obj, [keys[0]])

    def test_key_survives_its_secret(self, keys: tuple[SealingKey, SealingKey]) -> None:
        again = SealingKey.from_secret(keys[0].secret("kube-system", "abc", START))
        assert unseal(sealed(keys[0]), [again])


HOST = "registry.pair.example:5000"


@pytest.fixture(scope="module")
def pem() -> bytes:
    return pki.authority("a").pem


class TestNodeTrust:
    @pytest.mark.parametrize(
        ("runtime", "file"),
        [
            ("docker", f"etc/docker/certs.d/{HOST}/ca.crt"),
            ("containerd", f"etc/containerd/certs.d/{HOST}/ca.crt"),
            ("containerd", "etc/containerd/certs.d/registry.pair.example_5000_/ca.crt"),
            ("containerd", "etc/containerd/certs.d/_default/ca.crt"),
            ("cri-o", f"etc/containers/certs.d/{HOST}/ca.crt"),
            ("cri-o", f"etc/docker/certs.d/{HOST}/ca.crt"),
            ("docker", "etc/ssl/certs/ca-certificates.crt"),
        ],
    )
    def test_each_runtime_reads_its_own_folder(self, tmp_path: Path, pem: bytes, runtime: str, file: str) -> None:
        assert list(images.anchors(tmp_path, runtime, HOST)) == []
        put(tmp_path / file, pem)
        assert list(images.anchors(tmp_path, runtime, HOST)) == [pem.decode()]

    @pytest.mark.parametrize(
        ("runtime", "file"),
        [
            ("docker", f"etc/containerd/certs.d/{HOST}/ca.crt"),
            ("containerd", f"etc/docker/certs.d/{HOST}/ca.crt"),
            ("docker", "etc/docker/certs.d/registry.pair.example/ca.crt"),
            ("docker", f"etc/docker/certs.d/{HOST}/ca.pem"),
            ("docker", "usr/local/share/ca-certificates/ca.crt"),
        ],
    )
    def test_no_runtime_reads_another_place(self, tmp_path: Path, pem: bytes, runtime: str, file: str) -> None:
        put(tmp_path / file, pem)
        assert list(images.anchors(tmp_path, runtime, HOST)) == []

    @pytest.mark.parametrize(
        ("hosts", "file"),
        [
            ('ca = "own.pem"\n', f"etc/containerd/certs.d/{HOST}/own.pem"),
            ('[host."https://x"]\nca = ["/etc/ca/x.pem"]\n', "etc/ca/x.pem"),
            ("this = is not toml", f"etc/containerd/certs.d/{HOST}/bare.crt"),
        ],
    )
    def test_containerd_follows_hosts_toml(self, tmp_path: Path, pem: bytes, hosts: str, file: str) -> None:
        put(tmp_path / f"etc/containerd/certs.d/{HOST}/hosts.toml", hosts.encode())
        put(tmp_path / file, pem)
        assert list(images.anchors(tmp_path, "containerd", HOST)) == [pem.decode()]


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class TestCharts:
    @pytest.fixture
    def charts(self, tmp_path: Path) -> Charts:
        put(tmp_path / "c/1.0.0/templates.yaml", b"kind: A\nname: {{ release.name }}\nx: {{ values.x.y }}\n---\n")
        put(tmp_path / "c/1.0.0/values.yaml", b"x: {y: 1, z: 2}\n")
        return Charts(tmp_path)

    def test_renders_values_and_release(self, charts: Charts) -> None:
        values = charts.values("c", "1.0.0", {"x": {"y": 7}})
        assert values == {"x": {"y": 7, "z": 2}}
        found = charts.render("c", "1.0.0", values, name="n", namespace="s", revision=1)
        assert found == [{"kind": "A", "name": "n", "x": 7}]
        assert (charts.versions("c"), charts.versions("none")) == (["1.0.0"], [])

    def test_a_value_nobody_gave_is_an_error_not_an_empty_text(self, charts: Charts) -> None:
        with pytest.raises(ChartError, match=r"^execution error at \(c/templates.yaml\)") as error:
            charts.render("c", "1.0.0", {"x": {}}, name="n", namespace="s", revision=1)
        assert isinstance(error.value.__cause__, UndefinedError)

    def test_maps_merge_deeply_null_removes_and_lists_are_replaced(self) -> None:
        own = {"a": {"b": 1, "c": 2}, "l": [1, 2], "n": 1}
        assert merged(own, {"a": {"c": 3}, "l": [9], "n": None}) == {"a": {"b": 1, "c": 3}, "l": [9]}
        assert own["n"] == 1


class TestGit:
    @pytest.fixture
    def repository(self, tmp_path: Path) -> GitRepository:
        put(tmp_path / "source/apps/a.yaml", b"one\n")
        return GitRepository.create(tmp_path / "source", tmp_path / "tree", "main", tmp_path / "out")

    def test_commits_carry_cluster_time(self, repository: GitRepository) -> None:
        commit = repository.commit("first", START)
        argv = ["git", "-C", str(repository.tree), "show", "-s", "--format=%cI %aI", commit]
        dates = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
        assert [datetime.fromisoformat(d) for d in dates] == [START, START]
        assert repository.has_branch("main")
        assert not repository.has_branch("elsewhere")

    def test_each_revision_is_checked_out_as_it_was(self, repository: GitRepository) -> None:
        old = repository.commit("first", START)
        (repository.tree / "apps/a.yaml").write_text("two\n")
        new = repository.commit("second", START + timedelta(hours=1))
        assert (repository.checkout(new) / "apps/a.yaml").read_text() == "two\n"
        assert (repository.checkout(old) / "apps/a.yaml").read_text() == "one\n"
        assert (repository.tree / "apps/a.yaml").read_text() == "two\n"
        assert repository.head() == new
        assert repository.commit("third", START + timedelta(hours=2)) == repository.head() != new

    def test_what_git_refuses_is_an_error(self, repository: GitRepository) -> None:
        with pytest.raises(ScenarioError, match="git --work-tree failed"):
            repository.checkout("0" * 40)


class TestKustomizeBuild:
    def test_every_file_below_a_path_without_a_kustomization(self, tmp_path: Path) -> None:
        put(tmp_path / "apps/a.yaml", b"kind: A\n")
        put(tmp_path / "apps/deep/b.yaml", b"kind: B\n---\nkind: C\n")
        assert [d["kind"] for d in build(tmp_path, "./apps")] == ["A", "B", "C"]

    def test_only_what_a_kustomization_names(self, tmp_path: Path) -> None:
        put(tmp_path / "apps/kustomization.yaml", b"resources: [b.yaml]\n")
        put(tmp_path / "apps/a.yaml", b"kind: A\n")
        put(tmp_path / "apps/b.yaml", b"kind: B\n")
        assert [d["kind"] for d in build(tmp_path, "./apps")] == ["B"]

    @pytest.mark.parametrize("path", ["./nowhere", "../..", "./apps/a.yaml"])
    def test_a_path_that_is_no_folder_of_the_repository(self, tmp_path: Path, path: str) -> None:
        put(tmp_path / "apps/a.yaml", b"kind: A\n")
        with pytest.raises(BuildError, match="kustomization path not found") as error:
            build(tmp_path, path)
        assert error.value.reason == "ArtifactFailed"

    def test_a_resource_that_is_not_there(self, tmp_path: Path) -> None:
        put(tmp_path / "apps/kustomization.yaml", b"resources: [gone.yaml]\n")
        with pytest.raises(BuildError, match=r"accumulating resources from 'gone.yaml'") as error:
            build(tmp_path, "./apps")
        assert error.value.reason == "BuildFailed"

    def test_a_file_that_is_no_yaml(self, tmp_path: Path) -> None:
        put(tmp_path / "apps/a.yaml", b"kind: [A\n")
        with pytest.raises(BuildError, match=r"kustomize build failed: a.yaml is not YAML: line 2") as error:
            build(tmp_path, "./apps")
        assert error.value.reason == "BuildFailed"


# how long a kubelet waits after a failed pull


@pytest.mark.parametrize(("tries", "wait"), [(0, 0), (1, 10), (2, 20), (5, 160), (6, 300), (40, 300)])
def test_a_kubelet_waits_twice_as_long_after_each_failed_pull(tries: int, wait: float) -> None:
    assert pull_wait({"metadata": {}}, tries) == wait


def test_a_pod_may_say_how_long() -> None:
    said = {"metadata": {"annotations": {"rehearsal.runbook/image-back-off": "3h"}}}
    assert [pull_wait(said, tries) for tries in (0, 1, 9)] == [0, 10_800, 10_800]
