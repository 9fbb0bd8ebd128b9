"""What is said once, by what is gone, or only by a record: it still tells, and where it is old or second hand only as a guess."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest
from diagnosis_worlds import ago, condition
from recorded_worlds import container, event, flux, kind, marks, pod, saved, workload
from variation_worlds import node

from runbook.diagnosis import explain
from runbook.display.causewords import age_of
from runbook.model import Explanation

NAMESPACE = "ns"
JOB = ("Job", NAMESPACE, "seed")
DENIED = (
    'Error creating: pods "seed-abcde" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
)
NO_PULL = (
    'Failed to pull image "r.lab/app:1": failed to pull and unpack image: failed to do request: Head '
    '"https://r.lab/v2/app/manifests/1": tls: failed to verify certificate: x509: certificate signed by unknown authority'
)
LATE = "Job was active longer than specified deadline"
HOOK = "Helm upgrade failed for release ns/web with chart web@1: pre-upgrade hooks failed: timeout waiting for: [Job/ns/seed status: 'InProgress']"
MULTI = 'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can\'t be attached to another'
DEAD = "Liveness probe failed: HTTP probe failed with statuscode: 500"


def told(*objects: Any) -> Explanation:
    return explain(saved(*objects))


def causes(found: Explanation) -> list[tuple[str, str, str]]:
    return [(c.cause, c.proof, str(c.object)) for c in found.first_causes]


def now() -> Any:
    """Something of this moment: what was saved is as old as its newest time."""
    return event(("Namespace", "", "other"), "Noted", "nothing", seconds=0, type_="Normal")


def job(status: Any = None, **more: Any) -> Any:
    return kind(
        *JOB,
        born=3000,
        spec={"template": {"spec": {"containers": []}}},
        status=status or {"startTime": ago(3000)},
        **more,
    )


def failed(reason: str = "DeadlineExceeded", message: str = LATE) -> Any:
    return {"conditions": [condition("Failed", "True", reason, message, lastTransitionTime=ago(900))]}


class TestAJobWithoutAPod:
    @pytest.mark.parametrize(("seconds", "proof"), [(60, "fact"), (1500, "hypothesis")])
    def test_what_refused_its_pods_is_told_however_long_ago(self, seconds: float, proof: str) -> None:
        found = told(now(), job(), event(JOB, "FailedCreate", DENIED, seconds=seconds))
        assert causes(found) == [("admission-denied", proof, "Job/ns/seed")]
        assert found.first_causes[0].stale is (proof == "hypothesis")
        assert ("stale: nothing newer repeats it" in age_of(found.first_causes[0])) is (proof == "hypothesis")

    def test_one_that_has_a_pod_by_now_is_not_judged_by_it(self) -> None:
        own = pod(NAMESPACE, "seed-abcde", container(), owner=("Job", "seed"), phase="Running")
        assert told(now(), job(), own, event(JOB, "FailedCreate", DENIED, seconds=1500)).first_causes == ()


class TestAWorkloadWithoutAPod:
    @staticmethod
    def refused(kind_: str, made: int, seconds: float) -> Explanation:
        one = workload(kind_, NAMESPACE, "web")
        one["status"] |= {"replicas": made, "currentNumberScheduled": made}
        return told(now(), one, event((kind_, NAMESPACE, "web"), "FailedCreate", DENIED, seconds=seconds))

    @pytest.mark.parametrize("kind_", ["DaemonSet", "StatefulSet", "ReplicaSet"])
    @pytest.mark.parametrize(("seconds", "proof"), [(60, "fact"), (1190, "fact"), (3000, "hypothesis")])
    def test_what_refused_its_pods_is_told_however_long_ago(self, kind_: str, seconds: float, proof: str) -> None:
        """A queue waits a quarter of an hour between tries: until then nothing newer could have been said."""
        assert causes(self.refused(kind_, 0, seconds)) == [("admission-denied", proof, f"{kind_}/ns/web")]

    @pytest.mark.parametrize("kind_", ["DaemonSet", "StatefulSet", "ReplicaSet"])
    def test_one_that_has_pods_is_not_judged_by_an_old_refusal(self, kind_: str) -> None:
        assert causes(self.refused(kind_, 1, 1190)) == [("admission-denied", "fact", f"{kind_}/ns/web")]
        assert causes(self.refused(kind_, 1, 1300)) == []


class TestPodsThatAreGone:
    def left(
        self, message: str, *more: Any, name: str = "seed-b46x8", reason: str = "Failed", seconds: float = 1200
    ) -> Any:
        return [now(), event(("Pod", NAMESPACE, name), reason, message, seconds=seconds), *more]

    def test_their_last_warning_is_a_guess_for_the_job_and_who_waits_for_it(self) -> None:
        red = flux("Kustomization", NAMESPACE, "all", "health check failed after 5m0s: failed early due to stalled resources: "
                   "[Job/ns/seed status: 'Failed']", "HealthCheckFailed")  # fmt: skip
        found = told(self.left(NO_PULL), job(failed()), red)
        assert causes(found) == [("registry-ca-untrusted", "hypothesis", "Job/ns/seed")]
        assert "seed-b46x8 is gone" in found.first_causes[0].decides
        assert found.first_causes[0].stale
        assert {str(e.object) for e in found.first_causes[0].explains} == {"Job/ns/seed", "Kustomization/ns/all"}

    def test_the_newest_that_names_a_cause_counts(self) -> None:
        older = event(
            ("Pod", NAMESPACE, "seed-zzzzz"),
            "FailedMount",
            'MountVolume.SetUp failed for volume "v" : configmap "c" not found',
            seconds=2000,
        )
        newer = event(("Pod", NAMESPACE, "seed-b46x8"), "BackOff", "Back-off restarting failed container", seconds=100)
        assert causes(told(self.left(NO_PULL, older, newer), job(failed())))[0][0] == "registry-ca-untrusted"

    def test_that_a_pull_failed_says_less_than_why(self) -> None:
        seen = pod(NAMESPACE, "another")  # pods were listed: of these, what events say is hearsay
        later = event(("Pod", NAMESPACE, "seed-b46x8"), "Failed", "Error: ImagePullBackOff", seconds=100)
        normal = event(
            ("Pod", NAMESPACE, "seed-b46x8"),
            "BackOff",
            'Back-off pulling image "r.lab/app:1"',
            seconds=90,
            type_="Normal",
        )
        assert causes(told(self.left(NO_PULL, later, normal), seen, job(failed())))[0][0] == "registry-ca-untrusted"
        (left,) = told(now(), seen, later, job(failed())).unexplained
        assert left.hypotheses[0].cause == "image-pull-failed"
        assert told(now(), seen, normal, job(failed())).first_causes == ()

    def test_a_pod_that_is_still_there_speaks_for_itself(self) -> None:
        ended = container(None) | {"state": {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": ago(900)}}}
        own = pod(NAMESPACE, "seed-b46x8", ended, phase="Failed", owner=("Job", "seed"))
        found = told(self.left(NO_PULL, seconds=1200), job(failed()), own)
        assert found.first_causes == ()

    def test_a_hook_that_was_deleted_with_its_pod(self) -> None:
        found = told(self.left(NO_PULL), flux("HelmRelease", NAMESPACE, "web", HOOK, "UpgradeFailed"))
        assert [(c.cause, c.proof) for c in found.first_causes] == [("registry-ca-untrusted", "hypothesis")]
        assert "HelmRelease/ns/web" in {str(e.object) for e in found.first_causes[0].explains}

    @pytest.mark.parametrize(
        "name", ["seed", "seedling-b46x8", "seed-other-b46x8", "seed-b46xa", "seed-b46x8-1", "x-seed-b46x8"]
    )
    def test_another_pod_says_nothing_of_it(self, name: str) -> None:
        found = told(self.left(NO_PULL, name=name), job(failed()))
        assert all(str(c.object) != "Job/ns/seed" for c in found.first_causes)
        assert "Job/ns/seed" in {str(u.object) for u in found.unexplained}

    def test_one_that_the_job_says_it_created_is_its_own_by_any_name(self) -> None:
        made = event(JOB, "SuccessfulCreate", "Created pod: odd-name", seconds=2900, type_="Normal")
        assert causes(told(self.left(NO_PULL, made, name="odd-name"), job(failed())))[0][0] == "registry-ca-untrusted"

    def test_in_another_namespace_it_is_another(self) -> None:
        far = event(("Pod", "far", "seed-b46x8"), "Failed", NO_PULL)
        assert "Job/ns/seed" in {str(u.object) for u in told(now(), far, job(failed())).unexplained}


class TestARollback:
    """The revision that failed was taken back with its pods; the message names a Deployment that is ready again."""

    SAID = "Helm upgrade failed for release ns/web with chart web@2: timeout waiting for: [Deployment/ns/web status: 'InProgress']"

    def world(self, name: str = "web-f88944d785-tdq45", seconds: float = 300) -> Explanation:
        warning = event(("Pod", NAMESPACE, name), "Failed", NO_PULL, seconds=seconds)
        up, own = workload("Deployment", NAMESPACE, "web", up=True), pod(NAMESPACE, "web-77c8d9f6b4-x2x4z")
        return told(now(), flux("HelmRelease", NAMESPACE, "web", self.SAID, "UpgradeFailed"), up, own, warning)

    def test_what_its_pods_said_before_the_message_is_a_guess_for_the_release(self) -> None:
        found = self.world()
        assert found.first_causes == ()
        (left,) = found.unexplained
        assert "is ready now" in left.why
        assert [h.cause for h in left.hypotheses] == ["registry-ca-untrusted"]
        assert "web-f88944d785-tdq45 is gone" in left.hypotheses[0].decides

    def rolled_back(self, *conditions: Any) -> Explanation:
        """The release says only that it was taken back; its other conditions say more."""
        said = "Helm rollback to previous release ns/web.v1 with chart web@1 succeeded"
        release = flux("HelmRelease", NAMESPACE, "web", said, "RollbackSucceeded")
        release["status"]["conditions"] += conditions
        warning = event(("Pod", NAMESPACE, "web-f88944d785-tdq45"), "Failed", NO_PULL, seconds=300)
        up = workload("Deployment", NAMESPACE, "web", up=True, release="web")
        return told(now(), release, up, pod(NAMESPACE, "web-77c8d9f6b4-x2x4z"), warning)

    def failed(self, said: str) -> Any:
        return condition("Released", "False", "UpgradeFailed", said, observedGeneration=1, lastTransitionTime=ago(140))

    def test_where_the_release_says_only_that_it_was_taken_back_too(self) -> None:
        (left,) = self.rolled_back(self.failed(self.SAID)).unexplained
        assert "registry-ca-untrusted" in [h.cause for h in left.hypotheses]

    @pytest.mark.parametrize(
        "said", [SAID, f"{SAID.partition(': ')[0]}: context deadline exceeded"], ids=["named", "not named"]
    )
    def test_what_was_rolled_back_would_meet_the_same_again(self, said: str) -> None:
        remediated = condition(
            "Remediated", "True", "RollbackSucceeded", "", observedGeneration=1, lastTransitionTime=ago(130)
        )
        found = self.rolled_back(self.failed(said), remediated)
        assert causes(found) == [("registry-ca-untrusted", "hypothesis", "Deployment/ns/web")]
        assert found.unexplained == ()

    @pytest.mark.parametrize(
        ("name", "seconds"),
        [
            ("web-f88944d785-tdq45", 60),
            ("web-api-f88944d785-tdq45", 300),
            ("web-0", 300),
            ("webs-f88944d785-tdq45", 300),
        ],
        ids=["said after it", "of another Deployment", "of a set", "of another name"],
    )
    def test_another_pod_or_time_says_nothing_of_it(self, name: str, seconds: float) -> None:
        found = self.world(name, seconds)
        assert found.first_causes == ()
        assert found.unexplained[0].hypotheses == ()


class TestAFailedPodOfAJob:
    """The next one may have done its work, and then it is litter: who has not seen the Job does not know."""

    LAST: ClassVar[dict[str, Any]] = {
        **container(),
        "state": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(60),
                                 "message": "dial tcp: lookup db.ns.svc on 10.96.0.10:53: no such host"}},
    }  # fmt: skip

    def world(self, *more: Any) -> Any:
        return saved(now(), pod(NAMESPACE, "seed-abcde", self.LAST, phase="Failed", owner=("Job", "seed")), *more)

    def test_is_a_guess_until_the_job_is_seen(self) -> None:
        (cause,) = explain(self.world()).first_causes
        assert (cause.proof, cause.decides) == (
            "hypothesis", "Whether Job/ns/seed has had another pod since that did its work.")  # fmt: skip

    def test_is_a_fact_where_the_job_failed_or_all_jobs_were_listed(self) -> None:
        alone = self.world()
        listed = replace(alone, complete=True, gaps={}, objects={"Job": (), **alone.objects})
        for state in (self.world(job(failed("BackoffLimitExceeded", "too often"))), listed):
            assert {c.proof for c in explain(state).first_causes} == {"fact"}

    def test_is_nothing_where_the_job_was_completed(self) -> None:
        found = explain(self.world(job({"conditions": [condition("Complete", "True", "Done", "")]})))
        assert (found.first_causes, found.unexplained) == ((), ())


class TestAHookOfAnUpgradeThatWasTakenBack:
    """Helm deletes a hook's Job before it makes the next one: until then it stands there, and its pod goes on failing."""

    UNDONE = "Helm rollback to previous release ns/web.v1 with chart web@1 succeeded"

    def world(self, *, pulls: bool = False, name: str = "seed") -> Explanation:
        release = flux("HelmRelease", NAMESPACE, "web", self.UNDONE, "RollbackSucceeded")
        release["status"]["conditions"].append(
            condition("Released", "False", "UpgradeFailed", HOOK, observedGeneration=1, lastTransitionTime=ago(140))
        )
        waits = flux("HelmRelease", NAMESPACE, "shop", "dependency 'ns/web' is not ready", "DependencyNotReady",
                     dependsOn=[{"name": "web"}])  # fmt: skip
        up = workload("Deployment", NAMESPACE, "web", up=True, release="web")
        state = (
            container()
            if pulls
            else container(("ImagePullBackOff", f"Back-off pulling image: ErrImagePull: {NO_PULL}"))
        )
        own = pod(NAMESPACE, f"{name}-abcde", state, owner=("Job", name), phase="Running" if pulls else "Pending")
        return told(now(), release, waits, up, kind("Job", NAMESPACE, name, born=300, status={"active": 1}), own)

    def test_is_why_it_failed_also_for_who_waits(self) -> None:
        (cause,) = (found := self.world()).first_causes
        assert (cause.cause, str(cause.object)) == ("registry-ca-untrusted", "Pod/ns/seed-abcde")
        hangs = {str(e.object): e.relation for e in cause.explains}
        assert (hangs["HelmRelease/ns/web"], hangs["HelmRelease/ns/shop"]) == ("caused-by", "blocked-by")
        assert found.unexplained == ()

    def test_not_one_that_runs_or_that_the_message_does_not_name(self) -> None:
        for found in (self.world(pulls=True), self.world(name="other")):
            assert {"HelmRelease/ns/web", "HelmRelease/ns/shop"} <= {str(u.object) for u in found.unexplained}


