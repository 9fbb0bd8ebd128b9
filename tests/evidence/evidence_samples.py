"""Results, observations and secrets that several tests of the record use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from runbook.domain.kinds import decode
from runbook.domain.probes import EndpointProbe
from runbook.evidence import Run
from runbook.model import (
    Action,
    Criterion,
    Explained,
    Explanation,
    Finding,
    FirstCause,
    Gap,
    Hypothesis,
    NextAct,
    ObjectRef,
    Result,
    Snapshot,
    StageResult,
    Unexplained,
    Verdict,
    Waiver,
)

NOW = datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)
RELEASE = ObjectRef("HelmRelease", "triager", "ccbot")
SEALED = ObjectRef("SealedSecret", "triager", "ccbot-secrets")


def waiver() -> Waiver:
    return Waiver("W1", "releases-ready", "*", "becker", "TASK-006", date(2025, 10, 31), "agreed", self_approved=True)


def result(**changes: Any) -> StageResult:
    explanation = Explanation(
        NOW.replace(microsecond=123456),
        "beckerkube",
        (
            FirstCause(
                "sealed-secret-key-mismatch", SEALED, "fact", "no key could decrypt secret (password)",
                (Explained(SEALED, "self"), Explained(RELEASE, "caused-by", ("Secret/triager/ccbot", "Pod/triager/x"))),
                NextAct("restore the sealing keys", "kubectl apply -f keys.yaml", False), 412, False, "", {"key": "password"},
            ),
            FirstCause(
                "helm-values", RELEASE, "hypothesis", "values", (), NextAct("look"), None, True, "kubectl describe"
            ),
        ),
        (Unexplained(ObjectRef("HelmRelease", "m", "frontend"), "stale", (Hypothesis("a", "b", "c"),)),),
        (Gap("pods/log in flux-system", "403 Forbidden", "get pods/log"),),
    )  # fmt: skip
    values: dict[str, Any] = {
        "stage": "verify",
        "attempt": 2,
        "mode": "plan",
        "verdict": Verdict.FAIL,
        "started": NOW,
        "ended": NOW + timedelta(seconds=2, microseconds=5),
        "cluster_time": NOW - timedelta(hours=6),
        "findings": (
            Finding("releases-ready", RELEASE, Result.WARN, "not ready", ("a", "b"), {"n": 1, "at": "x"}, waiver()),
            Finding("soak", ObjectRef("Cluster", "", "beckerkube"), Result.ERROR, "not measured"),
        ),
        "criteria": (
            Criterion("A4", "All HelmReleases", Result.FAIL, 16, 27, "eleven do not", ("releases-ready",), "acceptance", True, (waiver(),)),
        ),
        "explanation": explanation,
        "actions": (Action("A1", "delete-job", ObjectRef("Job", "ffl", "migrate"), "stuck", "none", "kubectl delete", requires=("a",)),),
        "redactions": {"jwt": 1},
        "timings": {"observe": 1.5},
        "time_scale": 60.0,
        "notes": ("left alone",),
    }  # fmt: skip
    return StageResult(**{**values, **changes})


@dataclass(frozen=True)
class Seen:
    """An observation as the clients hand it over."""

    snapshot: Snapshot
    raw: Mapping[str, tuple[bytes, ...]]


def seen(*items: dict[str, Any], gaps: Mapping[str, Gap] | None = None, probes: tuple[Any, ...] = ()) -> Seen:
    raw: dict[str, list[bytes]] = {}
    for item in items:
        raw.setdefault(item["kind"], []).append(json.dumps(item).encode())
    objects: dict[str, tuple[Any, ...]] = {k: tuple(decode(k, i) for i in v) for k, v in raw.items()}
    if probes:
        objects["EndpointProbe"] = probes
    snapshot = Snapshot(
        NOW, "beckerkube", objects, gaps or {}, ((ObjectRef("Pod", "a", "odd"), "spec: expected object"),)
    )
    return Seen(snapshot, {k: tuple(v) for k, v in raw.items()})


def pod(name: str = "web", **env: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "ffl", "uid": f"u-{name}", "managedFields": [{"manager": "kubelet"}]},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "a:1", "env": [{"name": k, "value": v} for k, v in env.items()]}]},
        "status": {"phase": "Running"},
    }  # fmt: skip


def endpoint(body: str = "") -> EndpointProbe:
    return EndpointProbe(name="health", url="https://x/health", status=200, body=body)


def new_run(outputs: Path, **changes: Any) -> Run:
    values: dict[str, Any] = {
        "cluster": "beckerkube",
        "uid": "0f6d7c1e",
        "server": "https://beckerbox:8443",
        "inventory_digest": "d" * 64,
        "inventory_path": "my.yaml",
        "who": "becker",
        "how": "runner",
        "tool_version": "0.1.0",
        "time_scale": 1.0,
        "now": lambda: NOW,
    }
    return Run.open(outputs, **{**values, **changes})
