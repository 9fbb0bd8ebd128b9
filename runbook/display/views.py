"""The tables of every stage: provenance, findings, criteria, actions, gaps, waivers, redactions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runbook.display.table import Cell, CellLike, Column, Table
from runbook.display.texts import span, utc
from runbook.display.words import Word, counts_text, loudness, word_of
from runbook.model import Criterion, Finding, Gap, Snapshot, StageResult, Tally, Waiver

_EVIDENCE = 3
_GROUPS = {
    "acceptance": "Acceptance criteria",
    "application": "Service checklist, application",
    "infrastructure": "Service checklist, infrastructure",
    "service": "Service checklist",
    "services": "Service checklist",
    "success": "Success criteria",
    "inventory": "Added by the inventory",
    "": "Criteria",
}
_TICKS = {True: ("☑", "ticked"), False: ("☐", "not ticked"), None: ("·", "not in the ticket")}


def run_fact(run: Mapping[str, Any], key: str, default: str = "") -> str:
    """One fact of a run.json, whether it lies at the top or under `cluster`."""
    cluster = run.get("cluster")
    if key == "cluster":
        return str(cluster.get("name", default)) if isinstance(cluster, Mapping) else str(cluster or default)
    found = run.get(key)
    if found is None and isinstance(cluster, Mapping):
        found = cluster.get(key)
    return default if found is None else str(found)


def provenance(run: Mapping[str, Any], result: StageResult | None = None, **more: str) -> Table:
    """Which cluster, who, when, with what: the facts a reader needs to trust the rest. `more` adds rows by name."""
    return Table("Provenance", ("Fact", Column("Value", mono=True)), [
        (name, Cell(value)) for name, value in provenance_facts(run, result, **more) if value
    ])  # fmt: skip


def provenance_facts(run: Mapping[str, Any], result: StageResult | None = None, **more: str) -> list[tuple[str, str]]:
    """The same as pairs. A rehearsal says so where the cluster's name would stand."""
    name = run_fact(run, "cluster", "not known")
    shown = f"REHEARSAL, embedded cluster, not {name} itself" if run.get("rehearsal") else name
    digest = run_fact(run, "inventory_digest")
    inventory = " ".join(
        filter(
            None, (run_fact(run, "inventory_path") or run_fact(run, "inventory"), digest and f"sha256:{digest[:12]}")
        )
    )
    facts = [
        ("Cluster", shown),
        ("Server", run_fact(run, "server")),
        ("UID", run_fact(run, "uid")),
        ("Inventory", inventory),
        ("Run by", f"{run_fact(run, 'who', 'not known')}, through {run_fact(run, 'how', 'not known')}"),
    ]
    if result is not None:
        facts += _result_facts(result)
    facts += [("Versions", f"runbook {run_fact(run, 'tool_version', 'not known')}")]
    return facts + [(key.replace("_", " ").capitalize(), value) for key, value in more.items()]


def _result_facts(result: StageResult) -> list[tuple[str, str]]:
    facts = [
        ("Mode", result.mode),
        (
            "When",
            f"{utc(result.started)} to {utc(result.ended)}, {span((result.ended - result.started).total_seconds())}",
        ),
    ]
    if result.cluster_time is not None and result.time_scale != 1:
        facts.append(("Cluster time", f"{utc(result.cluster_time)}, {result.time_scale:g} times as fast as real time"))
    code = result.verdict.exit_code()
    facts.append(
        (
            "Verdict",
            f"{result.verdict.value}, exit code {code}; {counts_text(Tally.of(result.criteria or result.findings))}",
        )
    )
    return facts


def finding_cell(finding: Finding) -> Cell:
    """The sentence with at most three lines of evidence under it; a waiver always shows."""
    under = list(finding.evidence[:_EVIDENCE])
    if len(finding.evidence) > _EVIDENCE:
        under.append(f"and {len(finding.evidence) - _EVIDENCE} more lines in result.json")
    if finding.waiver:
        under.append(waiver_line(finding.waiver))
    return Cell(finding.reason, under=tuple(under))


def waiver_line(waiver: Waiver) -> str:
    """`Waiver W1, becker, TASK-003, until 2025-10-31`."""
    mark = ", self-approved" if waiver.self_approved else ""
    return f"Waiver {waiver.id}, {waiver.who}{mark}, {waiver.ticket}, until {waiver.until.isoformat()}"


