"""The first cell: which cluster is this, is it the one that is meant, and into which run does the record go."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path
from typing import Any

from runbook.acting.authority import UNNAMED, authority
from runbook.acting.operatorlease import lease_ref, read_lease, refuse_if_held
from runbook.errors import InventoryError, ParameterError, RunFolderError
from runbook.evidence import Attempt, Redactor, Run, find_joinable
from runbook.evidence.amendments import in_force
from runbook.evidence.entries import INVENTORY
from runbook.inventory.load import InventoryFile
from runbook.settings import outputs_dir
from runbook.stage import identity
from runbook.stage.catalogues import Causes, causes_of
from runbook.stage.identity import Reached, reach, read_inventory, utc_now, who
from runbook.stage.observing import base_of
from runbook.stage.parameters import ACTING_STAGES, Parameters, check, environment_default, refuse_injected
from runbook.stage.setting import Setting
from runbook.stage.steps import Finish, Stage
from runbook.stage.telling import teller
from runbook.version import __version__

# A first cell that is run again in the same kernel goes on with its own attempt until that is recorded.
_OPEN: dict[str, Stage] = {}


def begin(stage: str, *, finish: Finish | None = None, **given: Any) -> Stage:
    """Check the parameters, reach and identify the cluster, open or join a run. Nothing is written before all of that.

    Raises UsageError and its kinds (exit 2): nothing was touched.
    """
    asked = _completed(check(stage, given))
    refuse_injected(stage)
    how = identity.how()
    if how == "replay":
        from runbook.stage.replaying import replayed_stage

        return replayed_stage(asked)
    file = read_inventory(asked.inventory)
    causes = causes_of(file)
    _confirmed(asked, file)
    outputs = outputs_dir(Path(asked.outputs) if asked.outputs else None)
    reached = reach(file, kubeconfig=asked.kubeconfig, context=asked.context)
    try:
        _refuse_wrong_authority(asked, file, reached)
        _refuse_second_operator(asked, file, reached)
        setting = _setting(asked, file, causes, reached, outputs, how)
    except BaseException:
        reached.client.close()
        raise
    setting.talk.action(
        stage, f"{setting.run.cluster} at {reached.client.server}, UID {reached.server.uid[:8]}, as {setting.who}"
    )
    setting.talk.action(stage, _mode(asked, file))
    before = _OPEN.get(stage)
    if before is not None:
        before.close()
    _OPEN[stage] = opened = Stage(setting, finish)
    return opened


def close_all() -> None:
    """Close the connections of every stage this process has opened."""
    while _OPEN:
        _OPEN.popitem()[1].close()


def _setting(
    asked: Parameters, file: InventoryFile, causes: Causes, reached: Reached, outputs: Path, how: str
) -> Setting:
    """A new attempt in the run to join or open, or the attempt of this very cell when it was not recorded yet."""
    before = _OPEN.get(asked.stage)
    if (
        before is not None
        and before.setting.asked == asked
        and before.result is None
        and before.setting.attempt.path.is_dir()
    ):
        before.setting.attempt.journal.append("noted", "the first cell was run again")
        return replace(before.setting, file=file, causes=causes, reached=reached)
    run, attempt = _enter(asked, file, causes, reached, outputs, how)
    entries = Run.load(run.path).stages
    started = next(s.started for s in entries if (s.stage, s.attempt) == (asked.stage, attempt.number)) or utc_now()
    return Setting(asked, file, run, attempt, started, how, who(), teller(how), causes, reached)


def _refuse_wrong_authority(asked: Parameters, file: InventoryFile, reached: Reached) -> None:
    """A CA file that cannot be meant is refused before anything else: a key, a leaf, another CA than the pinned one."""
    if asked.mode != "apply" or asked.stage != "registry-trust":
        return
    _, problem = authority(file.inventory, base_of(file), reached.now())
    if problem not in ("", UNNAMED):
        raise InventoryError(problem, field="registry.ca_file", hint="Nothing was touched.")


def _refuse_second_operator(asked: Parameters, file: InventoryFile, reached: Reached) -> None:
    """Before anything is opened: an apply beside another one is refused, and told who that is."""
    if asked.mode == "apply" and asked.stage in ACTING_STAGES and not asked.without_lease:
        held = read_lease(reached.client, lease_ref(file.inventory))
        refuse_if_held(held, "", reached.now())


def _completed(asked: Parameters) -> Parameters:
    return replace(
        asked,
        inventory=environment_default("inventory", asked.inventory),
        run=environment_default("run", asked.run),
        kubeconfig=environment_default("kubeconfig", asked.kubeconfig),
        context=environment_default("context", asked.context),
    )


def _confirmed(asked: Parameters, file: InventoryFile) -> None:
    cluster = file.inventory.cluster
    if asked.confirm and asked.confirm != cluster.name:
        raise ParameterError(f"{asked.confirm!r} is not the inventory's cluster {cluster.name!r}", field="confirm")
    if asked.mode == "apply" and not cluster.uid:
        raise ParameterError(
            "the inventory pins no UID, so this cluster can be planned for and never changed",
            field="cluster.uid",
            hint=f"`runbook inventory pin -i {file.path}` writes the UID of the cluster you are looking at.",
        )


def _mode(asked: Parameters, file: InventoryFile) -> str:
    if asked.mode == "apply" and asked.stage in ACTING_STAGES:
        return f"mode apply, confirmed for {asked.confirm}: what the plan proves necessary is done"
    pinned = "" if file.inventory.cluster.uid else "; the inventory pins no UID"
    return f"read-only: {'this stage changes nothing' if asked.mode == 'apply' else 'mode plan'}{pinned}"


def _enter(
    asked: Parameters, file: InventoryFile, causes: Causes, reached: Reached, outputs: Path, how: str
) -> tuple[Run, Attempt]:
    run = _run(asked, file, causes, reached, outputs, how)
    attempt = run.new_attempt(asked.stage)
    facts = {
        "cluster": file.inventory.cluster.name,
        "uid": reached.server.uid,
        "who": who(),
        "how": how,
        "soak": asked.soak,
    }
    attempt.journal.append("opened", asked.stage, mode=asked.mode, **facts)
    return run, attempt


def _run(asked: Parameters, file: InventoryFile, causes: Causes, reached: Reached, outputs: Path, how: str) -> Run:
    digest = causes.digest(file)
    if asked.run:
        return _joined(located(asked.run, outputs), file, digest, reached)
    found = None if how == "runner" else find_joinable(outputs, reached.server.uid, digest, utc_now)
    return found or _opened(file, causes, reached, outputs, how)


def located(name: str, outputs: Path) -> Path:
    """A run's folder by its path, or by its name below outputs."""
    path = Path(name).expanduser()
    return path if path.is_absolute() or path.is_dir() else outputs / name


