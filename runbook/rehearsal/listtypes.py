"""How lists and maps of each kind merge: by key, as a set, or not at all [kk:api/openapi-spec/swagger.json].

Two marks that differ: `x-kubernetes-list-map-keys` (server-side apply) and `patchMergeKey` (strategic merge patch).
Custom resources have neither here: their schemas are open, so every list of theirs is replaced as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

Fields = tuple[str, ...]  # the names on the way to a field, without the items of the lists between


@dataclass(frozen=True)
class ListType:
    """`keys` identify an item for server-side apply (none: a set of plain values), `merge_key` for a strategic patch."""

    keys: tuple[str, ...] = ()
    merge_key: str = ""


def _by(*keys: str) -> ListType:
    return ListType(keys, keys[0])


_CONTAINER = {
    "env": _by("name"),
    "volumeMounts": _by("mountPath"),
    "volumeDevices": _by("devicePath"),
    "ports": _by("containerPort", "protocol"),
}
# Last two names of a field's path; the first is empty at the root
LISTS: dict[tuple[str, str], ListType] = {
    ("metadata", "ownerReferences"): _by("uid"),
    ("metadata", "finalizers"): ListType(),
    ("spec", "containers"): _by("name"),
    ("spec", "initContainers"): _by("name"),
    ("spec", "ephemeralContainers"): _by("name"),
    ("spec", "volumes"): _by("name"),
    ("spec", "imagePullSecrets"): _by("name"),
    ("spec", "hostAliases"): _by("ip"),
    ("spec", "topologySpreadConstraints"): _by("topologyKey", "whenUnsatisfiable"),
    ("spec", "schedulingGates"): _by("name"),
    ("spec", "resourceClaims"): _by("name"),
    ("spec", "ports"): _by("port", "protocol"),  # a Service's
    ("spec", "podCIDRs"): ListType(),
    ("status", "addresses"): _by("type"),
    ("status", "conditions"): _by("type"),
    ("status", "podIPs"): _by("ip"),
    ("resources", "claims"): _by("name"),
    ("webhooks", "matchConditions"): _by("name"),
    ("", "webhooks"): _by("name"),
    ("", "secrets"): _by("name"),  # a ServiceAccount's
    **{(parent, field): kind for parent in ("containers", "initContainers") for field, kind in _CONTAINER.items()},
    **{("ephemeralContainers", field): kind for field, kind in _CONTAINER.items()},
}
ATOMIC_MAPS = frozenset(
    (
        *("selector", "labelSelector", "podSelector", "namespaceSelector", "objectSelector", "nodeSelector"),
        *("configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "secretRef", "roleRef", "targetRef"),
        *("involvedObject", "requiredDuringSchedulingIgnoredDuringExecution"),
    )
)
DEFAULTS = {"protocol": "TCP"}  # a key that may be left out


@dataclass(frozen=True)
class Types:
    """The merge rules of one kind. `open_` is a kind whose schema declares nothing: a custom resource."""

    open_: bool = False

    def list_type(self, fields: Fields) -> ListType | None:
        """How the list at `fields` merges; None for one that is replaced as a whole."""
        if self.open_ and fields[:1] != ("metadata",):
            return None
        return LISTS.get((fields[-2] if len(fields) > 1 else "", fields[-1])) if fields else None

    def atomic(self, fields: Fields) -> bool:
        """Whether the map at `fields` is replaced as a whole."""
        return not self.open_ and bool(fields) and fields[-1] in ATOMIC_MAPS

    def undeclared(self, fields: Fields) -> bool:
        """Whether what stands at `fields` is no field of a schema: it counts as a member whatever it holds."""
        return self.open_ and fields[:1] != ("metadata",)
