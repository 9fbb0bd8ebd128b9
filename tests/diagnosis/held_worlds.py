"""A SealedSecret that cannot make its Secret, beside objects that use that Secret: some run, some wait for it, some for something else."""

from __future__ import annotations

from typing import Any

from diagnosis_worlds import ago, condition, meta, release, sealed
from recorded_worlds import Object, container, event, flux, kind, workload

POD = "Pod/ns/web-5d-1"
WEB = ("Pod", "ns", "web-5d-1")
PROBE = event(WEB, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500")
UNAUTHORIZED = 'Back-off pulling image "r.lab/app:1": ErrImagePull: failed to authorize: 401 Unauthorized'
CRASH = container(("CrashLoopBackOff", "back-off 5m0s restarting failed container"), {"exitCode": 1, "reason": "Error"})
CREATING = {
    "name": "main",
    "image": "r.lab/app:1",
    "ready": False,
    "state": {"waiting": {"reason": "ContainerCreating"}},
}
HEALTH = "health check failed after 30s: timeout waiting for: [Deployment/ns/web status: 'InProgress']"
HELM = "Helm upgrade failed for release ns/web with chart app@1.0.0: "
BY_ENV = {"containers": [{"name": "main", "image": "r.lab/app:1", "envFrom": [{"secretRef": {"name": "x"}}]}]}
BY_VOLUME = {"volumes": [{"name": "v", "secret": {"secretName": "x"}}]}
VALUES = [{"kind": "Secret", "name": "x"}]
SOPS = {"provider": "sops", "secretRef": {"name": "x"}}


def taken() -> Object:
    """A SealedSecret whose Secret exists and is somebody else's: a fact about it."""
    said = 'failed update: Resource "x" already exists and is not managed by SealedSecret'
    return kind(
        "SealedSecret",
        "ns",
        "x",
        status={"observedGeneration": 1, "conditions": [condition("Synced", "False", "", said)]},
    )


def refused() -> Object:
    """A SealedSecret that its controller may not turn into a Secret: a fact about it, and no Secret."""
    said = 'secrets is forbidden: User "system:serviceaccount:kube-system:sealed-secrets" cannot create resource "secrets" in API group "" in the namespace "ns"'
    return kind(
        "SealedSecret",
        "ns",
        "x",
        status={"observedGeneration": 1, "conditions": [condition("Synced", "False", "", said)]},
    )


def web(status: Object, *, init: bool = False, **spec: Any) -> list[Any]:
    """A Deployment whose one pod has this container status."""
    of = {
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d", "uid": "ReplicaSet/ns/web-5d", "controller": True}]
    }
    containers = spec.get("containers") or [{"name": "main", "image": "r.lab/app:1"}]
    pod = {
        "kind": "Pod",
        "metadata": meta("ns", "web-5d-1", creationTimestamp=ago(400), **of),
        "spec": {"containers": containers, **({"initContainers": containers} if init else {}), **spec},
        "status": {
            "phase": "Running" if "running" in status["state"] or status.get("lastState") else "Pending",
            "conditions": [condition("Ready", "False", lastTransitionTime=ago(390)), condition("PodScheduled", "True")],
            "initContainerStatuses" if init else "containerStatuses": [status],
        },
    }
    return [
        workload("Deployment", "ns", "web", release="web"),
        workload("ReplicaSet", "ns", "web-5d", owner=("Deployment", "web")),
        pod,
    ]


def running() -> Object:
    return {"name": "main", "image": "r.lab/app:1", "ready": False, "state": {"running": {"startedAt": ago(390)}}}


# What has read the Secret since, or waits for something else: nothing of it hangs on who should make that Secret.
HAS_STARTED: dict[str, list[Any]] = {
    "a probe fails": [*web(running(), **BY_ENV), PROBE],
    "a probe fails, mounted": [*web(running(), **BY_VOLUME), PROBE],
    "it exits again and again": web(CRASH, **BY_ENV),
    "it ended in an error": web(container() | {"state": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(20)}}}, **BY_VOLUME),
    "an image is pulled after the volumes were mounted": web(container(("ImagePullBackOff", 'Back-off pulling image "r.lab/app:1"')) | {"restartCount": 0}, **BY_VOLUME),
    "a pull is refused": web(container(("ImagePullBackOff", UNAUTHORIZED)) | {"restartCount": 0}, **BY_ENV),
    "Helm waited": [release("ns", "web", HELM + "context deadline exceeded", valuesFrom=VALUES)],
    "Helm waited for a workload that runs": [release("ns", "web", HELM + "context deadline exceeded", valuesFrom=VALUES), *web(running(), **BY_ENV), PROBE],
    "Helm gave up": [flux("HelmRelease", "ns", "web", "Failed to upgrade after 3 attempt(s)", "RetriesExceeded", valuesFrom=VALUES)],
    "a hook failed": [release("ns", "web", HELM + "post-upgrade hooks failed: 1 error occurred: * job web-test failed: BackoffLimitExceeded", valuesFrom=VALUES)],
    "a Kustomization checks health": [flux("Kustomization", "ns", "apps", HEALTH, "HealthCheckFailed", decryption=SOPS)],
    "a Kustomization checks health, substituted": [flux("Kustomization", "ns", "apps", HEALTH, "HealthCheckFailed", postBuild={"substituteFrom": VALUES})],
}  # fmt: skip

# What does not say what it waits for, and may wait for the Secret.
MAY_WAIT: dict[str, list[Any]] = {
    "volumes that are not mounted": web(CREATING, **BY_VOLUME),
    "a configuration error without words": web(container(("CreateContainerConfigError", "")) | {"restartCount": 0}, **BY_ENV),
    "a configuration error of an init container": web(container(("CreateContainerConfigError", "")) | {"restartCount": 0}, init=True, **BY_ENV),
    "a workload without pods that were saved": [workload("Deployment", "ns", "web", **BY_ENV)],
}  # fmt: skip

# What says that it is this Secret.
SAYS_SO: dict[str, list[Any]] = {
    "CreateContainerConfigError": web(container(("CreateContainerConfigError", 'secret "x" not found')) | {"restartCount": 0}, **BY_ENV),
    "FailedMount": [*web(CREATING, **BY_VOLUME), event(WEB, "FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "x" not found')],
    "valuesFrom": [flux("HelmRelease", "ns", "web", "could not resolve Secret chart values reference 'ns/x' with key 'values.yaml': secrets \"x\" not found",
                        "ValuesError", valuesFrom=VALUES)],
    "substituteFrom": [flux("Kustomization", "ns", "apps", "post build failed for 'apps': substitute from 'Secret/x' error: secrets \"x\" not found",
                            "BuildFailed", postBuild={"substituteFrom": VALUES})],
    "decryption": [flux("Kustomization", "ns", "apps", "cannot get decryption Secret 'ns/x': secrets \"x\" not found", "BuildFailed", decryption=SOPS)],
}  # fmt: skip

SECRET = kind("Secret", "ns", "x", data={"TOKEN": "", "values.yaml": ""})
MAKERS = {
    "taken": taken(),
    "refused": refused(),
    "sealed for another key": sealed("ns", "x"),
    "silent": kind("SealedSecret", "ns", "x", status={}),
}

STATES = {
    f"{name}; {maker} ({'there' if there else 'not saved'})": [*objects, MAKERS[maker], *([SECRET] if there else [])]
    for group in (HAS_STARTED, MAY_WAIT, SAYS_SO)
    for name, objects in group.items()
    for maker in MAKERS
    for there in (True, False)
}