class TestAReleaseThatWasUninstalled:
    """Nothing that it deployed is there; its status.inventory still names it."""

    SAID = "Helm install failed for release ns/web with chart web@1: client rate limiter Wait returned an error: rate: Wait(n=1) would exceed context deadline"

    def world(self, *entries: str, remediated: bool = True) -> Explanation:
        one = flux("HelmRelease", NAMESPACE, "web", self.SAID, "InstallFailed")
        if remediated:
            done = condition(
                "Remediated", "True", "UninstallSucceeded", "", observedGeneration=1, lastTransitionTime=ago(110)
            )
            one["status"]["conditions"].append(done)
        one["status"]["inventory"] = {"entries": [{"id": entry, "v": "v1"} for entry in entries]}
        lacks = event(
            ("Pod", NAMESPACE, "web-59fc5bc6b6-5j9zn"), "Failed", 'Error: secret "token" not found', seconds=130
        )
        return told(now(), one, lacks)

    def test_what_its_pods_said_is_told_of_it(self) -> None:
        (cause,) = self.world("ns_web__Service", "ns_web_apps_Deployment").first_causes
        assert (cause.cause, cause.proof) == ("secret-missing", "hypothesis")
        assert "HelmRelease/ns/web" in {str(e.object) for e in cause.explains}

    def test_not_where_it_deployed_something_else(self) -> None:
        for entries in ((), ("ns_web__Service",), ("ns_other_apps_Deployment",), ("odd",)):
            assert "HelmRelease/ns/web" in {str(u.object) for u in self.world(*entries).unexplained}


