"""Faults on demand: what a real API does on a bad day, set through the path `/faults` (members of `system:masters` only).

    POST /faults    {"fault": "conflict"}            or a list of them; each is struck by the requests it matches
    GET /faults     what is set, and how often each has struck
    DELETE /faults  nothing is set any more

A fault matches by `methods` (writes unless said), `path` (a regular expression searched in the path) and `user`. It lets
`after` matching requests pass, then strikes `times` times (for ever unless said). Kinds:

    conflict       409 on the first write to each object
    throttled      429 with Retry-After `seconds`, as API priority and fairness answers
    broken         the connection ends without an answer; `done` says whether the write was done
    restart        the same, and the API is away for `seconds`; objects stay, watches end
    denied         403, denied by the validating webhook `name` with `message`
    unreachable    500, the validating webhook `name` cannot be called
    expired        401: the token is no longer good
    silent         the answer comes `seconds` late; with `done` a letter of it comes now and then, and its end as late
    recreated      the object written to is first deleted and made anew under another uid
    terminating    at once: `namespace` is terminating and its content stays; creates are 403, deletes work
    finalizer      at once: the object at `path` (a whole path) gets the finalizer `name`, which nobody ever removes
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from runbook.rehearsal import identity
from runbook.rehearsal.apierrors import ApiError, bad_request, conflict, no_resource, not_allowed
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.messages import Request, Response, answer, document
from runbook.rehearsal.routes import MUTATING, Target, target_of
from runbook.rehearsal.store import Store

PATH = "/faults"
AT_ONCE = ("terminating", "finalizer")
DRIP = 0.5  # seconds between two letters of an answer that drips


class ConnectionBrokenError(Exception):
    """The connection ends here, without an answer. `away` is how long nobody listens afterwards."""

    def __init__(self, away: float = 0.0) -> None:
        super().__init__("connection broken by a fault")
        self.away = away


class Fault(BaseModel):
    """One fault, as it is set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fault: Literal[
        "conflict",
        "throttled",
        "broken",
        "restart",
        "denied",
        "unreachable",
        "expired",
        "silent",
        "recreated",
        "terminating",
        "finalizer",
    ]
    methods: tuple[str, ...] = tuple(MUTATING)
    path: str = ""
    user: str = ""
    after: int = Field(default=0, ge=0)
    times: int | None = Field(default=None, ge=1)
    done: bool = False
    seconds: float = Field(default=1.0, ge=0.0)
    name: str = "validate.runbook.test"
    message: str = "not today"
    namespace: str = ""


