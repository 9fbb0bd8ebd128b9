"""Take an edited inventory into a run: of the same cluster, with who and why, and with the diff kept."""

from __future__ import annotations

from pathlib import Path

from runbook.errors import ParameterError, RunFolderError
from runbook.evidence import Redactor, Run
from runbook.evidence.amendments import amend
from runbook.stage.catalogues import causes_of
from runbook.stage.identity import read_inventory, utc_now, who


def amend_inventory(run_path: Path, inventory: Path, *, why: str, by: str = "") -> Path | None:
    """The diff's file, or None when nothing is different. `by` is who edited it, when that is not the operator.

    Raises InventoryError, RunFolderError, ParameterError: nothing was changed then.
    """
    if not why.strip():
        raise ParameterError("say why something else should be true now", field="--why")
    file, run = read_inventory(str(inventory)), Run.load(run_path)
    cluster = file.inventory.cluster
    if cluster.uid != str(run.facts["uid"]) or cluster.name != run.cluster:
        raise RunFolderError(
            f"{inventory.name} speaks of {cluster.name} with UID {cluster.uid[:8] or '(none)'}, {run_path.name} is a run "
            f"of {run.cluster} with UID {str(run.facts['uid'])[:8]}",
            hint="An inventory of another cluster opens a run of its own.",
        )
    causes = causes_of(file)
    diff = amend(run, Redactor().text(file.text), causes.digest(file), who=by or who(), why=why, when=utc_now())
    if diff is not None:
        causes.keep(diff.with_suffix(".yaml"))
    return diff
