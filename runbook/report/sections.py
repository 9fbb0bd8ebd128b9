"""The parts of a stage's page, in the order of a reader at night: what was asked, why it is red, what to do, what it rests on."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.display import (
    Paragraph,
    Table,
    actions_table,
    anchors_table,
    certificates_table,
    checks_table,
    criteria_tables,
    first_causes,
    gaps_table,
    look_alikes,
    pods_table,
    redactions_table,
    releases_table,
    soak_figure,
    trust_files,
    trust_matrix,
    versions_table,
    waivers_table,
)
from runbook.display.causes import causes_count
from runbook.display.extent import extent
from runbook.display.lookback import next_acts_table
from runbook.display.releases import is_version_finding
from runbook.display.texts import plural
from runbook.display.trust import durability
from runbook.display.views import reasons_table
from runbook.display.words import WARN, counts_text
from runbook.domain.probes import SoakWindow
from runbook.model import Finding, Result, Snapshot, StageResult, Tally
from runbook.report.pages import Section, fold, section
from runbook.retrospective import boxes
from runbook.stage.closer import closer
from runbook.stage.closer import count as asked_count

_LISTED = 150  # findings a page lists one by one; the rest is counted by check and stands in result.json
_QUIET = (Result.PASS, Result.SKIP)


def stage_sections(result: StageResult, snapshot: Snapshot | None) -> list[Section]:
    """Every section this result has something for; redactions, waivers, actions and gaps are there also when empty."""
    found: list[Section | None]
    if result.stage == "registry-trust":
        found = [_matrix(result, snapshot), _files(snapshot), _actions(result), _ca(snapshot), _alike(snapshot)]
        found += [_checklist(result), _causes(result, snapshot)]
    else:
        found = [
            _checklist(result),
            _causes(result, snapshot),
            _closer(result, snapshot),
            _versions(result),
            _soak(result, snapshot),
            _actions(result),
        ]
        found += [_releases(result, snapshot), _pods(result, snapshot)]
    found += [_findings(result), _gaps(result, snapshot), _waivers(result), _redactions(result)]
    return [s for s in found if s is not None]


def kinds_shown(stage: str) -> tuple[str, ...] | None:
    """The kinds of which a stage's page shows objects, beside what its result says; None for all of them."""
    return {"cleanup": ("Pod",), "reconcile": ("HelmRelease",), "verify": ("HelmRelease",)}.get(stage)


def _html(*tables: Table) -> list[str]:
    return [t.html(page=True) for t in tables]


def _checklist(result: StageResult) -> Section | None:
    items = boxes(result) if result.criteria else ()
    if not items:
        return None
    ticked = [c for c in items if c.ticked]
    kept = sum(c.result is Result.PASS for c in ticked)
    intro = "The ticket’s own boxes, answered by evidence. The last column is what the ticket says."
    if ticked:
        intro += f" Of its {len(ticked)} ticked boxes the evidence keeps {kept}."
    tables = criteria_tables(items)
    return section("checklist", "Checklist", *_html(*tables), count=str(len(items)), intro=intro)


def _causes(result: StageResult, snapshot: Snapshot | None) -> Section | None:
    if result.explanation is None:
        return None
    whole = snapshot is not None and kinds_shown(result.stage) is None
    ladder = first_causes(result.explanation, extent(snapshot) if snapshot is not None and whole else None)
    intro = (
        f"Each failing object is walked down to the first thing that went wrong and counted once: {ladder.headline()}."
    )
    return section(
        "causes", "First causes", ladder.html(page=True), count=causes_count(result.explanation), intro=intro
    )


def _closer(result: StageResult, snapshot: Snapshot | None) -> Section | None:
    """What was asked about the first causes when the stage looked; made from the record alone."""
    shown = closer(snapshot, result.explanation) if snapshot is not None and result.explanation is not None else None
    if snapshot is None or shown is None:
        return None
    intro = (
        "One failing object of each first cause, looked at closely: the last lines of its log, what Services answered from "
        "inside, what an ingress controller wrote, and the next act. Only reads were sent; secrets are cut."
    )
    return section(
        "steps", "Steps at the first causes", shown.html(page=True), count=asked_count(snapshot), intro=intro
    )


def _versions(result: StageResult) -> Section | None:
    items = [f for f in result.findings if is_version_finding(f)]
    if not items:
        return None
    intro = (
        "What the checklist believes, what Git declares, what runs, what can be pulled, what the service says of itself. "
        "Disagreements first."
    )
    versions = versions_table(items)
    return section("versions", "Versions", *_html(versions), count=str(len(versions.rows)), intro=intro)


def _soak(result: StageResult, snapshot: Snapshot | None) -> Section | None:
    """The measured quiet, or an empty track with the reason: never a missing figure where the stage asked for quiet."""
    finding = next((f for f in result.findings if f.check == "soak"), None)
    windows = snapshot.seen(SoakWindow) if snapshot is not None else ()
    if finding is None and not windows:
        return None
    window = windows[0] if windows else _not_measured(finding)
    intro = "The clock starts when nothing else is red, and starts again on a restart, a Ready flip, a new release revision or a warning event."
    return section("soak", "Soak", soak_figure(window).html(page=True), intro=intro)