class TestAPodOfATest:
    SAID = "Helm test failed for release ns/web.v3 with chart web@1: 1 error occurred:\n\t* pod web-test failed"
    ENDED: ClassVar[dict[str, Any]] = {
        **container(),
        "state": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(60)}},
    }

    def world(
        self, *, hook: str = "test", said: str = SAID, reason: str = "TestFailed", owner: str = "web"
    ) -> Explanation:
        one = pod(NAMESPACE, "web-test", self.ENDED, phase="Failed", labels=marks(owner, NAMESPACE))
        one["metadata"]["annotations"] = {"helm.sh/hook": hook}
        return told(now(), flux("HelmRelease", NAMESPACE, "web", said, reason), one)

    @pytest.mark.parametrize("hook", ["test", "pre-upgrade, test", "test-success"])
    def test_it_is_under_the_release_that_says_so(self, hook: str) -> None:
        found = self.world(hook=hook)
        assert causes(found) == [("helm-test-failed", "fact", "HelmRelease/ns/web")]
        assert [str(e.object) for e in found.first_causes[0].explains] == ["HelmRelease/ns/web", "Pod/ns/web-test"]
        assert found.unexplained == ()

    @pytest.mark.parametrize(
        "other",
        [
            {"hook": "pre-upgrade"},
            {"owner": "shop"},
            {"said": "Helm upgrade failed for release ns/web: something new", "reason": "UpgradeFailed"},
        ],
        ids=["another hook", "of another release", "the release says something else"],
    )
    def test_no_other_pod_is(self, other: dict[str, str]) -> None:
        assert "Pod/ns/web-test" in [str(u.object) for u in self.world(**other).unexplained]

    def test_one_that_speaks_of_an_older_generation_says_nothing_of_it(self) -> None:
        one = pod(NAMESPACE, "web-test", self.ENDED, phase="Failed", labels=marks("web", NAMESPACE))
        one["metadata"]["annotations"] = {"helm.sh/hook": "test"}
        release = flux("HelmRelease", NAMESPACE, "web", self.SAID, "TestFailed")
        release["metadata"]["generation"] = 2
        found = told(now(), release, one)
        assert "Pod/ns/web-test" in [str(u.object) for u in found.unexplained]


