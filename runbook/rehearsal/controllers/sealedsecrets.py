"""The sealed-secrets controller: keys are read when its pod starts, unsealing is tried five times [ss:pkg/controller]."""

from __future__ import annotations

import json
from collections.abc import Iterator

from runbook.rehearsal.controllers.conditions import annotation, deleting, owned_by
from runbook.rehearsal.controllers.kubelet import ready
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.messages import Request, Response
from runbook.rehearsal.runtime import Controllers, Key
from runbook.rehearsal.sealingkeys import KEY_LABEL, SCOPE, SealingKey, UnsealError, unseal
from runbook.rehearsal.store import Event
from runbook.rehearsal.world import LiveWorld
from runbook.rehearsal.worldfile import SealingEntry

MAX_TRIES = 5


class SealedSecrets:
    """The controller and its two HTTP endpoints."""

    def __init__(self, controllers: Controllers, world: LiveWorld, entry: SealingEntry) -> None:
        self._store, self._world, self._entry = controllers.store, world, entry
        kinds = self._store.kinds
        self._kind = kinds["bitnami.com/v1alpha1", "sealedsecrets"]
        self._pods, self._secrets = kinds["v1", "pods"], kinds["v1", "secrets"]
        self._loaded: tuple[str, list[SealingKey]] = ("", [])
        self._tries: dict[tuple[str, int, str], int] = {}
        controllers.add(self._kind, self._reconcile, self._related)

    def _related(self, kind: Kind, event: Event) -> Iterator[Key]:
        """A controller pod that has become ready, or one that has gone and left the work to another, looks at everything."""
        if kind.kind != "Pod" or not self._is_controller(event.obj):
            return
        was_ready = event.old is not None and ready(event.old)
        if event.type == "DELETED" or (ready(event.obj) and not was_ready):
            for sealed in self._store.list(self._kind):
                yield (sealed["metadata"]["namespace"], sealed["metadata"]["name"])

    async def _reconcile(self, obj: Object) -> float | None:
        keys = self._keys()
        if keys is None or deleting(obj):
            return None
        attempt = (obj["metadata"]["uid"], obj["metadata"].get("generation", 0), self._loaded[0])
        try:
            data = unseal(obj, keys)
        except UnsealError as error:
            tries = self._tries[attempt] = self._tries.get(attempt, 0) + 1
            self._problem(obj, str(error), "ErrUnsealFailed", f"Failed to unseal: {error}")
            return 2.0**tries if tries <= MAX_TRIES else None
        self._write(obj, data)
        return None

    def _write(self, obj: Object, data: dict[str, str]) -> None:
        namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
        held = self._store.find(self._secrets, namespace, name)
        template = obj["spec"].get("template") or {}
        if held is None:
            metadata = {
                "name": name,
                "labels": (template.get("metadata") or {}).get("labels") or {},
                "ownerReferences": owned_by(obj),
            }
            self._store.create(
                self._secrets, namespace, {"metadata": metadata, "type": template.get("type", "Opaque"), "data": data}
            )
        elif not self._mine(obj, held):
            message = f'failed update: Resource "{name}" already exists and is not managed by SealedSecret'
            self._problem(obj, message, "ErrUpdateFailed", message)
            return
        else:
            self._store.update(self._secrets, held, {**held, "data": data})
        if self._synced(obj, "True", ""):
            self._store.event(obj, "Normal", "Unsealed", "SealedSecret unsealed successfully", "sealed-secrets")

    @staticmethod
    def _mine(obj: Object, held: Object) -> bool:
        owners = held["metadata"].get("ownerReferences") or ()
        return any(o["uid"] == obj["metadata"]["uid"] for o in owners) or annotation(held, SCOPE + "managed") == "true"

    def _problem(self, obj: Object, message: str, reason: str, text: str) -> None:
        self._synced(obj, "False", message)
        self._store.event(obj, "Warning", reason, text, "sealed-secrets")
        place = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
        self._world.log(self._entry.namespace, "sealed-secrets", f'level=ERROR msg="Error updating {place}: {message}"')

    def _synced(self, obj: Object, status: str, message: str) -> bool:
        """Written only when Synced flips or the generation moved (semantics 5.2)."""
        known = obj.get("status") or {}
        old = next(iter(known.get("conditions") or ()), None)
        generation = obj["metadata"].get("generation")
        if old and old["status"] == status and known.get("observedGeneration") == generation:
            return False
        now = self._store.now()
        condition = {"type": "Synced", "status": status, "lastUpdateTime": now, "lastTransitionTime": now}
        self._store.status(
            obj, observedGeneration=generation, conditions=[{**condition, **({"message": message} if message else {})}]
        )
        return True

    # keys

    def _keys(self) -> list[SealingKey] | None:
        """The keys the running controller has loaded, or None while no pod of it is ready."""
        running = [
            p for p in self._store.list(self._pods, self._entry.namespace) if self._is_controller(p) and ready(p)
        ]
        # During a roll-out the newest pod decides: it is the one that stays.
        pod = max(running, key=lambda p: (p["metadata"]["creationTimestamp"], p["metadata"]["uid"]), default=None)
        if pod is None:
            return None
        if self._loaded[0] != pod["metadata"]["uid"]:
            found = [
                SealingKey.from_secret(s)
                for s in self._store.list(self._secrets, self._entry.namespace)
                if (s["metadata"].get("labels") or {}).get(KEY_LABEL) == "active"
            ]
            if not found:
                born = self._store.clock.now()
                found = [SealingKey.generate(born)]
                self._store.create(
                    self._secrets, self._entry.namespace, found[0].secret(self._entry.namespace, "n4w8p", born)
                )
            self._loaded = (pod["metadata"]["uid"], found)
        return self._loaded[1]

    def _is_controller(self, pod: Object) -> bool:
        labels = pod["metadata"].get("labels") or {}
        return pod["metadata"].get("namespace") == self._entry.namespace and all(
            labels.get(k) == v for k, v in self._entry.selector.items()
        )

    # HTTP, reached through the API's service proxy [ss:pkg/controller/server.go]

    async def answer(self, request: Request) -> Response:
        """GET /healthz, GET /v1/cert.pem, POST /v1/verify."""
        keys = self._keys()
        if keys is None:
            return Response(503, b"no endpoints available for service\n", "text/plain")
        if request.path == "/healthz":
            return Response(200, b"ok\n", "text/plain")
        if request.path == "/v1/cert.pem":
            return Response(200, max(keys, key=lambda k: k.born).certificate, "application/x-pem-file")
        if request.path == "/v1/verify" and request.method == "POST":
            return self._verify(request.body, keys)
        return Response(404, b"404 page not found\n", "text/plain")

    @staticmethod
    def _verify(body: bytes, keys: list[SealingKey]) -> Response:
        try:
            sealed = json.loads(body)
            unseal(sealed, keys)
        except UnsealError:
            return Response(409, b"", "text/plain")
        except (ValueError, KeyError, TypeError):
            return Response(400, b"", "text/plain")
        return Response(200, b"", "text/plain")
