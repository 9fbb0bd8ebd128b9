"""What says nothing: a maker that has yet to speak, a Flux object that is long overdue, and the controller that should have spoken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from diagnosis_worlds import ago, condition, sealed
from held_worlds import BY_ENV, web
from recorded_worlds import container, event, flux, kind, marks, pod, saved, workload

from runbook.diagnosis import explain
from runbook.domain.kinds import KINDS
from runbook.model import Explanation, Snapshot

LACKS = web(container(("CreateContainerConfigError", 'secret "x" not found')) | {"restartCount": 0}, **BY_ENV)
POD = "Pod/ns/web-5d-1"
PULL = container(("ImagePullBackOff", 'Back-off pulling image "r.lab/c:1": ErrImagePull: manifest unknown')) | {
    "restartCount": 0
}
SILENT: dict[str, Any] = {
    "SealedSecret": kind("SealedSecret", "ns", "x", status={}),
    "ExternalSecret": kind("ExternalSecret", "ns", "x", spec={}, status={}),
    "Certificate": kind("Certificate", "ns", "x", spec={"secretName": "x"}),
}
NAMES = {"SealedSecret": "sealed-secrets-controller", "ExternalSecret": "external-secrets", "Certificate": "cert-manager",
         "HelmRelease": "helm-controller", "Kustomization": "kustomize-controller", "GitRepository": "source-controller"}  # fmt: skip


def live(*objects: Any) -> Snapshot:
    state = saved(*objects)
    listed = {kind_: () for kind_ in KINDS if kind_ != "Secret"}
    return replace(state, complete=True, gaps={}, objects={**listed, **state.objects})


def controller(name: str, *, up: bool = False, since: float = 20000, pod: Any = PULL, **metadata: Any) -> list[Any]:
    """A controller's Deployment, and its pod that cannot pull its image."""
    made = workload("Deployment", "system", name, up=up)
    made["metadata"] |= metadata
    if not up:
        made["status"]["conditions"][0]["lastTransitionTime"] = ago(since)
    of = {
        "ownerReferences": [
            {"kind": "Deployment", "name": name, "uid": f"Deployment/system/{name}", "controller": True}
        ]
    }
    below = kind("Pod", "system", f"{name}-1", status={"phase": "Pending", "containerStatuses": [pod]})
    below["metadata"] |= of
    return [made] if up else [made, below]


def hung(found: Explanation) -> dict[str, tuple[str, str, str]]:
    return {str(e.object): (c.cause, str(c.object), c.proof) for c in found.first_causes for e in c.explains}


def left(found: Explanation) -> dict[str, str]:
    return {str(u.object): u.why for u in found.unexplained}


def quiet(kind_: str, seconds: float = 9000, **spec: Any) -> Any:
    """A Flux object that never got a condition."""
    made = kind(kind_, "ns", "web", spec=spec, status={})
    made["metadata"]["creationTimestamp"] = ago(seconds)
    return made


def working(kind_: str, seconds: float, **spec: Any) -> Any:
    """A Flux object that has been at it for so long."""
    made = flux(
        kind_, "ns", "web", "Running 'upgrade' action with timeout of 5m0s", "Progressing", ready="Unknown", **spec
    )
    made["status"]["conditions"][0]["lastTransitionTime"] = ago(seconds)
    return made


NOW_ = event(("Pod", "ns", "other"), "Started", "x", type_="Normal", seconds=0)  # so that now is now


