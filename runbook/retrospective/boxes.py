"""The ticket's check-boxes that stand for services: each row of the checklist, answered by its finding, as a criterion."""

from __future__ import annotations

from collections.abc import Iterable

from runbook.model import Criterion, Finding, Result, StageResult

_GROUPS = {"services-running": "services", "infrastructure-ready": "infrastructure"}


def service_rows(findings: Iterable[Finding]) -> tuple[Criterion, ...]:
    """Checklist rows as criteria, in the inventory's order: one object each, met 1 of 1 or 0 of 1.

    A row is a finding whose object is of kind `Checklist` and whose facts carry the operator's own `text`; its tick
    is the fact `ticked`. Other findings about the same row (versions) are evidence elsewhere, not boxes.
    """
    return tuple(
        Criterion(
            id=f"{finding.check}/{finding.object.name}",
            text=str(finding.facts["text"]),
            result=finding.result,
            met=int(finding.result is Result.PASS),
            of=0 if finding.result is Result.SKIP else 1,
            reason=finding.reason,
            checks=(finding.check,),
            group=_GROUPS.get(finding.check, finding.check),
            ticked=finding.facts["ticked"],
            waivers=(finding.waiver,) if finding.waiver else (),
        )
        for finding in findings
        if finding.object.kind == "Checklist" and "text" in finding.facts and "ticked" in finding.facts
    )


def boxes(result: StageResult) -> tuple[Criterion, ...]:
    """All boxes of the ticket: its criteria and its checklist, groups in the order people know them."""
    known = {(c.group, c.text) for c in result.criteria}
    rows = tuple(r for r in service_rows(result.findings) if (r.group, r.text) not in known)
    first = tuple(c for c in result.criteria if c.group != "success")
    return first + rows + tuple(c for c in result.criteria if c.group == "success")
