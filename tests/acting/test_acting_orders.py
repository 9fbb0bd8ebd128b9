"""Whom to ask and whom not, purely: what waits for others, what nobody can explain, what lags behind Git, each once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from acting_objects import INVENTORY, NOW, WAITS, explained, ref, release, snapshot, source

from runbook.acting.fluxorder import Requests
from runbook.actions import plan
from runbook.diagnosis.explanation import explain
from runbook.domain.flux import GitRepository
from runbook.domain.helm import HelmRelease
from runbook.domain.probes import GitHead
from runbook.model import Action, Explanation, ObjectRef, Snapshot

DEPENDS = {"dependsOn": [{"name": "backend"}]}
EXHAUSTED = {"Stalled": ("True", "RetriesExceeded")}


def in_the_way(seen: Snapshot, name: str, explanation: Explanation | None = None) -> list[str]:
    (obj,) = [r for r in seen.seen(HelmRelease) if r.metadata.name == name]
    return Requests(seen, (), explanation, INVENTORY).in_the_way(obj)


def planned(seen: Snapshot, explanation: Explanation | None = None) -> dict[str, Action]:
    found = plan("reconcile", seen, (), explanation, INVENTORY)
    names = [a.object.name for a in found]
    assert len(names) == len(set(names)), "one act for each object"
    return {a.object.name: a for a in found}


class TestWhatWaitsForAnother:
    def test_it_is_asked_as_soon_as_that_one_is_ready_although_nobody_can_explain_it(self) -> None:
        seen = snapshot(HelmRelease=[release("backend", "True"), release("frontend", "False", *WAITS, **DEPENDS)])
        unknown = explained(unknown=(ref("frontend"),))
        assert in_the_way(seen, "frontend", unknown) == []
        act = planned(seen, unknown)["frontend"]
        assert (act.kind, act.requires) == ("request-reconcile", ())
        assert act.reason == f"not ready: {WAITS[0]}: {WAITS[1]}"

    def test_it_is_asked_although_it_is_reconciling_because_it_does_nothing(self) -> None:
        others = {"Reconciling": ("True", "Progressing")}
        waiting = release("frontend", "False", *WAITS, others=others, **DEPENDS)
        assert in_the_way(snapshot(HelmRelease=[release("backend", "True"), waiting]), "frontend") == []

    @pytest.mark.parametrize(
        "backend",
        [
            release("backend"),
            release("backend", "True", suspend=True),
            release("backend", "True", others={"Reconciling": ("True", "Progressing")}),
            release("backend", "True", status={"observedGeneration": 0}),
        ],
        ids=["failed", "suspended", "acting", "old"],
    )
    def test_it_waits_as_long_as_that_one_is_not_ready(self, backend: dict[str, Any]) -> None:
        seen = snapshot(HelmRelease=[backend, release("frontend", "False", *WAITS, **DEPENDS)])
        assert in_the_way(seen, "frontend") == ["it depends on HelmRelease/ffl/backend, which is not ready"]

    def test_it_waits_for_one_that_does_not_exist(self) -> None:
        seen = snapshot(HelmRelease=[release("frontend", "False", *WAITS, **DEPENDS)])
        assert in_the_way(seen, "frontend") == ["it depends on HelmRelease/ffl/backend, which does not exist"]

    def test_a_first_cause_of_its_own_still_stands_in_its_way(self) -> None:
        seen = snapshot(HelmRelease=[release("backend", "True"), release("frontend", "False", *WAITS, **DEPENDS)])
        (way,) = in_the_way(seen, "frontend", explained(ref("frontend")))
        assert way.startswith("its first cause still stands: sealed-secret-key-mismatch")
        assert in_the_way(seen, "frontend", explained(ref("frontend"), stale=True)) == []


class TestWhatNobodyCanExplain:
    def test_a_failed_release_is_not_asked(self) -> None:
        seen = snapshot(HelmRelease=[release("backend")])
        unknown = explained(unknown=(ref("backend"),))
        assert in_the_way(seen, "backend", unknown) == ["its first cause is not known: no rule knows it"]
        assert planned(seen, unknown)["backend"].requires != ()

    def test_an_exhausted_one_is_reset_once_nothing_of_it_is_left_that_could_say_why(self) -> None:
        """Its old message can be neither proved nor refuted, and it never tries again by itself (semantics 2.3)."""
        failing = {
            "metadata": {"name": "web", "namespace": "ffl", "labels": {"helm.toolkit.fluxcd.io/name": "backend"}},
            "spec": {"containers": [{"name": "c"}]},
            "status": {
                "phase": "Pending",
                "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
        }
        unknown = explained(unknown=(ref("backend"),))
        alone = snapshot(HelmRelease=[release("backend", others=EXHAUSTED)])
        assert in_the_way(alone, "backend", unknown) == []
        witnessed = snapshot(HelmRelease=[release("backend", others=EXHAUSTED)], Pod=[failing])
        assert in_the_way(witnessed, "backend", unknown) == ["its first cause is not known: no rule knows it"]

    @pytest.mark.parametrize("kind", ["Job", "Pod"])
    def test_deleting_it_is_a_persons_decision(self, kind: str) -> None:
        owner = {"kind": "ReplicaSet", "name": "rs", "controller": True}
        meta = {"name": "x", "namespace": "ffl", "uid": "u", "annotations": {"helm.sh/hook": "pre-upgrade"}}
        pod = {
            "metadata": {**meta, "ownerReferences": [owner]},
            "spec": {"containers": [{"name": "c"}]},
            "status": {
                "phase": "Pending",
                "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
        }
        job = {
            "metadata": {**meta, "labels": {"helm.toolkit.fluxcd.io/name": "backend"}},
            "status": {"failed": 1, "conditions": [{"type": "Failed", "status": "True"}]},
        }
        seen = snapshot(HelmRelease=[release("backend")], **{kind: [job if kind == "Job" else pod]})
        (known,) = plan("cleanup", seen, (), explained(), INVENTORY)
        assert (known.kind, known.asks) == (f"delete-{kind.lower()}", "")
        (act,) = plan("cleanup", seen, (), explained(unknown=(ref("x", kind),)), INVENTORY)
        assert act.asks == "its first cause is not known: no rule knows it; a person decides"


class TestBehindGit:
    """The checkout's HEAD is newer than what source-controller has fetched: one request for each commit."""

    HEAD = GitHead("b" * 40, "main", committed=NOW)

    def why(self, git: dict[str, Any], *heads: GitHead) -> str:
        seen = snapshot(GitRepository=[git], GitHead=list(heads))
        (obj,) = seen.seen(GitRepository)
        why = Requests(seen, (), None, INVENTORY).why_ask(obj)
        assert [a.reason for a in plan("reconcile", seen, (), None, INVENTORY)] == ([why] if why else [])
        return why

    @pytest.mark.parametrize("before", [timedelta(seconds=1), timedelta(days=3)])
    def test_a_newer_commit_is_asked_for(self, before: timedelta) -> None:
        asked = f"{NOW - before:%Y-%m-%dT%H:%M:%S}Z"
        why = self.why(source("main@sha1:" + "a" * 40, handled=asked), self.HEAD)
        assert why == f"HEAD of the checkout is {'b' * 12}, it has fetched main@sha1:{'a' * 40}"

    def test_one_that_was_never_asked_and_has_fetched_nothing_is_asked(self) -> None:
        assert self.why(source(""), self.HEAD).endswith("it has fetched nothing")

    @pytest.mark.parametrize(
        "asked", [f"{NOW + timedelta(seconds=9):%Y-%m-%dT%H:%M:%S}Z-abc", "2025-10-17T13:16:07.123456789+02:00"]
    )
    def test_what_was_asked_for_since_that_commit_is_not_asked_again(self, asked: str) -> None:
        """A commit that was never pushed: asking again and again would change nothing."""
        assert self.why(source("main@sha1:" + "a" * 40, handled=asked), self.HEAD) == ""

    def test_a_request_before_the_commit_does_not_count_in_whatever_zone_it_was_written(self) -> None:
        before = "2025-10-17T13:15:07+02:00"  # 51 seconds before the commit
        assert self.why(source("main@sha1:" + "a" * 40, handled=before), self.HEAD) != ""

    @pytest.mark.parametrize(
        "heads",
        [
            (),
            (GitHead("b" * 40, committed=NOW, dirty=True),),
            (GitHead("", committed=NOW),),
            (GitHead("b" * 40),),
            (GitHead("a" * 40, committed=NOW),),
        ],
        ids=["no checkout", "dirty", "no commit", "no date", "fetched already"],
    )
    def test_nothing_is_asked_where_nothing_newer_is_proved(self, heads: tuple[GitHead, ...]) -> None:
        assert self.why(source("main@sha1:" + "a" * 40), *heads) == ""

    def test_another_source_is_not_the_checkouts(self) -> None:
        other = source("main@sha1:" + "a" * 40)
        other["metadata"]["name"] = "elsewhere"
        seen = snapshot(GitRepository=[other], GitHead=[self.HEAD])
        assert plan("reconcile", seen, (), None, INVENTORY) == ()