def _not_measured(finding: Finding | None) -> SoakWindow:
    facts = finding.facts if finding is not None else {}
    wanted, quiet = facts.get("wanted_seconds", 0.0), facts.get("quiet_seconds", 0.0)
    return SoakWindow(
        wanted_seconds=float(wanted) if isinstance(wanted, int | float) else 0.0,
        quiet_seconds=float(quiet) if isinstance(quiet, int | float) else 0.0,
        why_not=finding.reason if finding is not None else "",
    )


def _actions(result: StageResult) -> Section:
    done = [a for a in result.actions if a.outcome in ("changed", "failed")]
    parts = _html(actions_table(result.actions)) if result.actions else []
    if result.explanation is not None and result.explanation.first_causes:
        parts = [*_html(next_acts_table(result.explanation)), *parts]
    parts = parts or _html(actions_table(()))
    intro = f"{plural(len(done), 'act')} of this stage changed something." if done else "This stage changed nothing."
    return section("actions", "Actions", *parts, count=str(len(done)), intro=intro)


def _releases(result: StageResult, snapshot: Snapshot | None) -> Section | None:
    if snapshot is None or not snapshot.objects.get("HelmRelease") or result.stage not in ("reconcile", "verify"):
        return None
    ready = releases_table(snapshot, result.findings, part="ready")
    parts = _html(releases_table(snapshot, result.findings, part="not ready"))
    parts.append(fold(f"Ready, by name ({len(ready.rows)})", ready.html(page=True), keep=True) if ready.rows else "")
    return section("releases", "Releases", *parts, count=ready.counted)


def _pods(result: StageResult, snapshot: Snapshot | None) -> Section | None:
    if snapshot is None or result.stage != "cleanup" or "Pod" not in snapshot.objects:
        return None
    return section("pods", "Pods", *_html(pods_table(snapshot)))


def _findings(result: StageResult) -> Section:
    """What is not a plain pass one by one, what passes by check: the page stays small, and nothing is left uncounted."""
    loud = [f for f in result.findings if f.result not in _QUIET]
    quiet = len(result.findings) - len(loud)
    parts = _html(reasons_table(loud, limit=_LISTED)) if loud else []
    table = checks_table(result.findings).html(page=True)
    summary = f"By check, {plural(quiet, 'pass', 'passes')} and not-applicable answers counted too"
    parts.append(fold(summary, table) if loud else table)
    intro = f"{plural(len(result.findings), 'answer')}: {counts_text(Tally.of(result.findings))}."
    return section("findings", "Findings", *parts, count=f"{len(loud)} of {len(result.findings)}", intro=intro)


def _gaps(result: StageResult, snapshot: Snapshot | None) -> Section:
    told = result.explanation.not_evaluated if result.explanation is not None else ()
    table = gaps_table(snapshot) if snapshot is not None and (snapshot.gaps or snapshot.malformed) else gaps_table(told)
    return section("gaps", "Not observed", *_html(table), count=str(len(table.rows)))


def _waivers(result: StageResult) -> Section:
    table = waivers_table(result)
    return section("waivers", "Waivers", *_html(table), count=str(len(table.rows)))


def _redactions(result: StageResult) -> Section:
    return section(
        "redactions",
        "Redactions",
        *_html(redactions_table(result.redactions)),
        intro="Cut before anything was written.",
    )


def _matrix(result: StageResult, snapshot: Snapshot | None) -> Section:
    intro = (
        "Seen from the node, with the CA its runtime would use, never with verification off. One row for each name under "
        "which pods ask for images; a step that was not reached is not evaluated."
    )
    key = (
        '<ul class="key" aria-label="Letters"><li>P pass</li><li>F fail</li><li>? not evaluated</li>'
        "<li>– not applicable</li></ul>"
    )
    return section("matrix", "Trust matrix", key, *_html(trust_matrix(result.findings, snapshot)), intro=intro)


def _files(snapshot: Snapshot | None) -> Section:
    lasting = durability(snapshot)
    parts: Sequence[str] = _html(trust_files(snapshot))
    note = f"{WARN.html(page=True)} {Paragraph(lasting, 'small').html(page=True)}" if lasting else ""
    intro = "certs.d is read at every pull and needs no restart; only the system store needs one, and it turns no cell."
    return section("files", "Which file fixes which cell", *parts, note, intro=intro)


def _ca(snapshot: Snapshot | None) -> Section:
    return section("ca", "Certificates and anchors", *_html(certificates_table(snapshot), anchors_table(snapshot)))


def _alike(snapshot: Snapshot | None) -> Section:
    intro = "The same pod state, five different repairs. Only the first is cured by installing a CA."
    return section("alike", "Five look-alikes", *_html(look_alikes(snapshot)), intro=intro)
