"""What a server says about itself: version, health, the paths it serves, and the cluster's clock."""

from __future__ import annotations

from datetime import UTC

from runbook.rehearsal.messages import Request, Response, answer
from runbook.rehearsal.store import Clock, Store

HEALTH = ("healthz", "livez", "readyz")
PUBLIC = frozenset(("/version", "/version/", *(f"/{name}" for name in HEALTH)))
CHECKS = ("ping", "log", "etcd", "informer-sync", "poststarthook/start-apiextensions-controllers", "shutdown")


def version(text: str) -> Response:
    """`/version`."""
    major, minor = text.removeprefix("v").split(".")[:2]
    return answer(
        {
            "major": major,
            "minor": minor,
            "gitVersion": text,
            "gitCommit": "0" * 40,
            "gitTreeState": "clean",
            "buildDate": "2025-09-10T00:00:00Z",
            "goVersion": "go1.24.6",
            "compiler": "gc",
            "platform": "linux/amd64",
        }
    )


def health(request: Request, name: str, only: str = "") -> Response | None:
    """`/readyz`, `/readyz?verbose`, `/readyz/etcd`; None for a check there is not."""
    if only and only not in CHECKS:
        return None
    if "verbose" not in request.query:
        return Response(200, b"ok", "text/plain; charset=utf-8")
    lines = [f"[+]{check} ok" for check in ((only,) if only else CHECKS)]
    return Response(200, "\n".join([*lines, f"{name} check passed", ""]).encode(), "text/plain; charset=utf-8")


def clock(source: Clock) -> Response:
    """`/clock`: cluster time, and how many cluster seconds pass in a real one. Only an embedded cluster has it."""
    now = source.now().astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return answer({"now": now, "scale": source.scale})


def paths(store: Store) -> Response:
    """`/`."""
    served = {f"/apis/{kind.gv}" for kind in store.kinds.values() if kind.group}
    groups = {f"/apis/{kind.group}" for kind in store.kinds.values() if kind.group}
    fixed = {"/api", "/api/v1", "/apis", "/clock", "/openapi/v2", "/openapi/v3", "/version", *(f"/{h}" for h in HEALTH)}
    return answer({"paths": sorted(served | groups | fixed)})
