"""What a message proves of now: not of another generation, not of what was replaced or deployed over since, not of another object."""

from __future__ import annotations

from typing import Any

import pytest
from diagnosis_worlds import ago, condition, sealed
from recorded_worlds import container, event, flux, kind, pod, saved, workload
from variation_worlds import NOT_FOUND, PULL, SCHEMA, release, waits

from runbook.diagnosis import explain
from runbook.model import Explanation

POD = "Pod/ns/web-0"


def under(found: Explanation) -> dict[str, tuple[str, str]]:
    return {str(e.object): (c.cause, str(c.object)) for c in found.first_causes for e in c.explains}


def left(found: Explanation) -> dict[str, str]:
    return {str(u.object): u.why for u in found.unexplained}


def owned(obj: Any, owner: dict[str, Any]) -> Any:
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": [owner]}}


class TestWhoOwnsIt:
    def test_an_owner_is_found_by_its_name_where_no_uid_is_said(self) -> None:
        child = owned(pod("ns", "web-0", PULL), {"kind": "StatefulSet", "name": "web", "controller": True})
        found = under(explain(saved(workload("StatefulSet", "ns", "web"), child, NOT_FOUND)))
        assert found["StatefulSet/ns/web"] == ("image-not-found", POD)

    def test_not_where_the_uid_is_of_one_that_was_there_before(self) -> None:
        child = owned(
            pod("ns", "web-0", PULL), {"kind": "StatefulSet", "name": "web", "uid": "gone", "controller": True}
        )
        found = explain(saved(workload("StatefulSet", "ns", "web", serviceName=""), child, NOT_FOUND))
        assert "StatefulSet/ns/web" not in under(found)

    @pytest.mark.parametrize("label", ["batch.kubernetes.io/job-name", "job-name"])
    def test_a_pod_without_owners_belongs_to_the_job_of_its_label(self, label: str) -> None:
        job = kind(
            "Job",
            "ns",
            "web-migrate",
            annotations={"helm.sh/hook": "pre-install"},
            status={"active": 1, "startTime": ago(400)},
        )
        hook = release("pre-install hooks failed: timed out waiting for the condition")
        child = pod("ns", "web-0", PULL, labels={label: "web-migrate"})
        found = under(explain(saved(hook, job, child, NOT_FOUND)))
        assert found["HelmRelease/ns/web"] == found["Job/ns/web-migrate"] == ("image-not-found", POD)
        other = pod("ns", "web-0", PULL, labels={label: "another"})
        assert "HelmRelease/ns/web" not in under(explain(saved(hook, job, other, NOT_FOUND)))


def test_a_dependency_in_another_namespace_is_that_one_and_not_its_namesake() -> None:
    waiting = flux("HelmRelease", "ns", "api", "its dependencies are not ready", "DependencyNotReady", dependsOn=[{"name": "db", "namespace": "data"}])  # fmt: skip
    there = flux("HelmRelease", "data", "db", f"Helm install failed: {SCHEMA}", "InstallFailed")
    namesake = flux("HelmRelease", "ns", "db", "ok", "InstallSucceeded", ready="True")
    assert under(explain(saved(waiting, there, namesake)))["HelmRelease/ns/api"] == (
        "helm-values-invalid",
        "HelmRelease/data/db",
    )


class TestOfAnotherTime:
    def test_an_event_that_is_older_than_the_object_speaks_of_one_before_it(self) -> None:
        mount = 'MountVolume.SetUp failed for volume "tls" : configmap "tls" not found'
        creating = container(("ContainerCreating", ""))
        said = event(("Pod", "ns", "web-0"), "FailedMount", mount, seconds=500)
        said["involvedObject"].pop("uid")
        found = explain(saved(pod("ns", "web-0", creating, born=420), said))
        assert under(found) == {}
        assert left(found)[POD] == "the event is older than the object of that name"
        assert under(explain(saved(pod("ns", "web-0", creating, born=520), said)))[POD][0] == "configmap-missing"

    def test_a_sealed_secret_that_was_changed_since_it_failed(self) -> None:
        changed = sealed("ns", "x")
        changed["metadata"]["generation"] = 2
        found = explain(saved(changed))
        assert found.first_causes == ()
        assert left(found)["SealedSecret/ns/x"] == "its message is of generation 1, and the object is at 2"

    @pytest.mark.parametrize("where", ["status", "condition"])
    def test_an_object_of_another_project_that_was_changed_since_it_failed(self, where: str) -> None:
        said = condition("Ready", "False", "Error", 'admission webhook "x" denied the request: no')
        status: dict[str, Any] = {"conditions": [said]}
        (status if where == "status" else said)["observedGeneration"] = 1
        widget = kind("Widget", "ns", "w", status=status)
        apps = flux("Kustomization", "ns", "apps", "health check failed after 5m0s: timeout waiting for: [Widget/ns/w status: 'Failed']", "HealthCheckFailed")  # fmt: skip
        assert under(explain(saved(apps, widget)))["Kustomization/ns/apps"] == ("admission-denied", "Widget/ns/w")
        widget["metadata"]["generation"] = 2
        assert explain(saved(apps, widget)).first_causes == ()

    def test_a_release_of_which_a_later_revision_was_deployed(self) -> None:
        obj = release(SCHEMA)
        obj["status"]["history"] = [
            {"name": "web", "version": 7, "status": "deployed", "action": "upgrade", "lastDeployed": ago(60)}
        ]
        found = explain(saved(obj))
        assert found.first_causes == ()
        assert left(found)["HelmRelease/ns/web"] == "revision 7 was deployed after its message was written"
        for change in ({"lastDeployed": ago(300)}, {"action": "rollback"}, {"status": "failed"}):
            obj["status"]["history"][0] = {
                "name": "web",
                "version": 7,
                "status": "deployed",
                "action": "upgrade",
                "lastDeployed": ago(60),
            } | change
            assert under(explain(saved(obj)))["HelmRelease/ns/web"][0] == "helm-values-invalid", change

    def test_a_replica_failure_of_a_generation_before_proves_nothing(self) -> None:
        text = 'pods "web-5d-q" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1'
        obj = workload("Deployment", "ns", "web")
        obj["status"]["conditions"].append(condition("ReplicaFailure", "True", "FailedCreate", text))
        assert under(explain(saved(obj)))["Deployment/ns/web"][0] == "quota-exceeded"
        obj["metadata"]["generation"], obj["status"]["observedGeneration"] = 4, 3
        found = explain(saved(obj))
        assert found.first_causes == ()
        assert left(found)["Deployment/ns/web"] == "its message is of generation 3, and the object is at 4"