def attempt(version: int, at: str, chart: str = "1.0", values: str = "sha256:a") -> dict[str, Any]:
    """One entry of a release's history."""
    dates = {"lastDeployed": at} if at else {}
    return {"version": version, "status": "failed", "chartVersion": chart, "configDigest": values, **dates}


def opened(namespace: str, at: str) -> dict[str, Any]:
    """A SealedSecret that opens since a moment."""
    condition = {"type": "Synced", "status": "True", "lastTransitionTime": at}
    return {"metadata": {"name": "s", "namespace": namespace}, "status": {"conditions": [condition]}}


def ready_pod(name: str, at: str, *, status: str = "True", release: str = "backend") -> dict[str, Any]:
    """A running pod of a release that is ready (or not) since a moment."""
    labels = {"helm.toolkit.fluxcd.io/name": release, "helm.toolkit.fluxcd.io/namespace": "ffl"}
    ready = {"type": "Ready", "status": status, "lastTransitionTime": at}
    return {
        "metadata": {"name": name, "namespace": "ffl", "labels": labels},
        "spec": {"containers": [{"name": "c"}]},
        "status": {"phase": "Running", "conditions": [ready]},
    }


class TestTheLadder:
    RESET = "2025-10-17T11:10:00Z-aaaaaa"

    def test_a_release_exhausted_again_after_a_reset_is_offered_a_force(self) -> None:
        handled = {"lastHandledResetAt": self.RESET, "lastHandledReconcileAt": self.RESET}
        seen = snapshot(HelmRelease=[release("backend", others=EXHAUSTED, status=handled)])
        found = {a.kind: a for a in plan("reconcile", seen, (), None, INVENTORY)}
        assert set(found) == {"reset-release", "force-release"}
        force = found["force-release"]
        assert force.asks == "a force runs the hooks again whatever the state: a person decides"
        assert (force.command, force.requires) == ("flux reconcile helmrelease backend -n ffl --force", ())
        assert self.RESET in force.reason

    AT = "2025-10-17T11:12:00Z"  # the reset's attempt, after RESET
    LATER = "2025-10-17T11:14:00Z"  # its failure
    HANDLED: ClassVar = {"lastHandledResetAt": RESET, "lastHandledReconcileAt": RESET}

    def reset(self, *history: dict[str, Any], handled: str = RESET, **others: Any) -> Action:
        """The reset that is planned for a release of that history, newest first."""
        status = {**self.HANDLED, "lastHandledResetAt": handled, "history": list(history)}
        exhausted = release("backend", others=EXHAUSTED, status=status)
        exhausted["status"]["conditions"][1]["lastTransitionTime"] = self.LATER
        seen = snapshot(HelmRelease=[exhausted, release("frontend", "True")], **others)
        found = plan("reconcile", seen, (), None, INVENTORY)
        (act,) = [a for a in found if a.kind == "reset-release"]
        assert bool(act.asks) == any(a.kind == "force-release" for a in found) or handled != self.RESET
        return act

    def test_a_reset_that_came_to_nothing_is_repeated_by_a_person_alone(self) -> None:
        act = self.reset(attempt(2, self.AT), attempt(1, "2025-10-17T09:00:00Z"))
        assert act.asks.startswith(
            f"its reset of {self.RESET} failed, and nothing that was looked at has changed since"
        )

    @pytest.mark.parametrize(
        ("history", "why"),
        [
            ([attempt(1, "2025-10-17T11:09:59Z")], "swallowed: no attempt is younger than the reset"),
            ([attempt(3, LATER, chart="2.0"), attempt(2, AT)], "another chart came after it"),
            ([attempt(3, LATER, values="sha256:b"), attempt(2, AT)], "other values came after it"),
        ],
    )
    def test_one_that_made_no_attempt_of_this_is_no_try(self, history: list[dict[str, Any]], why: str) -> None:
        assert self.reset(*history).asks == "", why

    @pytest.mark.parametrize(
        ("history", "handled"),
        [
            ([], RESET),
            ([attempt(2, "")], RESET),
            ([attempt(2, AT)], "1729163400"),
            ([attempt(3, LATER), attempt(2, AT)], RESET),
            ([attempt(2, AT), attempt(1, "2025-10-17T09:00:00Z", chart="0.9")], RESET),
        ],
        ids=["no history", "no date", "a token without a time", "a retry of the same", "another chart before it"],
    )
    def test_what_cannot_be_told_apart_counts_as_tried(self, history: list[dict[str, Any]], handled: str) -> None:
        assert self.reset(*history, handled=handled).asks != ""

    def test_it_is_repeated_when_a_secret_of_its_namespace_opens_since(self) -> None:
        for at, repeated in ((self.AT, False), (self.LATER, False), ("2025-10-17T11:15:00Z", True)):
            act = self.reset(attempt(2, self.AT), SealedSecret=[opened("ffl", at)])
            assert (act.asks == "", "SealedSecret/ffl/s opens since" in act.reason) == (repeated, repeated)
        assert self.reset(attempt(2, self.AT), SealedSecret=[opened("other", "2025-10-17T11:15:00Z")]).asks != ""
        closed = opened("ffl", "2025-10-17T11:15:00Z")
        closed["status"]["conditions"][0]["status"] = "False"
        assert self.reset(attempt(2, self.AT), SealedSecret=[closed]).asks != ""

    def test_it_is_repeated_when_all_of_its_pods_are_ready_since(self) -> None:
        after = "2025-10-17T11:15:00Z"
        for pods, repeated in (
            ([ready_pod("a", after)], True),
            ([ready_pod("a", after), ready_pod("b", self.AT)], True),
            ([ready_pod("a", self.AT)], False),
            ([ready_pod("a", after), ready_pod("b", after, status="False")], False),
            ([ready_pod("a", after, release="frontend")], False),
            ([], False),
        ):
            act = self.reset(attempt(2, self.AT), Pod=pods)
            assert (act.asks == "") is repeated, pods
            assert ("its pods are ready since" in act.reason) is repeated

    @pytest.mark.parametrize(
        "handled",
        [
            {},
            {"lastHandledReconcileAt": RESET},
            {"lastHandledResetAt": RESET, "lastHandledReconcileAt": "2025-10-17T11:12:00Z-bbbbbb"},
        ],
        ids=["never asked", "asked and not reset", "asked since"],
    )
    def test_no_force_before_a_reset_was_the_last_thing_tried(self, handled: dict[str, str]) -> None:
        seen = snapshot(HelmRelease=[release("backend", others=EXHAUSTED, status=handled)])
        assert [a.kind for a in plan("reconcile", seen, (), None, INVENTORY)] == ["reset-release"]

    def test_neither_while_its_cause_stands(self) -> None:
        handled = {"lastHandledResetAt": self.RESET, "lastHandledReconcileAt": self.RESET}
        seen = snapshot(HelmRelease=[release("backend", others=EXHAUSTED, status=handled)])
        for act in plan("reconcile", seen, (), explained(ref("backend")), INVENTORY):
            assert act.requires == ("its first cause still stands: sealed-secret-key-mismatch at SealedSecret/ffl/s",)

    def test_a_suspended_one_is_offered_neither(self) -> None:
        seen = snapshot(HelmRelease=[release("backend", others=EXHAUSTED, suspend=True)])
        assert [a.kind for a in plan("reconcile", seen, (), None, INVENTORY)] == ["resume"]


