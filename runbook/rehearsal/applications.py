"""What applications answer over HTTP: through Ingress objects on a real TLS socket, and through the API's service proxy."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from aiohttp import web

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.controllers.kubelet import ready
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.messages import Request, Response
from runbook.rehearsal.store import Store
from runbook.rehearsal.world import LiveWorld

REWRITE = "nginx.ingress.kubernetes.io/rewrite-target"
NO_ROUTE = (
    404,
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>default backend - 404</body>\r\n</html>\r\n",
)
NO_POD = (503, "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n</html>\r\n")
Backend = Callable[[Request], Awaitable[Response]]


class Applications:
    """Routes requests to ready pods and gives the answers world.yaml has for them."""

    def __init__(self, store: Store, world: LiveWorld) -> None:
        self._store, self._world = store, world
        self._services = store.kinds["v1", "services"]
        self._pods = store.kinds["v1", "pods"]
        self._ingresses = store.kinds["networking.k8s.io/v1", "ingresses"]

    async def start(self) -> web.AppRunner | None:
        """Open the ingress address on loopback; None when the world has no ingress."""
        entry = self._world.entry.ingress
        if entry is None:
            return None
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        context = self._world.server_tls(entry.authority, (entry.address, *entry.hosts), "ingress")
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        for name in (entry.address, *entry.hosts):
            self._world.addresses[f"{name}:443"] = ("127.0.0.1", int(runner.addresses[0][1]))
        return runner

    async def _serve(self, request: web.Request) -> web.Response:
        status, body = self._route(request.host.partition(":")[0], request.path)
        kind = "application/json" if body.startswith("{") else "text/html"
        return web.Response(status=status, text=body, content_type=kind)

    def _route(self, host: str, path: str) -> tuple[int, str]:
        if not self._controller_runs():
            return NO_POD
        for ingress, entry in self._rules(host):
            match = _matches(entry, path)
            if match is None:
                continue
            backend = ((entry.get("backend") or {}).get("service") or {}).get("name", "")
            rewritten = _rewritten(ingress, match, path)
            return self.answer(ingress["metadata"]["namespace"], backend, rewritten)
        return NO_ROUTE

    def _controller_runs(self) -> bool:
        """An ingress controller's pod must be ready: it is what listens."""
        labels = [(p["metadata"].get("labels") or {}) for p in self._store.list(self._pods) if ready(p)]
        names = ("ingress-nginx", "istio-ingressgateway", "traefik", "haproxy-ingress")
        return any(held.get("app.kubernetes.io/name") in names or held.get("app") in names for held in labels)

    def _rules(self, host: str) -> Iterator[tuple[Object, Object]]:
        found = [
            (ingress, entry)
            for ingress in self._store.list(self._ingresses)
            for rule in ingress["spec"].get("rules") or ()
            if rule.get("host") in (None, "", host)
            for entry in (rule.get("http") or {}).get("paths") or ()
        ]
        yield from sorted(found, key=lambda f: -len(f[1].get("path", "/")))

    def answer(self, namespace: str, service: str, path: str) -> tuple[int, str]:
        """Status and body of a Service's path: 503 without a ready pod, 404 for a path no application knows."""
        held = self._store.find(self._services, namespace, service)
        if held is None:
            return NO_POD
        selector = (held.get("spec") or {}).get("selector") or {}
        pods = [p for p in self._store.list(self._pods, namespace) if selector and ready(p) and _has(p, selector)]
        if not pods:
            return NO_POD
        for entry in self._world.entry.applications:
            if _has(pods[0], entry.selector) and path in entry.http:
                return entry.http[path].status, entry.http[path].body
        return 404, '{"detail":"Not Found"}'

    def backends(self, sealing: Backend | None) -> ServiceBackends:
        """All Services as the service proxy's backends."""
        return ServiceBackends(self._store, self, self._world, sealing)


class ServiceBackends(Mapping[tuple[str, str], Backend]):
    """The service proxy's backends, looked up as they are asked for: Services come and go."""

    def __init__(self, store: Store, applications: Applications, world: LiveWorld, sealing: Backend | None) -> None:
        self._store, self._applications, self._world, self._sealing = store, applications, world, sealing

    def __getitem__(self, key: tuple[str, str]) -> Backend:
        entry = self._world.entry.sealing
        if self._sealing is not None and entry is not None and key == (entry.namespace, entry.service):
            return self._sealing

        async def backend(request: Request) -> Response:
            status, body = self._applications.answer(*key, request.path)
            if (status, body) == NO_POD:
                raise ApiError(503, "ServiceUnavailable", f'no endpoints available for service "{key[1]}"')
            return Response(status, body.encode(), "application/json" if body.startswith("{") else "text/html")

        return backend

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for service in self._store.list(self._store.kinds["v1", "services"]):
            yield service["metadata"]["namespace"], service["metadata"]["name"]

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _has(pod: Object, labels: Mapping[str, Any]) -> bool:
    held = pod["metadata"].get("labels") or {}
    return all(held.get(k) == v for k, v in labels.items())


def _matches(entry: Object, path: str) -> re.Match[str] | None:
    wanted = entry.get("path", "/")
    if entry.get("pathType") == "Exact":
        return re.fullmatch(re.escape(wanted), path)
    if entry.get("pathType") == "ImplementationSpecific":
        return re.match(wanted, path)
    return re.match(re.escape(wanted.rstrip("/")) + r"(?:/|$)", path)


def _rewritten(ingress: Object, match: re.Match[str], path: str) -> str:
    target = (ingress["metadata"].get("annotations") or {}).get(REWRITE)
    if not target:
        return path
    groups = dict(enumerate(match.groups(default=""), start=1))
    return re.sub(r"\$(\d)", lambda m: groups.get(int(m[1]), ""), target) or "/"