def _joined(path: Path, file: InventoryFile, digest: str, reached: Reached) -> Run:
    run = Run.load(path)
    if run.facts["uid"] != reached.server.uid:
        raise RunFolderError(
            f"{path.name} is a run of another cluster: UID {str(run.facts['uid'])[:8]}, this one is {reached.server.uid[:8]}",
            hint="Leave `run` empty to open a new one.",
        )
    if in_force(run, utc_now())[1] != digest:
        raise RunFolderError(
            f"{file.path.name}{' or a file of its causes' if file.inventory.causes else ''} was edited since {path.name} began: what should be true has changed",
            hint=f"Leave `run` empty, or say so: runbook inventory amend {path.name} -i {file.path} --why …",
        )
    return run


def _opened(file: InventoryFile, causes: Causes, reached: Reached, outputs: Path, how: str) -> Run:
    inventory, redactor = file.inventory, Redactor()
    run = Run.open(
        outputs,
        cluster=inventory.cluster.name,
        uid=reached.server.uid,
        server=reached.client.server,
        inventory_digest=causes.digest(file),
        inventory_path=str(file.path),
        who=who(),
        how=how,
        tool_version=__version__,
        time_scale=reached.scale,
        now=utc_now,
        context=reached.client.context,
        user=reached.client.user,
        rehearsal=inventory.cluster.rehearsal,
        resolve=dict(inventory.resolve),
        ticket=inventory.ticket.model_dump(),
        versions={"kubernetes": reached.server.version, "python": platform.python_version()},
    )
    run.keep_inventory(redactor.text(file.text))
    causes.keep(run.path / INVENTORY)
    return run