class TestAPodThatStarts:
    REFUSED = 'Readiness probe failed: Get "http://10.0.0.9:8080/": dial tcp 10.0.0.9:8080: connect: connection refused'

    @pytest.mark.parametrize(("seconds", "red"), [(40, False), (80, True)])
    def test_its_probe_is_refused_until_it_serves(self, seconds: float, red: bool) -> None:
        one = pod(NAMESPACE, "web-1", container(), phase="Running", born=seconds + 3)
        one["status"]["startTime"] = one["status"]["conditions"][0]["lastTransitionTime"] = ago(seconds)
        found = told(now(), one, event(("Pod", NAMESPACE, "web-1"), "Unhealthy", self.REFUSED, seconds=5))
        assert bool(found.unexplained) == red


class TestAVolumeOnAnotherNode:
    WAITS = (
        "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[]: context deadline exceeded"
    )

    def creating(self, *more: Any) -> Explanation:
        one = pod(NAMESPACE, "db-0", container(("ContainerCreating", "")), born=2500)
        mine = ("Pod", NAMESPACE, "db-0")
        return told(
            now(),
            one,
            event(mine, "FailedMount", self.WAITS, seconds=40),
            *(event(mine, r, m, seconds=s) for r, m, s in more),
        )

    def test_it_is_said_once_and_stays_the_best_guess(self) -> None:
        assert causes(self.creating(("FailedAttachVolume", MULTI, 2400))) == [
            ("volume-attach-failure", "hypothesis", "Pod/ns/db-0")
        ]
        assert causes(self.creating(("FailedAttachVolume", MULTI, 240))) == [
            ("volume-attach-failure", "fact", "Pod/ns/db-0")
        ]

    def test_what_the_scheduler_said_before_it_was_placed_is_over(self) -> None:
        found = self.creating(("FailedScheduling", "0/2 nodes are available: 2 Insufficient cpu.", 300))
        assert found.first_causes == ()


