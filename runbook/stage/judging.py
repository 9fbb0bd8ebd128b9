"""From a snapshot to findings, criteria, first causes and a verdict. Pure, so that a replay judges exactly as the night did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from runbook import checks, diagnosis
from runbook.diagnosis import Catalogue
from runbook.domain.durations import seconds
from runbook.domain.kinds import KINDS
from runbook.domain.probes import SoakWindow
from runbook.inventory.model import Inventory
from runbook.judgement import criteria as criteria_of
from runbook.judgement import waivers
from runbook.judgement.answers import cluster_ref
from runbook.model import Criterion, Explanation, Finding, ObjectRef, Result, Snapshot, Verdict, verdict_of
from runbook.stage.stages import STAGES, wants

_LOOK_BACK = ("controller-logs", "warning-events")
NOT_YET = "it begins in Prove, when nothing else is red"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a stage answers about one snapshot."""

    snapshot: Snapshot
    findings: tuple[Finding, ...]
    criteria: tuple[Criterion, ...]
    explanation: Explanation | None
    verdict: Verdict

    @property
    def remarkable(self) -> frozenset[ObjectRef]:
        """Everything with a finding that is not a pass, and everything on the way to a first cause: kept whole."""
        refs = {f.object for f in self.findings if f.result is not Result.PASS}
        if self.explanation is not None:
            refs |= {c.object for c in self.explanation.first_causes}
            refs |= {e.object for c in self.explanation.first_causes for e in c.explains}
            refs |= {u.object for u in self.explanation.unexplained}
        return frozenset(refs)


def judge(
    stage: str,
    snapshot: Snapshot,
    inventory: Inventory,
    *,
    today: date,
    operator: str,
    catalogue: Catalogue | None = None,
    explained: Explanation | None = None,
) -> Judged:
    """Run the stage's checks, apply waivers, judge the criteria, walk the reds. Never raises for what is red.

    `catalogue` is that of causes, the built-in one unless a team has extended it. `explained` is what the same look was
    explained by before, when only measured quiet was added to it since: no cause is read from that.
    """
    kind = STAGES[stage]
    if kind.soaks:
        snapshot = with_soak(snapshot, inventory)
    found = checks.run(stage, snapshot, inventory)
    if found:
        found = (*found, *_unseen(stage, snapshot, found))
    findings = waivers.apply(found, inventory, today, operator)
    judged = tuple(criteria_of.judge(findings, inventory, stage))
    explanation = explained
    if kind.explains and explanation is None:
        explanation = diagnosis.explain(snapshot, inventory, catalogue=catalogue)
    verdict = _verdict((*findings, *judged), explanation, walks=kind.asks)
    return Judged(snapshot, tuple(findings), judged, explanation, verdict)


def _unseen(stage: str, snapshot: Snapshot, found: Sequence[Finding]) -> Iterator[Finding]:
    """Kinds the stage looks for and could not see, and of which no check has said so: a green must not stand on them.

    A kind that is not served (404) has no objects: that is seen.
    """
    told = " ".join(f.reason for f in found if f.result is Result.ERROR)
    for kind in wants(stage):
        gap = snapshot.gaps.get(kind) if kind in KINDS and kind != "Secret" else None
        if gap is None or gap.why in told or gap.why.startswith("404 "):
            continue
        needs = (f"permission needed: {gap.permission}",) if gap.permission else ()
        yield Finding("access", cluster_ref(snapshot), Result.ERROR, f"{gap.what}: {gap.why}", needs)


def _verdict(answers: Sequence[Finding | Criterion], explanation: Explanation | None, *, walks: bool) -> Verdict:
    """By what the checks answer; a stage that is there to explain is no better than what it explains.

    Anything red without a cause, or with one, is a fail there, and anything unseen is not known.
    """
    by_checks = verdict_of(answers) if answers or explanation is None else Verdict.PASS
    if explanation is None or (answers and not walks):
        return by_checks
    if explanation.first_causes or explanation.unexplained:
        return Verdict.FAIL
    unseen = explanation.not_evaluated and by_checks is not Verdict.FAIL
    return Verdict.ERROR if unseen else by_checks


def with_soak(snapshot: Snapshot, inventory: Inventory) -> Snapshot:
    """The snapshot with a soak window; one that was never measured says why."""
    if "SoakWindow" in snapshot.objects or "SoakWindow" in snapshot.gaps:
        return snapshot
    window = SoakWindow(seconds(inventory.soak) or 0.0, 0.0, why_not=NOT_YET)
    return replace(snapshot, objects={**snapshot.objects, "SoakWindow": (window,)})


def reds_before_soak(judged: Judged, inventory: Inventory, wanted: float) -> str:
    """Why a soak must not begin, or nothing: reds and unknowns other than the soak itself.

    What only looks back (logs, events) is no reason when the soak is as long as its window: the look after the soak
    asks it again, and by then speaks of the soak alone.
    """
    covered = _LOOK_BACK if wanted >= (seconds(inventory.logs.since) or 0.0) else ()
    others = [f for f in judged.findings if f.check != "soak" and not (f.check in covered and f.result is Result.FAIL)]
    fails = sum(f.result is Result.FAIL for f in others)
    unknown = sum(f.result is Result.ERROR for f in others)
    if fails:
        return f"{fails} check(s) fail, so there is no quiet to measure"
    return f"{unknown} check(s) could not be evaluated, so quiet would prove nothing" if unknown else ""