class TestAMakerThatHasNotSpoken:
    @pytest.mark.parametrize("maker", SILENT)
    def test_is_what_the_pod_that_lacks_its_secret_hangs_on(self, maker: str) -> None:
        for state in (saved(*LACKS, SILENT[maker]), live(*LACKS, SILENT[maker], *controller(NAMES[maker], up=True))):
            found = explain(state)
            (cause,) = found.first_causes
            assert (cause.cause, str(cause.object), cause.proof) == ("secret-missing", f"{maker}/ns/x", "hypothesis")
            assert cause.decides == f"Why {maker}/ns/x has not made Secret/ns/x: it has said nothing yet."
            relations = {str(e.object): e.relation for e in cause.explains}
            assert relations[POD] == "caused-by"
            assert relations[f"{maker}/ns/x"] == "self"

    @pytest.mark.parametrize("maker", SILENT)
    def test_leads_on_to_its_controller_that_has_been_down_since_before_it_was_made(self, maker: str) -> None:
        found = hung(explain(live(*LACKS, SILENT[maker], *controller(NAMES[maker]))))
        fault = ("image-not-found", f"Pod/system/{NAMES[maker]}-1", "fact")
        assert {name: found[name] for name in (POD, f"{maker}/ns/x")} == {POD: fault, f"{maker}/ns/x": fault}

    @pytest.mark.parametrize("state", [
        live(*LACKS, SILENT["SealedSecret"], *controller("sealed-secrets", since=100)),
        saved(*LACKS, SILENT["SealedSecret"], *controller("sealed-secrets")),
    ], ids=["it went down later", "what was saved may lack another"])  # fmt: skip
    def test_but_not_as_a_fact_where_it_may_have_had_its_chance(self, state: Snapshot) -> None:
        found = explain(state)
        assert POD not in hung(found)
        (guess,) = {h for u in found.unexplained for h in u.hypotheses if str(u.object) == POD}
        assert guess.cause == "image-not-found"
        assert guess.decides.startswith("Since when Deployment/system/sealed-secrets has no ready pod")

    def test_hangs_on_a_controller_that_nobody_runs_as_a_hypothesis(self) -> None:
        found = hung(explain(live(*LACKS, SILENT["SealedSecret"])))
        missing = ("sealed-secrets-controller-missing", "SealedSecret/ns/x", "hypothesis")
        assert (found[POD], found["SealedSecret/ns/x"]) == (missing, missing)

    def test_whose_controller_is_scaled_to_nothing_says_so(self) -> None:
        down = controller("sealed-secrets-controller", up=True)
        down[0]["spec"]["replicas"] = 0
        down[0]["status"] = {"observedGeneration": 1}
        (cause,) = explain(live(*LACKS, SILENT["SealedSecret"], *down)).first_causes
        assert (cause.cause, cause.proof) == ("sealed-secrets-controller-missing", "hypothesis")
        assert "Deployment/system/sealed-secrets-controller is scaled to 0" in cause.message

    def test_whose_controller_dies_for_no_known_reason_is_told_with_that(self) -> None:
        crash = container(
            ("CrashLoopBackOff", "back-off 5m0s restarting failed container"), {"exitCode": 1, "reason": "Error"}
        )
        (cause,) = explain(live(*LACKS, SILENT["SealedSecret"], *controller("sealed-secrets", pod=crash))).first_causes
        assert (cause.cause, cause.proof) == ("secret-missing", "hypothesis")
        assert "it waits for Deployment/system/sealed-secrets, which has no ready pod" in cause.decides

    def test_by_its_image_and_only_where_no_other_of_them_is_at_work(self) -> None:
        down, up = controller("keys"), controller("sealed-secrets", up=True)
        down[0]["spec"]["template"]["spec"]["containers"][0]["image"] = (
            "docker.io/bitnami/sealed-secrets-controller:0.27.0"
        )
        assert hung(explain(live(*LACKS, SILENT["SealedSecret"], *down)))[POD][0] == "image-not-found"
        assert hung(explain(live(*LACKS, SILENT["SealedSecret"], *down, *up)))[POD][0] == "secret-missing"

    def test_that_says_it_has_made_it_leaves_open_why_it_is_not_there(self) -> None:
        (cause,) = explain(live(*LACKS, sealed("ns", "x", opens=True))).first_causes
        assert (cause.cause, str(cause.object), cause.proof) == ("secret-missing", POD, "hypothesis")
        assert cause.decides == "Why SealedSecret/ns/x has not made Secret/ns/x."

    def test_is_no_cause_of_anything_while_nobody_lacks_its_secret(self) -> None:
        found = explain(saved(SILENT["SealedSecret"], SILENT["ExternalSecret"], SILENT["Certificate"], NOW_))
        assert (found.first_causes, found.unexplained) == ((), ())


