"""The steps of one stage, each safe to run again: observe · check · plan · apply · prove · explain · record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from runbook.display import Paragraph, Shown, Stack, actions_table, card, first_causes
from runbook.display.extent import extent
from runbook.errors import VerdictFailed
from runbook.evidence import Observed, read_journal
from runbook.evidence.acts import acts_of, last_number, with_list_notes
from runbook.model import Action, StageResult, Verdict
from runbook.stage import showing
from runbook.stage.identity import utc_now
from runbook.stage.judging import Judged, judge
from runbook.stage.parameters import ACTING_STAGES
from runbook.stage.setting import Setting

Finish = Callable[["Stage", StageResult], None]


@dataclass
class Stage:
    """One attempt of a stage, stepped through. Each step does what is missing before it, and can be run again."""

    setting: Setting
    finish: Finish | None = None
    observed: Observed | None = None
    judged: Judged | None = None
    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()
    planned_at: float | None = None
    acted: bool = False
    proved: bool = False
    timings: dict[str, float] = field(default_factory=dict)
    redactions: dict[str, int] = field(default_factory=dict)
    result: StageResult | None = None

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.setting.asked.stage

    @property
    def _acts(self) -> bool:
        return self.setting.asked.mode == "apply" and self.name in ACTING_STAGES

    def observe(self) -> Shown:
        """Look at everything the stage needs. Run again, it looks again, and what was concluded before is dropped."""
        from runbook.stage.observing import look

        with self._step("observe"):
            self.judged, self.notes, self.planned_at, self.proved = None, (), None, False
            self.actions = self.actions if self.acted else ()
            self.observed = look(self.setting)
            self.redactions = self.observed.redactions
        return showing.observed(self.observed)

    def check(self) -> Shown:
        """Ask every check of the stage, purely, about what was observed."""
        judged = self._judge()
        showing.tell_tally(self.setting.talk, judged)
        return showing.checked(self.name, judged)

    def plan(self) -> Shown:
        """What would be done, why, what it touches, how it is undone, and what stands in the way."""
        from runbook import actions

        judged = self.judged or self._judge()
        with self._step("plan"):
            inventory = self.setting.file.inventory
            found = actions.plan(self.name, judged.snapshot, judged.findings, judged.explanation, inventory)
            done = tuple(a for a in self.actions if a.outcome != "planned") if self.acted else ()
            planned = tuple(replace(a, id=f"A{n}") for n, a in enumerate(found, 1 + self._taken()))
            self.actions = (*done, *planned)
            self.notes = actions.notes(self.name, judged.snapshot, inventory)
            self.planned_at = time.monotonic()
        return Stack(actions_table(planned, caption="Plan"), *(Paragraph(note) for note in self.notes))

    def apply(self) -> Shown:
        """Do what was planned, on proof and in order. Run again, it looks again first. In plan mode nothing is done."""
        if not self._acts:
            return showing.not_applied(self.actions, acting=self.name in ACTING_STAGES)
        if self.setting.how == "replay":
            recorded = self.setting.attempt.read_result()
            self.actions, self.notes = recorded.actions, recorded.notes
        else:
            self._apply()
        self.acted = True
        return showing.applied(self.actions, self.notes)

    def _apply(self) -> None:
        from runbook.stage import applying

        if self.acted or self.planned_at is None:
            self.observe()
            self.plan()
        assert self.judged is not None
        assert self.planned_at is not None
        planned = tuple(a for a in self.actions if a.outcome == "planned")
        with self._step("apply"):
            try:
                applied = applying.apply(self.setting, self.judged, planned, self.planned_at, self._taken())
                self.notes = (*self.notes, *applied.notes)
            finally:
                self.acted, self.planned_at = True, None
                self.actions = acts_of(read_journal(self.setting.attempt.journal.path).entries) or self.actions

    def _taken(self) -> int:
        """The last number that an act of this attempt has, also one that vanished before its turn came."""
        return last_number(acts_of(read_journal(self.setting.attempt.journal.path).entries)) if self.acted else 0

    def prove(self) -> Shown:
        """Measure again what was done. Verify measures quiet here, and then looks a second time."""
        from runbook.stage import proving

        judged = self.judged or self._judge()
        with self._step("prove"):
            look_again = proving.prove_acts if self.acted else proving.prove
            self.observed, self.judged, shown = look_again(self.setting, self.observed, judged)
            self.proved = True
        return shown

    def explain(self) -> Shown:
        """First causes of everything that is red, and what was asked about them."""
        from runbook.stage.closer import closer

        judged = self.judged or self._judge()
        if judged.explanation is None:
            return Paragraph(f"{self.name} does not walk reds to their causes; 50-diagnose does.")
        ladder = first_causes(judged.explanation, extent(judged.snapshot))
        return Stack(ladder, closer(judged.snapshot, judged.explanation))

    def record(self) -> Shown:
        """Write the result, then fail visibly: the verdict is raised last, after everything is on disk.

        Raises VerdictFailed outside of Lab when the verdict is fail or error, or waived without `allow_waived`.
        """
        if self.planned_at is None and not self.acted:
            self.plan()
        if self.acted and not self.proved:
            self.prove()
        judged = self.judged or self._judge()
        self.result = self._result(judged)
        if self.setting.how == "replay":
            showing.refuse_difference(self.setting.attempt.read_result(), self.result)
            self.result = self.setting.attempt.read_result()
        else:
            self._write(judged, self.result)
            if self.finish is not None:
                self.finish(self, self.result)
        shown = card(self.result, self.setting.run.as_json())
        self._raise_verdict(self.result, shown)
        return shown

    def _judge(self) -> Judged:
        if self.observed is None:
            self.observe()
        assert self.observed is not None
        with self._step("check"):
            self.judged = judge(
                self.name,
                self.observed.snapshot,
                self.setting.file.inventory,
                today=self.setting.started.date(),
                operator=self.setting.who,
                catalogue=self.setting.causes.catalogue,
            )
        return self.judged

    def _result(self, judged: Judged) -> StageResult:
        return StageResult(
            stage=self.name,
            attempt=self.setting.attempt.number,
            mode="apply" if self._acts else "plan",
            verdict=judged.verdict,
            started=self.setting.started,
            ended=utc_now(),
            cluster_time=judged.snapshot.observed_at,
            findings=judged.findings,
            criteria=judged.criteria,
            explanation=judged.explanation,
            actions=self.actions,
            redactions=self.redactions,
            timings=dict(self.timings),
            time_scale=self.setting.reached.scale if self.setting.reached else 1.0,
            notes=with_list_notes(self.notes, self.setting.attempt.journal),
        )

    def _write(self, judged: Judged, result: StageResult) -> None:
        assert self.observed is not None
        keep = judged.remarkable | {a.object for a in self.actions}
        self.observed = self.observed.compact(keep)
        self.setting.attempt.write_result(result)
        self.setting.attempt.journal.append("recorded", "result", verdict=result.verdict.value)

    def _raise_verdict(self, result: StageResult, shown: Any) -> None:
        if self.setting.how in ("lab", "replay"):
            return
        code = result.verdict.exit_code(allow_waived=self.setting.asked.allow_waived)
        if code:
            showing.show(shown)
            word = "not evaluated" if result.verdict is Verdict.ERROR else result.verdict.value
            raise VerdictFailed(
                f"{self.name}: {word}. Everything is recorded in {self.setting.attempt.path}", exit_code=code
            )

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        """Journal and time one step; a replay writes nothing."""
        journal = None if self.setting.how == "replay" else self.setting.attempt.journal
        began = time.monotonic()
        if journal:
            journal.append("intended", what)
        try:
            yield
        except KeyboardInterrupt:
            if journal:
                journal.append("interrupted", what)
            raise
        except Exception as error:
            if journal:
                journal.append("failed", what, why=type(error).__name__)
            raise
        took = round(time.monotonic() - began, 3)
        self.timings[what] = round(self.timings.get(what, 0.0) + took, 3) if what == "prove" else took
        if journal:
            journal.append("done", what, seconds=took)

    def close(self) -> None:
        """Close the connections to the cluster; the record stays what it is."""
        if self.setting.reached is not None:
            self.setting.reached.client.close()

    def html(self) -> str:
        """Which cluster, whose, where: what the first cell shows."""
        return showing.where(self.setting).html()

    _repr_html_ = html

    def text(self) -> str:
        """The same as text."""
        return showing.where(self.setting).text()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {"text/html": self.html(), "text/plain": self.text()}
