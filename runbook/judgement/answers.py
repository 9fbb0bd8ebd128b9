"""Short ways to write an answer, so that a check file holds its question and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from runbook.domain.meta import Resource
from runbook.model import Finding, ObjectRef, Result, Snapshot


class Answers:
    """Makes findings of one check."""

    def __init__(self, check: str) -> None:
        self.check = check

    def passed(self, obj: ObjectRef, reason: str, /, *evidence: str, **facts: Any) -> Finding:
        """Met, with evidence."""
        return Finding(self.check, obj, Result.PASS, reason, evidence, facts)

    def failed(self, obj: ObjectRef, reason: str, /, *evidence: str, **facts: Any) -> Finding:
        """Not met."""
        return Finding(self.check, obj, Result.FAIL, reason, evidence, facts)

    def warned(self, obj: ObjectRef, reason: str, /, *evidence: str, **facts: Any) -> Finding:
        """Not met, not scored."""
        return Finding(self.check, obj, Result.WARN, reason, evidence, facts)

    def unknown(self, obj: ObjectRef, reason: str, /, *evidence: str, **facts: Any) -> Finding:
        """Could not be evaluated."""
        return Finding(self.check, obj, Result.ERROR, reason, evidence, facts)

    def inapplicable(self, obj: ObjectRef, proof: str, /, *evidence: str, **facts: Any) -> Finding:
        """Not applicable, with the proof of it."""
        return Finding(self.check, obj, Result.SKIP, proof, evidence, facts)

    def expected(self, cluster: str, what: str) -> Finding:
        """The inventory expects nothing here: there is no denominator, so nothing can be counted as met."""
        return self.inapplicable(ObjectRef("Cluster", "", cluster), f"the inventory expects no {what}")


def by_name(items: Iterable[Resource]) -> dict[tuple[str, str], Any]:
    """Objects by (namespace, name)."""
    return {(i.metadata.namespace, i.metadata.name): i for i in items}


def cluster_ref(snapshot: Snapshot) -> ObjectRef:
    """The cluster itself, for answers about no single object."""
    return ObjectRef("Cluster", "", snapshot.cluster)


def namespaces_of(inventory: Any) -> frozenset[str]:
    """The namespaces the inventory speaks of: what lies elsewhere is nobody's expectation."""
    found = {r.namespace for r in inventory.releases} | {r.workload.namespace for r in inventory.infrastructure}
    return frozenset(found | {s.namespace for s in inventory.services if s.namespace} | set(inventory.logs.namespaces))


def listed(names: Iterable[str], limit: int = 6) -> str:
    """`a, b and 3 more`."""
    every = list(names)
    return ", ".join(every[:limit]) + (f" and {len(every) - limit} more" if len(every) > limit else "")


def nothing_yielded(findings: Iterator[Finding], absent: Finding) -> Iterator[Finding]:
    """The findings, or one that says that there were none."""
    first = next(findings, None)
    if first is None:
        yield absent
        return
    yield first
    yield from findings
