"""What each step shows: the same in Lab, in an archived notebook and in a replay, so nothing here looks at a clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from runbook.display import (
    Paragraph,
    Shown,
    Stack,
    Table,
    actions_table,
    criteria_tables,
    findings_table,
    gaps_table,
    pods_table,
    provenance,
    releases_table,
    trust_files,
    trust_matrix,
    versions_table,
)
from runbook.errors import EvidenceError
from runbook.evidence import Observed, result_json
from runbook.model import Action, Finding, StageResult, Tally
from runbook.stage.judging import Judged
from runbook.stage.parameters import ACTING_STAGES
from runbook.stage.telling import Teller

if TYPE_CHECKING:
    from runbook.stage.setting import Setting


def where(setting: Setting) -> Table:
    """Cluster, server, UID, inventory, operator, run: before anything is asked."""
    run = setting.run.as_json()
    pinned = setting.file.inventory.cluster.uid
    more = {
        "mode": _mode(setting),
        "identity": "pinned, equal" if pinned else "the inventory pins no UID: this cluster can only be planned for",
        "began": setting.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "record": f"{run.get('id', setting.run.path.name)}/{setting.attempt.path.name}",
    }
    if setting.file.inventory.resolve:
        more["resolve"] = ", ".join(f"{k} → {v}" for k, v in sorted(setting.file.inventory.resolve.items()))
    if float(run.get("time_scale", 1)) != 1:
        more["clock"] = f"the server's own, {run['time_scale']:g} times as fast as real time"
    return provenance(run, None, **more)


def _mode(setting: Setting) -> str:
    if setting.asked.mode == "apply" and setting.asked.stage in ACTING_STAGES:
        return f"apply, confirmed for {setting.asked.confirm}: what the plan proves necessary is done"
    return f"{setting.asked.mode}: nothing is changed"


def observed(look: Observed) -> Shown:
    """How much was seen and when, the digest of it all, and what could not be seen."""
    snapshot = look.snapshot
    total = sum(len(v) for v in snapshot.objects.values())
    sentence = (
        f"Observed {snapshot.observed_at:%Y-%m-%dT%H:%M:%SZ}: {total} objects of {len(snapshot.objects)} kinds, "
        f"{len(snapshot.gaps)} gaps, {len(snapshot.malformed)} malformed. Kept as sha256:{look.digest[:16]}."
    )
    return Stack(Paragraph(sentence), gaps_table(snapshot))


def checked(stage: str, judged: Judged) -> Shown:
    """The tables a reader of this stage wants first, then every finding that is not a plain pass."""
    snapshot, findings = judged.snapshot, judged.findings
    tables: list[Shown] = []
    if stage == "registry-trust":
        tables += [trust_matrix(findings, snapshot), trust_files(snapshot)]
    if stage == "cleanup":
        tables.append(pods_table(snapshot))
    if stage in ("reconcile", "verify"):
        tables.append(releases_table(snapshot, findings))
    if judged.criteria:
        tables += criteria_tables(judged.criteria)
    if stage == "verify":
        tables.append(versions_table(findings))
    return Stack(*tables, findings_table(findings))


def not_applied(planned: Sequence[Action], *, acting: bool) -> Shown:
    """What Apply says in plan mode, and in stages that change nothing whatever the mode."""
    if not acting:
        return Paragraph("This stage only looks: nothing was changed.")
    free = sum(not a.requires and not a.asks for a in planned)
    decide = sum(not a.requires and bool(a.asks) for a in planned)
    waits = len(planned) - free - decide
    return Paragraph(
        f"Mode plan: nothing was changed. Of {len(planned)} act(s) {free} could be done now, {decide} wait(s) for a "
        f"person's decision, {waits} for something named in the plan."
    )


def applied(acts: Sequence[Action], notes: Sequence[str]) -> Shown:
    """What was done and what came of it; what was not done says why."""
    return Stack(actions_table(acts, caption="Apply"), *(Paragraph(note) for note in notes))


def changed(before: Judged, after: Judged) -> Shown:
    """Every answer that is another one now; what was done proves nothing, only this does."""
    was = {(f.check, f.object): f for f in before.findings}
    now = {(f.check, f.object): f for f in after.findings}
    moved = [k for k in (*was, *(k for k in now if k not in was)) if _word(was.get(k)) != _word(now.get(k))]
    minutes = (after.snapshot.observed_at - before.snapshot.observed_at).total_seconds() / 60
    return Table(
        f"What has changed in the {minutes:.0f} min between the two looks",
        ("Question", "Before", "After"),
        [(f"{k[0]} {k[1]}", _told(was.get(k)), _told(now.get(k))) for k in moved],
        count=f"{len(moved)} of {len({**was, **now})} answers",
        empty="no answer is another one than before",
    )


def _word(finding: Finding | None) -> str:
    return finding.result.value if finding is not None else "not asked"


def _told(finding: Finding | None) -> str:
    return f"{_word(finding)}: {finding.reason}"[:200] if finding is not None else "not asked"


def tell_tally(talk: Teller, judged: Judged) -> None:
    """One line of counts, in loudness order; a stage that asks no check tells what it explains."""
    if not judged.findings and judged.explanation is not None:
        causes, left = len(judged.explanation.first_causes), len(judged.explanation.unexplained)
        (talk.failure if causes or left else talk.success)("explain", f"{causes} first cause(s), {left} unexplained")
        return
    tally = Tally.of(judged.criteria or judged.findings)
    counts = (
        f"{tally.passed} pass, {tally.warn} warn, {tally.fail} fail, {tally.waived} waived, "
        f"{tally.not_evaluated} not evaluated, {tally.not_applicable} n-a"
    )
    say = talk.failure if tally.fail else talk.warning if tally.not_evaluated else talk.success
    say("check", counts)


def show(shown: Any) -> None:
    """Display something in the middle of a cell, before that cell fails; in a plain interpreter nothing is shown."""
    import sys

    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is not None:
        display(shown)  # type: ignore[no-untyped-call]


def refuse_difference(recorded: StageResult, replayed: StageResult) -> None:
    """Raise EvidenceError when a replay does not answer as the record does."""
    lines = list(differences(recorded, replayed))
    if lines:
        raise EvidenceError(
            f"the replay differs from the record in {len(lines)} place(s): {lines[0]}",
            hint="Either the record was altered, or this version judges otherwise: runbook check-seal tells which.",
        )


def differences(recorded: StageResult, replayed: StageResult) -> Iterable[str]:
    """Where two results answer differently; times, cuts and attempt numbers are not answers."""
    was, now = result_json(recorded), result_json(replayed)
    for key in ("checks", "criteria", "first_causes", "unexplained", "not_evaluated", "actions"):
        before, after = was.get(key, []), now.get(key, [])
        if before == after:
            continue
        if len(before) != len(after):
            yield f"{key}: {len(before)} recorded, {len(after)} replayed"
        for one, other in zip(before, after, strict=False):
            if one != other:
                yield f"{key}: {_named(one)}: " + ", ".join(
                    f"{k} {_cut(one.get(k))} → {_cut(other.get(k))}"
                    for k in {**one, **other}
                    if one.get(k) != other.get(k)
                )
    for key in ("verdict", "mode", "cluster_time", "notes"):
        if was[key] != now[key]:
            yield f"{key}: {_cut(was[key])} → {_cut(now[key])}"


def _named(item: Any) -> str:
    ref = item.get("object", {})
    name = (
        "/".join(filter(None, (ref.get("kind"), ref.get("namespace"), ref.get("name"))))
        if ref
        else item.get("name", "")
    )
    return f"{item.get('id', item.get('cause', item.get('what', '')))} {name}".strip()


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
