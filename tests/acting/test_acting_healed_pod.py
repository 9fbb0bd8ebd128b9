"""A pod that came up between the plan and its deletion is left alone, whatever the API would allow."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.acting.hands import NotDone
from runbook.actions.delete_pod import _refuse_healed


def pod(state: dict[str, Any], phase: str = "Pending") -> dict[str, Any]:
    status = {
        "name": "app",
        "image": "web:1",
        "imageID": "",
        "ready": "running" in state,
        "restartCount": 0,
        "state": state,
    }
    return {
        "metadata": {"name": "web-1", "namespace": "notes", "uid": "u", "resourceVersion": "7"},
        "spec": {"containers": [{"name": "app", "image": "web:1"}]},
        "status": {"phase": phase, "containerStatuses": [status]},
    }


@pytest.mark.parametrize(
    "seen",
    [
        pod({"running": {"startedAt": "2025-10-17T11:14:00Z"}}, "Running"),
        pod({"waiting": {"reason": "ContainerCreating"}}),
    ],
    ids=["running", "on its way"],
)
def test_what_is_no_longer_stuck_is_not_deleted(seen: dict[str, Any]) -> None:
    with pytest.raises(NotDone, match="no longer stuck"):
        _refuse_healed(seen)


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "ErrImagePull"])
def test_what_still_waits_may_go(reason: str) -> None:
    _refuse_healed(pod({"waiting": {"reason": reason, "message": "…"}}))


def test_what_has_failed_may_go() -> None:
    _refuse_healed(pod({"terminated": {"exitCode": 1}}, "Failed"))