class TestAProbe:
    def crashing(self, code: int, reason: str = "Error") -> Any:
        back_off = ("CrashLoopBackOff", "back-off 5m0s restarting failed container")
        return pod(
            NAMESPACE,
            "web-0",
            container(back_off, {"reason": reason, "exitCode": code, "finishedAt": ago(100)}),
            phase="Running",
        )

    @pytest.mark.parametrize("code", [137, 143])
    def test_a_container_that_was_killed_is_told_by_its_probe_and_that_is_a_symptom(self, code: int) -> None:
        found = told(now(), self.crashing(code), event(("Pod", NAMESPACE, "web-0"), "Unhealthy", DEAD))
        assert found.first_causes == ()
        (left,) = found.unexplained
        assert left.why.startswith("a probe fails: ")
        assert f"exit code {code}" in left.why
        assert [h.cause for h in left.hypotheses] == ["probe-failing", "crash-loop"]

    def test_one_that_ended_by_itself_is_not(self) -> None:
        found = told(now(), self.crashing(1), event(("Pod", NAMESPACE, "web-0"), "Unhealthy", DEAD))
        assert [h.cause for h in found.unexplained[0].hypotheses] == ["crash-loop"]

    def test_an_old_failure_of_a_probe_says_nothing(self) -> None:
        old = event(("Pod", NAMESPACE, "web-0"), "Unhealthy", DEAD, seconds=5000)
        assert [h.cause for h in told(now(), self.crashing(137), old).unexplained[0].hypotheses] == ["crash-loop"]

    def test_a_cause_in_its_state_is_better(self) -> None:
        found = told(now(), self.crashing(137, "OOMKilled"), event(("Pod", NAMESPACE, "web-0"), "Unhealthy", DEAD))
        assert [(c.cause, c.proof) for c in found.first_causes] == [("oom-killed", "fact")]


