"""The Kubernetes API over a store, free of any web framework: authenticate, authorize, answer, log."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runbook.rehearsal import faults, listing, patching, serverinfo, watching, writing
from runbook.rehearsal.access import Attributes, Authorizer
from runbook.rehearsal.apierrors import ApiError, NoPathError, no_resource, not_allowed
from runbook.rehearsal.discovery import discover
from runbook.rehearsal.evicting import evict
from runbook.rehearsal.faults import ConnectionBrokenError
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.logs import LogSource, no_logs, pod_log
from runbook.rehearsal.messages import ANONYMOUS, Request, Response, User, answer
from runbook.rehearsal.openapi import openapi
from runbook.rehearsal.proxying import Backends, service_proxy
from runbook.rehearsal.requestlog import RequestLog
from runbook.rehearsal.reviews import review
from runbook.rehearsal.routes import Target, asked, target_of, verb_of
from runbook.rehearsal.scaling import scale
from runbook.rehearsal.store import Store

AUTHENTICATED = "system:authenticated"
WARNINGS = {("v1", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"}
_log = logging.getLogger(__name__)


class Api:
    """Answers requests: `await api(request)`.

    `tokens` maps a bearer token to a user name and its groups (`system:masters` may do everything); `backends` are the
    services reachable through the service proxy; `logs` gives a container's lines; `request_log` is a file that gets
    one JSON line for every request.
    """

    def __init__(
        self,
        store: Store,
        *,
        tokens: Mapping[str, tuple[str, Sequence[str]]],
        backends: Backends | None = None,
        logs: LogSource = no_logs,
        request_log: Path | None = None,
        version: str = "v1.34.2",
        page_seconds: float = 300.0,
        bookmark_seconds: float = 60.0,
    ) -> None:
        self.store = store
        self.version = version
        self.backends: Backends = backends if backends is not None else {}
        self.logs = logs
        self.log = RequestLog(request_log)
        self.authorizer = Authorizer(store)
        self.faults = faults.Faults(store)
        self._users = {token: _user(name, groups) for token, (name, groups) in tokens.items()}
        self._lister = listing.Lister(store, page_seconds)
        self._bookmark_seconds = bookmark_seconds

    async def __call__(self, request: Request) -> Response:
        """Answer one request; refusals become `Status` objects. Raises ConnectionBrokenError when a fault says so."""
        entry: dict[str, Any] = {"user": ANONYMOUS.name, "verb": request.method.lower(), "method": request.method}
        entry |= {"path": request.path, "query": "&".join(f"{k}={v}" for k, v in request.query.items())}
        later: list[faults.Fault] = []
        try:
            request = replace(request, user=self._authenticate(request))
            entry["user"] = request.user.name
            found = self.faults.before(request) if request.path != faults.PATH else []
            dripping, later = await faults.silence(found)
            response = dripping or await self._route(request, entry)
            if later:
                self._note(request, {**entry, "fault": later[0].fault}, response.status)
                raise faults.broken(later[0])
        except ConnectionBrokenError:
            if not later:
                self._note(request, {**entry, "fault": "broken"}, 0)
            raise
        except ApiError as error:
            response = _refusal(error)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            _log.exception("%s %s", request.method, request.path)
            message = f"Internal error occurred: {type(error).__name__}: {error}"
            response = answer(ApiError(500, "InternalError", message).status(), 500)
        self._note(request, entry, response.status)
        return response

    def _note(self, request: Request, entry: dict[str, Any], status: int) -> None:
        entry = {**entry, "status": status, "user_agent": request.headers.get("user-agent", "")}
        self.log.write({**entry, "cluster_time": self.store.now()})

    def _authenticate(self, request: Request) -> User:
        """The user of a bearer token; who shows no credentials at all is anonymous. Raises ApiError 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = self._users.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is not None:
            return user
        if not scheme:
            return ANONYMOUS
        raise ApiError(401, "Unauthorized", "Unauthorized")

    async def _route(self, request: Request, entry: dict[str, Any]) -> Response:
        parts = [part for part in request.path.split("/") if part]
        target = target_of(parts)
        if target is None:
            return self._path(request, parts)
        verb = verb_of(request, target)
        wanted = asked(request, target, verb)
        entry |= {"verb": verb, "group": wanted.group, "resource": wanted.qualified}
        entry |= {"namespace": target.namespace or "", "name": wanted.name}
        self.authorizer.require(request.user, wanted)
        kind = self.store.kinds.get((target.gv, target.plural))
        if kind is None:
            raise no_resource() if self._serves(target.gv) else NoPathError()
        response = await self._resource(request, kind, target, verb)
        warning = WARNINGS.get((kind.gv, kind.plural))
        if warning is None:
            return response
        return replace(response, headers={**response.headers, "Warning": f'299 - "{warning}"'})

    def _serves(self, gv: str) -> bool:
        return any(served == gv for served, _ in self.store.kinds)

    def _path(self, request: Request, parts: list[str]) -> Response:
        """Paths that name no resource."""
        if request.user is not ANONYMOUS or request.path not in serverinfo.PUBLIC:
            verb = {"POST": "post", "PUT": "put", "PATCH": "patch", "DELETE": "delete"}.get(request.method, "get")
            self.authorizer.require(request.user, Attributes(verb, path=request.path))
        if request.path == faults.PATH:
            return self.faults.control(request)
        found = self._info(request, parts)
        if found is None:
            raise NoPathError()
        if request.method not in ("GET", "HEAD"):
            raise not_allowed()
        return found

    def _info(self, request: Request, parts: list[str]) -> Response | None:
        first = parts[0] if parts else ""
        if first in serverinfo.HEALTH and len(parts) <= 2 + ("poststarthook" in parts):
            return serverinfo.health(request, first, "/".join(parts[1:]))
        if first in ("api", "apis"):
            return discover(self.store, request, parts)
        if first == "openapi":
            return openapi(self.store, parts, self.version)
        single = {
            (): lambda: serverinfo.paths(self.store),
            ("version",): lambda: serverinfo.version(self.version),
            ("clock",): lambda: serverinfo.clock(self.store.clock),
        }.get(tuple(parts))
        return single() if single else None

    async def _resource(self, request: Request, kind: Kind, target: Target, verb: str) -> Response:
        if kind.virtual:
            if verb != "create":
                raise not_allowed()
            return review(self.authorizer, request, kind)
        if kind.namespaced and target.namespace is None:
            if target.name:
                raise no_resource()
            if verb == "create":
                raise not_allowed()
        if not kind.namespaced and target.namespace is not None:
            raise no_resource()
        if target.sub:
            return await self._subresource(request, kind, target)
        return self._verb(request, kind, target, verb)

    def _verb(self, request: Request, kind: Kind, target: Target, verb: str) -> Response:
        store, namespace, name = self.store, target.namespace, target.name
        if verb == "get":
            return listing.one(store, request, kind, store.get(kind, namespace, name))
        if verb == "list":
            return self._lister.page(request, kind, namespace)
        if verb == "watch":
            return watching.watch(store, request, kind, target, self._bookmark_seconds)
        if verb == "create":
            if name:
                raise not_allowed()
            return writing.create(store, request, kind, namespace)
        if verb == "deletecollection":
            if verb not in kind.verbs:
                raise not_allowed()
            return writing.delete_collection(store, request, kind, namespace)
        if not name:
            raise not_allowed()
        act = {"update": writing.update, "patch": patching.patch}.get(verb)
        if act is not None:
            return act(store, request, kind, target)
        return writing.delete(store, request, kind, target)

    async def _subresource(self, request: Request, kind: Kind, target: Target) -> Response:
        store, namespace, name, sub = self.store, target.namespace, target.name, target.sub
        if sub not in kind.subs:
            raise no_resource()
        if sub == "proxy" and kind.kind == "Service":
            return await service_proxy(store, self.backends, request, kind, target)
        if sub == "log":
            return pod_log(store, self.logs, request, store.get(kind, namespace, name))
        if sub == "scale" and not kind.crd:
            return scale(store, request, kind, target)
        if sub == "eviction" and request.method == "POST":
            return evict(store, request, kind, target)
        if sub != "status":
            raise not_allowed(f"{kind.plural}/{sub}" if sub != "eviction" else "")
        if request.method == "GET":
            return listing.one(store, request, kind, store.get(kind, namespace, name))
        if request.method == "PUT":
            return writing.update(store, request, kind, target)
        if request.method == "PATCH":
            return patching.patch(store, request, kind, target)
        raise not_allowed()


def _refusal(error: ApiError) -> Response:
    if error.plain:
        return Response(error.code, f"{error.message}\n".encode(), "text/plain; charset=utf-8", error.headers)
    return answer(error.status(), error.code, error.headers)


def _user(name: str, groups: Sequence[str]) -> User:
    return User(name, (*groups, *(() if AUTHENTICATED in groups else (AUTHENTICATED,))))
