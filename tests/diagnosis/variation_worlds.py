"""Variations of the causes that recordings have: other kinds, other references, healed, cut down, two at once.

Each is a state as kubectl would have saved it, and what a right explanation of it says: first causes with the object named
and how it is proved, and what stays unexplained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diagnosis_worlds import ago, condition, sealed
from recorded_worlds import Object, container, event, flux, kind, pod, ready, workload

PULL = container(("ImagePullBackOff", 'Back-off pulling image "r.lab/app:1"'))
CREATING = container(("ContainerCreating", ""))
CRASH = container(("CrashLoopBackOff", "back-off 5m0s restarting failed container"), {"exitCode": 1, "reason": "Error"})
SCHEMA = "values don't meet the specifications of the schema(s) in the following chart(s): app"
VALUES = (
    "could not resolve Secret chart values reference 'ns/creds' with key 'values.yaml': secrets \"creds\" not found"
)
UNBOUND = (
    "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: not helpful for scheduling."
)
CALLED = ('Internal error occurred: failed calling webhook "validate.policy": failed to call webhook: Post '
          '"https://policy.guard.svc:443/validate?timeout=10s": no endpoints available for service "policy"')  # fmt: skip
NOT_READY = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message: cni plugin not initialized"
FULL = condition("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")


@dataclass(frozen=True)
class Variation:
    """`causes`: first cause → (object, proof); `left`: what is unexplained; `follow`: whom the causes must explain as well."""

    objects: list[Any]
    causes: dict[str, tuple[str, str]]
    left: frozenset[str] = frozenset()
    follow: tuple[str, ...] = ("HelmRelease/ns/web",)


def pulled(text: str, name: str = "web-0", seconds: float = 30) -> Object:
    return event(("Pod", "ns", name), "Failed", f'Failed to pull image "r.lab/app:1": {text}', seconds=seconds)


NOT_FOUND = pulled(
    'rpc error: code = NotFound desc = failed to resolve reference "r.lab/app:1": r.lab/app:1: not found'
)
REFUSED = pulled(
    "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://r.lab/token: 401 Unauthorized"
)


def release(message: str, name: str = "web", reason: str = "InstallFailed") -> Object:
    return flux(
        "HelmRelease", "ns", name, f"Helm install failed for release ns/{name} with chart app@1.0.0: {message}", reason
    )


def waits(kind_: str = "Deployment") -> Object:
    return release(f"timeout waiting for: [{kind_}/ns/web status: 'InProgress']")


def rollout(of: Object, *events: Object, kind_: str = "Deployment") -> list[Any]:
    """A release that waits for a workload with this pod."""
    if kind_ != "Deployment":
        return [waits(kind_), workload(kind_, "ns", "web", release="web"), _owned(of, kind_, "web"), *events]
    sets = workload("ReplicaSet", "ns", "web-5d", owner=("Deployment", "web"))
    return [
        waits(),
        workload("Deployment", "ns", "web", release="web"),
        sets,
        _owned(of, "ReplicaSet", "web-5d"),
        *events,
    ]


def _owned(of: Object, kind_: str, name: str) -> Object:
    owner = {"kind": kind_, "name": name, "uid": f"{kind_}/ns/{name}", "controller": True}
    return {**of, "metadata": {**of["metadata"], "ownerReferences": [owner]}}


def unscheduled(message: str, **spec: Any) -> Object:
    found = pod("ns", "web-0", CREATING, **spec)
    found["status"] = {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", message)]}
    return found


def chart_of(source: str, message: str) -> list[Any]:
    """A source that fails, the chart that waits for it and the release that waits for the chart."""
    said = f"no artifact available for {source} source 'src'"
    ref = {"kind": source, "name": "src"}
    return [
        flux(source, "ns", "src", message),
        flux("HelmChart", "ns", "ns-web", said, "NoSourceArtifact", sourceRef=ref),
        flux(
            "HelmRelease",
            "ns",
            "web",
            f"HelmChart 'ns/ns-web' is not ready: {said}",
            "SourceNotReady",
            chart={"spec": {"chart": "a", "sourceRef": ref}},
        ),
    ]


def with_claim(kind_: str = "StatefulSet") -> list[Any]:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return rollout(unscheduled(UNBOUND, volumes=volumes), kind_=kind_)


def claim(**status: Any) -> Object:
    return kind(
        "PersistentVolumeClaim", "ns", "data", spec={"storageClassName": "fast"}, status={"phase": "Pending", **status}
    )


def node(status: str, message: str, *more: Object) -> Object:
    ready_ = condition("Ready", status, "KubeletNotReady", message)
    return kind("Node", "", "n1", status={"conditions": [ready_, *more]})


def kept_out(taint: str) -> list[Any]:
    """A release whose pod the one node does not take."""
    text = f"0/1 nodes are available: 1 node(s) had untolerated taint {{node.kubernetes.io/{taint}: }}. preemption: x"
    return rollout(unscheduled(text))


def evicted() -> Object:
    one = pod("ns", "web-0", container(), phase="Failed", nodeName="n1")
    one["status"] |= {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage. x"}
    return one


def web_service(route: Object) -> list[Any]:
    """A route to a Service whose only pod cannot pull."""
    behind = [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": False}, "targetRef": {"kind": "Pod", "name": "web-0"}}
    ]
    return [*rollout(pod("ns", "web-0", PULL, labels={"app": "web"}), NOT_FOUND), kind("Service", "ns", "web", spec={"selector": {"app": "web"}}),
            kind("EndpointSlice", "ns", "web-x", labels={"kubernetes.io/service-name": "web"}, endpoints=behind), route]  # fmt: skip


def policy(*, pods: bool) -> list[Any]:
    """Two releases refused by a webhook of the cluster; its pods were observed, or not."""
    callers = [release(CALLED), release(CALLED, "api")]
    if not pods:
        return callers
    guard = _owned(
        pod(
            "guard",
            "policy-0",
            CRASH | {"lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
            labels={"app": "policy"},
            phase="Running",
        ),
        "Deployment",
        "x",
    )
    return [*callers, kind("Service", "guard", "policy", spec={"selector": {"app": "policy"}}), guard,
            kind("EndpointSlice", "guard", "policy-x", labels={"kubernetes.io/service-name": "policy"}, endpoints=[])]  # fmt: skip


def revisions() -> list[Any]:
    """A roll-out from a revision whose pods cannot pull to one whose pods crash."""
    at = "deployment.kubernetes.io/revision"
    owner = workload("Deployment", "ns", "web", release="web")
    sets = [workload("ReplicaSet", "ns", f"web-{n}", owner=("Deployment", "web")) for n in (1, 2)]
    for obj, number in ((owner, "2"), (sets[0], "1"), (sets[1], "2")):
        obj["metadata"]["annotations"] = {at: number}
    return [waits(), owner, *sets, pod("ns", "web-0", PULL, owner=("ReplicaSet", "web-1")), NOT_FOUND,
            pod("ns", "web-2-x", CRASH, owner=("ReplicaSet", "web-2"), phase="Running")]  # fmt: skip


def healed() -> list[Any]:
    """The message of a release that waited for what is up now."""
    sets = workload("ReplicaSet", "ns", "web-5d", up=True, owner=("Deployment", "web"))
    return [
        waits(),
        workload("Deployment", "ns", "web", up=True, release="web"),
        sets,
        pod("ns", "web-0", owner=("ReplicaSet", "web-5d")),
        NOT_FOUND,
    ]


def hook() -> list[Any]:
    """A migration whose pods have ended with what the database said."""
    ended = pod("ns", "web-migrate-1", container(), phase="Failed", owner=("Job", "web-migrate"))
    said = 'django.db.utils.OperationalError: FATAL: password authentication failed for user "web"'
    ended["status"]["containerStatuses"][0]["state"] = {
        "terminated": {"exitCode": 1, "reason": "Error", "message": said}
    }
    failed = condition("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    return [release("pre-install hooks failed: job web-migrate failed: BackoffLimitExceeded"), ended,
            kind("Job", "ns", "web-migrate", annotations={"helm.sh/hook": "pre-install"}, status={"failed": 4, "startTime": ago(400), "conditions": [failed]})]  # fmt: skip


def uninstalled() -> Object:
    found = flux(
        "HelmRelease",
        "ns",
        "web",
        "Helm uninstall for release ns/web.v1 with chart app@1.0.0 succeeded",
        "UninstallSucceeded",
    )
    found["status"]["conditions"].append(
        condition("Released", "False", "InstallFailed", "timeout waiting for: [Deployment/ns/web status: 'InProgress']")
    )
    return found


SEALED_VARS = flux("Kustomization", "ns", "apps", "post build failed for 'x': substitute from 'Secret/vars' error: secrets \"vars\" not found", "BuildFailed",
                   postBuild={"substituteFrom": [{"kind": "Secret", "name": "vars"}]})  # fmt: skip
SOPS = flux("Kustomization", "ns", "apps", "cannot get decryption Secret 'ns/sops-age': secrets \"sops-age\" not found", "BuildFailed",
            decryption={"provider": "sops", "secretRef": {"name": "sops-age"}})  # fmt: skip
PULL_SECRET = [{"name": "regcred"}]
KEY, FACT, GUESS = "sealed-secret-key-mismatch", "fact", "hypothesis"
POD = "Pod/ns/web-0"

VARIATIONS: dict[str, Variation] = {
    **{f"image of a {k}": Variation(rollout(pod("ns", "web-0", PULL), NOT_FOUND, kind_=k), {"image-not-found": (POD, FACT)}, follow=("HelmRelease/ns/web", f"{k}/ns/web"))
       for k in ("Deployment", "StatefulSet", "DaemonSet")},
    "image of an init container": Variation(rollout(pod("ns", "web-0", PULL, init=True), NOT_FOUND), {"image-not-found": (POD, FACT)}),
    "image of a CronJob": Variation([kind("CronJob", "ns", "web"), kind("Job", "ns", "web-1", owner=("CronJob", "web"), status={"active": 1, "startTime": ago(500)}),
        pod("ns", "web-0", PULL, owner=("Job", "web-1")), NOT_FOUND], {"image-not-found": (POD, FACT)}, follow=("Job/ns/web-1",)),
    "a pull last spoken of an hour ago": Variation(rollout(pod("ns", "web-0", PULL, born=9000), pulled("manifest unknown", seconds=3600), event(("Pod", "ns", "other"), "Pulled", "x", type_="Normal")),
        {"image-not-found": (POD, GUESS)}),
    "chartRef to an OCIRepository elsewhere": Variation([
        flux("OCIRepository", "shared", "src", "failed to determine artifact digest: GET https://ghcr.io/v2/x/manifests/1: DENIED: denied", "OCIArtifactPullFailed"),
        flux("HelmRelease", "ns", "web", "OCIRepository 'shared/src' is not ready: failed to determine artifact digest: GET https://ghcr.io/v2/x/manifests/1: DENIED: denied",
             "SourceNotReady", chartRef={"kind": "OCIRepository", "name": "src", "namespace": "shared"})], {"source-auth-failed": ("OCIRepository/shared/src", FACT)}),
    "chart of a GitRepository": Variation(chart_of("GitRepository", "failed to checkout and determine revision: unable to clone: couldn't find remote ref \"refs/heads/mian\""),
        {"source-ref-not-found": ("GitRepository/ns/src", FACT)}, follow=("HelmChart/ns/ns-web", "HelmRelease/ns/web")),
    "valuesFrom a sealed Secret": Variation([flux("HelmRelease", "ns", "web", VALUES, "ValuesError", valuesFrom=[{"kind": "Secret", "name": "creds"}]), sealed("ns", "creds")],
        {KEY: ("SealedSecret/ns/creds", GUESS)}),
    "valuesFrom an ExternalSecret": Variation([flux("HelmRelease", "ns", "web", VALUES, "ValuesError", valuesFrom=[{"kind": "Secret", "name": "creds"}]),
        kind("ExternalSecret", "ns", "creds-es", spec={"target": {"name": "creds"}}, status={"conditions": [condition("Ready", "False", "SecretSyncedError", "could not get secret data from provider")]})],
        {"secret-missing": ("ExternalSecret/ns/creds-es", GUESS)}),
    "a key that its Secret has not": Variation([*rollout(pod("ns", "web-0", container(("CreateContainerConfigError", "couldn't find key PASSWORD in Secret ns/db")))),
        kind("Secret", "ns", "db", data={"USER": ""})], {"secret-missing": (POD, FACT)}),
    "substituteFrom a sealed Secret": Variation([SEALED_VARS, sealed("ns", "vars")], {KEY: ("SealedSecret/ns/vars", GUESS)}, follow=("Kustomization/ns/apps",)),
    "substituteFrom a Secret that nothing declares": Variation([SEALED_VARS], {"post-build-substitution": ("Kustomization/ns/apps", GUESS)}, follow=()),
    "decryption with a sealed key": Variation([SOPS, sealed("ns", "sops-age")], {KEY: ("SealedSecret/ns/sops-age", GUESS)}, follow=("Kustomization/ns/apps",)),
    "imagePullSecrets sealed": Variation([*rollout(pod("ns", "web-0", PULL, imagePullSecrets=PULL_SECRET), REFUSED), sealed("ns", "regcred")], {KEY: ("SealedSecret/ns/regcred", GUESS)},
        follow=(POD, "HelmRelease/ns/web")),
    "imagePullSecrets there and refused": Variation([*rollout(pod("ns", "web-0", PULL, imagePullSecrets=PULL_SECRET), REFUSED), kind("Secret", "ns", "regcred", data={".dockerconfigjson": ""})],
        {"registry-auth": (POD, FACT)}),
    "imagePullSecrets not saved": Variation(rollout(pod("ns", "web-0", PULL, imagePullSecrets=PULL_SECRET), REFUSED), {"registry-auth": (POD, GUESS)}),
    "certSecretRef sealed": Variation([{**chart_of("HelmRepository", "failed to get TLS authentication data: secrets \"repo-tls\" not found")[0]},
        *chart_of("HelmRepository", "")[1:], sealed("ns", "repo-tls")], {KEY: ("SealedSecret/ns/repo-tls", GUESS)}, follow=("HelmRepository/ns/src", "HelmRelease/ns/web")),
    "a certificate not issued": Variation([*rollout(pod("ns", "web-0", CREATING), event(("Pod", "ns", "web-0"), "FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found')),
        kind("Certificate", "ns", "web", spec={"secretName": "web-tls"}, status={"conditions": [condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist")]})],
        {"secret-missing": ("Certificate/ns/web", GUESS)}, follow=(POD, "HelmRelease/ns/web")),
    "a claim whose class is not there": Variation([*with_claim(), claim(), event(("PersistentVolumeClaim", "ns", "data"), "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')],
        {"pvc-pending": ("PersistentVolumeClaim/ns/data", FACT)}, follow=(POD, "StatefulSet/ns/web", "HelmRelease/ns/web")),
    "a claim that only waits": Variation([*with_claim(), claim()], {"pvc-pending": ("PersistentVolumeClaim/ns/data", FACT)}),
    "a claim that was not saved": Variation(with_claim(), {"unschedulable": (POD, GUESS)}),
    "a lost volume": Variation([*with_claim(), claim(phase="Lost")], {"pvc-pending": ("PersistentVolumeClaim/ns/data", FACT)}),
    "a node that is away": Variation([*rollout(pod("ns", "web-0", container(), phase="Running", nodeName="n1")), node("Unknown", "Kubelet stopped posting node status.")],
        {"node-not-ready": ("Node/n1", FACT)}),
    "a network plugin that is missing on its node": Variation([*rollout(pod("ns", "web-0", CREATING, nodeName="n1"), event(("Pod", "ns", "web-0"), "NetworkNotReady", NOT_READY), kind_="DaemonSet"),
        node("False", NOT_READY)], {"node-not-ready": ("Node/n1", FACT)}, follow=(POD, "HelmRelease/ns/web")),
    "a network plugin that is missing where a pod should go": Variation([*kept_out("not-ready"), node("False", NOT_READY)],
        {"node-not-ready": ("Node/n1", FACT)}),
    "a disk that is full where a pod should go": Variation([*kept_out("disk-pressure"), node("True", "", FULL)],
        {"node-pressure-evicted": ("Node/n1", FACT)}),
    "a node that is well again": Variation([*kept_out("not-ready"), node("True", "")], {"unschedulable": (POD, GUESS)}),
    "evicted while the disk is full": Variation([*rollout(evicted()), node("True", "", FULL)],
        {"node-pressure-evicted": ("Node/n1", FACT)}),
    "a webhook whose pods die": Variation(policy(pods=True), {"oom-killed": ("Pod/guard/policy-0", FACT)}, follow=("HelmRelease/ns/web", "HelmRelease/ns/api")),
    "a webhook whose pods were not saved": Variation(policy(pods=False), {"webhook-unreachable": ("Webhook/validate.policy", GUESS)}, follow=("HelmRelease/ns/web", "HelmRelease/ns/api")),
    "the way through an Ingress": Variation(web_service(kind("Ingress", "ns", "in", spec={"rules": [{"http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}]})),
        {"image-not-found": (POD, FACT)}, follow=("Ingress/ns/in", "HelmRelease/ns/web")),
    "the way through a VirtualService": Variation(web_service(kind("VirtualService", "edge", "in", spec={"http": [{"route": [{"destination": {"host": "web.ns.svc.cluster.local"}}]}]})),
        {"image-not-found": (POD, FACT)}, follow=("VirtualService/edge/in",)),
    "the way through an HTTPRoute": Variation(web_service(kind("HTTPRoute", "ns", "in", spec={"rules": [{"backendRefs": [{"name": "web", "port": 80}]}]})),
        {"image-not-found": (POD, FACT)}, follow=("HTTPRoute/ns/in",)),
    "two causes at once": Variation([*rollout(pod("ns", "web-0", PULL), NOT_FOUND), release(SCHEMA, "db"),
        flux("HelmRelease", "ns", "api", "dependency 'ns/web' is not ready", "DependencyNotReady", dependsOn=[{"name": "db"}, {"name": "web"}])],
        {"image-not-found": (POD, FACT), "helm-values-invalid": ("HelmRelease/ns/db", FACT)}, follow=("HelmRelease/ns/api", "HelmRelease/ns/web")),
    "a Kustomization that waits for a release": Variation([flux("Kustomization", "ns", "apps", "health check failed after 5m0s: timeout waiting for: [HelmRelease/ns/web status: 'InProgress']", "HealthCheckFailed"),
        release(SCHEMA)], {"helm-values-invalid": ("HelmRelease/ns/web", FACT)}, follow=("Kustomization/ns/apps",)),
    "a Kustomization that waits for another project's object": Variation([
        flux("Kustomization", "ns", "apps", "health check failed after 5m0s: failed early due to stalled resources: [Widget/ns/w status: 'Failed']", "HealthCheckFailed"),
        kind("Widget", "ns", "w", status={"conditions": [condition("Ready", "False", "Error", 'admission webhook "x" denied the request: no')]})],
        {"admission-denied": ("Widget/ns/w", FACT)}, follow=("Kustomization/ns/apps",)),
    "a hook that the database refuses": Variation(hook(), {"db-connection": ("Pod/ns/web-migrate-1", FACT)}, follow=("Job/ns/web-migrate", "HelmRelease/ns/web")),
    "a release in mid-action": Variation([flux("HelmRelease", "ns", "web", "Running 'install' action with timeout of 5m0s", "Progressing", ready="Unknown"),
        *rollout(pod("ns", "web-0", PULL), NOT_FOUND)[1:]], {"image-not-found": (POD, FACT)}),
    "only exhausted retries left": Variation([release("install retries exhausted"), *rollout(pod("ns", "web-0", PULL), NOT_FOUND)[1:]], {"image-not-found": (POD, FACT)}),
    "only events left": Variation([NOT_FOUND, event(("HelmRelease", "ns", "db"), "InstallFailed", f"Helm install failed: {SCHEMA}"),
        event(("HelmRelease", "ns", "well"), "InstallFailed", f"Helm install failed: {SCHEMA}", seconds=90), event(("HelmRelease", "ns", "well"), "InstallSucceeded", "ok", type_="Normal")],
        {"image-not-found": (POD, GUESS), "helm-values-invalid": ("HelmRelease/ns/db", GUESS)}, follow=()),
    "pods that may not be listed": Variation([waits("StatefulSet"), workload("StatefulSet", "ns", "web", release="web"), NOT_FOUND], {"image-not-found": (POD, GUESS)}),
    "healed meanwhile": Variation(healed(), {}, frozenset({"HelmRelease/ns/web"}), ()),
    "a roll-out to another fault": Variation(revisions(), {"image-not-found": (POD, FACT)}, frozenset({"HelmRelease/ns/web", "Deployment/ns/web", "Pod/ns/web-2-x"}), ()),
    "uninstalled after it failed": Variation([uninstalled()], {}, frozenset({"HelmRelease/ns/web"}), ()),
    "an object without a state that all understand": Variation([
        flux("Kustomization", "ns", "apps", "health check failed after 5m0s: timeout waiting for: [Widget/ns/w status: 'InProgress']", "HealthCheckFailed"), kind("Widget", "ns", "w")],
        {}, frozenset({"Kustomization/ns/apps"}), ()),
    "a namespace that is there now": Variation([flux("Kustomization", "ns", "apps", 'ConfigMap/shop/a namespace not specified: namespaces "shop" not found', "ReconciliationFailed"),
        kind("Namespace", "", "shop", status={"phase": "Active"})], {}, frozenset({"Kustomization/ns/apps"}), ()),
    "a suspended source": Variation([ready("HelmRepository", "ns", "src", suspend=True), *chart_of("HelmRepository", "")[1:]], {"suspended": ("HelmRepository/ns/src", FACT)}),
}  # fmt: skip