class TestALostNode:
    def lost(self, ends: float, *more: Any) -> Explanation:
        own = pod(NAMESPACE, "db-0", container(), phase="Running", owner=("StatefulSet", "db"), nodeName="n1")
        own["metadata"]["deletionTimestamp"] = ago(ends)
        return told(now(), own, workload("StatefulSet", NAMESPACE, "db"), *more)

    def test_a_pod_that_it_cannot_end_and_its_set_hang_on_it(self) -> None:
        found = self.lost(1800, node("Unknown", "Kubelet stopped posting node status."))
        assert [(c.cause, str(c.object)) for c in found.first_causes] == [("node-not-ready", "Node/n1")]
        assert {str(e.object) for e in found.first_causes[0].explains} >= {"Pod/ns/db-0", "StatefulSet/ns/db"}

    def test_within_its_grace_or_on_a_node_that_is_well_it_is_only_ending(self) -> None:
        for found in (
            self.lost(-20, node("Unknown", "Kubelet stopped posting node status.")),
            self.lost(1800, node("True", "")),
        ):
            assert all(str(e.object) != "Pod/ns/db-0" for c in found.first_causes for e in c.explains)
            assert "Pod/ns/db-0" not in {str(u.object) for u in found.unexplained}


class TestAPendingRecord:
    def release(self, *, ready: str = "Unknown", reason: str = "Progressing", **spec: Any) -> Any:
        said = "Running 'upgrade' action with timeout of 5m0s"
        one = flux("HelmRelease", NAMESPACE, "web", said, reason, ready=ready, timeout="5m", **spec)
        one["status"]["conditions"][0]["lastTransitionTime"] = ago(600)
        return one

    def record(
        self,
        status: str,
        age: float,
        *,
        version: int = 4,
        name: str = "web",
        namespace: str = NAMESPACE,
        owner: str = "helm",
    ) -> Any:
        labels = {"owner": owner, "name": name, "status": status, "version": str(version)}
        return kind("Secret", namespace, f"sh.helm.release.v1.{name}.v{version}", labels=labels, born=age)

    @pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
    def test_one_that_is_older_than_any_action_is_stuck(self, status: str) -> None:
        found = told(now(), self.release(), self.record("deployed", 9000, version=3), self.record(status, 901))
        assert causes(found) == [("helm-pending-operation", "fact", "HelmRelease/ns/web")]
        assert (
            f"sh.helm.release.v1.web.v4 has been {status} for 15 m 01 s; an action may take 5 m 00 s"
            in found.first_causes[0].message
        )

    @pytest.mark.parametrize(
        ("spec", "records"),
        [
            ({}, [("pending-upgrade", 899, {})]),
            ({"upgrade": {"timeout": "20m"}}, [("pending-upgrade", 3000, {})]),
            ({}, [("pending-upgrade", 2000, {"version": 9}), ("deployed", 100, {"version": 10})]),
            ({}, [("pending-upgrade", 2000, {"name": "web2"})]),
            ({}, [("pending-upgrade", 2000, {"namespace": "far"})]),
            ({}, [("pending-upgrade", 2000, {"owner": "me"})]),
            ({}, [("failed", 2000, {})]),
            ({"storageNamespace": "far"}, [("pending-upgrade", 2000, {})]),
        ],
        ids=["in time", "its own timeout", "a later revision", "of another", "elsewhere", "not Helm's", "failed", "stored elsewhere"],
    )  # fmt: skip
    def test_what_may_still_run_or_is_anothers_is_not(self, spec: Any, records: Any) -> None:
        made = [self.record(status, age, **more) for status, age, more in records]
        assert told(now(), self.release(**spec), *made).first_causes == ()

    AT_REST = workload("Deployment", NAMESPACE, "web", up=True, release="web")

    def test_one_at_rest_is_a_guess_as_soon_as_one_action_should_have_ended(self) -> None:
        found = told(now(), self.release(), self.record("pending-upgrade", 400), self.AT_REST)
        (cause,) = found.first_causes
        assert (cause.cause, cause.proof, str(cause.object)) == (
            "helm-pending-operation",
            "hypothesis",
            "HelmRelease/ns/web",
        )
        assert "web.v4 has been pending-upgrade for 6 m 40 s; an action may take 5 m 00 s" in cause.message
        assert cause.decides

    @pytest.mark.parametrize(
        ("age", "status", "spec", "below"),
        [
            (329, "pending-upgrade", {}, AT_REST),
            (400, "deployed", {}, AT_REST),
            (400, "pending-upgrade", {"upgrade": {"timeout": "20m"}}, AT_REST),
            (400, "pending-upgrade", {}, []),
            (400, "pending-upgrade", {}, workload("Deployment", NAMESPACE, "web", release="web")),
            (400, "pending-upgrade", {}, [AT_REST, kind("Job", NAMESPACE, "web-seed", labels=marks("web", NAMESPACE), status={"active": 1})]),
        ],
        ids=["in time", "not pending", "its own timeout", "nothing was seen", "it rolls out", "a Job of it runs"],
    )  # fmt: skip
    def test_one_that_may_still_be_worked_at_is_no_guess(self, age: float, status: str, spec: Any, below: Any) -> None:
        found = told(now(), self.release(**spec), self.record(status, age), below)
        assert "helm-pending-operation" not in [c.cause for c in found.first_causes]

    @pytest.mark.parametrize(
        ("spec", "where"),
        [
            ({"storageNamespace": "far"}, {"namespace": "far"}),
            ({"releaseName": "shop"}, {"name": "shop"}),
            ({"targetNamespace": "far"}, {"name": "far-web"}),
        ],
    )
    def test_it_is_looked_for_where_helm_keeps_it(self, spec: Any, where: Any) -> None:
        found = told(now(), self.release(**spec), self.record("pending-upgrade", 2000, **where))
        assert [c.cause for c in found.first_causes] == ["helm-pending-operation"]

    def test_a_release_that_is_ready_is_left_alone(self) -> None:
        found = told(now(), self.release(ready="True", reason="UpgradeSucceeded"), self.record("pending-upgrade", 2000))
        assert found.first_causes == ()


