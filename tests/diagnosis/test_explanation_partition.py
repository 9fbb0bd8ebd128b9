"""Whatever the state: each failing object stands exactly once, under one first cause or in unexplained with why."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from diagnosis_worlds import deployment, event, failed, job, pod, release, sealed, snapshot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook.diagnosis import as_json, explain, graph, index
from runbook.diagnosis.catalogue import built_in
from runbook.domain.meta import condition as find
from runbook.domain.probes import EndpointProbe
from runbook.model import Explanation, ObjectRef, Snapshot

NAMES = ("a", "b", "c", "d")
ERRORS = (
    "context deadline exceeded",
    "pre-upgrade hooks failed: timed out waiting for the condition",
    "timeout waiting for: [Deployment/ns/{n} status: 'InProgress']",
    "failed pre-install: timeout waiting for: [Job/ns/{n}-migrate status: 'InProgress']",
    "values don't meet the specifications of the schema(s) in the following chart(s): x",
    "something that nobody has seen",
    "install retries exhausted",
)
SYMPTOMS = {c.id for c in built_in().causes.values() if c.role == "symptom"}


@st.composite
def worlds(draw: st.DrawFn) -> Snapshot:
    objects: list[Any] = []
    for name in NAMES:
        others = [n for n in NAMES if draw(st.booleans())]
        shape = draw(st.integers(0, 4))
        depends = [{"name": n} for n in others]
        if shape == 0:
            objects.append(release("ns", name, "ok", "UpgradeSucceeded", ready="True", dependsOn=depends))
        elif shape == 1:
            target = draw(st.sampled_from([*NAMES, "gone"]))
            objects.append(
                release("ns", name, f"dependency 'ns/{target}' is not ready", "DependencyNotReady", dependsOn=depends)
            )
        elif shape == 2:
            text = f"could not resolve Secret chart values reference 'ns/{name}-s' with key 'k': secrets \"{name}-s\" not found"
            objects.append(
                release("ns", name, text, "ValuesError", valuesFrom=[{"kind": "Secret", "name": f"{name}-s"}])
            )
        else:
            error = draw(st.sampled_from(ERRORS)).replace("{n}", name)
            objects.append(
                release("ns", name, failed("ns", name, error), suspend=draw(st.booleans()), dependsOn=depends)
            )
        if draw(st.booleans()):
            objects.append(sealed("ns", f"{name}-s", opens=draw(st.booleans())))
        if draw(st.booleans()):
            objects.append(deployment("ns", name, ready=draw(st.booleans()), secret=f"{name}-s"))
        for number in range(draw(st.integers(0, 2))):
            waiting = draw(st.sampled_from([
                ("CreateContainerConfigError", f'secret "{name}-s" not found'), ("ImagePullBackOff", 'Back-off pulling image "r.lab/app:1"'),
                ("CrashLoopBackOff", "back-off 5m0s restarting failed container"), ("Odd", "odd"), None,
            ]))  # fmt: skip
            owner = draw(st.sampled_from([("ReplicaSet", f"{name}-5d"), ("Job", f"{name}-migrate"), None]))
            objects.append(
                pod("ns", f"{name}-p{number}", owner, waiting=waiting, ready=waiting is None and draw(st.booleans()))
            )
            if draw(st.booleans()):
                objects.append(
                    event(
                        ("Pod", "ns", f"{name}-p{number}"),
                        "Failed",
                        'Failed to pull image "r.lab/app:1": manifest unknown',
                    )
                )
        if draw(st.booleans()):
            objects.append(job("ns", f"{name}-migrate", of=draw(st.sampled_from([name, ""]))))
    return snapshot(*objects)


def standing(explanation: Explanation) -> Counter[str]:
    explained = [str(e.object) for c in explanation.first_causes for e in c.explains]
    return Counter([*explained, *(str(u.object) for u in explanation.unexplained)])


def surely_failing(state: Snapshot) -> set[str]:
    """Worked out here without the diagnosis: what nobody could call fine."""
    found = set()
    for item in state.objects.get("HelmRelease", ()):
        ready = find(item.status.conditions, "Ready")
        if ready is not None and ready.status == "False":
            found.add(str(item.ref))
    for item in state.objects.get("SealedSecret", ()):
        synced = find(item.status.conditions, "Synced")
        if synced is not None and synced.status == "False":
            found.add(str(item.ref))
    for item in state.objects.get("Pod", ()):
        if any(s.state.waiting is not None for s in item.status.container_statuses or ()):
            found.add(str(item.ref))
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_every_failing_object_stands_exactly_once(state: Snapshot) -> None:
    explanation = explain(state)
    found = standing(explanation)
    assert {k: n for k, n in found.items() if n != 1} == {}
    assert surely_failing(state) <= set(found)
    for cause in explanation.first_causes:
        assert cause.explains, cause
        assert cause.cause not in SYMPTOMS, "a waiting party is never a first cause"
        assert (cause.proof == "hypothesis") == bool(cause.decides)
        assert cause.next.text
        assert cause.age_seconds is None or cause.age_seconds >= 0
        assert len([e for e in cause.explains if e.relation == "self"]) <= 1
    assert all(u.why for u in explanation.unexplained)
    assert all(h.decides for u in explanation.unexplained for h in u.hypotheses)
    as_json(explanation)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_it_is_deterministic(state: Snapshot) -> None:
    assert as_json(explain(state)) == as_json(explain(state))


class TestCyclesAndChains:
    def waits(self, name: str, *on: str) -> dict[str, Any]:
        return release(
            "ns",
            name,
            f"dependency 'ns/{on[0]}' is not ready",
            "DependencyNotReady",
            dependsOn=[{"name": n} for n in on],
        )

    def test_owners_in_a_circle_end(self) -> None:
        a = pod("ns", "a", ("Pod", "b"), waiting=("Odd", "odd"))
        b = pod("ns", "b", ("Pod", "a"), waiting=("ImagePullBackOff", 'Back-off pulling image "r.lab/app:1"'))
        assert sum(standing(explain(snapshot(a, b))).values()) == 2

    def test_a_long_chain_blocks_on_its_first_red(self) -> None:
        chain = [self.waits(f"r{n}", f"r{n - 1}") for n in range(1, 60)]
        root = release("ns", "r0", failed("ns", "r0", "values don't meet the specifications of the schema(s)"))
        (cause,) = explain(snapshot(root, *chain)).first_causes
        assert (cause.object.name, len(cause.explains)) == ("r0", 60)
        assert Counter(e.relation for e in cause.explains) == {"self": 1, "blocked-by": 59}

    def test_a_chain_of_thousands_still_ends_at_its_first_red(self) -> None:
        chain = [self.waits(f"r{n}", f"r{n - 1}") for n in range(1, 3000)]
        root = release("ns", "r0", failed("ns", "r0", "values don't meet the specifications of the schema(s)"))
        (cause,) = explain(snapshot(root, *chain)).first_causes
        assert (cause.object.name, len(cause.explains)) == ("r0", 3000)
        assert max(len(e.via) for e in cause.explains) < 100

    def test_a_chain_of_thousands_does_not_break_it(self) -> None:
        chain = [self.waits(f"r{n}", f"r{n - 1}") for n in range(1, 3000)]
        assert sum(standing(explain(snapshot(*chain))).values()) == 2999


class TestTimeAndProof:
    SECRET = "could not resolve Secret chart values reference 'ns/s' with key 'k': secrets \"s\" not found"

    def test_a_message_of_another_generation_proves_nothing(self) -> None:
        old = release("ns", "a", failed("ns", "a", "values don't meet the specifications of the schema(s)"))
        old["metadata"]["generation"] = 2
        explanation = explain(snapshot(old))
        assert explanation.first_causes == ()
        (left,) = explanation.unexplained
        assert "generation 1" in left.why
        assert [h.cause for h in left.hypotheses] == ["helm-values-invalid"]

    def test_a_dependency_that_is_ready_now_leaves_an_old_message(self) -> None:
        ready = release("ns", "b", "ok", "UpgradeSucceeded", ready="True")
        waits = release("ns", "a", "dependency 'ns/b' is not ready", "DependencyNotReady", dependsOn=[{"name": "b"}])
        (left,) = explain(snapshot(ready, waits)).unexplained
        assert "is ready now" in left.why

    def test_a_missing_secret_is_a_fact_only_where_its_makers_were_looked_for(self) -> None:
        state = release("ns", "a", self.SECRET, "ValuesError")
        kinds = tuple(k for k in snapshot().objects if k != "SealedSecret")
        (fact,) = explain(snapshot(state)).first_causes
        (guess,) = explain(snapshot(state, observed=kinds)).first_causes
        assert (fact.cause, fact.proof) == ("secret-missing", "fact")
        assert (guess.cause, guess.proof) == ("secret-missing", "hypothesis")

    def test_a_secret_that_is_there_now_makes_its_message_old(self) -> None:
        made = {"kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}, "data": {"k": ""}}
        (left,) = explain(snapshot(release("ns", "a", self.SECRET, "ValuesError"), made)).unexplained
        assert "is there now" in left.why

    def test_two_that_miss_the_same_secret_have_one_first_cause(self) -> None:
        both = [release("ns", n, self.SECRET, "ValuesError") for n in ("a", "b")]
        (cause,) = explain(snapshot(*both)).first_causes
        assert (str(cause.object), len(cause.explains)) == ("Secret/ns/s", 2)

    def test_two_that_meet_the_same_webhook_have_one_first_cause(self) -> None:
        text = 'Internal error occurred: failed calling webhook "w.lab": failed to call webhook: Post "https://w.x.svc/": EOF'
        both = [release("ns", n, failed("ns", n, text)) for n in ("a", "b")]
        hook = {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "w"}, "webhooks": [{"name": "w.lab"}]}
        (cause,) = explain(snapshot(*both, hook)).first_causes
        assert (cause.cause, str(cause.object), len(cause.explains)) == ("webhook-unreachable", "Webhook/w.lab", 2)

    def test_a_suspended_dependency_is_the_decision_that_blocks(self) -> None:
        asleep = release("ns", "b", "x", "InstallFailed", suspend=True)
        waits = release("ns", "a", "dependency 'ns/b' is not ready", "DependencyNotReady", dependsOn=[{"name": "b"}])
        (cause,) = explain(snapshot(asleep, waits)).first_causes
        assert (cause.cause, {e.object.name: e.relation for e in cause.explains}) == (
            "suspended",
            {"a": "blocked-by", "b": "self"},
        )

    def test_an_event_of_a_predecessor_is_not_believed(self) -> None:
        now = pod("ns", "p", waiting=("ImagePullBackOff", 'Back-off pulling image "r.lab/app:1"'))
        before = event(
            ("Pod", "ns", "p"), "Failed", 'Failed to pull image "r.lab/app:1": manifest unknown', uid="another"
        )
        (cause,) = explain(snapshot(now, before)).first_causes
        assert (cause.cause, cause.proof) == ("image-pull-failed", "hypothesis")

    @pytest.mark.parametrize(("status", "left"), [(200, 0), (503, 1)])
    def test_a_declared_endpoint_that_fails_stands_too(self, status: int, left: int) -> None:
        probe = EndpointProbe("web", "https://web.lab/health", service="ns/web", status=status)
        explanation = explain(snapshot(extra={"EndpointProbe": (probe,)}))
        assert [str(u.object) for u in explanation.unexplained] == ["Endpoint/web"] * left

    def test_an_endpoint_is_walked_to_the_pod_behind_its_service(self) -> None:
        service = {
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "ns"},
            "spec": {"selector": {"app": "web"}},
        }
        behind = pod("ns", "web-1", waiting=("ErrImagePull", 'Failed to pull image "r.lab/app:1": manifest unknown'))
        behind["metadata"]["labels"] = {"app": "web"}
        slices = {
            "kind": "EndpointSlice",
            "metadata": {"name": "web-x", "namespace": "ns", "labels": {"kubernetes.io/service-name": "web"}},
            "endpoints": [{"conditions": {"ready": False}, "targetRef": {"kind": "Pod", "name": "web-1"}}],
        }
        probe = EndpointProbe("web", "https://web.lab/health", service="ns/web", status=503)
        (cause,) = explain(snapshot(service, behind, slices, extra={"EndpointProbe": (probe,)})).first_causes
        assert cause.cause == "image-not-found"
        assert {e.object.kind: e.relation for e in cause.explains} == {"Pod": "self", "Endpoint": "caused-by"}


class TestAServiceThatDoesNotExist:
    """Nothing serves the endpoint: the release that should have made the Service says why, when it is red."""

    REFUSED = 'admission webhook "policy.lab" denied the request: no limits'

    def _explained(
        self, named: str, *releases: Any, kinds: tuple[str, ...] = ("HelmRelease", "Service")
    ) -> Explanation:
        probe = EndpointProbe("web", "https://web.lab/health", service=named, status=503)
        return explain(snapshot(*releases, observed=kinds, extra={"EndpointProbe": (probe,)}))

    @pytest.mark.parametrize("service", ["web", "web-frontend", "web-http"])
    def test_hangs_on_its_releases_first_cause(self, service: str) -> None:
        red = release("ns", "web", failed("ns", "web", self.REFUSED), chart={"spec": {"chart": "frontend"}})
        found = self._explained(f"ns/{service}", red)
        (cause,) = found.first_causes
        assert cause.cause == "admission-denied"
        assert {(e.object.kind, e.relation) for e in cause.explains} == {
            ("HelmRelease", "self"),
            ("Endpoint", "caused-by"),
        }
        assert found.unexplained == ()

    def test_of_two_releases_only_the_one_that_names_it(self) -> None:
        red = release("ns", "web", failed("ns", "web", self.REFUSED))
        other = release("ns", "web-api", "Helm install succeeded", "InstallSucceeded", ready="True")
        found = self._explained("ns/web-api", red, other)
        assert [str(u.object) for u in found.unexplained] == ["Endpoint/web"]
        assert "does not exist" in found.unexplained[0].why
        assert [str(u.object) for u in self._explained("ns/web-x", red, other).unexplained] == ["Endpoint/web"]

    def test_beside_another_release_the_charts_name_still_says_whose_it_is(self) -> None:
        red = release("ns", "web", failed("ns", "web", self.REFUSED), chart={"spec": {"chart": "frontend"}})
        other = release("ns", "db", "Helm install succeeded", "InstallSucceeded", ready="True")
        (cause,) = self._explained("ns/web-frontend", red, other).first_causes
        assert {e.object.kind for e in cause.explains} == {"HelmRelease", "Endpoint"}

    def test_not_in_another_namespace_and_not_where_services_were_not_looked_for(self) -> None:
        red = release("ns", "web", failed("ns", "web", self.REFUSED))
        for found in (self._explained("other/web", red), self._explained("ns/web", red, kinds=("HelmRelease",))):
            assert [str(u.object) for u in found.unexplained] == ["Endpoint/web"]


@pytest.mark.parametrize(("opted", "said"), [((), "unseen"), (("shop",), "unseen"), (("ns", "shop"), "missing")])
def test_a_secret_is_missing_only_where_secrets_may_be_listed(opted: tuple[str, ...], said: str) -> None:
    state = snapshot({"kind": "Secret", "metadata": {"name": "there", "namespace": "shop"}}, observed=("Secret",))
    network = graph.build(index.build(state), opted=opted)
    assert network.absent(ObjectRef("Secret", "ns", "db")) == said
    assert network.absent(ObjectRef("Secret", "shop", "there")) == ""


def test_what_could_not_be_observed_is_said() -> None:
    state = snapshot(observed=("HelmRelease",))
    assert ("pods", "403 Forbidden") in {(g.what, g.why) for g in explain(state).not_evaluated}
