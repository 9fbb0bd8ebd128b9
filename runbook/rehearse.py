"""One night on the embedded cluster: its frames, the stages of each, one run folder, and the look back at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook.display import Talk
from runbook.domain.durations import human
from runbook.embedded import EmbeddedCluster
from runbook.errors import InterruptedRun
from runbook.inventory.load import load
from runbook.runner import READ_ONLY, Acting, StageOutcome, run_stage, warm_kernels
from runbook.sequence import RunOutcome, between, finish
from runbook.settings import outputs_dir
from runbook.stage import amend_inventory
from runbook.stage.stages import STAGES

# Usage errors, deadlines and interrupts end the night; a red stage does not: red is what the night is about.
_ENDS = (2, 124, 130, 143)


def rehearse(
    *,
    scenario: str,
    time_scale: float,
    ending: str,
    outputs: Path | None,
    allow_waived: bool = False,
    edits: str = "all",
) -> RunOutcome:
    """Live the night through; the outcome's exit code is its run's verdict. `edits`: which acts of the person are done.

    Raises ScenarioError for a scenario that cannot be read, or that has no such ending.
    """
    talk, began, folder = Talk(), time.monotonic(), outputs_dir(outputs)
    talk.action("rehearse", f"embedded cluster, scenario {scenario}, {time_scale:g} times as fast")
    with warm_kernels(*STAGES), EmbeddedCluster(scenario, time_scale=time_scale, ending=ending, edits=edits) as cluster:
        ready = cluster.ready
        talk.success(
            "cluster",
            f"ready in {time.monotonic() - began:.1f} s: {ready['nodes']} node(s), {ready['releases']} releases, "
            f"ending {ready['ending']}. Nothing of yours is touched.",
        )
        outcome = _Night(cluster, folder, talk, allow_waived).live()
    _say_how_it_ended(outcome, folder, talk, time.monotonic() - began)
    return outcome


@dataclass
class _Night:
    """One night in one run folder, which its first stage opens."""

    cluster: EmbeddedCluster
    outputs: Path
    talk: Talk
    allow_waived: bool
    run_path: Path | None = None

    def live(self) -> RunOutcome:
        """Frame by frame; the person of the scenario acts between them."""
        last: StageOutcome | None = None
        for frame in self.cluster.frames:
            self.talk.waiting("night", f"until {frame.name}")
            try:
                if not self.cluster.wait_for_frame(self._hear):
                    break
            except (InterruptedRun, KeyboardInterrupt) as error:
                if self.run_path is None:
                    raise
                return self._finish(between(error, self.talk))
            self.talk.success("night", f"{frame.name} has come")
            for stage in frame.stages:
                last = self._stage(stage, acts=frame.acts)
                if last.exit_code in _ENDS:
                    return self._finish(last)
            self.cluster.proceed()
        assert last is not None
        outcome = self._finish(last)
        looked = self._look_back(self.run_path) if self.run_path is not None else None
        if looked is not None and looked.exit_code != looked.verdict.exit_code():  # stopped, or without its page
            return replace(outcome, exit_code=looked.exit_code)
        return outcome

    def _stage(self, stage: str, *, acts: bool) -> StageOutcome:
        outcome = run_stage(
            stage,
            inventory=self.cluster.inventory,
            outputs=self.outputs,
            run=self.run_path,
            kubeconfig=str(self.cluster.kubeconfig),
            talk=self.talk,
            allow_waived=self.allow_waived,
            acting=self._acting() if acts else READ_ONLY,
        )
        self.run_path = outcome.attempt_path.parent if outcome.attempt_path else self.run_path
        return outcome

    def _acting(self) -> Acting:
        """The rehearsal types the name of its own cluster; nobody else's can be reached from here."""
        return Acting(confirm=load(self.cluster.inventory, today=datetime.now(UTC).date()).inventory.cluster.name)

    def _finish(self, last: StageOutcome) -> RunOutcome:
        return finish(self.run_path, last, self.outputs, self.talk, allow_waived=self.allow_waived)

    def _look_back(self, run_path: Path) -> RunOutcome | None:
        """90-retrospective reads the sealed run and cannot reach the cluster; it has a run folder of its own."""
        outcome = run_stage(
            "retrospective", inventory=self.cluster.inventory, outputs=self.outputs, run=run_path, talk=self.talk
        )
        if outcome.attempt_path is None:
            return None
        return finish(outcome.attempt_path.parent, outcome, self.outputs, self.talk)

    def _hear(self, event: dict[str, Any]) -> None:
        """The person of the scenario tells what they do; an edited inventory becomes part of the run, with its diff."""
        if event.get("event") == "person":
            self.talk.action("person", str(event.get("did")))
        elif event.get("event") == "inventory" and self.run_path is not None:
            diff = amend_inventory(self.run_path, Path(event["path"]), why=str(event["why"]), by=str(event["who"]))
            if diff is not None:
                self.talk.generate("inventory", f"{diff}")


def _say_how_it_ended(outcome: RunOutcome, folder: Path, talk: Talk, took: float) -> None:
    talk.generate("report", f"{outcome.run_path / 'index.html'}")
    talk.generate("archive", f"{folder / 'index.html'}")
    say = talk.success if outcome.exit_code == 0 else talk.warning if outcome.exit_code == 4 else talk.failure
    say("rehearse", f"verdict {outcome.verdict}, exit {outcome.exit_code}, in {human(took)}")