class TestSuspending:
    ACTING = {"Reconciling": ("True", "Progressing")}

    def kinds(self, obj: dict[str, Any], explanation: Explanation | None) -> list[str]:
        return [a.kind for a in plan("reconcile", snapshot(HelmRelease=[obj]), (), explanation, INVENTORY)]

    def test_one_that_acts_again_although_its_cause_stands_may_be_suspended_by_a_person(self) -> None:
        acting = release("backend", "Unknown", "Progressing", "Running 'install' action", others=self.ACTING)
        found = plan("reconcile", snapshot(HelmRelease=[acting]), (), explained(ref("backend")), INVENTORY)
        (act,) = [a for a in found if a.kind == "suspend-release"]
        assert act.reason.startswith("it acts again although its first cause still stands")
        assert act.asks == "a forgotten suspension hides failures: a person decides"
        assert act.undo == "flux resume helmrelease backend -n ffl"

    @pytest.mark.parametrize(
        ("obj", "explanation"),
        [
            (release("backend", others=ACTING), None),
            (release("backend", others=ACTING), explained(ref("backend"), stale=True)),
            (release("backend"), explained(ref("backend"))),
            (release("backend", others=ACTING, suspend=True), explained(ref("backend"))),
            (release("backend", "False", *WAITS, others=ACTING), explained(ref("backend"))),
        ],
        ids=["no cause", "an old cause", "it rests", "suspended already", "it waits for another"],
    )
    def test_and_only_such_a_one(self, obj: dict[str, Any], explanation: Explanation | None) -> None:
        assert "suspend-release" not in self.kinds(obj, explanation)


