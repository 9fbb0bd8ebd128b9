"""What a path and a method mean: which resource, which verb."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.rehearsal.access import Attributes
from runbook.rehearsal.apierrors import no_resource, not_allowed
from runbook.rehearsal.messages import Request

MUTATING = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
NAMESPACE_SUBS = frozenset(("status", "finalize"))


@dataclass(frozen=True)
class Target:
    """A resource path taken apart. `namespace` None means all namespaces, or a kind without them."""

    gv: str
    plural: str
    namespace: str | None = None
    name: str = ""
    sub: str = ""
    rest: str = ""

    @property
    def group(self) -> str:
        """API group, empty for core."""
        return self.gv.rpartition("/")[0]


def target_of(parts: list[str]) -> Target | None:
    """The resource a path names; None for discovery, health and other paths. Raises ApiError 404, 405."""
    if not parts or parts[0] not in ("api", "apis"):
        return None
    depth = 2 if parts[0] == "api" else 3
    if len(parts) <= depth:
        return None
    gv, rest = "/".join(parts[1:depth]), parts[depth:]
    if rest[0] == "watch":
        raise not_allowed("the deprecated /watch/ paths; use ?watch=1")
    namespace = None
    if gv == "v1" and rest[0] == "namespaces" and len(rest) == 3 and rest[2] in NAMESPACE_SUBS:
        return Target(gv, "namespaces", None, rest[1], rest[2])
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    name, sub = (*rest[1:3], "", "")[:2]
    if len(rest) > 3 and sub != "proxy":
        raise no_resource()
    return Target(gv, rest[0], namespace, name, sub, "/" + "/".join(rest[3:]))


def verb_of(request: Request, target: Target) -> str:
    """RBAC's verb for a request. Raises ApiError 405."""
    if request.method in ("GET", "HEAD"):
        if request.flag("watch") and not target.sub:
            return "watch"
        return "get" if target.name else "list"
    if request.method not in MUTATING:
        raise not_allowed()
    verb = MUTATING[request.method]
    return "deletecollection" if verb == "delete" and not target.name else verb


def asked(request: Request, target: Target, verb: str) -> Attributes:
    """What RBAC is asked. A list of one name by field selector counts as that name."""
    name, selector = target.name, request.query.get("fieldSelector", "")
    if not name and selector.startswith("metadata.name=") and "," not in selector:
        name = selector.partition("=")[2].lstrip("=")
    namespace = target.namespace or (target.name if (target.gv, target.plural) == ("v1", "namespaces") else "")
    return Attributes(verb, target.group, target.plural, target.sub, namespace or "", name)
