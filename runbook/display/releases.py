"""Releases, pods and versions as tables, in the column order their users know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from runbook.display.table import Cell, CellLike, Column, Table
from runbook.display.texts import plural, span
from runbook.display.words import FAIL, WARN, Word, loudness, word_of
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import condition
from runbook.domain.pods import ContainerStatus, Pod
from runbook.model import Finding, ObjectRef, Snapshot

# Fact names a version finding may carry, in the order of the table's columns.
VERSION_COLUMNS = ("believed", "declared", "running", "pullable", "reported")
_WHY_EMPTY = {
    "believed": "not on the checklist",
    "declared": "not declared",
    "running": "nothing",
    "pullable": "not asked",
    "reported": "does not report",
}


def releases_table(
    snapshot: Snapshot, findings: Iterable[Finding] = (), *, part: str = "all", limit: int = 400
) -> Table:
    """HelmReleases in Flux's column order (Namespace Name Revision Suspended Ready Message), not ready ones first.

    `part` is `all`, `ready` or `not ready`: a page folds the ready ones. The count is always of all.
    """
    worst = _worst(f for f in findings if f.object.kind == "HelmRelease")
    releases = sorted(snapshot.seen(HelmRelease), key=lambda r: (_ready(r) == "True", r.ref))
    shown = [r for r in releases if part == "all" or (_ready(r) == "True") == (part == "ready")]
    rows = [_release_row(r, worst.get(r.ref)) for r in shown]
    seen = {r.ref for r in releases}
    missing = [worst[ref] for ref in sorted(worst.keys() - seen)]
    if part != "ready":
        rows = [_missing_row(f) for f in missing] + rows
    count = len(rows)
    ready, total = sum(_ready(r) == "True" for r in releases), len(releases) + len(missing)
    return Table(
        "HelmReleases" if part == "all" else f"HelmReleases that are {part}",
        (
            Column("Namespace", whole=True),
            Column("Name", whole=True),
            Column("Revision", whole=True),
            Column("Suspended"),
            Column("Ready", tight=True),
            "Message",
        ),
        rows[:limit],
        count=(f"{count} of {total}" if part == "not ready" else f"{ready} of {total} ready")
        + (f"; the first {limit} are shown, all stand in result.json" if count > limit else ""),
        header=1,
        wide=True,
        empty="none" if total else "no HelmRelease was observed",
    )


def _release_row(release: HelmRelease, finding: Finding | None) -> Sequence[CellLike]:
    found = condition(release.status.conditions, "Ready")
    history = release.status.history or ()
    revision = history[0].chart_version if history else release.status.last_attempted_revision
    word = word_of(finding) if finding is not None and word_of(finding) in (FAIL, WARN) else None
    return (
        release.metadata.namespace,
        release.metadata.name,
        revision,
        "True" if release.spec.suspend else "False",
        Cell(_ready(release), word=word),
        found.message if found else "has no Ready condition",
    )


def _missing_row(finding: Finding) -> Sequence[CellLike]:
    return finding.object.namespace, finding.object.name, "", "", Cell("absent", word=word_of(finding)), finding.reason


def _ready(release: HelmRelease) -> str:
    found = condition(release.status.conditions, "Ready")
    return found.status if found else "not reported"


def _worst(findings: Iterable[Finding]) -> dict[ObjectRef, Finding]:
    worst: dict[ObjectRef, Finding] = {}
    for finding in findings:
        kept = worst.get(finding.object)
        if kept is None or loudness(finding) < loudness(kept):
            worst[finding.object] = finding
    return worst


def pods_table(snapshot: Snapshot, *, limit: int = 200) -> Table:
    """Pods in kubectl's columns, those that are not well first; age by the cluster's clock at the observation."""
    pods = sorted(snapshot.seen(Pod), key=lambda p: (_well(p), p.ref))
    well = sum(_well(p) for p in pods)
    rows = [_pod_row(p, snapshot) for p in pods[:limit]]
    return Table(
        "Pods",
        (
            Column("Namespace", whole=True),
            Column("Name", whole=True),
            Column("Ready", num=True),
            "Status",
            Column("Restarts", num=True),
            "Age",
            "Node",
        ),
        rows,
        count=f"{len(pods)}: {well} running or completed, {len(pods) - well} not"
        + (f"; the first {limit} are shown" if len(pods) > limit else ""),
        header=1,
        wide=True,
        empty="no pod was observed",
    )


def _pod_row(pod: Pod, snapshot: Snapshot) -> Sequence[CellLike]:
    statuses = pod.status.container_statuses or ()
    ready = sum(s.ready for s in statuses)
    restarts = sum(s.restart_count for s in statuses)
    born = pod.metadata.creation_timestamp
    age = span(max(0.0, (snapshot.observed_at - born).total_seconds())) if born else "not known"
    status = pod_status(pod)
    shown = Cell(status) if _well(pod) else Cell(status, css="bad-text")
    return (
        pod.metadata.namespace,
        pod.metadata.name,
        f"{ready}/{len(pod.spec.containers)}",
        shown,
        restarts,
        age,
        pod.spec.node_name,
    )


def pod_status(pod: Pod) -> str:
    """A pod's state in kubectl's words: the waiting or terminated reason where there is one, else the phase."""
    if pod.metadata.deletion_timestamp is not None:
        return "Terminating"
    for status in pod.status.init_container_statuses or ():
        if said := _trouble(status):
            return f"Init:{said}"
    for status in pod.status.container_statuses or ():
        if said := _trouble(status):
            return said
    if pod.status.phase == "Succeeded":
        return "Completed"
    return pod.status.reason or pod.status.phase or "not known"


def _trouble(status: ContainerStatus) -> str:
    if status.state.waiting is not None:
        reason = status.state.waiting.reason
        return "" if reason == "PodInitializing" else reason
    ended = status.state.terminated
    return (ended.reason or f"ExitCode:{ended.exit_code}") if ended is not None and ended.exit_code != 0 else ""


def _well(pod: Pod) -> bool:
    if pod_status(pod) == "Completed":
        return True
    statuses = pod.status.container_statuses or ()
    return pod_status(pod) == "Running" and bool(statuses) and all(s.ready for s in statuses)


def is_version_finding(finding: Finding) -> bool:
    """Whether a finding compares versions: at least two of the five places are in its facts."""
    return sum(name in finding.facts for name in VERSION_COLUMNS) >= 2


def versions_table(findings: Iterable[Finding]) -> Table:
    """Believed × declared × running × pullable × reported: disagreements first, an empty cell says why."""
    items = sorted(_merged(f for f in findings if is_version_finding(f)), key=lambda f: (loudness(f), f.object))
    differ = [f for f in items if _disagrees(f)]
    rows = [_version_row(f) for f in [*differ, *(f for f in items if not _disagrees(f))]]
    return Table(
        "Believed × declared × running × pullable × reported",
        ("Service", "Believed", "Declared", "Running", "Pullable", "Reported", Column("Result", tight=True)),
        rows,
        count=f"{plural(len(differ), 'disagreement')}, {len(items) - len(differ)} agree",
        wide=True,
        empty="no version was compared",
    )


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """One row a service: what two checks say of it is put together where their facts do not contradict each other."""
    merged: dict[str, list[Finding]] = {}
    for finding in findings:
        rows = merged.setdefault(finding.object.name, [])
        same = next((r for r in rows if _agree(r.facts, finding.facts)), None)
        if same is None:
            rows.append(finding)
            continue
        loud, quiet = sorted((same, finding), key=loudness)
        rows[rows.index(same)] = replace(loud, facts=_joined(loud.facts, quiet.facts))
    return [finding for rows in merged.values() for finding in rows]


def _agree(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all("" in (a, b) or a == b for a, b in ((_plain(one, n), _plain(other, n)) for n in VERSION_COLUMNS))


def _joined(loud: Mapping[str, Any], quiet: Mapping[str, Any]) -> dict[str, Any]:
    return {**quiet, **loud, **{n: _plain(loud, n) or _plain(quiet, n) for n in VERSION_COLUMNS}}


def _disagrees(finding: Finding) -> bool:
    return len({_plain(finding.facts, n) for n in VERSION_COLUMNS} - {""}) > 1 or word_of(finding) in (FAIL, WARN)


def _plain(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    if isinstance(value, list | tuple | set | frozenset):
        value = ", ".join(sorted(str(v) for v in value))
    return "" if value is None or value is False else str(value)


def _version_row(finding: Finding) -> Sequence[CellLike]:
    values = [_plain(finding.facts, n) for n in VERSION_COLUMNS]
    wanted = next((v for v in values if v), "")
    css = "diff" if word_of(finding) is FAIL else "diff y"
    cells: list[CellLike] = [Cell(finding.object.name, under=(finding.reason,) if _disagrees(finding) else ())]
    for name, value in zip(VERSION_COLUMNS, values, strict=True):
        if not value:
            cells.append(Cell(_WHY_EMPTY[name], css="none"))
        elif value != wanted or (name == "believed" and any(v and v != value for v in values)):
            cells.append(Cell(value, css=css))
        else:
            cells.append(value)
    return [*cells, _result(finding)]


def _result(finding: Finding) -> Word:
    return word_of(finding)