class TestASecretThatSomebodyMade:
    NOT_OWNER = 'failed update: Resource "db" already exists and is not managed by SealedSecret'

    def world(self, *, sealed: str, said: str) -> Explanation:
        synced = condition("Synced", "False", "", self.NOT_OWNER, lastUpdateTime=ago(300))
        maker = kind(
            "SealedSecret",
            NAMESPACE,
            "db",
            spec={"encryptedData": {sealed: "AgB"}},
            status={"observedGeneration": 1, "conditions": [synced]},
        )
        own = kind("Secret", NAMESPACE, "db", data={"USER": ""})
        waits = container(("CreateContainerConfigError", f"couldn't find key {said} in Secret ns/db"))
        return told(now(), maker, own, pod(NAMESPACE, "web-0", waits))

    def test_a_key_that_the_sealed_one_would_bring_is_a_fact(self) -> None:
        found = self.world(sealed="PASSWORD", said="PASSWORD")
        assert causes(found) == [("secret-ownership-conflict", "fact", "SealedSecret/ns/db")]
        assert "Pod/ns/web-0" in {str(e.object) for e in found.first_causes[0].explains}

    def test_a_key_that_it_does_not_name_is_not_blamed_on_it(self) -> None:
        found = self.world(sealed="OTHER", said="PASSWORD")
        assert all(str(e.object) != "Pod/ns/web-0" for c in found.first_causes for e in c.explains if c.proof == "fact")


