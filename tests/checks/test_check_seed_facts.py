"""The source task's own claims, judged with its shipped inventory: 16 of 27, and every row the ticket ticked too early."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from runbook.checks import judge, run
from runbook.domain.probes import EndpointProbe, GitHead, LogWindow, SoakWindow
from runbook.inventory.load import load
from runbook.model import Result, Verdict, verdict_of

SEALED = (
    "ccbot",
    "triager-orchestrator",
    "triager-redis",
    "triager-classify-worker",
    "triager-ingest-worker",
    "triager-notify-worker",
    "triager-summarize-worker",
    "midwestmtg-backend",
)
RED = {*SEALED, "midwestmtg-discord-bot", "midwestmtg-frontend", "velero"}
FFL_BODY = '{"status":"healthy","version":"1.0.0","environment":"development"}'


@pytest.fixture(scope="module")
def inventory(root: Path) -> Any:
    return load(root / "inventories/beckerkube.yaml", today=date(2025, 10, 17)).inventory


def releases(worlds: Any, inventory: Any) -> list[Any]:
    return [
        worlds.release(r.name, r.namespace, "False" if r.name in RED else "True", version=r.version)
        for r in inventory.releases
    ]


def criterion(found: Any, inventory: Any, name: str) -> Any:
    return next(c for c in judge(found, inventory, "verify") if c.id == name)


def test_sixteen_of_twenty_seven_is_a_fail_and_each_exception_has_its_name(worlds: Any, inventory: Any) -> None:
    found = worlds.ask("releases-ready", worlds.snapshot(*releases(worlds, inventory)), inventory)
    row = criterion(found, inventory, "A4")
    assert (row.result, row.met, row.of, row.ticked) == (Result.FAIL, 16, 27, True)
    assert {f.object.name for f in found if f.result is Result.FAIL} == RED
    assert verdict_of([row]) is Verdict.FAIL


def test_ready_ones_are_listed_by_name_and_the_assumed_ones_are_marked(worlds: Any, inventory: Any) -> None:
    found = worlds.ask("releases-ready", worlds.snapshot(*releases(worlds, inventory)), inventory)
    ready = {f"{f.object.namespace}/{f.object.name}": f.facts["assumed"] for f in found if f.result is Result.PASS}
    assert len(ready) == 16
    assert {n for n, assumed in ready.items() if assumed} == {
        "databases/postgresql",
        "flux-system/registry",
        "midwestmtg/redis",
    }


def test_the_wildcard_of_the_ticket_is_four_workers_by_name(worlds: Any, inventory: Any) -> None:
    found = worlds.ask("releases-ready", worlds.snapshot(empty=["HelmRelease"]), inventory)
    workers = {f.object.name: f.result for f in found if f.object.name.endswith("-worker")}
    assert list(workers.values()) == [Result.FAIL] * 4
    assert "triager-*-worker" not in workers


def test_an_empty_cluster_meets_none_of_twenty_seven(worlds: Any, inventory: Any) -> None:
    found = worlds.ask("releases-ready", worlds.snapshot(empty=["HelmRelease"]), inventory)
    row = criterion(found, inventory, "A4")
    assert (row.result, row.met, row.of) == (Result.FAIL, 0, 27)


def test_four_believed_rows_are_declared_nowhere(worlds: Any, inventory: Any) -> None:
    seen = worlds.snapshot(*releases(worlds, inventory), empty=["Pod"])
    found = [f for f in worlds.ask("versions-agree", seen, inventory) if "NOT-DECLARED" in f.reason]
    assert [f.object.name for f in found] == [
        f"mtg-dev-agents-{n}" for n in ("orchestrator", "worker", "evaluator", "stenographer")
    ]
    assert {f.result for f in found} == {Result.FAIL}


def test_ccbot_is_believed_at_a_version_that_nothing_declares(worlds: Any, inventory: Any) -> None:
    release = worlds.release("ccbot", "triager", version="0.2.3", tag="0.2.3")
    found = worlds.ask("versions-agree", worlds.snapshot(release, empty=["Pod"]), inventory)
    row = next(f for f in found if f.object.name == "ccbot")
    assert (row.result, row.facts["believed"], row.facts["declared"]) == (Result.FAIL, "2.0.2", "0.2.3")


def test_a_health_body_that_names_another_version_is_noticed(worlds: Any, inventory: Any) -> None:
    health = EndpointProbe("ffl", "https://x", status=200, tls="verified", body=FFL_BODY, body_version="1.0.0")
    pod = worlds.pod("ffl-backend-1", "ffl", image="192.168.7.21:5000/ffl/ffl-backend:0.1.18")
    release = worlds.release("ffl-backend", "ffl", version="0.1.18", tag="0.1.18")
    found = worlds.ask("versions-agree", worlds.snapshot(release, pod, health), inventory)
    row = next(f for f in found if f.object.name == "ffl-backend")
    assert (row.result, row.facts["running"], row.facts["reported"]) == (Result.WARN, "0.1.18", "1.0.0")


def test_one_of_three_endpoints_is_partial(worlds: Any, inventory: Any) -> None:
    probes = [
        EndpointProbe("ffl", "https://x", status=200, tls="verified", body=FFL_BODY, layer="body"),
        EndpointProbe("midwestmtg", "https://x", status=503, tls="verified", layer="body"),
        EndpointProbe("triager", "https://x", error="connection refused", layer="tcp"),
    ]
    row = criterion(worlds.ask("endpoints-answer", worlds.snapshot(*probes), inventory), inventory, "A8")
    assert (row.result, row.met, row.of, row.ticked) == (Result.FAIL, 1, 3, True)


def test_a_health_check_is_no_smoke_test(worlds: Any, inventory: Any) -> None:
    health = EndpointProbe("ffl", "https://x", status=200, tls="verified", body=FFL_BODY)
    row = criterion(worlds.ask("smoke-checks", worlds.snapshot(health), inventory), inventory, "A9")
    assert (row.result, row.met, row.ticked) == (Result.ERROR, 0, True)
    assert "health only" in row.reason


def test_an_external_image_of_an_init_container_is_not_out_of_sight(worlds: Any, inventory: Any) -> None:
    image = "docker.io/bitnami/kubectl:1.31"
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "manifest unknown"}}
    job = worlds.obj(
        "Pod",
        "velero-upgrade-crds-x",
        "velero",
        spec={"containers": [{"name": "app", "image": "velero"}], "initContainers": [{"name": "crds", "image": image}]},
        status={"phase": "Pending", "initContainerStatuses": [{"name": "crds", "image": image, "state": waiting}]},
    )
    fine = worlds.pod("ffl", "ffl", image="192.168.7.21:5000/ffl/ffl-backend:0.1.18")
    row = criterion(worlds.ask("image-pulls", worlds.snapshot(job, fine), inventory), inventory, "A6")
    assert (row.result, row.ticked) == (Result.FAIL, True)
    assert "external registry" in row.reason


def test_seven_of_twelve_service_rows_keep_it_from_being_complete(worlds: Any, inventory: Any) -> None:
    marks = [
        {"helm.toolkit.fluxcd.io/name": r.name, "helm.toolkit.fluxcd.io/namespace": r.namespace}
        for r in inventory.releases
    ]
    named = [worlds.deployment(r.name, r.namespace, labels=m) for r, m in zip(inventory.releases, marks, strict=True)]
    rows = [s.workload for s in inventory.services if s.workload is not None]
    postgresql, ingress = ((w.kind, w.name, w.namespace) for w in rows)
    ready = {"observedGeneration": 1, "readyReplicas": 1}
    own = [
        worlds.obj(*postgresql, generation=1, spec={"replicas": 1}, status=ready),
        worlds.deployment(*ingress[1:]),
    ]
    seen = worlds.snapshot(*releases(worlds, inventory), *named, *own, empty=["DaemonSet"])
    found = worlds.ask("services-running", seen, inventory)
    assert [f.object.name for f in found if f.result is Result.PASS] == [
        "registry", "chartmuseum", "postgresql", "ingress", "ffl-backend",
    ]  # fmt: skip
    assert sum(f.result is Result.FAIL for f in found) == 7
    assert verdict_of(found) is Verdict.FAIL


def test_the_whole_has_one_verdict_and_names_what_is_not_met(worlds: Any, inventory: Any) -> None:
    seen = worlds.snapshot(*releases(worlds, inventory), SoakWindow(900.0, 900.0, worlds.now, worlds.now, (), 12))
    found = run("verify", seen, inventory, only=["releases-ready", "soak"])
    rows = {c.id: c for c in judge(found, inventory, "verify") if c.id in ("A4", "S6")}
    assert {n: c.result for n, c in rows.items()} == {"A4": Result.FAIL, "S6": Result.PASS}
    assert verdict_of(found) is Verdict.FAIL
    assert all(name in rows["A4"].reason for name in ("ccbot", "triager-orchestrator"))


def test_a_red_object_is_found_in_any_namespace(worlds: Any) -> None:
    """`flux get all` without -A looks into one namespace; an expected object is asked for by its own."""
    elsewhere = {"namespace": "team-a", "name": "fleet"}
    inventory = worlds.inventory(
        sources=[{"kind": kind, **elsewhere} for kind in ("GitRepository", "HelmRepository")],
        kustomizations=[elsewhere],
        releases=[elsewhere],
    )
    fine = [worlds.flux(k, "fleet", "flux-system") for k in ("GitRepository", "HelmRepository", "Kustomization")]
    red = [worlds.flux(o.KIND, "fleet", "team-a", "False", reason="Broken") for o in (*fine, worlds.release("a", "b"))]
    seen = worlds.snapshot(*fine, *red)
    for check, number in (("sources-ready", 2), ("kustomizations-ready", 1), ("releases-ready", 1)):
        found = [str(f.object) for f in worlds.ask(check, seen, inventory) if f.result is Result.FAIL]
        assert len(found) == number, check
        assert all("/team-a/fleet" in name for name in found)


def test_one_that_calls_itself_another_version_leaves_the_new_one_unproven(worlds: Any, inventory: Any) -> None:
    health = EndpointProbe("ffl", "https://x", status=200, tls="verified", body=FFL_BODY, body_version="1.0.0")
    pod = worlds.pod("ffl-backend-1", "ffl", image="192.168.7.21:5000/ffl/ffl-backend:0.1.18")
    seen = worlds.snapshot(worlds.release("ffl-backend", "ffl", version="0.1.18", tag="0.1.18"), pod, health)
    row = next(f for f in worlds.ask("versions-agree", seen, inventory) if f.object.name == "ffl-backend")
    assert (row.result, "says of itself that it is 1.0.0" in row.reason) == (Result.WARN, True)
    (ffl, *_) = inventory.endpoints
    asked = ffl.model_copy(update={"expect": {**ffl.expect, "version": "0.1.18"}})
    (found,) = worlds.ask("endpoints-answer", seen, inventory.model_copy(update={"endpoints": (asked,)}))
    assert (found.result, found.reason) == (Result.FAIL, "answered 200, but its version is not '0.1.18'")


def test_what_k_would_have_hidden_is_a_fail_and_k_itself_is_shown(worlds: Any, inventory: Any) -> None:
    (ffl, *_) = inventory.endpoints
    assert ffl.tls == "verified"  # the ticket asked with curl -k; the inventory does not
    untrusted = EndpointProbe("ffl", ffl.url, tls="verified", error="TLS: certificate verify failed", layer="tls")
    downgraded = EndpointProbe("ffl", ffl.url, status=200, tls="unverified", body=FFL_BODY, layer="body")
    asked = [
        inventory.model_copy(update={"endpoints": (ffl.model_copy(update={"tls": tls}),)})
        for tls in ("verified", "unverified")
    ]
    (hidden,) = worlds.ask("endpoints-answer", worlds.snapshot(untrusted), asked[0])
    (shown,) = worlds.ask("endpoints-answer", worlds.snapshot(downgraded), asked[1])
    assert (hidden.result, "stopped at tls" in hidden.reason) == (Result.FAIL, True)
    assert (shown.result, "TLS not verified" in shown.reason) == (Result.WARN, True)


def test_a_chart_museum_that_serves_no_charts_is_not_operational(worlds: Any, inventory: Any) -> None:
    up = worlds.deployment("chartmuseum", "flux-system")
    ready = worlds.obj(
        "EndpointSlice",
        "s",
        "flux-system",
        labels={"kubernetes.io/service-name": "chartmuseum"},
        endpoints=[{"addresses": ["10.0.0.9"]}],
    )
    sources = {
        s.name: worlds.flux(s.kind, s.name, s.namespace, status={"artifact": {"revision": "sha256:aa"}})
        for s in inventory.sources
    }
    empty = ["StatefulSet", "DaemonSet", "OCIRepository", "Bucket"]

    def row() -> Any:
        seen = worlds.snapshot(up, ready, *sources.values(), empty=empty)
        return next(f for f in worlds.ask("infrastructure-ready", seen, inventory) if f.object.name == "chartmuseum")

    assert row().result is Result.PASS
    charts = next(s for s in inventory.sources if "chartmuseum" in s.name or s.kind == "HelmRepository")
    sources[charts.name] = worlds.flux(charts.kind, charts.name, charts.namespace, "False", reason="IndexationFailed")
    assert (row().result, charts.name in row().reason) == (Result.FAIL, True)


def test_a_soak_nobody_measured_is_not_evaluated(worlds: Any, inventory: Any) -> None:
    window = SoakWindow(900.0, 0.0, why_not="the operator asked for none (soak = none)")
    row = criterion(worlds.ask("soak", worlds.snapshot(window), inventory), inventory, "S6")
    assert (row.result, row.met) == (Result.ERROR, 0)
    assert "0 s of 15 m" in row.reason


@pytest.mark.parametrize("windows", [(), ("403 Forbidden",)], ids=["no pod", "denied"])
def test_logs_nobody_read_hold_no_errors_only_by_luck(worlds: Any, inventory: Any, windows: tuple[str, ...]) -> None:
    read = [LogWindow("flux-system", "helm-controller-1", 0, worlds.now, worlds.now, error) for error in windows]
    found = worlds.ask("controller-logs", worlds.snapshot(*read, empty=["LogWindow", "LogGroup"]), inventory)
    assert criterion(found, inventory, "S5").result is Result.ERROR


def test_the_reconcile_of_another_kustomization_is_not_the_one_that_was_asked(worlds: Any, inventory: Any) -> None:
    token = {"reconcile.fluxcd.io/requestedAt": "t"}
    handled = {"lastHandledReconcileAt": "t"}
    apps = worlds.flux("Kustomization", "apps", "flux-system", annotations=token, status=handled)
    others = [worlds.flux("Kustomization", n, "flux-system") for n in ("clusters-minikube", "infrastructure")]
    found = worlds.ask("reconcile-requested", worlds.snapshot(apps, *others), inventory)
    row = criterion(found, inventory, "A3")
    assert (row.result, row.met, row.of) == (Result.FAIL, 0, 1)
    assert {f.object.name for f in found if f.result is Result.PASS} == {"apps"}


def test_infrastructure_has_nine_rows_and_a_controller_that_opens_nothing_is_not_operational(
    worlds: Any, inventory: Any
) -> None:
    running = worlds.deployment("sealed-secrets-controller", "kube-system")
    ready = worlds.obj(
        "EndpointSlice",
        "s",
        "kube-system",
        labels={"kubernetes.io/service-name": "sealed-secrets-controller"},
        endpoints=[{"addresses": ["10.0.0.9"]}],
    )
    lost = {"conditions": [{"type": "Synced", "status": "False", "message": "no key could decrypt secret (TOKEN)"}]}
    sealed = worlds.obj("SealedSecret", "ccbot-secrets", "triager", generation=1, status=lost)
    seen = worlds.snapshot(running, ready, sealed, empty=["StatefulSet", "DaemonSet"])
    found = {f.object.name: f for f in worlds.ask("infrastructure-ready", seen, inventory)}
    assert len(found) == 9
    assert found["sealed-secrets"].result is Result.FAIL
    assert "no key could decrypt secret" in found["sealed-secrets"].reason


@pytest.mark.parametrize(
    "name", ["istio-ingressgateway", "ingress-nginx", "cert-manager", "prometheus-stack", "fluent-bit", "postgresql"]
)
def test_an_infrastructure_row_is_its_workload_and_its_service(worlds: Any, inventory: Any, name: str) -> None:
    row = next(r for r in inventory.infrastructure if r.id == name)

    def answer(ready: int, address: bool) -> Result:
        status = {"observedGeneration": 1, "readyReplicas": ready, "updatedReplicas": 1}
        status |= {"numberReady": ready, "desiredNumberScheduled": 1}
        target = row.workload
        up = worlds.obj(target.kind, target.name, target.namespace, generation=1, spec={"replicas": 1}, status=status)
        service = row.service or target
        behind = worlds.obj(
            "EndpointSlice", "s", service.namespace, labels={"kubernetes.io/service-name": service.name},
            endpoints=[{"addresses": ["10.0.0.9"]}] if address else [],
        )  # fmt: skip
        seen = worlds.snapshot(up, behind, empty=["Deployment", "StatefulSet", "DaemonSet"])
        found = worlds.ask("infrastructure-ready", seen, inventory.model_copy(update={"infrastructure": (row,)}))
        return found[0].result

    assert answer(1, address=True) is Result.PASS
    assert answer(0, address=True) is Result.FAIL
    assert answer(1, address=False) is (Result.FAIL if row.service else Result.PASS)


@pytest.mark.parametrize("row", ["registry", "postgresql", "ingress"])
def test_rows_without_a_command_are_still_answered(worlds: Any, inventory: Any, row: str) -> None:
    seen = worlds.snapshot(
        *releases(worlds, inventory), empty=["Deployment", "StatefulSet", "DaemonSet", "EndpointSlice"]
    )
    found = {f.object.name: f for f in worlds.ask("services-running", seen, inventory)}
    assert (found[row].result, found[row].facts["ticked"]) == (Result.FAIL, True)


@pytest.mark.parametrize("seen", ["no checkout", "no commit read", "no source named"])
def test_nothing_to_push_is_not_said_without_git(worlds: Any, seen: str) -> None:
    source = {"kind": "GitRepository", "namespace": "flux-system", "name": "fleet"}
    git = {"path": "."} if seen == "no source named" else {"path": ".", "source": source}
    snapshot = {
        "no checkout": worlds.snapshot(empty=["GitRepository"], gaps=["GitHead"]),
        "no commit read": worlds.snapshot(empty=["GitRepository", "GitHead"]),
        "no source named": worlds.snapshot(GitHead("abcdef0123456789"), empty=["GitRepository"]),
    }[seen]
    (found,) = worlds.ask("git-revision", snapshot, worlds.inventory(git=git))
    assert found.result is Result.ERROR
