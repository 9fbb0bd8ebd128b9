"""What `kubectl get` prints: the server's columns, kubectl's pod STATUS, printer columns of custom resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from api_server import TABLE, Served, pod, serving

from runbook.rehearsal.cells import human_duration

FFL = "/api/v1/namespaces/ffl"
RUNNING = {"running": {"startedAt": "2025-10-17T10:00:00Z"}}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Served]:
    with serving() as served:
        yield served


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


def ended(code: int = 0, **fields: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "finishedAt": "2025-10-17T10:55:00Z", **fields}}


def container(state: dict[str, Any], name: str = "main", **fields: Any) -> dict[str, Any]:
    return {"name": name, "ready": False, "restartCount": 0, "state": state, **fields}


def init(state: dict[str, Any], name: str = "i0", **fields: Any) -> dict[str, Any]:
    return container(state, name, **fields)


def status(phase: str, *containers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"phase": phase, "containerStatuses": list(containers), **fields}


READY = [{"type": "Ready", "status": "True"}]
INITS = {"initContainers": [{"name": "i0", "image": "i"}, {"name": "i1", "image": "i"}]}
SIDECAR = {"initContainers": [{"name": "proxy", "image": "i", "restartPolicy": "Always"}]}
TWO = {"containers": [{"name": "main", "image": "i"}, {"name": "second", "image": "i"}]}
GONE = {"deletionTimestamp": "2025-10-17T10:59:00Z"}
OOM = {"lastState": ended(137), "restartCount": 3}
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[str]]] = {
    # name: spec, status, metadata, [READY, STATUS, RESTARTS]
    "pending": ({}, {"phase": "Pending"}, {}, ["0/1", "Pending", "0"]),
    "running": ({}, status("Running", container(RUNNING, ready=True)), {}, ["1/1", "Running", "0"]),
    "not-ready": ({}, status("Running", container(RUNNING)), {}, ["0/1", "Running", "0"]),
    "restarted": ({}, status("Running", container(RUNNING, ready=True, **OOM)), {}, ["1/1", "Running", "3 (5m ago)"]),
    "pull": ({}, status("Pending", container(waiting("ErrImagePull"))), {}, ["0/1", "ErrImagePull", "0"]),
    "crash": ({}, status("Running", container(waiting("CrashLoopBackOff"), **OOM)), {}, ["0/1", "CrashLoopBackOff", "3 (5m ago)"]),
    "config": ({}, status("Pending", container(waiting("CreateContainerConfigError"))), {}, ["0/1", "CreateContainerConfigError", "0"]),
    "completed": ({}, status("Succeeded", container(ended(reason="Completed"))), {}, ["0/1", "Completed", "0"]),
    "error": ({}, status("Failed", container(ended(1, reason="Error"))), {}, ["0/1", "Error", "0"]),
    "exit-code": ({}, status("Failed", container(ended(3))), {}, ["0/1", "ExitCode:3", "0"]),
    "signal": ({}, status("Failed", container(ended(0, signal=9))), {}, ["0/1", "Signal:9", "0"]),
    "evicted": ({}, status("Failed", reason="Evicted"), {}, ["0/1", "Evicted", "0"]),
    "first-wins": (TWO, status("Pending", container(waiting("ErrImagePull")), container(waiting("ImagePullBackOff"), "second")), {}, ["0/2", "ErrImagePull", "0"]),
    "half-done": (TWO, status("Running", container(ended(reason="Completed")), container(RUNNING, "second", ready=True)), {}, ["1/2", "NotReady", "0"]),
    "half-done-ready": (TWO, status("Running", container(ended(reason="Completed")), container(RUNNING, "second", ready=True), conditions=READY), {}, ["1/2", "Running", "0"]),
    "init-0": (INITS, status("Pending", initContainerStatuses=[init(RUNNING)]), {}, ["0/1", "Init:0/2", "0"]),
    "init-1": (INITS, status("Pending", initContainerStatuses=[init(ended()), init(waiting("PodInitializing"), "i1")]), {}, ["0/1", "Init:1/2", "0"]),
    "init-pull": (INITS, status("Pending", initContainerStatuses=[init(waiting("ImagePullBackOff"))]), {}, ["0/1", "Init:ImagePullBackOff", "0"]),
    "init-error": (INITS, status("Pending", initContainerStatuses=[init(ended(1, reason="Error"), restartCount=2)]), {}, ["0/1", "Init:Error", "2"]),
    "init-exit": (INITS, status("Pending", initContainerStatuses=[init(ended(7))]), {}, ["0/1", "Init:ExitCode:7", "0"]),
    "init-over": (INITS, status("Running", container(RUNNING, ready=True), initContainerStatuses=[init(ended(), restartCount=4), init(ended(), "i1")]), {}, ["1/1", "Running", "0"]),
    "sidecar": (SIDECAR, status("Running", container(RUNNING, ready=True), initContainerStatuses=[init(RUNNING, "proxy", ready=True, started=True, restartCount=1)]), {}, ["2/2", "Running", "1"]),
    "gated": ({}, {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}, {}, ["0/1", "SchedulingGated", "0"]),
    "terminating": ({}, status("Running", container(waiting("ImagePullBackOff"))), GONE, ["0/1", "Terminating", "0"]),
    "terminating-done": ({}, status("Failed", container(ended(1, reason="Error"))), GONE, ["0/1", "Error", "0"]),
    "lost": ({}, status("Running", reason="NodeLost"), GONE, ["0/1", "Unknown", "0"]),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_pod_columns_are_kubectls(cluster: Served, name: str) -> None:
    spec, state, metadata, expected = ROWS[name]
    body = pod(name, spec=spec, status=state, metadata={"creationTimestamp": "2025-10-17T10:00:00Z", **metadata})
    cluster.call(cluster.store.create, cluster.store.kinds["v1", "pods"], "ffl", body, trusted=True)
    table = cluster.get(f"{FFL}/pods/{name}", accept=TABLE)
    names = [column["name"] for column in table["columnDefinitions"]]
    assert names == ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node", "Nominated Node", "Readiness Gates"]
    assert [c["priority"] for c in table["columnDefinitions"]] == [0, 0, 0, 0, 0, 1, 1, 1, 1]
    assert table["rows"][0]["cells"][:5] == [name, *expected, "60m"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (13_500, "3h45m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (691_200, "8d"),
        (63_072_000, "2y"),
        (66_000_000, "2y33d"),
        (300_000_000, "9y"),
    ],
)
def test_durations_are_human(seconds: int, expected: str) -> None:
    assert human_duration(seconds) == expected


def row(cluster: Served, obj: dict[str, Any]) -> dict[str, Any]:
    """The cells of one object by column name."""
    store = cluster.store
    kind = store.kind_of(obj)
    namespace = "ffl" if kind.namespaced else None
    cluster.call(store.create, kind, namespace, obj, trusted=True)
    base = f"/apis/{kind.gv}" if kind.group else "/api/v1"
    where = "/namespaces/ffl" if kind.namespaced else ""
    table = cluster.get(f"{base}{where}/{kind.plural}/{obj['metadata']['name']}", accept=TABLE)
    return dict(zip((c["name"] for c in table["columnDefinitions"]), table["rows"][0]["cells"], strict=True))


def thing(api: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "creationTimestamp": "2025-10-17T09:00:00Z", **fields.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def test_a_helm_release_prints_age_ready_and_status(cluster: Served) -> None:
    conditions = [
        {"type": "Released", "status": "False", "message": "no"},
        {"type": "Ready", "status": "False", "message": "install retries exhausted"},
    ]
    release = thing("helm.toolkit.fluxcd.io/v2", "HelmRelease", "r", status={"conditions": conditions})
    assert row(cluster, release) == {
        "Name": "r",
        "Age": "120m",
        "Ready": "False",
        "Status": "install retries exhausted",
    }
    fresh = thing("helm.toolkit.fluxcd.io/v2", "HelmRelease", "fresh")
    assert row(cluster, fresh) == {"Name": "fresh", "Age": "120m", "Ready": None, "Status": None}


def test_other_custom_kinds_print_their_own_columns(cluster: Served) -> None:
    source = {"spec": {"chart": "c", "version": "1", "sourceRef": {"kind": "HelmRepository", "name": "cm"}}}
    chart = row(cluster, thing("source.toolkit.fluxcd.io/v1", "HelmChart", "hc", **source))
    assert list(chart) == ["Name", "Chart", "Version", "Source Kind", "Source Name", "Age", "Ready", "Status"]
    assert chart["Source Kind"] == "HelmRepository"
    sealed = {"status": {"conditions": [{"type": "Synced", "status": "False", "message": "no key could decrypt"}]}}
    assert (
        row(cluster, thing("bitnami.com/v1alpha1", "SealedSecret", "s", **sealed))["Status"] == "no key could decrypt"
    )
    hosts = {"spec": {"gateways": ["g"], "hosts": ["a", "b"]}}
    assert row(cluster, thing("networking.istio.io/v1", "VirtualService", "v", **hosts))["Hosts"] == '["a","b"]'


def test_nodes_print_status_and_roles(cluster: Served) -> None:
    node = thing(
        "v1",
        "Node",
        "n",
        metadata={"labels": {"node-role.kubernetes.io/control-plane": "", "node-role.kubernetes.io/etcd": ""}},
        spec={"unschedulable": True},
        status={"conditions": [{"type": "Ready", "status": "Unknown"}], "nodeInfo": {"kubeletVersion": "v1.34.0"}},
    )
    cells = row(cluster, node)
    assert (cells["Status"], cells["Roles"], cells["Version"]) == (
        "NotReady,SchedulingDisabled",
        "control-plane,etcd",
        "v1.34.0",
    )


@pytest.mark.parametrize(
    ("spec", "state", "metadata", "expected"),
    [
        ({"completions": 1}, {}, {}, ("Running", "0/1")),
        ({"completions": 3}, {"succeeded": 3, "conditions": [{"type": "Complete", "status": "True"}]}, {}, ("Complete", "3/3")),
        ({}, {"conditions": [{"type": "Failed", "status": "True"}]}, {}, ("Failed", "0/1")),
        ({"parallelism": 4}, {"conditions": [{"type": "Suspended", "status": "True"}]}, {}, ("Suspended", "0/1 of 4")),
        ({}, {}, GONE, ("Terminating", "0/1")),
    ],
)  # fmt: skip
def test_jobs(cluster: Served, spec: Any, state: Any, metadata: Any, expected: tuple[str, str]) -> None:
    name = f"job-{expected[0].lower()}"
    cells = row(cluster, thing("batch/v1", "Job", name, spec=spec, status=state, metadata=metadata))
    assert (cells["Status"], cells["Completions"]) == expected


def test_services_ingresses_and_endpoints(cluster: Served) -> None:
    ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    web = row(
        cluster, thing("v1", "Service", "lb", spec={"type": "LoadBalancer", "clusterIP": "10.0.0.1", "ports": ports})
    )
    assert (web["External-IP"], web["Port(s)"], web["Selector"]) == ("<pending>", "80:30080/TCP,53/UDP", "<none>")
    named = row(cluster, thing("v1", "Service", "ext", spec={"type": "ExternalName", "externalName": "a.example"}))
    assert (named["Cluster-IP"], named["External-IP"]) == ("<none>", "a.example")
    rules = {"spec": {"rules": [{"host": "a.example"}, {"host": "b.example"}], "tls": [{}]}}
    ingress = row(cluster, thing("networking.k8s.io/v1", "Ingress", "i", **rules))
    assert (ingress["Class"], ingress["Hosts"], ingress["Address"], ingress["Ports"]) == (
        "<none>",
        "a.example,b.example",
        "",
        "80, 443",
    )
    addresses = [{"ip": f"10.0.0.{n}"} for n in range(5)]
    subsets = {"subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]}
    cells = row(cluster, thing("v1", "Endpoints", "many", **subsets))
    assert cells["Endpoints"] == "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."


def test_events_have_no_name_column_first(cluster: Served) -> None:
    fields = {
        "involvedObject": {"kind": "Pod", "name": "p"},
        "type": "Warning",
        "reason": "Failed",
        "message": " x509 \n",
        "lastTimestamp": "2025-10-17T10:58:00Z",
        "firstTimestamp": "2025-10-17T10:00:00Z",
        "source": {"component": "kubelet", "host": "n"},
        "count": 4,
    }
    cells = row(cluster, thing("v1", "Event", "e", **fields))
    assert next(iter(cells)) == "Last Seen"
    assert list(cells.values()) == ["2m", "Warning", "Failed", "pod/p", "", "kubelet, n", "x509", "60m", 4, "e"]


def test_a_row_carries_what_was_asked_for(cluster: Served) -> None:
    cluster.post(f"{FFL}/pods", pod("carried"))
    for include, kind in (("Metadata", "PartialObjectMetadata"), ("Object", "Pod"), ("None", None)):
        table = cluster.get(f"{FFL}/pods/carried?includeObject={include}", accept=TABLE)
        assert table["rows"][0].get("object", {}).get("kind") == kind


def test_every_kind_can_be_printed(cluster: Served) -> None:
    for (gv, plural), kind in cluster.store.kinds.items():
        if kind.virtual:
            continue
        path = f"/apis/{gv}/{plural}" if kind.group else f"/api/v1/{plural}"
        table = cluster.get(path, accept=TABLE)
        assert table["kind"] == "Table", path
        assert table["columnDefinitions"], path
        if not kind.crd and kind.kind not in ("Event", "CustomResourceDefinition"):
            bare = thing(gv, kind.kind, "bare", spec={}, roleRef={"kind": "ClusterRole", "name": "x"})
            if (gv, plural) == ("apps/v1", "controllerrevisions"):
                bare.pop("spec")
            row(cluster, bare)


def test_one_malformed_object_does_not_take_its_list_down(cluster: Served) -> None:
    store = cluster.store
    broken = pod("broken", status={"phase": "Running", "containerStatuses": "nonsense"})
    cluster.call(store.create, store.kinds["v1", "pods"], "triager", broken, trusted=True)
    cluster.post("/api/v1/namespaces/triager/pods", pod("whole"))
    rows = cluster.get("/api/v1/namespaces/triager/pods", accept=TABLE)["rows"]
    assert [row["cells"][:3] for row in rows] == [["broken", "<invalid>", "<invalid>"], ["whole", "0/1", "Pending"]]
