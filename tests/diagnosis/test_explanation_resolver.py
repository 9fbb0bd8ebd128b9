"""A name that was not resolved, where the cluster's DNS has no ready pod: why it has none comes first, whoever asked."""

from __future__ import annotations

from typing import Any

import pytest
from diagnosis_worlds import ago
from recorded_worlds import container, flux, kind, pod, saved, workload

from runbook.diagnosis import explain
from runbook.model import Explanation

DNS = "kube-system"
IP = "10.96.0.10"
LABELS = {"k8s-app": "kube-dns"}
NO_IMAGE = (
    "ImagePullBackOff",
    'Back-off pulling image "r.lab/dns:9": manifest for r.lab/dns:9 not found: manifest unknown',
)
LOOKED = f"dial tcp: lookup pg.shop.svc.cluster.local on {IP}:53: read udp 10.244.1.14:39211->{IP}:53: read: connection refused"
SAID = f"failed to connect to `host=pg.shop.svc.cluster.local user=x database=x`: hostname resolving error ({LOOKED.removeprefix('dial tcp: ')})"
GIT = f"failed to checkout and determine revision: unable to list remote for 'ssh://git@git.lab/fleet': {LOOKED.replace('pg.shop.svc.cluster.local', 'git.lab')}"


def dns(*, ready: bool = False, labels: dict[str, str] | None = None, slices: bool = True) -> list[Any]:
    marks = LABELS if labels is None else labels
    slice_ = kind(
        "EndpointSlice", DNS, "kube-dns-1", labels={"kubernetes.io/service-name": "kube-dns"}, addressType="IPv4",
        endpoints=[{"addresses": ["10.1.0.1"], "conditions": {"ready": ready}}],
    )  # fmt: skip
    spec = {"selector": LABELS, "clusterIP": IP, "ports": [{"port": 53}]}
    return [kind("Service", DNS, "kube-dns", labels=marks, spec=spec), *([slice_] if slices else [])]


def asleep() -> Any:
    found = workload("Deployment", DNS, "coredns", up=True)
    found["spec"]["replicas"] = 0
    found["spec"]["template"]["metadata"] = {"labels": LABELS}
    found["status"] = {"observedGeneration": 1}
    return found


def program(said: str = SAID) -> Any:
    last = {"reason": "Error", "exitCode": 1, "finishedAt": ago(60), "message": said}
    return pod("shop", "migrate", container(("CrashLoopBackOff", "back-off 5m0s restarting"), last), phase="Running")


def source(said: str = GIT) -> Any:
    return flux("GitRepository", "flux-system", "fleet", said, "GitOperationFailed")


def told(*objects: Any) -> Explanation:
    return explain(saved(*objects))


def causes(found: Explanation) -> dict[str, tuple[str, str, str]]:
    """Object → cause, at what, and how sure."""
    return {str(e.object): (c.cause, str(c.object), c.proof) for c in found.first_causes for e in c.explains}


@pytest.mark.parametrize("asker", [program(), source()], ids=["a program", "a source"])
def test_why_its_pods_do_not_run_is_why_names_are_not_resolved(asker: Any) -> None:
    found = causes(told(asker, *dns(), pod(DNS, "coredns-1", container(NO_IMAGE), labels=LABELS)))
    assert set(found.values()) == {("image-not-found", f"Pod/{DNS}/coredns-1", "fact")}
    assert len(found) == 2


@pytest.mark.parametrize("asker", [program(), source()], ids=["a program", "a source"])
def test_one_that_is_scaled_to_nothing_is_a_fact(asker: Any) -> None:
    found = told(asker, pod("shop", "other"), asleep(), *dns())
    (cause,) = found.first_causes
    assert (cause.cause, cause.proof, str(cause.object)) == ("dns-failure", "fact", f"Service/{DNS}/kube-dns")
    assert f"Deployment/{DNS}/coredns would match, and it is scaled to 0" in cause.message


def test_that_no_pod_of_it_was_observed_is_a_hypothesis() -> None:
    (cause,) = told(program(), *dns()).first_causes
    assert (cause.cause, cause.proof) == ("dns-failure", "hypothesis")
    assert "which were not observed" in cause.decides


@pytest.mark.parametrize(
    "around",
    [dns(ready=True), dns(slices=False), dns(labels={"app": "dns"}), []],
    ids=["it is ready", "nobody looked", "another Service", "none"],
)
def test_without_a_look_at_it_the_words_stay_what_they_are(around: list[Any]) -> None:
    (cause,) = told(program(), *around).first_causes
    assert (cause.cause, str(cause.object)) == ("db-connection", "Pod/shop/migrate")


def test_a_source_that_asked_another_server_is_not_led_there() -> None:
    (cause,) = told(source(GIT.replace(IP, "10.0.0.53")), pod("shop", "other"), asleep(), *dns()).first_causes
    assert str(cause.object) == "GitRepository/flux-system/fleet"


@pytest.mark.parametrize(
    ("said", "around", "proof"),
    [
        (GIT, [], "hypothesis"),
        (GIT, dns(ready=True), "fact"),
        (GIT.partition("read udp")[0] + "no such host", [], "fact"),
    ],
    ids=["the server did not answer", "it is well", "it answered"],
)
def test_a_server_that_did_not_answer_is_a_fact_only_where_it_was_seen_to_be_well(
    said: str, around: list[Any], proof: str
) -> None:
    (cause,) = told(source(said), *around).first_causes
    assert (cause.cause, cause.proof) == ("dns-failure", proof)


def test_a_node_that_pulls_asks_its_own_server() -> None:
    said = 'failed to pull image "r.lab/a:1": Get "https://r.lab/v2/": dial tcp: lookup r.lab on 10.0.0.1:53: read udp 10.0.0.9:1->10.0.0.1:53: i/o timeout'
    (cause,) = told(pod("shop", "web", container(("ErrImagePull", said)))).first_causes
    assert (cause.cause, cause.proof) == ("registry-unreachable", "fact")
