"""What each stage would have to be allowed to do: the reads its checks need, and the writes that applying its plan would need.

One table for those who ask the server (SelfSubjectAccessReview) and those who judge its answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runbook.domain.kinds import HELM, KINDS, KUSTOMIZE, SOURCE
from runbook.domain.probes import AccessReview
from runbook.inventory.model import Inventory

STAGES_TO_COME = ("registry-trust", "cleanup", "reconcile", "verify")
READING = ("get", "list", "watch")
SOAKED = ("Pod", "HelmRelease", "Event", "Node")  # what the soak watches
LEASES = "coordination.k8s.io"


@dataclass(frozen=True, order=True, slots=True)
class Permission:
    """A verb on a resource (`pods/log` for a subresource), in one namespace or, with "", everywhere."""

    verb: str
    group: str
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        scoped = next(
            (k.namespaced for k in KINDS.values() if (k.group, k.plural) == (self.group, self.resource)), True
        )
        everywhere = " in all namespaces" if scoped else ""
        return f"{self.action}{f' in {self.namespace}' if self.namespace else everywhere}"

    @property
    def action(self) -> str:
        """The verb and the qualified resource."""
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}"


def of_review(review: AccessReview) -> Permission:
    """What a review asked about."""
    return Permission(review.verb, review.group, review.resource, review.namespace)


def reads(needs: Iterable[str], inventory: Inventory) -> tuple[Permission, ...]:
    """What observing these kinds and probes takes."""
    return tuple(dict.fromkeys(p for need in needs for p in _reads(need, inventory)))


def _reads(need: str, inventory: Inventory) -> Iterator[Permission]:
    entry = KINDS.get(need)
    if entry is not None and entry.kind != "Secret":
        yield Permission("list", entry.group, entry.plural)
    if need == "SealedSecret" and inventory.secrets == "metadata":
        yield from (Permission("list", "", "secrets", n) for n in inventory.secrets_access.namespaces)
    elif need == "LogWindow":
        yield from (Permission("get", "", "pods/log", n) for n in inventory.logs.namespaces)
    elif need == "Inquiry":
        yield from (Permission("get", "", r, n) for r in ("pods/log", "services/proxy") for n in _spaces(inventory))
    elif need == "SoakWindow":
        yield from (Permission("watch", KINDS[k].group, KINDS[k].plural) for k in SOAKED)
    elif need == "UnsealProbe" and inventory.sealed_secrets is not None:
        yield Permission("create", "", "services/proxy", inventory.sealed_secrets.namespace)
    elif need == "SealingKey" and inventory.sealed_secrets is not None:
        yield Permission("get", "", "services/proxy", inventory.sealed_secrets.namespace)


def writes(stage: str, inventory: Inventory) -> tuple[Permission, ...]:
    """What applying this stage's plan would take: the lease that keeps two runs apart, and the changes themselves."""
    return (
        tuple(dict.fromkeys(_writes(stage, inventory))) if stage in ("registry-trust", "cleanup", "reconcile") else ()
    )


def _writes(stage: str, inventory: Inventory) -> Iterator[Permission]:
    yield from (Permission(verb, LEASES, "leases", flux_namespace(inventory)) for verb in ("get", "create", "update"))
    if stage == "cleanup":
        for namespace in sorted(touched_namespaces(inventory)):
            yield Permission("delete", "batch", "jobs", namespace)
            yield Permission("delete", "", "pods", namespace)
    if stage == "reconcile":
        for source in inventory.sources:
            yield Permission("patch", SOURCE, KINDS[source.kind].plural, source.namespace)
        for one in inventory.kustomizations:
            yield Permission("patch", KUSTOMIZE, "kustomizations", one.namespace)
        for release in inventory.releases:
            yield Permission("patch", HELM, "helmreleases", release.namespace)
        if inventory.sealed_secrets is not None:
            yield Permission("patch", "apps", "deployments", inventory.sealed_secrets.namespace)


def _spaces(inventory: Inventory) -> list[str]:
    return sorted(touched_namespaces(inventory))


def touched_namespaces(inventory: Inventory) -> frozenset[str]:
    """The namespaces the inventory speaks of: nothing outside of them is ever planned."""
    named = {r.namespace for r in inventory.releases} | {s.namespace for s in inventory.services if s.namespace}
    named |= {r.workload.namespace for r in inventory.infrastructure}
    return frozenset(named | {s.namespace for s in inventory.sources} | {k.namespace for k in inventory.kustomizations})


def flux_namespace(inventory: Inventory) -> str:
    """Where Flux lives: the namespace of the first Kustomization, else of the first controller log."""
    found = (*(k.namespace for k in inventory.kustomizations), *inventory.logs.namespaces, "flux-system")
    return found[0]


def wanted(inventory: Inventory) -> tuple[Permission, ...]:
    """Everything worth a review, each once: all kinds the product reads, and the writes of every stage."""
    kinds = [k for k in KINDS if k not in ("Secret", "Lease")]
    probes = ("LogWindow", "SoakWindow", "UnsealProbe", "SealingKey", "Inquiry")
    acting = (p for stage in STAGES_TO_COME for p in writes(stage, inventory))
    return tuple(dict.fromkeys((*reads((*kinds, *probes), inventory), *acting)))


def allowed(permission: Permission, reviews: Iterable[AccessReview]) -> bool | None:
    """Whether it was granted, everywhere or where it is needed; None when nobody asked."""
    asked = [
        r
        for r in reviews
        if (r.verb, r.group, r.resource) == (permission.verb, permission.group, permission.resource)
        and r.namespace in ("", permission.namespace)
    ]
    decisive = [r for r in asked if r.allowed or r.namespace == permission.namespace]
    return any(r.allowed for r in decisive) if decisive else None


def told(some: Iterable[Permission]) -> tuple[str, ...]:
    """The same action in several namespaces said once: `delete pods in mail, notes`."""
    grouped: dict[str, list[str]] = {}
    for one in some:
        grouped.setdefault(one.action if one.namespace else str(one), []).append(one.namespace)
    return tuple(f"{action} in {', '.join(places)}" if any(places) else action for action, places in grouped.items())
