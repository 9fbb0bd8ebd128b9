"""k8sgpt's rules as the comparison restates them: each says of an object what its source says, and of others nothing."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from benchmarks.against import k8sgpt_analyze
from benchmarks.k8sgpt import analyze
from runbook.domain.kinds import convert
from runbook.model import Snapshot

Object = dict[str, Any]
LABELS = {"app": "web"}


def thing(
    kind: str, name: str = "web", namespace: str = "ns", *, status: Any = None, spec: Any = None, **meta: Any
) -> Object:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace, **meta}, "spec": spec or {}, "status": status or {}}  # fmt: skip


def event(
    about: str, reason: str, message: str, minute: int = 0, *, kind: str = "Pod", type_: str = "Warning"
) -> Object:
    return {
        "kind": "Event", "metadata": {"name": f"{about}.{minute}", "namespace": "ns"}, "reason": reason, "message": message,
        "involvedObject": {"kind": kind, "namespace": "ns", "name": about}, "type": type_,
        "lastTimestamp": f"2026-01-01T00:{minute:02}:00Z",
    }  # fmt: skip


def pod(container: Object, phase: str = "Running", name: str = "web-0", **status: Any) -> Object:
    return thing(
        "Pod",
        name,
        labels=LABELS,
        status={"phase": phase, "containerStatuses": [{"name": "app", **container}], **status},
    )


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    return pod({"state": {"waiting": {"reason": reason, "message": message}}, **more}, "Pending")


def state(*objects: Object) -> Snapshot:
    found = defaultdict(list)
    for one in objects:
        found[one["kind"]].append(convert(one["kind"], {k: v for k, v in one.items() if k != "kind"}))
    return Snapshot(datetime(2026, 1, 1, 1, tzinfo=UTC), "test", {k: tuple(v) for k, v in found.items()})


def report(*objects: Object) -> list[tuple[str, str]]:
    return [(str(line.ref), line.text) for line in analyze(state(*objects))]


def said(*objects: Object) -> list[str]:
    return [text for _, text in report(*objects)]


def test_a_container_that_waits_is_told_by_its_message_alone() -> None:
    assert report(waiting("ImagePullBackOff", "Back-off")) == [("Pod/ns/web-0", "Back-off")]
    assert report(waiting("ImagePullBackOff")) == []
    assert report(waiting("PodInitializing", "soon")) == []


def test_of_a_crash_only_the_reason_of_the_last_end_is_told() -> None:
    died = {"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
    crash = waiting("CrashLoopBackOff", "back-off 5m0s", **died)
    assert said(crash) == ["the last termination reason is OOMKilled container=app pod=web-0"]
    assert k8sgpt_analyze(state(crash)).causes == {"oom-killed"}


def test_a_container_that_is_being_created_is_told_by_the_latest_event_of_its_name() -> None:
    creating = waiting("ContainerCreating")
    mount = event("web-0", "FailedMount", 'secret "tls" not found', 5)
    assert said(creating, mount, event("web-0", "Scheduled", "assigned", 1)) == ['secret "tls" not found']
    assert said(creating, mount, event("web-0", "Pulling", "pulling", 9)) == []
    assert said(creating, mount, event("web-0", "Whatever", "another kind", 9, kind="Job")) == []
    elsewhere = {**event("web-0", "Pulling", "pulling", 9), "metadata": {"name": "web-0.9", "namespace": "other"}}
    assert said(creating, mount, elsewhere) == ['secret "tls" not found']


def test_an_evicted_pod_is_told_by_why_it_was() -> None:
    assert said(thing("Pod", status={"phase": "Failed", "reason": "Evicted", "message": "low on memory"})) == [
        "low on memory"
    ]
    assert said(thing("Pod", status={"phase": "Failed", "reason": "Evicted"})) == ["Pod web has been evicted"]


def test_a_container_that_ended_well_is_no_failure() -> None:
    ended = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    assert said(pod(ended, "Succeeded")) == []
    assert said(pod({"state": {"terminated": {"exitCode": 2}}}, "Failed")) == [
        "the termination reason is Unknown exitCode=2 container=app pod=web-0"
    ]


def test_an_unready_container_is_told_only_where_the_latest_event_is_of_its_probe() -> None:
    unready = pod({"ready": False, "state": {"running": {}}})
    assert said(unready, event("web-0", "Unhealthy", "probe failed")) == ["probe failed"]
    assert said(pod({"ready": True, "state": {"running": {}}}), event("web-0", "Unhealthy", "probe failed")) == []
    assert said(unready, event("web-0", "Unhealthy", "probe failed", 1), event("web-0", "Killing", "stop", 2)) == []


def test_an_unschedulable_pod_is_told_while_it_is_pending() -> None:
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]
    assert said(thing("Pod", status={"phase": "Pending", "conditions": conditions})) == ["0/3 nodes"]
    assert said(thing("Pod", status={"phase": "Running", "conditions": conditions})) == []


def test_a_deployment_is_counted_and_its_stop_is_told() -> None:
    stop = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    found = said(
        thing("Deployment", spec={"replicas": 2}, status={"readyReplicas": 1, "replicas": 2, "conditions": [stop]})
    )
    assert found == [
        "Deployment ns/web has 2 replicas but 1 are available with status running",
        "Deployment ns/web has condition Progressing=False, reason ProgressDeadlineExceeded: timed out",
    ]
    going = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    assert said(thing("Deployment", spec={"replicas": 1}, status={"readyReplicas": 1, "conditions": [going]})) == []


def test_a_service_without_endpoints_is_told_by_each_label_it_expects() -> None:
    service = thing("Service", spec={"selector": LABELS})
    assert said(service) == ["Service has no endpoints, expected label app=web"]
    assert said(service, pod({"ready": True}, conditions=[{"type": "Ready", "status": "True"}])) == []
    assert said(service, pod({"ready": True}, podIP="10.0.0.1")) == [
        "Service has not ready endpoints, pods: [Pod/web-0], expected 1"
    ]
    assert said(thing("Service", spec={})) == []


def test_a_service_shows_the_warnings_of_anything_that_has_its_name() -> None:
    service, well = thing("Service", spec={"selector": LABELS}), pod({"ready": True}, conditions=[{"type": "Ready", "status": "True"}])  # fmt: skip
    warning = event("web", "InstallFailed", "Helm install failed", kind="HelmRelease")
    assert said(service, well, warning) == ["Service ns/web has event Helm install failed"]
    assert said(service, well, {**warning, "type": "Normal"}) == []
    assert said(warning) == []


def test_a_job_that_gave_up_is_told_by_its_latest_event_and_one_that_came_through_is_not() -> None:
    gave_up = event("web", "BackoffLimitExceeded", "Job has reached the specified backoff limit", kind="Job")
    assert said(thing("Job", status={"failed": 3}), gave_up) == ["Job has reached the specified backoff limit"]
    assert said(thing("Job", status={"failed": 1})) == ["Job web has failed"]
    for ended in ("Complete", "SuccessCriteriaMet"):
        assert said(thing("Job", status={"failed": 1, "conditions": [{"type": ended, "status": "True"}]})) == []
    assert said(thing("Job", spec={"suspend": True})) == ["Job web is suspended"]
    assert said(thing("Job", status={"active": 1})) == []


def test_a_statefulset_is_told_by_its_first_pod_that_does_not_run() -> None:
    short = thing("StatefulSet", spec={"replicas": 2}, status={"availableReplicas": 1})
    first, second = pod({"ready": True}, name="web-0"), pod({"ready": True}, "Pending", "web-1")
    assert said(short, first, second) == ["Statefulset pod web-1 in the namespace ns is not in running state."]
    assert said(short, second) == []
    assert said(short, event("web", "FailedCreate", "exceeded quota", kind="StatefulSet")) == ["exceeded quota"]
    assert said({**short, "status": {"availableReplicas": 2}}, first, second) == []


def test_a_replicaset_that_could_make_no_pod_is_told_by_its_condition() -> None:
    conditions = [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]
    assert said(thing("ReplicaSet", status={"replicas": 0, "conditions": conditions})) == ["exceeded quota"]
    assert said(thing("ReplicaSet", status={"replicas": 1, "conditions": conditions})) == []


def test_a_pending_claim_is_told_only_by_a_latest_event_that_provisioning_failed() -> None:
    claim, failed = (
        thing("PersistentVolumeClaim", status={"phase": "Pending"}),
        event("web", "ProvisioningFailed", "no"),
    )
    assert said(claim, failed) == ["no"]
    assert said({**claim, "status": {"phase": "Bound"}}, failed) == []


def test_an_ingress_is_told_that_what_it_names_is_not_there_where_that_kind_was_recorded() -> None:
    paths = [{"backend": {"service": {"name": "web"}}}]
    spec = {"rules": [{"http": {"paths": paths}}], "tls": [{"secretName": "web-tls"}]}
    others = thing("Service", "other"), thing("Secret", "other")
    assert said(thing("Ingress", spec=spec), *others) == [
        "Ingress ns/web does not specify an Ingress class.",
        "Ingress uses the service ns/web which does not exist.",
        "Ingress uses the secret ns/web-tls as a TLS certificate which does not exist.",
    ]
    assert said(thing("Ingress", spec={**spec, "ingressClassName": "nginx"})) == []


def test_a_daemonset_is_counted_and_its_pull_secrets_are_looked_up() -> None:
    spec = {"template": {"spec": {"imagePullSecrets": [{"name": "regcred"}]}}}
    found = said(
        thing("DaemonSet", spec=spec, status={"numberReady": 1, "desiredNumberScheduled": 2}), thing("Secret", "a")
    )
    assert found == [
        "DaemonSet ns/web has 1 ready replicas out of 2 scheduled",
        "DaemonSet ns/web references non-existent ImagePullSecret regcred",
    ]


def test_a_node_is_told_by_what_is_wrong_or_unknown_to_it() -> None:
    conditions = [
        {"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"},
        {"type": "MemoryPressure", "status": "True", "reason": "Low", "message": "little left"},
        {"type": "EtcdIsVoter", "status": "True"}, {"type": "OwnKind", "status": "False", "reason": "Fine", "message": "ok"},
    ]  # fmt: skip
    assert said(thing("Node", "n1", "", status={"conditions": conditions})) == [
        "n1 has condition of type MemoryPressure, reason Low: little left",
        "n1 has condition of type OwnKind, reason Fine: ok",
    ]


def test_a_configmap_that_no_pod_names_is_told_as_unused() -> None:
    user = thing("Pod", spec={"containers": [{"name": "app", "envFrom": [{"configMapRef": {"name": "used"}}]}]})
    objects = (
        thing("ConfigMap", "used"),
        thing("ConfigMap", "spare"),
        thing("ConfigMap", "board", labels={"grafana_dashboard": "1"}),
    )
    assert said(user, *objects) == ["ConfigMap spare is not used by any pods in the namespace"]


def test_it_has_no_rule_for_what_flux_and_sealed_secrets_say() -> None:
    failing = {
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "kustomize build failed"}
        ]
    }
    assert report(*(thing(kind, status=failing) for kind in ("Kustomization", "HelmRelease", "SealedSecret"))) == []