def test_a_sealed_secret_with_words_that_nobody_knows_leaves_its_secret_missing() -> None:
    said = 'template: relay.json:3: function "fromYaml" not defined'
    synced = condition("Synced", "False", "", said, lastUpdateTime=ago(300))
    maker = kind("SealedSecret", NAMESPACE, "relay", status={"observedGeneration": 1, "conditions": [synced]})
    waits = pod(
        NAMESPACE,
        "relay-0",
        container(("ContainerCreating", "")),
        volumes=[{"name": "c", "secret": {"secretName": "relay"}}],
    )
    missing = event(
        ("Pod", NAMESPACE, "relay-0"),
        "FailedMount",
        'MountVolume.SetUp failed for volume "c" : secret "relay" not found',
    )
    found = told(now(), maker, waits, missing)
    assert causes(found) == [("secret-missing", "hypothesis", "SealedSecret/ns/relay")]
    assert found.first_causes[0].message == said


class TestACertificateThatRanOut:
    EXPIRED = "Certificate expired on Thu, 16 Oct 2025 23:14:06 UTC"
    NO_KEY = 'Error getting keypair for CA issuer: secrets "corp-ca" not found'

    def world(self, issuer: str = "corp", kind_: str = "Issuer", ready_: str = "False") -> Explanation:
        named = flux("Certificate", NAMESPACE, "tls", self.EXPIRED, "Expired")
        named["spec"] = {"secretName": "tls", "issuerRef": {"kind": kind_, "name": issuer}}
        maker = flux("Issuer", NAMESPACE, "corp", self.NO_KEY, "ErrGetKeyPair", ready=ready_)
        return told(now(), named, maker, kind("Secret", NAMESPACE, "tls"))

    def test_its_issuer_says_why(self) -> None:
        found = self.world()
        assert causes(found) == [("secret-missing", "hypothesis", "Issuer/ns/corp")]
        assert {str(e.object) for e in found.first_causes[0].explains} >= {"Certificate/ns/tls"}

    @pytest.mark.parametrize(
        "other",
        [{"issuer": "public"}, {"kind_": "ClusterIssuer"}, {"ready_": "True"}],
        ids=["another", "a cluster's", "well"],
    )
    def test_no_other_does(self, other: dict[str, str]) -> None:
        assert "Certificate/ns/tls" in [str(u.object) for u in self.world(**other).unexplained]
