"""Plans, purely: what is selected, in which order, what stands in the way, and what is left alone with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook.actions import notes, plan
from runbook.domain.kinds import convert
from runbook.domain.probes import RegistryTrust
from runbook.inventory.model import Inventory
from runbook.model import Explained, Explanation, FirstCause, NextAct, ObjectRef, Snapshot

NOW = datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)
INVENTORY = Inventory.model_validate(
    {
        "schema": "runbook/inventory/v1",
        "cluster": {"name": "beckerkube"},
        "registry": {"names": ("registry:5000",), "ca_file": "ca.crt"},
        "sources": ({"kind": "GitRepository", "namespace": "flux-system", "name": "fleet"},),
        "kustomizations": ({"name": "apps"}, {"name": "base"}),
        "releases": ({"namespace": "ffl", "name": "backend"}, {"namespace": "ffl", "name": "frontend"}),
    }
)
X509 = 'Get "https://registry:5000/v2/": x509: certificate signed by unknown authority'


def snapshot(**kinds: Any) -> Snapshot:
    objects: dict[str, tuple[Any, ...]] = {
        kind: tuple(i if not isinstance(i, Mapping) else convert(kind, dict(i)) for i in items)
        for kind, items in kinds.items()
    }
    return Snapshot(NOW, "beckerkube", objects)


def pod(
    name: str, *, reason: str = "ImagePullBackOff", message: str = "not found", node: str = "n1", **meta: Any
) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": "rs", "controller": True}
    return {
        "metadata": {"name": name, "namespace": "ffl", "uid": name, "ownerReferences": [owner], **meta},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "registry:5000/a:1"}]},
        "status": {
            "phase": "Pending",
            "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": reason, "message": message}}}],
        },
    }


def job(name: str = "migrate") -> dict[str, Any]:
    meta = {"name": name, "namespace": "ffl", "uid": name, "annotations": {"helm.sh/hook": "pre-upgrade"}}
    return {"metadata": {**meta, "labels": {"helm.toolkit.fluxcd.io/name": "backend"}}, "status": {"active": 1}}


def release(name: str, *, ready: str = "False", reconciling: str = "False", **spec: Any) -> dict[str, Any]:
    conditions = [
        {"type": "Ready", "status": ready, "reason": "InstallFailed", "message": "timed out"},
        {"type": "Reconciling", "status": reconciling},
    ]
    return {
        "metadata": {"name": name, "namespace": "ffl", "generation": 1},
        "spec": spec,
        "status": {"observedGeneration": 1, "conditions": conditions},
    }


def explained(*refs: ObjectRef) -> Explanation:
    cause = FirstCause(
        "sealed-secret-key-mismatch", ObjectRef("SealedSecret", "ffl", "s"), "fact", "m",
        tuple(Explained(r, "caused-by") for r in refs), NextAct("restore"),
    )  # fmt: skip
    return Explanation(NOW, "beckerkube", (cause,), (), ())


class TestCleanup:
    def planned(self, seen: Snapshot, explanation: Explanation | None = None) -> dict[str, Any]:
        return {str(a.object): a for a in plan("cleanup", seen, (), explanation, INVENTORY)}

    def test_stuck_jobs_come_first_and_their_pods_go_with_them(self) -> None:
        owned = pod("migrate-x", labels={"job-name": "migrate"})
        actions = list(self.planned(snapshot(Job=[job()], Pod=[pod("web"), owned])))
        assert actions == ["Job/ffl/migrate", "Pod/ffl/web"]

    def test_each_line_says_why_how_and_who_makes_it_again(self) -> None:
        action = self.planned(snapshot(Pod=[pod("web")]))["Pod/ffl/web"]
        assert "ImagePullBackOff" in action.reason
        assert action.command == "kubectl delete pod web -n ffl --cascade=background"
        assert "ReplicaSet rs makes it again" in action.blast_radius
        assert action.requires == ()

    @pytest.mark.parametrize("proof", ["probe", "message"])
    def test_with_trust_red_nothing_on_that_node_is_selected_and_why_is_said(self, proof: str) -> None:
        cell = RegistryTrust("n1", "docker", "registry:5000", chain=X509)
        pods = [pod("web", message=X509 if proof == "message" else "x"), pod("elsewhere", node="n2")]
        seen = snapshot(Pod=pods, Job=[job()], RegistryTrust=[cell] if proof == "probe" else [])
        assert "Pod/ffl/web" not in self.planned(seen)
        assert "Pod/ffl/elsewhere" in self.planned(seen)
        (line,) = notes("cleanup", seen, INVENTORY)
        assert "1 pod(s) on n1" in line
        assert "x509" in line

    def test_an_operators_own_probe_proves_nothing_about_a_node(self) -> None:
        cell = RegistryTrust("operator", "", "registry:5000", chain=X509)
        assert "Pod/ffl/web" in self.planned(snapshot(Pod=[pod("web")], RegistryTrust=[cell]))

    def test_a_standing_cause_and_a_release_in_action_stand_in_the_way(self) -> None:
        seen = snapshot(
            Job=[job()],
            Pod=[pod("migrate-x", labels={"job-name": "migrate"})],
            HelmRelease=[release("backend", reconciling="True")],
        )
        action = self.planned(seen, explained(ObjectRef("Pod", "ffl", "migrate-x")))["Job/ffl/migrate"]
        assert any("first cause still stands" in r for r in action.requires)
        assert any("middle of an action" in r for r in action.requires)

    def test_what_is_not_ours_or_is_to_be_kept_is_never_selected(self) -> None:
        foreign = {**pod("other"), "metadata": {"name": "other", "namespace": "elsewhere"}}
        kept = pod("kept", labels={"runbook/keep": "yes"})
        well = {**pod("well"), "status": {"phase": "Running"}}
        seen = snapshot(Pod=[foreign, kept, well])
        assert self.planned(seen) == {}
        assert "runbook/keep" in notes("cleanup", seen, INVENTORY)[0]


class TestReconcile:
    def flux(self, kind: str, name: str, *, ready: str = "False", **more: Any) -> dict[str, Any]:
        conditions = [{"type": "Ready", "status": ready, "reason": "X", "message": "m"}]
        status = {"observedGeneration": 1, "conditions": conditions, **more.pop("status", {})}
        return {"metadata": {"name": name, "namespace": "flux-system", "generation": 1}, "spec": more, "status": status}

    def seen(self, **changes: Any) -> Snapshot:
        kinds = {
            "GitRepository": [self.flux("GitRepository", "fleet")],
            "Kustomization": [
                self.flux("Kustomization", "apps", dependsOn=[{"name": "base"}]),
                self.flux("Kustomization", "base"),
            ],
            "HelmRelease": [release("frontend", dependsOn=[{"name": "backend"}]), release("backend")],
        }
        return snapshot(**{**kinds, **changes})

    def test_sources_then_kustomizations_then_releases_each_after_what_it_needs(self) -> None:
        names = [a.object.name for a in plan("reconcile", self.seen(), (), None, INVENTORY)]
        assert names == ["fleet", "base", "apps", "backend", "frontend"]

    def test_what_is_ready_is_not_asked(self) -> None:
        seen = self.seen(HelmRelease=[release("backend", ready="True"), release("frontend", ready="True")])
        assert "HelmRelease" not in {a.object.kind for a in plan("reconcile", seen, (), None, INVENTORY)}

    def test_an_older_revision_than_the_sources_is_a_reason(self) -> None:
        source = self.flux("GitRepository", "fleet", ready="True", status={"artifact": {"revision": "main@sha1:b"}})
        behind = self.flux(
            "Kustomization",
            "apps",
            ready="True",
            sourceRef={"kind": "GitRepository", "name": "fleet"},
            status={"lastAppliedRevision": "main@sha1:a"},
        )
        (action,) = plan(
            "reconcile", self.seen(GitRepository=[source], Kustomization=[behind], HelmRelease=[]), (), None, INVENTORY
        )
        assert action.reason == "applied main@sha1:a, its source is at main@sha1:b"
        assert action.command.endswith("--with-source")

    def test_suspension_dependencies_and_causes_stand_in_the_way(self) -> None:
        seen = self.seen(
            HelmRelease=[release("backend", suspend=True), release("frontend", dependsOn=[{"name": "backend"}])]
        )
        cause = explained(ObjectRef("HelmRelease", "ffl", "frontend"))
        found = {a.object.name: a for a in plan("reconcile", seen, (), cause, INVENTORY)}
        assert found["backend"].kind == "resume"
        assert "a person decides" in found["backend"].asks
        assert any("first cause" in r for r in found["frontend"].requires)
        assert any("depends on HelmRelease/ffl/backend" in r for r in found["frontend"].requires)

    def test_a_reset_is_named_only_where_retries_are_exhausted(self) -> None:
        stalled = release("backend")
        stalled["status"]["conditions"].append({"type": "Stalled", "status": "True", "reason": "RetriesExceeded"})
        found = {
            a.object.name: a.command
            for a in plan("reconcile", self.seen(HelmRelease=[stalled, release("frontend")]), (), None, INVENTORY)
        }
        assert found["backend"].endswith("--reset")
        assert "--reset" not in found["frontend"]


class TestRegistryCA:
    @pytest.mark.parametrize(
        ("runtime", "path"),
        [
            ("docker", "/etc/docker/certs.d/registry:5000/ca.crt"),
            ("containerd", "/etc/containerd/certs.d/registry:5000/ca.crt"),
            ("cri-o", "/etc/containers/certs.d/registry:5000/ca.crt"),
        ],
    )
    def test_each_runtime_reads_its_own_file(self, runtime: str, path: str) -> None:
        seen = snapshot(RegistryTrust=[RegistryTrust("n1", runtime, "registry:5000", chain=X509)])
        (action,) = plan("registry-trust", seen, (), None, INVENTORY)
        assert path in action.command
        assert action.undo == f"rm {path}"

    def test_a_ca_does_not_cure_dates_or_names(self) -> None:
        cell = RegistryTrust("n1", "docker", "registry:5000", chain=X509, expiry="x509: certificate has expired")
        (action,) = plan("registry-trust", snapshot(RegistryTrust=[cell]), (), None, INVENTORY)
        assert any("does not cure the certificate's dates" in r for r in action.requires)
        assert any("fingerprint" in r for r in action.requires)

    def test_trusted_and_unread_nodes_get_no_file(self) -> None:
        cells = [
            RegistryTrust("n1", "docker", "r:5000", chain="ok"),
            RegistryTrust("n2", "docker", "r:5000", node_read="no transport"),
        ]
        assert plan("registry-trust", snapshot(RegistryTrust=cells), (), None, INVENTORY) == ()


def test_the_ladder_ends_before_uninstall(pytestconfig: pytest.Config) -> None:
    """Under Flux an uninstall runs delete hooks and takes volumes: it is no rung, and no file of actions does it."""
    stalled = release("backend")
    stalled["status"]["conditions"].append({"type": "Stalled", "status": "True", "reason": "RetriesExceeded"})
    seen = snapshot(Pod=[pod("web")], HelmRelease=[stalled])
    found = [a for s in ("registry-trust", "cleanup", "reconcile") for a in plan(s, seen, (), None, INVENTORY)]
    assert [a.kind for a in found] == ["delete-pod", "reset-release"]
    assert not [a for a in found if "uninstall" in a.command or "delete helmrelease" in a.command]
    files = {p.stem for p in (pytestconfig.rootpath / "runbook/actions").glob("*.py")} - {"__init__"}
    assert files == {
        "delete_job", "delete_pod", "force_release", "install_registry_ca", "request_reconcile", "reset_release",
        "restart_controller", "resume_suspended", "suspend_release",
    }  # fmt: skip


def test_a_plan_writes_nothing_and_speaks_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning is pure: no socket, no file for writing, whatever is wrong."""
    import builtins
    import socket

    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise AssertionError("a plan reached out")

    cell = RegistryTrust("n1", "docker", "registry:5000", chain=X509)
    owned = pod("migrate-x", node="n2", labels={"job-name": "migrate"})
    seen = snapshot(
        Pod=[pod("web", node="n2"), owned], Job=[job()], HelmRelease=[release("backend")], RegistryTrust=[cell]
    )
    [plan(stage, seen, (), None, INVENTORY) for stage in ("registry-trust", "cleanup", "reconcile")]  # imports are done
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(builtins, "open", refuse)
    kinds = {a.kind for s in ("registry-trust", "cleanup", "reconcile") for a in plan(s, seen, (), None, INVENTORY)}
    assert {"install-registry-ca", "delete-job", "delete-pod", "request-reconcile"} <= kinds
