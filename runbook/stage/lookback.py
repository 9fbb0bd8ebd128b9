"""The last stage looks back on a recorded run. It cannot reach a cluster: it is given a folder and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook import retrospective
from runbook.display import (
    CauseMoves,
    Shown,
    Stack,
    Table,
    TicketBlock,
    believed_table,
    card,
    follow_ups_table,
    impact_paragraph,
    provenance,
    timeline_table,
)
from runbook.display.foretold import foretold_table
from runbook.errors import NotBuiltError, RunFolderError, VerdictFailed
from runbook.evidence import Attempt, Run, check_seal, list_runs, seal
from runbook.evidence.entries import MANIFEST, StageEntry
from runbook.model import Finding, ObjectRef, Result, StageResult, verdict_of
from runbook.settings import outputs_dir
from runbook.stage import identity
from runbook.stage.identity import utc_now, who
from runbook.stage.opening import located
from runbook.stage.parameters import check, environment_default, refuse_injected
from runbook.stage.showing import show
from runbook.version import __version__

Finish = Callable[["LookBack", StageResult], None]


@dataclass
class LookBack:
    """A retrospective, stepped through: what was recorded, what changed, what was believed, what is left to do."""

    read: Run
    run: Run
    attempt: Attempt
    started: datetime
    how: str
    finish: Finish | None = None
    results: list[StageResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    result: StageResult | None = None

    def observe(self) -> Shown:
        """Read every attempt of the run, and whether it still is what was sealed."""
        self.results, self.findings = [], [_sealed(self.read)]
        for entry in self.read.stages:
            attempt = Attempt(self.read.path, entry.stage, entry.attempt)
            try:
                self.results.append(attempt.read_result())
                self.findings.append(_readable(entry, Result.PASS, "its result can be read"))
            except RunFolderError as error:
                self.findings.append(_readable(entry, Result.ERROR, error.message))
        return Table(
            f"Attempts of {self.read.path.name}",
            ("Stage", "Attempt", "Verdict", "Ended", "Report"),
            [_row(entry) for entry in self.read.stages],
        )

    @property
    def story(self) -> retrospective.Retrospective:
        """The retrospective as data. Raises RunFolderError when nothing was recorded."""
        if not self.results:
            self.observe()
        try:
            return retrospective.review(self.results)
        except ValueError as error:
            raise RunFolderError(f"{self.read.path.name}: {error}") from error

    def check(self) -> Shown:
        """The cause that changed, with what was done between, how many each one held, and what had been foretold."""
        return Stack(CauseMoves(self.story), impact_paragraph(self.story), foretold_table(self.story))

    def explain(self) -> Shown:
        """Everything that is known to have happened, by the cluster's clock."""
        return timeline_table(self.story)

    def prove(self) -> Shown:
        """Ticked boxes on the left, what was measured on the right."""
        return believed_table(self.story)

    def plan(self) -> Shown:
        """What is left to do, who owns it and until when, and the block for the ticket."""
        return Stack(follow_ups_table(self.story), TicketBlock(self.story))

    def record(self) -> Shown:
        """Write the look back into a run folder of its own. It fails only when the record it read is not whole."""
        story = self.story
        self.result = StageResult(
            stage="retrospective",
            attempt=self.attempt.number,
            mode="plan",
            verdict=verdict_of(self.findings),
            started=self.started,
            ended=utc_now(),
            cluster_time=story.last.cluster_time,
            findings=tuple(self.findings),
            criteria=(),
            explanation=None,
            actions=(),
            time_scale=story.last.time_scale,
            notes=tuple(CauseMoves(story).sentences()),
        )
        self.attempt.write_result(self.result)
        self.attempt.journal.append("recorded", "result", verdict=self.result.verdict.value)
        if self.finish is not None:
            self.finish(self, self.result)
        shown = card(self.result, self.run.as_json())
        code = self.result.verdict.exit_code()
        if code and self.how != "lab":
            show(shown)
            raise VerdictFailed(
                f"the record of {self.read.path.name} is not whole; see {self.attempt.path}", exit_code=code
            )
        return shown

    def html(self) -> str:
        """Which run is read, and where this look back is kept."""
        return self._where().html()

    def text(self) -> str:
        """The same as text."""
        return self._where().text()

    def _where(self) -> Table:
        more = {"looks_back_on": self.read.path.name, "record": f"{self.run.path.name}/{self.attempt.path.name}"}
        return provenance(self.run.as_json(), None, **more)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {"text/html": self.html(), "text/plain": self.text()}


def look_back(*, finish: Finish | None = None, **given: Any) -> LookBack:
    """Open a look back on a run (the newest one when none is named), sealing that run first if nobody did.

    Raises ParameterError or RunFolderError (exit 2) when there is no such run or it cannot be read.
    """
    asked = check("retrospective", given)
    refuse_injected("retrospective")
    how = identity.how()
    if how == "replay":
        raise NotBuiltError(
            "a look back is not replayed: it reads records, run it again instead", field="RUNBOOK_REPLAY"
        )
    outputs = outputs_dir(Path(asked.outputs) if asked.outputs else None)
    read = _read(environment_default("run", asked.run), outputs)
    if not read.sealed:
        seal(read)
        read = Run.load(read.path)
    run = Run.open(
        outputs,
        cluster=read.cluster,
        uid=str(read.facts["uid"]),
        server="none: a look back cannot reach a cluster",
        inventory_digest=str(read.facts["inventory_digest"]),
        inventory_path=str(read.facts.get("inventory_path", "")),
        who=who(),
        how=how,
        tool_version=__version__,
        time_scale=float(read.facts.get("time_scale", 1.0)),
        now=utc_now,
        rehearsal=bool(read.facts.get("rehearsal")),
        looks_at=read.path.name,
        looks_at_path=str(read.path),
    )
    attempt = run.new_attempt("retrospective")
    attempt.journal.append("opened", "retrospective", looks_at=read.path.name, who=who(), how=how)
    return LookBack(read, run, attempt, utc_now(), how, finish)


def _read(name: str, outputs: Path) -> Run:
    if name:
        return Run.load(located(name, outputs))
    newest = next((r for r in list_runs(outputs) if any(s.stage != "retrospective" for s in r.stages)), None)
    if newest is None:
        raise RunFolderError(f"{outputs} holds no run to look back on", hint="Set `run` to a run's folder.")
    return newest


def _sealed(run: Run) -> Finding:
    problems = check_seal(run)
    facts = {"manifest": (run.path / MANIFEST).is_file(), "problems": list(problems)}
    ref = ObjectRef("Run", "", run.path.name)
    if problems:
        return Finding(
            "record-sealed", ref, Result.FAIL, f"changed since it was sealed: {problems[0]}", problems[:20], facts
        )
    return Finding("record-sealed", ref, Result.PASS, "every file is as it was when it was sealed", (), facts)


def _readable(entry: StageEntry, result: Result, reason: str) -> Finding:
    return Finding("record-whole", ObjectRef("Attempt", entry.stage, entry.path), result, reason)


def _row(entry: StageEntry) -> tuple[str, ...]:
    verdict = entry.verdict.value if entry.verdict else "not recorded"
    ended = entry.ended.strftime("%Y-%m-%dT%H:%M:%SZ") if entry.ended else ""
    return entry.stage, str(entry.attempt), verdict, ended, f"{entry.path}/report.html"
