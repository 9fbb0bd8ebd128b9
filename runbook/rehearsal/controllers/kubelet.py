"""Scheduler and kubelets: pods are placed, their references resolved, their images really pulled with the node's trust.

Words and back-off follow [kk:pkg/kubelet/images/image_manager.go] and [kk:pkg/kubelet/kuberuntime]: 10 s doubling to
300 s per pod and image; `Failed` with the runtime's text, then `BackOff`; Pending until everything could be started.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from runbook.rehearsal.controllers.conditions import annotation, deleting, is_true
from runbook.rehearsal.controllers.podstatuses import PodStatuses
from runbook.rehearsal.durations import seconds
from runbook.rehearsal.images import ImageReference, PullError, pull
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.runtime import Controllers, Key
from runbook.rehearsal.store import Event
from runbook.rehearsal.world import LiveWorld

BACK_OFF, BACK_OFF_MAX = 10.0, 300.0
READY_AFTER = 5.0
PREFIX = "rehearsal.runbook/"


class Kubelet:
    """All nodes' kubelets."""

    def __init__(self, controllers: Controllers, world: LiveWorld) -> None:
        self._store, self._clock, self._world = controllers.store, controllers.clock, world
        self._pods = self._store.kinds["v1", "pods"]
        self._turn = itertools.cycle([n.name for n in world.entry.nodes])
        self._images: dict[tuple[str, str], str] = {}
        self._statuses = PodStatuses(self._store, world, self._images)
        self._back_off: dict[tuple[str, str], tuple[int, float, str]] = {}
        self._started: dict[str, float] = {}
        controllers.add(self._pods, self._pod, self._related)

    def _related(self, kind: Kind, event: Event) -> Iterator[Key]:
        """A Secret or ConfigMap that appears may be what pending pods of its namespace wait for."""
        if kind.kind in ("Secret", "ConfigMap") and event.type == "ADDED":
            for pod in self._store.list(self._pods, event.obj["metadata"]["namespace"]):
                if (pod.get("status") or {}).get("phase") == "Pending":
                    yield (pod["metadata"]["namespace"], pod["metadata"]["name"])

    async def _pod(self, pod: Object) -> float | None:
        status = pod.get("status") or {}
        if deleting(pod):
            self._store.delete(
                self._pods, pod["metadata"]["namespace"], pod["metadata"]["name"], {"gracePeriodSeconds": 0}
            )
            self._forget(pod)
            return None
        if status.get("phase") in ("Succeeded", "Failed"):
            return None
        if not pod["spec"].get("nodeName"):
            self._schedule(pod)
            return None
        if status.get("phase") == "Running":
            return self._running(pod)
        return await self._starting(pod)

    def _schedule(self, pod: Object) -> None:
        node, name = next(self._turn), f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self._store.update(self._pods, pod, {**pod, "spec": {**pod["spec"], "nodeName": node}})
        self._store.event(pod, "Normal", "Scheduled", f"Successfully assigned {name} to {node}", "default-scheduler")

    # starting

    async def _starting(self, pod: Object) -> float | None:
        inits = pod["spec"].get("initContainers") or []
        done = 0
        for container in [*inits, *pod["spec"]["containers"]]:
            is_init = done < len(inits)
            problem, again = await self._blocked(pod, container, init=is_init)
            if problem is not None:
                self._statuses.waiting(pod, container, problem, init=is_init, finished=done)
                return again
            done += is_init
        since = self._started.setdefault(pod["metadata"]["uid"], self._clock.elapsed)
        left = since + seconds(annotation(pod, PREFIX + "ready-after") or f"{READY_AFTER:g}s") - self._clock.elapsed
        self._statuses.runs(pod, ready=left <= 0)
        return left if left > 0 else 0.01

    async def _blocked(
        self, pod: Object, container: Object, *, init: bool
    ) -> tuple[tuple[str, str] | None, float | None]:
        """What keeps a container from starting, as (reason, message), and when to look again."""
        volume = self._missing_volume(pod)
        if volume:
            self._event(pod, None, "Warning", "FailedMount", volume)
            return ("PodInitializing" if pod["spec"].get("initContainers") else "ContainerCreating", ""), 20.0
        problem, again = await self._image(pod, container, init=init)
        if problem is not None:
            return problem, again
        missing = self._missing_reference(pod, container)
        if missing:
            self._event(pod, container, "Warning", "Failed", f"Error: {missing}", init=init)
            return ("CreateContainerConfigError", missing), 15.0
        return None, None

    async def _image(
        self, pod: Object, container: Object, *, init: bool
    ) -> tuple[tuple[str, str] | None, float | None]:
        node, image = pod["spec"]["nodeName"], container["image"]
        reference = ImageReference(image)
        always = container.get("imagePullPolicy") == "Always" or (reference.tag == "latest" and not reference.digest)
        if not always and (node, image) in self._images:
            return None, None
        key = (pod["metadata"]["uid"], image)
        tries, failed, words = self._back_off.get(key, (0, 0.0, ""))
        until = failed + pull_wait(pod, tries)
        if until > self._clock.elapsed:
            text = f'Back-off pulling image "{image}"'
            self._event(pod, container, "Normal", "BackOff", text, init=init)
            self._event(pod, container, "Warning", "Failed", "Error: ImagePullBackOff", init=init)
            return ("ImagePullBackOff", f"{text}: ErrImagePull: {words}"), until - self._clock.elapsed
        self._event(pod, container, "Normal", "Pulling", f'Pulling image "{image}"', init=init)
        runtime = self._world.node(node).runtime
        try:
            with self._clock.standing():
                found = await pull(
                    reference, runtime=runtime, root=self._world.node_root(node), resolve=self._world.resolve
                )
        except PullError as error:
            words = _told(str(error))
            self._back_off[key] = (tries + 1, self._clock.elapsed, words)
            self._event(pod, container, "Warning", "Failed", f'Failed to pull image "{image}": {words}', init=init)
            self._event(pod, container, "Warning", "Failed", "Error: ErrImagePull", init=init)
            return ("ErrImagePull", words), 1.0
        self._images[node, image] = found
        self._back_off.pop(key, None)
        self._event(
            pod,
            container,
            "Normal",
            "Pulled",
            f'Successfully pulled image "{image}" in 812ms (812ms including waiting). Image size: 48211034 bytes.',
            init=init,
        )
        return None, None

    def _missing_reference(self, pod: Object, container: Object) -> str:
        namespace = pod["metadata"]["namespace"]
        for kind, name, key, optional in references(container):
            if optional or not name:
                continue
            held = self._store.find(self._store.kinds["v1", kind], namespace, name)
            word = "secret" if kind == "secrets" else "configmap"
            if held is None:
                return f'{word} "{name}" not found'
            if key and key not in (held.get("data") or {}):
                return f"couldn't find key {key} in {word.capitalize() if word == 'secret' else 'ConfigMap'} {namespace}/{name}"
        return ""

    def _missing_volume(self, pod: Object) -> str:
        for volume in pod["spec"].get("volumes") or ():
            for field, kind, word in (("secret", "secrets", "secret"), ("configMap", "configmaps", "configmap")):
                source = volume.get(field) or {}
                name = source.get("secretName") or source.get("name")
                if (
                    name
                    and not source.get("optional")
                    and self._store.find(self._store.kinds["v1", kind], pod["metadata"]["namespace"], name) is None
                ):
                    return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {word} "{name}" not found'
        return ""

    def _running(self, pod: Object) -> float | None:
        """A container that ends by itself: its duration is written on the pod template."""
        duration = annotation(pod, PREFIX + "duration")
        if not duration:
            return None
        left = (
            self._started.setdefault(pod["metadata"]["uid"], self._clock.elapsed)
            + seconds(duration)
            - self._clock.elapsed
        )
        if left > 0:
            return left
        code = int(annotation(pod, PREFIX + "exit-code") or 0)
        ended = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": self._store.now()}
        statuses = [
            self._statuses.container(pod, c, {"terminated": ended}, ready=False) for c in pod["spec"]["containers"]
        ]
        word = ("False", "PodFailed" if code else "PodCompleted", "")
        self._statuses.write(
            pod, "Failed" if code else "Succeeded", statuses, [], ready=word, initialized=("True", "PodCompleted", "")
        )
        return None

    def _event(
        self, pod: Object, container: Object | None, type_: str, reason: str, message: str, *, init: bool = False
    ) -> None:
        place = "spec.initContainers" if init else "spec.containers"
        path = f"{place}{{{container['name']}}}" if container else ""
        self._store.event(pod, type_, reason, message, "kubelet", field_path=path, host=pod["spec"].get("nodeName", ""))

    def _forget(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        self._started.pop(uid, None)
        for key in [k for k in self._back_off if k[0] == uid]:
            del self._back_off[key]


def pull_wait(pod: Object, tries: int) -> float:
    """Seconds of the cluster from the last of so many failed pulls to the next, as the pod says now or as a kubelet does."""
    if not tries:
        return 0.0
    given = annotation(pod, PREFIX + "image-back-off")
    return seconds(given) if given else float(min(BACK_OFF * 2 ** (tries - 1), BACK_OFF_MAX))


def _told(words: str) -> str:
    """A runtime's error as the kubelet passes it on: a gRPC code is shown, but for Unknown [kk:cri-client] [m]."""
    return f"rpc error: code = NotFound desc = {words}" if words.endswith(": not found") else words


def references(container: Object) -> Iterator[tuple[str, str, str, bool]]:
    """(plural, name, key, optional) of every Secret and ConfigMap a container's environment names."""
    for source in container.get("envFrom") or ():
        for field, kind in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if source.get(field):
                yield kind, source[field].get("name", ""), "", bool(source[field].get("optional"))
    for variable in container.get("env") or ():
        value = variable.get("valueFrom") or {}
        for field, kind in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            if value.get(field):
                entry = value[field]
                yield kind, entry.get("name", ""), entry.get("key", ""), bool(entry.get("optional"))


def ready(pod: Object) -> bool:
    """Whether traffic may go to a pod."""
    return is_true(pod, "Ready") and not deleting(pod)
