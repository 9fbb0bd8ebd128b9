"""One night on the embedded cluster: its frames, the stages of each, one run folder, and the look back at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runbook.display import Talk
from runbook.domain.durations import human
from runbook.embedded import EmbeddedCluster
from runbook.errors import InterruptedRun, NotBuiltError
from runbook.runner import StageOutcome, run_stage
from runbook.sequence import RunOutcome, between, finish
from runbook.settings import outputs_dir

# Usage errors, deadlines and interrupts end the night; a red stage does not: red is what the night is about.
_ENDS = (2, 124, 130, 143)


def rehearse(*, scenario: str, time_scale: float, ending: str, outputs: Path | None) -> RunOutcome:
    """Live the night through; the outcome's exit code is its run's verdict.

    Raises NotBuiltError for the ending `healed`, ScenarioError for a scenario that cannot be read.
    """
    if ending == "healed":
        raise NotBuiltError(
            "the ending `healed` acts on the cluster, and acting is not built yet",
            field="--ending",
            hint="runbook rehearse --ending seed lives the night through read-only, to its own red end.",
        )
    talk, began, folder = Talk(), time.monotonic(), outputs_dir(outputs)
    talk.action("rehearse", f"embedded cluster, scenario {scenario}, {time_scale:g} times as fast, ending {ending}")
    with EmbeddedCluster(scenario, time_scale=time_scale) as cluster:
        ready = cluster.ready
        talk.success(
            "cluster",
            f"ready in {time.monotonic() - began:.1f} s: {ready['nodes']} node(s), {ready['releases']} releases. "
            "Nothing of yours is touched.",
        )
        outcome = _live(cluster, folder, talk)
    _say_how_it_ended(outcome, folder, talk, time.monotonic() - began)
    return outcome


def _live(cluster: EmbeddedCluster, folder: Path, talk: Talk) -> RunOutcome:
    run_path: Path | None = None
    last: StageOutcome | None = None
    for frame in cluster.frames:
        talk.waiting("night", f"until {frame.name}")
        try:
            if not cluster.wait_for_frame(_teller(talk)):
                break
        except (InterruptedRun, KeyboardInterrupt) as error:
            if run_path is None:
                raise
            return finish(run_path, between(error, talk), folder, talk)
        talk.success("night", f"{frame.name} has come")
        for stage in frame.stages:
            last = _stage(stage, cluster, folder, run_path, talk)
            run_path = last.attempt_path.parent if last.attempt_path else run_path
            if last.exit_code in _ENDS:
                return finish(run_path, last, folder, talk)
        cluster.proceed()
    assert last is not None
    outcome = finish(run_path, last, folder, talk)
    if run_path is not None:
        _look_back(run_path, cluster, folder, talk)
    return outcome


def _stage(stage: str, cluster: EmbeddedCluster, folder: Path, run_path: Path | None, talk: Talk) -> StageOutcome:
    return run_stage(
        stage,
        inventory=cluster.inventory,
        outputs=folder,
        run=run_path,
        kubeconfig=str(cluster.kubeconfig),
        talk=talk,
    )


def _look_back(run_path: Path, cluster: EmbeddedCluster, folder: Path, talk: Talk) -> None:
    """90-retrospective reads the sealed run and cannot reach the cluster; it has a run folder of its own."""
    outcome = run_stage("retrospective", inventory=cluster.inventory, outputs=folder, run=run_path, talk=talk)
    if outcome.attempt_path is not None:
        finish(outcome.attempt_path.parent, outcome, folder, talk)


def _teller(talk: Talk) -> Callable[[dict[str, Any]], None]:
    def tell(event: dict[str, Any]) -> None:
        if event.get("event") == "person":
            talk.action("person", str(event.get("did")))

    return tell


def _say_how_it_ended(outcome: RunOutcome, folder: Path, talk: Talk, took: float) -> None:
    talk.generate("report", f"{outcome.run_path / 'index.html'}")
    talk.generate("archive", f"{folder / 'index.html'}")
    word = "as this ending means to show" if outcome.exit_code == 3 else "which this ending does not mean to show"
    talk.failure("rehearse", f"verdict {outcome.verdict}, {word}, in {human(took)}")
