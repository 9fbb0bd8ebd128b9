"""The steps of one stage, each safe to run again: observe · check · plan · apply · prove · explain · record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from runbook.display import Paragraph, Shown, Stack, actions_table, card, first_causes
from runbook.errors import VerdictFailed
from runbook.evidence import Attempt, Observed, Run
from runbook.inventory.load import InventoryFile
from runbook.model import Action, StageResult, Verdict
from runbook.stage import showing
from runbook.stage.identity import Reached, utc_now
from runbook.stage.judging import Judged, judge
from runbook.stage.parameters import Parameters
from runbook.stage.telling import Teller

Finish = Callable[["Stage", StageResult], None]


@dataclass(frozen=True)
class Setting:
    """Where a stage stands: what was asked, of which cluster, into which run."""

    asked: Parameters
    file: InventoryFile
    run: Run
    attempt: Attempt
    started: datetime
    how: str
    who: str
    talk: Teller
    reached: Reached | None = None


@dataclass
class Stage:
    """One attempt of a stage, stepped through. Each step does what is missing before it, and can be run again."""

    setting: Setting
    finish: Finish | None = None
    observed: Observed | None = None
    judged: Judged | None = None
    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()
    planned: bool = False
    proved: bool = False
    timings: dict[str, float] = field(default_factory=dict)
    redactions: dict[str, int] = field(default_factory=dict)
    result: StageResult | None = None

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.setting.asked.stage

    def observe(self) -> Shown:
        """Look at everything the stage needs. Run again, it looks again, and what was concluded before is dropped."""
        from runbook.stage.observing import look

        with self._step("observe"):
            self.judged, self.actions, self.notes, self.planned, self.proved = None, (), (), False, False
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
            asked = (self.name, judged.snapshot, judged.findings, judged.explanation, self.setting.file.inventory)
            self.actions, self.notes, self.planned = actions.plan(*asked), actions.left_alone(*asked), True
        return Stack(actions_table(self.actions, caption="Plan"), *(Paragraph(note) for note in self.notes))

    def apply(self) -> Shown:
        """Do what was planned. In plan mode, the only one of this version, nothing is done, and it is said."""
        ready = sum(not a.requires for a in self.actions)
        waiting = len(self.actions) - ready
        return Paragraph(
            f"Mode plan: nothing was changed. {ready} act(s) could be done now by a person, {waiting} wait(s) for "
            "something named in the plan."
        )

    def prove(self) -> Shown:
        """Measure again what was done. Verify measures quiet here, and then looks a second time."""
        from runbook.stage import proving

        judged = self.judged or self._judge()
        with self._step("prove"):
            self.observed, self.judged, shown = proving.prove(self.setting, self.observed, judged)
            self.proved = True
        return shown

    def explain(self) -> Shown:
        """First causes of everything that is red."""
        judged = self.judged or self._judge()
        if judged.explanation is None:
            return Paragraph(f"{self.name} does not walk reds to their causes; 50-diagnose does.")
        return first_causes(judged.explanation)

    def record(self) -> Shown:
        """Write the result, then fail visibly: the verdict is raised last, after everything is on disk.

        Raises VerdictFailed outside of Lab when the verdict is fail or error, or waived without `allow_waived`.
        """
        if not self.planned:
            self.plan()
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
            )
        return self.judged

    def _result(self, judged: Judged) -> StageResult:
        return StageResult(
            stage=self.name,
            attempt=self.setting.attempt.number,
            mode=self.setting.asked.mode,
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
            notes=self.notes,
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
            from runbook.stage.showing import show

            show(shown)
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

    def text(self) -> str:
        """The same as text."""
        return showing.where(self.setting).text()

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {"text/html": self.html(), "text/plain": self.text()}


def adjusted(result: StageResult, recorded: StageResult) -> StageResult:
    """A replayed result with the times, cuts and figures of the night, so that only answers are compared."""
    return replace(
        result,
        started=recorded.started,
        ended=recorded.ended,
        timings=recorded.timings,
        redactions=recorded.redactions,
        time_scale=recorded.time_scale,
        attempt=recorded.attempt,
    )
