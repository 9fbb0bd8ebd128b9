"""The service proxy: requests to `services/NAME/proxy/…` go to backends that whoever runs the cluster registers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from runbook.rehearsal.apierrors import ApiError, bad_request
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.messages import Request, Response
from runbook.rehearsal.routes import Target
from runbook.rehearsal.store import Store

Backend = Callable[[Request], Awaitable[Response]]  # gets the path below `proxy`, without the caller's credentials
Backends = Mapping[tuple[str, str], Backend]  # (namespace, service name)
PRIVATE = frozenset(("authorization", "cookie"))


async def service_proxy(store: Store, backends: Backends, request: Request, kind: Kind, target: Target) -> Response:
    """Pass a request on. The target's name is `[scheme:]service[:port]`. Raises ApiError 400, 404, 503."""
    parts, namespace = target.name.split(":"), target.namespace or ""
    if len(parts) > 3 or (len(parts) == 3 and parts[0] not in ("http", "https", "")):
        raise bad_request(f'invalid service request "{target.name}"')
    name = parts[1] if len(parts) == 3 or (len(parts) == 2 and parts[0] in ("http", "https")) else parts[0]
    port = parts[-1] if len(parts) > 1 and parts[-1] != name else ""
    service = store.get(kind, namespace, name)
    ports = (service.get("spec") or {}).get("ports") or ()
    if port and port not in {str(p.get(field)) for p in ports for field in ("name", "port")}:
        raise ApiError(503, "ServiceUnavailable", f'no service port "{port}" found for service "{name}"')
    backend = backends.get((namespace, name))
    if backend is None:
        raise ApiError(503, "ServiceUnavailable", f'no endpoints available for service "{name}"')
    headers = {key: value for key, value in request.headers.items() if key not in PRIVATE}
    return await backend(replace(request, path=target.rest, headers=headers))