class TestAHookThatHelm3LeftUnmarked:
    """Helm 3 gives a hook neither labels nor annotations of its release: only its name tells whose it is (semantics 2.4)."""

    @pytest.mark.parametrize("kind", ["Job", "Pod"])
    @pytest.mark.parametrize("others", [{"Reconciling": ("True", "Progressing")}, {}], ids=["in mid-action", "at rest"])
    def test_it_is_never_deleted_while_its_release_acts(self, kind: str, others: dict[str, tuple[str, str]]) -> None:
        hook = {
            "metadata": {
                "name": "backend-migrate", "namespace": "ffl", "uid": "u-job", "annotations": {"helm.sh/hook": "pre-upgrade"},
            },
            "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]},
        }  # fmt: skip
        pod = {
            "metadata": {
                "name": "backend-migrate-x", "namespace": "ffl", "uid": "u-pod",
                "ownerReferences": [{"kind": "Job", "name": "backend-migrate", "uid": "u-job", "controller": True}],
            },
            "status": {"phase": "Failed"},
        }  # fmt: skip
        acting = release("backend", "Unknown", "Progressing", others=others)
        seen = snapshot(HelmRelease=(acting,), Job=(hook,), Pod=(pod,), Node=())
        (act,) = [a for a in plan("cleanup", seen, (), explained(), INVENTORY) if a.object.kind == kind]
        assert any("HelmRelease/ffl/backend is in the middle of an action" in r for r in act.requires) is bool(others)
        assert (act.details["release_namespace"], act.details["release"]) == ("ffl", "backend")