class TestAFluxObjectThatIsOverdue:
    @pytest.mark.parametrize("obj", [quiet("HelmRelease"), quiet("Kustomization"), quiet("GitRepository"), working("HelmRelease", 7900), working("Kustomization", 7900)])  # fmt: skip
    def test_is_red_and_says_for_how_long_it_has_said_nothing(self, obj: Any) -> None:
        for state in (saved(obj, NOW_), live(obj, NOW_)):
            found = explain(state)
            assert found.first_causes == ()
            (why,) = left(found).values()
            assert "it may take" in why
            assert "2 h 30 m" in why or "2 h 11 m" in why

    @pytest.mark.parametrize("obj", [
        quiet("HelmRelease", 800),
        working("HelmRelease", 800),
        working("HelmRelease", 7900, timeout="1h"),
        working("HelmRelease", 7900, timeout="10m", upgrade={"remediation": {"retries": 3}}),
        working("HelmRelease", 7900, upgrade={"timeout": "1h"}),
        working("HelmRelease", 7900, install={"remediation": {"retries": -1}}),
        working("Kustomization", 7900, interval="1h"),
        working("Kustomization", 7900, interval="5m", timeout="1h"),
        quiet("HelmRelease", suspend=True),
        quiet("HelmRepository", type="oci"),
        {**quiet("HelmRelease"), "metadata": quiet("HelmRelease")["metadata"] | {"deletionTimestamp": ago(3000)}},
        [working("HelmRelease", 7900), event(("HelmRelease", "ns", "web"), "info", "still at it", type_="Normal", seconds=60)],
    ], ids=["young", "at it", "slow by itself", "tries four times", "a slow upgrade", "tries for ever", "by its interval", "by its timeout",
            "suspended", "static", "being deleted", "spoke in an event"])  # fmt: skip
    def test_is_not_one_that_may_still_be_at_it(self, obj: Any) -> None:
        found = explain(saved(obj, NOW_))
        assert (found.first_causes, found.unexplained) == ((), ())

    def test_counts_from_the_last_action_that_began(self) -> None:
        obj = working("HelmRelease", 7900)
        obj["status"]["history"] = [
            {"name": "web", "version": 2, "status": "pending-upgrade", "lastDeployed": ago(120)}
        ]
        assert explain(saved(obj, NOW_)).unexplained == ()

    @pytest.mark.parametrize("obj", [quiet("HelmRelease"), quiet("Kustomization"), quiet("GitRepository"), working("HelmRelease", 7900)])  # fmt: skip
    def test_hangs_on_its_controller_that_is_down(self, obj: Any) -> None:
        name = NAMES[obj["kind"]]
        found = hung(explain(live(obj, *controller(name), NOW_)))
        assert found[f"{obj['kind']}/ns/web"] == ("image-not-found", f"Pod/system/{name}-1", "fact")

    def test_whose_controller_died_in_mid_action_hangs_on_it_too_and_later_is_not_proved(self) -> None:
        obj = working("HelmRelease", 7900)
        assert (
            hung(explain(live(obj, *controller("helm-controller", since=7700), NOW_)))["HelmRelease/ns/web"][2]
            == "fact"
        )
        found = explain(live(obj, *controller("helm-controller", since=7500), NOW_))
        assert "HelmRelease/ns/web" not in hung(found)
        assert "it may hang on Pod/system/helm-controller-1" in left(found)["HelmRelease/ns/web"]

    def test_whose_controller_is_at_work_or_is_another_one_stays_unexplained(self) -> None:
        for other in (controller("helm-controller", up=True), controller("kustomize-controller")):
            assert "HelmRelease/ns/web" in left(explain(live(quiet("HelmRelease"), *other, NOW_)))

    def test_whose_controller_is_scaled_to_nothing_says_so(self) -> None:
        down = controller("helm-controller", up=True)
        down[0]["spec"]["replicas"] = 0
        down[0]["status"] = {"observedGeneration": 1}
        assert left(explain(live(quiet("HelmRelease"), *down, NOW_)))["HelmRelease/ns/web"].endswith(
            "Deployment/system/helm-controller is scaled to 0"
        )

    def test_still_hangs_on_what_fails_below_it(self) -> None:
        obj = [working("HelmRelease", 7900), *web(PULL | {"name": "main"})]
        assert hung(explain(live(*obj, *controller("helm-controller"), NOW_)))["HelmRelease/ns/web"][1] == POD

    def test_one_that_waits_for_it_is_blocked_by_the_same(self) -> None:
        waits = flux(
            "HelmRelease",
            "ns",
            "api",
            "dependency 'ns/web' is not ready",
            "DependencyNotReady",
            dependsOn=[{"name": "web"}],
        )
        found = explain(live(quiet("HelmRelease"), waits, *controller("helm-controller"), NOW_))
        assert hung(found)["HelmRelease/ns/api"][0] == "image-not-found"