def findings_table(findings: Iterable[Finding], *, caption: str = "Findings", limit: int = 400) -> Table:
    """Findings, worst first; the count says how many of each."""
    ordered = sorted(findings, key=lambda f: (loudness(f), f.check, f.object))
    rows: list[Sequence[CellLike]] = [
        (word_of(f), Cell(str(f.object), css="m"), f.check, finding_cell(f)) for f in ordered[:limit]
    ]
    count = f"{len(ordered)}: {counts_text(Tally.of(ordered))}" if ordered else "none"
    if len(ordered) > limit:
        count += f"; the first {limit} are shown, all stand in result.json"
    return Table(
        caption, (Column("Result", tight=True), "Object", "Check", "What was found"), rows, count=count, header=1
    )


def reasons_table(findings: Iterable[Finding], *, caption: str = "Not a plain pass", limit: int = 150) -> Table:
    """Findings of one check with the same sentence in one row, worst first: all objects are named, none is dropped."""
    same: dict[tuple[str, Word, str, Waiver | None], list[Finding]] = {}
    items = sorted(findings, key=lambda f: (loudness(f), f.check, f.object))
    for finding in items:
        same.setdefault((finding.check, word_of(finding), finding.reason, finding.waiver), []).append(finding)
    rows: list[Sequence[CellLike]] = []
    for (check, word, reason, waiver), group in list(same.items())[:limit]:
        evidence = list(dict.fromkeys(line for f in group for line in f.evidence))
        under = evidence[:_EVIDENCE]
        if len(evidence) > _EVIDENCE:
            under.append(f"and {len(evidence) - _EVIDENCE} more lines in result.json")
        under += [waiver_line(waiver)] if waiver else []
        named = ", ".join(str(f.object) for f in group)
        rows.append((word, Cell(check, css="m"), Cell(reason, under=tuple(under)), Cell(named), len(group)))
    count = f"{len(items)}: {counts_text(Tally.of(items))}" if items else "none"
    if len(same) > limit:
        count += f"; the first {limit} sentences are shown, all stand in result.json"
    columns = (
        Column("Result", tight=True),
        Column("Check", whole=True),
        "What was found",
        "Objects",
        Column("How many", num=True),
    )
    return Table(caption, columns, rows, count=count, header=1, wide=True)


def checks_table(findings: Iterable[Finding], *, caption: str = "By check") -> Table:
    """One row a check: how many of its answers are which. Nothing is left out, also what passes."""
    by_check: dict[str, list[Finding]] = {}
    for finding in findings:
        by_check.setdefault(finding.check, []).append(finding)
    ordered = sorted(by_check.items(), key=lambda item: (min(map(loudness, item[1])), item[0]))
    rows: list[Sequence[CellLike]] = [
        (word_of(min(fs, key=loudness)), name, len(fs), counts_text(Tally.of(fs))) for name, fs in ordered
    ]
    return Table(
        caption, (Column("Worst", tight=True), "Check", Column("Objects", num=True), "Answers"), rows, header=1
    )  # fmt: skip


def group_title(group: str) -> str:
    """A criteria group's heading: the ticket's own words where it has any."""
    return _GROUPS.get(group, group[:1].upper() + group[1:])


def criteria_table(criteria: Iterable[Criterion], *, caption: str = "Criteria") -> Table:
    """The ticket's criteria in its own order: result, criterion with its evidence, met of how many, the ticket's tick."""
    items = list(criteria)
    rows = [
        (
            word_of(c),
            Cell(c.text, under=tuple(filter(None, (c.reason, *map(waiver_line, c.waivers))))),
            f"{c.met} / {c.of}",
            Cell(_TICKS[c.ticked][0], spoken=_TICKS[c.ticked][1], css="tick"),
        )
        for c in items
    ]
    return Table(
        caption,
        (Column("Result", tight=True), "Criterion and evidence", Column("Met / of", num=True), "Ticket"),
        rows,
        count=f"{len(items)}: {counts_text(Tally.of(items))}",
        header=1,
        css="check",
    )


def criteria_tables(criteria: Iterable[Criterion]) -> list[Table]:
    """One table a group, groups and rows in the ticket's order."""
    by_group: dict[str, list[Criterion]] = {}
    for criterion in criteria:
        by_group.setdefault(criterion.group, []).append(criterion)
    return [criteria_table(items, caption=group_title(group)) for group, items in by_group.items()]


def gaps_table(source: Snapshot | Iterable[Gap]) -> Table:
    """What could not be observed, why, and which permission is missing when it is that. Printed also when empty."""
    gaps = sorted(source.gaps.values() if isinstance(source, Snapshot) else source, key=lambda g: g.what)
    rows = [(Cell(g.what), Cell(g.why), Cell(g.permission, css="m")) for g in gaps]
    if isinstance(source, Snapshot):
        rows += [(Cell(str(ref)), Cell(f"could not be read: {why}"), Cell("")) for ref, why in source.malformed]
    return Table(
        "Not observed",
        ("What", "Why", "Missing permission"),
        rows,
        count=str(len(rows)),
        empty="everything was observed",
    )
