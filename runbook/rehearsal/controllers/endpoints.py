"""EndpointSlices and Endpoints of Services, from the readiness of the pods their selectors choose."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from runbook.rehearsal.controllers.conditions import owned_by
from runbook.rehearsal.controllers.kubelet import ready
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.runtime import Controllers, Key
from runbook.rehearsal.store import Event


class Endpoints:
    """The endpoint controllers, and cluster IPs for Services that have none."""

    def __init__(self, controllers: Controllers) -> None:
        self._store = controllers.store
        self._services = self._store.kinds["v1", "services"]
        self._pods = self._store.kinds["v1", "pods"]
        self._slices = self._store.kinds["discovery.k8s.io/v1", "endpointslices"]
        self._address = itertools.count(10)
        controllers.add(self._services, self._service, self._related)

    def _related(self, kind: Kind, event: Event) -> Iterator[Key]:
        if kind.kind != "Pod":
            return
        namespace = event.obj["metadata"]["namespace"]
        for service in self._store.list(self._services, namespace):
            if _selects(service, event.obj):
                yield (namespace, service["metadata"]["name"])

    async def _service(self, obj: Object) -> float | None:
        spec = obj.get("spec") or {}
        if not spec.get("clusterIP") and spec.get("type") != "ExternalName":
            ip = f"10.96.{next(self._address) // 250}.{next(self._address) % 250 + 1}"
            obj = self._store.update(
                self._services, obj, {**obj, "spec": {**spec, "clusterIP": ip, "type": spec.get("type", "ClusterIP")}}
            )
        if not spec.get("selector"):
            return None
        pods = [p for p in self._store.list(self._pods, obj["metadata"]["namespace"]) if _selects(obj, p)]
        pods = [p for p in pods if (p.get("status") or {}).get("podIP")]
        self._slice(obj, pods)
        self._endpoints(obj, pods)
        return None

    def _slice(self, service: Object, pods: list[Object]) -> None:
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        wanted = {
            "addressType": "IPv4",
            "ports": [
                {"name": p.get("name", ""), "port": _target(p), "protocol": "TCP"}
                for p in service["spec"].get("ports") or ()
            ],
            "endpoints": [
                {
                    "addresses": [p["status"]["podIP"]],
                    "conditions": {"ready": ready(p), "serving": ready(p), "terminating": False},
                    "nodeName": p["spec"].get("nodeName", ""),
                    "targetRef": _reference(p),
                }
                for p in pods
            ],
        }
        held = next(
            (s for s in self._store.dependents(service["metadata"]["uid"]) if s["kind"] == "EndpointSlice"), None
        )
        if held is None:
            metadata = {
                "generateName": name + "-",
                "labels": {
                    "kubernetes.io/service-name": name,
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
                "ownerReferences": owned_by(service),
            }
            self._store.create(self._slices, namespace, {"metadata": metadata, **wanted})
        else:
            self._store.update(self._slices, held, {**held, **wanted})

    def _endpoints(self, service: Object, pods: list[Object]) -> None:
        kind, name, namespace = (
            self._store.kinds["v1", "endpoints"],
            service["metadata"]["name"],
            service["metadata"]["namespace"],
        )
        subset: Object = {
            "ports": [
                {"name": p.get("name", ""), "port": _target(p), "protocol": "TCP"}
                for p in service["spec"].get("ports") or ()
            ]
        }
        for field, wanted in (("addresses", True), ("notReadyAddresses", False)):
            chosen = [{"ip": p["status"]["podIP"], "targetRef": _reference(p)} for p in pods if ready(p) is wanted]
            if chosen:
                subset[field] = chosen
        subsets = [subset] if pods else []
        held = self._store.find(kind, namespace, name)
        if held is None:
            self._store.create(
                kind, namespace, {"metadata": {"name": name, "ownerReferences": owned_by(service)}, "subsets": subsets}
            )
        else:
            self._store.update(kind, held, {**held, "subsets": subsets})


def _selects(service: Object, pod: Object) -> bool:
    selector = (service.get("spec") or {}).get("selector") or {}
    labels = pod["metadata"].get("labels") or {}
    return bool(selector) and all(labels.get(k) == v for k, v in selector.items())


def _target(port: Object) -> int:
    target = port.get("targetPort", port.get("port", 0))
    return target if isinstance(target, int) else int(port.get("port", 0))


def _reference(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}