class TestAnEvictedPod:
    """It never runs again: kept while its node is short of something, litter afterwards (semantics 3.6)."""

    ENOUGH: ClassVar = {"Ready": "True", "MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False"}

    def evicted(self, told: dict[str, str], owner: str = "ReplicaSet", node: str = "n1") -> Action:
        pod = {
            "metadata": {
                "name": "x", "namespace": "ffl", "uid": "u",
                "ownerReferences": [{"kind": owner, "name": "rs", "controller": True}],
            },
            "spec": {"nodeName": "n1", "containers": [{"name": "c"}]},
            "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."},
        }  # fmt: skip
        conditions = [{"type": kind, "status": status} for kind, status in told.items()]
        nodes = [{"metadata": {"name": node}, "status": {"conditions": conditions}}]
        seen = snapshot(HelmRelease=[release("backend")], Pod=[pod], Node=nodes)
        explanation = explain(seen)
        assert [(c.cause, c.object) for c in explanation.first_causes][:1] == [
            ("node-pressure-evicted", self.at_fault(told))
        ]
        (act,) = plan("cleanup", seen, (), explanation, INVENTORY)
        return act

    @staticmethod
    def at_fault(told: dict[str, str]) -> ObjectRef:
        """The node, while that is short of what the pod was put out for; else nothing is at fault but the pod's own end."""
        return ObjectRef("Node", "", "n1") if told.get("MemoryPressure") == "True" else ref("x", "Pod")

    def test_it_is_deleted_once_its_node_has_enough_of_everything(self) -> None:
        act = self.evicted(self.ENOUGH)
        assert (act.kind, act.requires, act.asks) == ("delete-pod", (), "")

    @pytest.mark.parametrize(
        "told",
        [
            {**ENOUGH, "MemoryPressure": "True"},
            {**ENOUGH, "DiskPressure": "Unknown"},
            {**ENOUGH, "Ready": "Unknown"},
            {kind: status for kind, status in ENOUGH.items() if kind != "PIDPressure"},
            {},
        ],
    )
    def test_it_is_kept_while_its_node_is_short_or_does_not_say(self, told: dict[str, str]) -> None:
        stands = f"its first cause still stands: node-pressure-evicted at {self.at_fault(told)}"
        assert self.evicted(told).requires == (stands,)

    def test_another_nodes_word_is_not_its_own(self) -> None:
        assert self.evicted(self.ENOUGH, node="n2").requires

    def test_a_daemons_pod_waits_for_a_person(self) -> None:
        assert "its owner is a DaemonSet" in self.evicted(self.ENOUGH, owner="DaemonSet").asks