def test_a_claim_that_only_waits_stands_under_the_first_cause_that_it_is() -> None:
    said = condition(
        "PodScheduled",
        "False",
        "Unschedulable",
        "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    )
    pod = kind("Pod", "ns", "db-0", spec={"containers": [], "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]},
               status={"phase": "Pending", "conditions": [said]})  # fmt: skip
    claim = kind("PersistentVolumeClaim", "ns", "data", spec={"storageClassName": "fast"}, status={"phase": "Pending"})
    (cause,) = explain(saved(pod, claim)).first_causes
    assert {str(e.object): e.relation for e in cause.explains} == {
        "Pod/ns/db-0": "caused-by",
        "PersistentVolumeClaim/ns/data": "self",
    }
    assert explain(saved(claim)).first_causes == ()


class TestOneThatWaitsForWhatIsBeingWorkedAt:
    """Nothing has failed yet: it is as little red as the one that works."""

    @staticmethod
    def waiting(kind_: str, name: str = "next", on: str = "web", seconds: float = 120) -> Any:
        said = f"dependency 'ns/{on}' is not ready"
        made = flux(kind_, "ns", name, said, "DependencyNotReady", dependsOn=[{"name": on}])
        made["status"]["conditions"][0]["lastTransitionTime"] = ago(seconds)
        return made

    @pytest.mark.parametrize("kind_", ["HelmRelease", "Kustomization"])
    def test_is_not_told_nor_is_one_behind_it(self, kind_: str) -> None:
        found = explain(live(NOW_, working(kind_, 60), self.waiting(kind_), self.waiting(kind_, "last", "next")))
        assert (found.first_causes, found.unexplained) == ((), ())

    @pytest.mark.parametrize("kind_", ["HelmRelease", "Kustomization"])
    def test_is_told_once_it_has_waited_for_longer_than_work_takes(self, kind_: str) -> None:
        found = explain(live(NOW_, working(kind_, 60), self.waiting(kind_, seconds=901)))
        assert list(left(found)) == [f"{kind_}/ns/next"]
        assert "it is still working" in left(found)[f"{kind_}/ns/next"]

    def test_is_told_where_the_other_is_overdue_red_or_not_there(self) -> None:
        red = flux("HelmRelease", "ns", "web", "some words that nobody knows", "UpgradeFailed")
        for other in ([working("HelmRelease", 7900)], [red], []):
            assert "HelmRelease/ns/next" in left(explain(live(NOW_, *other, self.waiting("HelmRelease"))))

    def test_hangs_on_what_fails_below_the_one_that_works(self) -> None:
        pod = kind("Pod", "ns", "web-1", status={"phase": "Pending", "containerStatuses": [PULL]})
        pod["metadata"]["labels"] = {"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "ns"}
        found = hung(explain(live(NOW_, working("HelmRelease", 60), self.waiting("HelmRelease"), pod)))
        assert found["HelmRelease/ns/next"] == found["Pod/ns/web-1"]

    def test_a_chart_that_is_being_made_is_waited_for_as_well(self) -> None:
        chart = flux("HelmChart", "ns", "ns-web", "building artifact", "Progressing", ready="Unknown")
        chart["status"]["conditions"][0]["lastTransitionTime"] = ago(20)
        for seconds, told in ((30, []), (901, ["HelmRelease/ns/web"])):
            one = flux("HelmRelease", "ns", "web", "HelmChart 'ns/ns-web' is not ready", "SourceNotReady", chart={
                "spec": {"chart": "web", "sourceRef": {"kind": "HelmRepository", "name": "r", "namespace": "ns"}}})  # fmt: skip
            one["status"]["conditions"][0]["lastTransitionTime"] = ago(seconds)
            assert list(left(explain(live(NOW_, chart, one)))) == told


class TestWhatComesUpOnlyWhenItsPodDoes:
    """A Deployment is not overdue yet, a Job never is: the pod that fails without a known cause holds them up all the same."""

    SILENT = container(
        ("CrashLoopBackOff", "back-off 40s restarting failed container"), {"exitCode": 2, "reason": "Error"}
    )

    @staticmethod
    def just_made(kind_: str) -> Any:
        if kind_ == "Job":
            return kind("Job", "ns", "web", born=100, spec={}, status={"active": 1})
        made = workload(kind_, "ns", "web")
        made["metadata"]["creationTimestamp"] = ago(30)
        for one in made["status"].get("conditions", ()):
            one["lastTransitionTime"] = ago(30)
        return made

    @pytest.mark.parametrize("kind_", ["Deployment", "StatefulSet", "DaemonSet", "Job"])
    def test_stands_with_it(self, kind_: str) -> None:
        own = pod("ns", "web-1", self.SILENT, phase="Running", owner=(kind_, "web"))
        whys = left(explain(saved(self.just_made(kind_), own)))
        assert set(whys) == {f"{kind_}/ns/web", "Pod/ns/web-1"}
        assert whys[f"{kind_}/ns/web"] == f"Pod/ns/web-1: {whys['Pod/ns/web-1']}"

    def test_over_its_replica_set_too(self) -> None:
        own = pod("ns", "web-1-x", self.SILENT, phase="Running", owner=("ReplicaSet", "web-1"))
        between = workload("ReplicaSet", "ns", "web-1", owner=("Deployment", "web"))
        assert set(left(explain(saved(self.just_made("Deployment"), between, own)))) == {
            "Deployment/ns/web",
            "Pod/ns/web-1-x",
        }

    def test_is_not_told_where_its_pods_only_start(self) -> None:
        own = pod("ns", "web-1", container(), phase="Running", owner=("Deployment", "web"), born=20)
        own["status"]["conditions"][0]["lastTransitionTime"] = ago(20)
        assert left(explain(saved(self.just_made("Deployment"), own))) == {}


class TestAPodThatJustStarted:
    """Its probe asks before it serves: that it is refused is told only where somebody has given up waiting for it."""

    NO = event(
        ("Pod", "ns", "web-1"), "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", seconds=5
    )
    OWN = pod("ns", "web-1", container(), phase="Running", owner=("Deployment", "web"), born=30)

    @classmethod
    def world(cls, *more: Any) -> dict[str, str]:
        made = TestWhatComesUpOnlyWhenItsPodDoes.just_made("Deployment")
        made["metadata"]["labels"] = marks("web", "ns")
        own = {**cls.OWN, "status": {**cls.OWN["status"], "startTime": ago(30), "conditions": [
            condition("Ready", "False", lastTransitionTime=ago(30)), condition("PodScheduled", "True")]}}  # fmt: skip
        return left(explain(saved(made, own, *more)))

    @staticmethod
    def release(said: str, reason: str, *, ready: str = "False") -> Any:
        return flux("HelmRelease", "ns", "web", said, reason, ready=ready)

    GAVE_UP = "Helm install failed for release ns/web with chart web@1: timeout waiting for: [Deployment/ns/web status: 'InProgress']"

    def test_is_told_with_its_probe_where_its_release_gave_up(self) -> None:
        whys = self.world(self.NO, self.release(self.GAVE_UP, "InstallFailed"))
        assert set(whys) == {"HelmRelease/ns/web", "Deployment/ns/web", "Pod/ns/web-1"}
        assert whys["Pod/ns/web-1"].startswith("a probe fails: ")
        assert "it waits for Deployment/ns/web: Pod/ns/web-1: a probe fails" in whys["HelmRelease/ns/web"]

    def test_is_not_told_while_its_release_is_at_work_or_where_nothing_waits(self) -> None:
        running = self.release("Running 'install' action with timeout of 5m0s", "Progressing", ready="Unknown")
        assert self.world(self.NO, running) == {}
        assert self.world(self.NO) == {}

    def test_without_a_refusal_only_the_release_is_told(self) -> None:
        assert set(self.world(self.release(self.GAVE_UP, "InstallFailed"))) == {"HelmRelease/ns/web"}
