"""A pod's status as a kubelet writes it: container states, conditions, addresses."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from runbook.rehearsal.controllers.conditions import with_conditions
from runbook.rehearsal.images import ImageReference
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store
from runbook.rehearsal.world import LiveWorld


class PodStatuses:
    """Writes statuses. `images` maps (node, image) to the digest that was pulled there."""

    def __init__(self, store: Store, world: LiveWorld, images: Mapping[tuple[str, str], str]) -> None:
        self._store, self._world, self._images = store, world, images
        self._address = itertools.count(2)

    def waiting(self, pod: Object, blocked: Object, problem: tuple[str, str], *, init: bool, finished: int) -> None:
        """A pod one of whose containers cannot start yet."""
        reason, message = problem
        waiting = {"reason": reason, **({"message": message} if message else {})}
        inits = pod["spec"].get("initContainers") or []
        init_statuses = []
        for index, container in enumerate(inits):
            if index < finished:
                state: Object = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": self._store.now()}}
            else:
                state = {"waiting": waiting if init and container is blocked else {"reason": "PodInitializing"}}
            init_statuses.append(self.container(pod, container, state, ready=index < finished))
        others = {"reason": "PodInitializing"} if init else {"reason": "ContainerCreating"}
        statuses = [
            self.container(pod, c, {"waiting": waiting if c is blocked else others}, ready=False)
            for c in pod["spec"]["containers"]
        ]
        names = [c["name"] for c in pod["spec"]["containers"]]
        unready = ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(names)}]")
        initialized = ("True", "", "")
        if init:
            left = [c["name"] for c in inits[finished:]]
            initialized = (
                "False",
                "ContainersNotInitialized",
                f"containers with incomplete status: [{' '.join(left)}]",
            )
        self.write(pod, "Pending", statuses, init_statuses, ready=unready, initialized=initialized)

    def runs(self, pod: Object, *, ready: bool) -> None:
        """A pod whose containers run; Ready only when its readiness delay is over."""
        now = self._store.now()
        statuses = [
            self.container(pod, c, {"running": {"startedAt": self._began(pod, now)}}, ready=ready)
            for c in pod["spec"]["containers"]
        ]
        inits = [
            self.container(
                pod, c, {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now}}, ready=True
            )
            for c in pod["spec"].get("initContainers") or ()
        ]
        names = [c["name"] for c in pod["spec"]["containers"]]
        word = (
            ("True", "", "")
            if ready
            else ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(names)}]")
        )
        self.write(pod, "Running" if ready else "Pending", statuses, inits, ready=word, initialized=("True", "", ""))

    def _began(self, pod: Object, now: str) -> str:
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            running = (container.get("state") or {}).get("running")
            if running:
                return str(running["startedAt"])
        return now

    def container(self, pod: Object, container: Object, state: Object, *, ready: bool) -> Object:
        """One entry of containerStatuses."""
        node, image = pod["spec"].get("nodeName", ""), container["image"]
        found = self._images.get((node, image), "")
        reference = ImageReference(image)
        name = f"{reference.host}/{reference.repository}@{found}"
        shown = (f"docker-pullable://{name}" if self._world.node(node).runtime == "docker" else name) if found else ""
        return {
            "name": container["name"],
            "image": image,
            "imageID": shown if "waiting" not in state else "",
            "ready": ready,
            "started": "running" in state,
            "restartCount": 0,
            "state": state,
            "lastState": {},
        }

    def write(
        self,
        pod: Object,
        phase: str,
        statuses: list[Object],
        inits: list[Object],
        *,
        ready: tuple[str, str, str],
        initialized: tuple[str, str, str],
    ) -> None:
        """Write phase, conditions and container statuses of the live pod, if it is still there."""
        wanted = {
            "PodScheduled": ("True", "", ""),
            "Initialized": initialized,
            "ContainersReady": ready,
            "Ready": ready,
        }
        live = self._store.by_uid(pod["metadata"]["uid"])
        if live is None:
            return
        conditions = [
            {k: v for k, v in c.items() if v or k in ("type", "status")}
            for c in with_conditions(live, self._store.now(), wanted, generation=False)
        ]
        known = live.get("status") or {}
        fields: dict[str, Any] = {"phase": phase, "conditions": conditions, "containerStatuses": statuses}
        fields |= {"initContainerStatuses": inits or known.get("initContainerStatuses")}
        fields |= {
            "startTime": known.get("startTime") or self._store.now(),
            "hostIP": self._world.node(pod["spec"]["nodeName"]).ip,
        }
        if phase == "Running" and not known.get("podIP"):
            fields["podIP"] = f"10.244.{next(self._address) // 250}.{next(self._address) % 250 + 1}"
        self._store.status(live, **fields)