class _Set:
    """A fault that is set, what it has seen, and what it has done."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen = self.struck = 0
        self.objects: set[str] = set()

    def strikes(self, request: Request) -> bool:
        """Whether it strikes this request; counts it."""
        fault = self.fault
        if request.method not in fault.methods or not re.search(fault.path, request.path):
            return False
        if fault.user not in ("", request.user.name):
            return False
        if fault.fault == "conflict" and (request.method == "POST" or request.path in self.objects):
            return False
        self.seen += 1
        if self.seen <= fault.after or (fault.times is not None and self.struck >= fault.times):
            return False
        self.objects.add(request.path)
        self.struck += 1
        return True


class Faults:
    """What is set on one API."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._set: list[_Set] = []

    def control(self, request: Request) -> Response:
        """Answer `/faults`. Raises ApiError 400, 404, 405."""
        if request.method == "POST":
            for fault in _read(document(request)):
                self.add(fault)
        elif request.method == "DELETE":
            self._set.clear()
        elif request.method != "GET":
            raise not_allowed()
        told = [{**one.fault.model_dump(mode="json", exclude_defaults=True), "struck": one.struck} for one in self._set]
        return answer({"kind": "FaultList", "items": told})

    def add(self, fault: Fault) -> None:
        """Set one; one that works at once is done. Raises ApiError 404."""
        one = _Set(fault)
        if fault.fault in AT_ONCE:
            {"terminating": self._terminate, "finalizer": self._hold}[fault.fault](fault)
            one.struck = 1
        self._set.append(one)

    def before(self, request: Request) -> list[Fault]:
        """Strike a request before anything is done. Returns the faults to strike it with afterwards.

        Raises ApiError and ConnectionBrokenError.
        """
        later = []
        for one in self._set:
            fault = one.fault
            if fault.fault in AT_ONCE or not one.strikes(request):
                continue
            if fault.fault == "silent" or (fault.done and fault.fault in ("broken", "restart")):
                later.append(fault)
            else:
                self._strike(fault, request)
        return later

    def _strike(self, fault: Fault, request: Request) -> None:
        if fault.fault in ("broken", "restart"):
            raise broken(fault)
        if fault.fault == "expired":
            raise ApiError(401, "Unauthorized", "Unauthorized")
        if fault.fault == "throttled":
            raise ThrottledError(fault.seconds)
        if fault.fault in ("denied", "unreachable"):
            raise webhook(fault)
        kind, target = self._target(request.path)
        if fault.fault == "conflict":
            raise conflict(kind, target.name, identity.MODIFIED)
        self._recreate(kind, self._store.get(kind, target.namespace, target.name))

    def _target(self, path: str) -> tuple[Kind, Target]:
        target = target_of([part for part in path.split("/") if part])
        kind = self._store.kinds.get((target.gv, target.plural)) if target else None
        if target is None or kind is None:
            raise no_resource()
        return kind, target

    def _recreate(self, kind: Kind, old: Object) -> None:
        """The same object under another uid, as when it was deleted and made again."""
        fresh = {key: value for key, value in old["metadata"].items() if key in ("name", "labels", "annotations")}
        self._store.remove(kind, old)
        self._store.create(kind, old["metadata"].get("namespace"), {**old, "metadata": fresh}, trusted=True)

    def _terminate(self, fault: Fault) -> None:
        """A namespace that cannot end, as when an APIService is away: nothing it holds is deleted."""
        kind = self._store.kinds["v1", "namespaces"]
        self._store.stuck_namespaces.add(fault.namespace)
        self._store.delete(kind, None, fault.namespace)

    def _hold(self, fault: Fault) -> None:
        kind, target = self._target(fault.path)
        old = self._store.get(kind, target.namespace, target.name)
        finalizers = [*(old["metadata"].get("finalizers") or ()), fault.name]
        self._store.update(kind, old, {**old, "metadata": {**old["metadata"], "finalizers": finalizers}})


async def silence(found: list[Fault]) -> tuple[Response | None, list[Fault]]:
    """Wait out the silent ones among the faults of a request. Returns an answer that drips, if any, and the other faults."""
    for fault in (f for f in found if f.fault == "silent"):
        if fault.done:
            return Response(200, _dripping(fault.seconds), "text/plain"), []
        await asyncio.sleep(fault.seconds)
    return None, [f for f in found if f.fault != "silent"]


async def _dripping(seconds: float) -> AsyncGenerator[bytes, None]:
    for _ in range(max(1, round(seconds / DRIP))):
        yield b"."
        await asyncio.sleep(DRIP)


def broken(fault: Fault) -> ConnectionBrokenError:
    """The end of a connection; a restart keeps the API away."""
    return ConnectionBrokenError(fault.seconds if fault.fault == "restart" else 0.0)


class ThrottledError(ApiError):
    """429 as a server says it that is too busy to look at the request [kapiserver:pkg/server/filters/maxinflight.go]."""

    plain = True

    def __init__(self, seconds: float) -> None:
        words = "Too many requests, please try again later."
        super().__init__(429, "TooManyRequests", words, headers={"Retry-After": str(max(1, round(seconds)))})


def webhook(fault: Fault) -> ApiError:
    """What a validating webhook's refusal, or its absence, looks like [kapiserver:pkg/admission/plugin/webhook/errors]."""
    if fault.fault == "denied":
        words = f'admission webhook "{fault.name}" denied the request: {fault.message}'
        return ApiError(403, "Forbidden", words)
    url = "https://webhook.runbook.svc:443/validate?timeout=10s"
    why = f'failed calling webhook "{fault.name}": failed to call webhook: Post "{url}": context deadline exceeded'
    return ApiError(500, "InternalError", f"Internal error occurred: {why}", {"causes": [{"message": why}]})


def _read(body: Any) -> list[Fault]:
    try:
        return TypeAdapter(list[Fault]).validate_python(body if isinstance(body, list) else [body])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        raise bad_request(f"faults: {place or 'fault'}: {first['msg']}") from error