class TestARunThatFailed:
    @staticmethod
    def run(name: str, seconds: float, outcome: str, owner: tuple[str, str] = ("CronJob", "web")) -> Any:
        ended = condition(
            outcome,
            "True",
            "BackoffLimitExceeded" if outcome == "Failed" else "",
            "Job has reached the specified backoff limit",
        )
        return kind("Job", "ns", name, owner=owner, status={"startTime": ago(seconds), "conditions": [ended]})

    def test_counts_no_more_once_a_later_run_of_the_same_cron_job_was_well(self) -> None:
        crons = [kind("CronJob", "ns", "web"), kind("CronJob", "ns", "other")]
        bad = self.run("web-1", 4000, "Failed")
        seen = lambda *runs: set(left(explain(saved(*crons, bad, *runs))))  # noqa: E731
        assert seen() == {"Job/ns/web-1"}
        assert seen(self.run("web-2", 400, "Complete")) == set()
        assert seen(self.run("web-0", 8000, "Complete")) == {"Job/ns/web-1"}
        assert seen(self.run("other-1", 400, "Complete", ("CronJob", "other"))) == {"Job/ns/web-1"}
        assert seen(self.run("web-2", 400, "Failed")) == {"Job/ns/web-1", "Job/ns/web-2"}

    @pytest.mark.parametrize("listed", [True, False], ids=["listed", "as on a live cluster"])
    def test_nor_does_a_pod_that_is_left_of_it(self, listed: bool) -> None:
        crons = [kind("CronJob", "ns", "web")] if listed else []
        pod_ = pod(
            "ns",
            "web-1-abcde",
            container(last={"exitCode": 1, "reason": "Error"}),
            owner=("Job", "web-1"),
            phase="Failed",
        )
        bad = self.run("web-1", 4000, "Failed")
        assert set(left(explain(saved(*crons, bad, pod_)))) == {"Job/ns/web-1", "Pod/ns/web-1-abcde"}
        assert left(explain(saved(*crons, bad, pod_, self.run("web-2", 400, "Complete")))) == {}


def test_a_namespace_that_is_going_is_what_all_that_may_not_be_made_in_it_hang_on() -> None:
    said = 'configmaps "a" is forbidden: unable to create new content in namespace shop because it is being terminated'
    callers = [flux("Kustomization", "ns", name, f"ConfigMap/shop/a dry-run failed (Forbidden): {said}", "ReconciliationFailed") for name in ("a", "b")]  # fmt: skip
    gone = ("namespace-terminating", "Namespace/shop")
    assert under(explain(saved(*callers))) == {"Kustomization/ns/a": gone, "Kustomization/ns/b": gone}


class TestAnActionThatRanOutOfTime:
    def timed(self, took: str, **spec: Any) -> str:
        obj = waits()
        obj["spec"] |= spec
        obj["status"] |= {"lastAttemptedReleaseAction": "install", "lastAttemptedReleaseActionDuration": took}
        return left(explain(saved(obj)))["HelmRelease/ns/web"]

    def test_says_how_much_of_its_time_it_took_and_is_no_cause(self) -> None:
        assert self.timed("9m58.2s", timeout="10m").endswith(" (its install took 9 m 58 s of 10 m 00 s)")
        assert self.timed("5m0s").endswith(" (its install took 5 m 00 s of 5 m 00 s)")
        assert self.timed("20.5s", timeout="10m", install={"timeout": "20s"}).endswith(
            " (its install took 20 s of 20 s)"
        )
        assert " took " not in self.timed("")

    def test_what_failed_for_another_reason_is_not_told_so(self) -> None:
        obj = flux("HelmRelease", "ns", "web", "install retries exhausted", "RetriesExceeded")
        obj["status"] |= {"lastAttemptedReleaseActionDuration": "1s"}
        assert " took " not in left(explain(saved(obj)))["HelmRelease/ns/web"]
