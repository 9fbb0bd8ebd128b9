"""Deletes every pod that carries the label `victim`, through the whole of Apply; its parent kills it in the middle."""

from __future__ import annotations

import sys
from typing import Any

from runbook import actions
from runbook.domain.pods import Pod
from runbook.model import Action, Snapshot
from runbook.stage import begin


def plan(stage: str, snapshot: Snapshot, *_rest: Any) -> tuple[Action, ...]:
    """One deletion for each victim, whatever its state."""
    found = [p for p in snapshot.seen(Pod) if p.metadata.label("victim")]
    return tuple(
        Action(
            id=f"A{n}",
            kind="delete-pod",
            object=p.ref,
            reason="a victim",
            undo="none",
            command="",
            uid=p.metadata.uid,
            resource_version=p.metadata.resource_version,
        )
        for n, p in enumerate(sorted(found, key=lambda p: p.metadata.name), 1)
    )


def main() -> None:
    inventory, kubeconfig, outputs, run = sys.argv[1:]
    actions.plan = plan
    stage = begin(
        "cleanup",
        inventory=inventory,
        kubeconfig=kubeconfig,
        outputs=outputs,
        run=run,
        mode="apply",
        confirm="pair",
        without_lease="yes",
    )
    stage.plan()
    sys.stdout.write(f"{stage.setting.attempt.path}\n")
    sys.stdout.flush()  # what follows is Apply alone: the parent's clock starts here
    stage.apply()


if __name__ == "__main__":
    main()
