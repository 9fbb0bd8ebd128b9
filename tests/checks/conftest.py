"""Small typed worlds for checks: objects by keyword, a snapshot from them, an inventory from YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from runbook.checks import CHECKS
from runbook.domain.kinds import decode
from runbook.inventory.load import _tupled
from runbook.inventory.model import Inventory
from runbook.judgement.asking import answers
from runbook.model import Finding, Gap, Snapshot

NOW = datetime(2025, 10, 17, 11, 15, 58, tzinfo=UTC)


class Worlds:
    """Makes API objects, snapshots and inventories."""

    now = NOW
    today = date(2025, 10, 17)

    def obj(self, kind: str, name: str, namespace: str = "", **parts: Any) -> Any:
        """A typed object; `labels`, `annotations`, `generation`, `uid` go to metadata, the rest beside it."""
        metadata = {"name": name, "namespace": namespace, "uid": parts.pop("uid", f"uid-{kind}-{namespace}-{name}")}
        metadata |= {k: parts.pop(k) for k in ("labels", "annotations", "generation", "ownerReferences") if k in parts}
        return decode(kind, json.dumps({"metadata": metadata, **parts}).encode())

    def flux(
        self,
        kind: str,
        name: str,
        namespace: str,
        ready: str = "True",
        *,
        reason: str = "Ok",
        message: str = "",
        **more: Any,
    ) -> Any:
        """A Flux object of generation 1 with a Ready condition."""
        status = {
            "observedGeneration": 1,
            "conditions": [
                {"type": "Ready", "status": ready, "reason": reason, "message": message, "observedGeneration": 1}
            ],
        }
        status |= more.pop("status", {})
        return self.obj(kind, name, namespace, generation=more.pop("generation", 1), status=status, **more)

    def release(
        self, name: str, namespace: str, ready: str = "True", *, version: str = "1.0.0", tag: str = "", **more: Any
    ) -> Any:
        """A HelmRelease with one history entry."""
        history = [{"name": name, "version": 1, "status": "deployed", "chartVersion": version}]
        spec = {
            "chart": {"spec": {"chart": name, "version": version}},
            **({"values": {"image": {"tag": tag}}} if tag else {}),
        }
        return self.flux(
            "HelmRelease",
            name,
            namespace,
            ready,
            status={"history": history, **more.pop("status", {})},
            spec=spec,
            **more,
        )

    def deployment(
        self, name: str, namespace: str, *, ready: int = 1, want: int = 1, probe: bool = True, **more: Any
    ) -> Any:
        """A Deployment with one container."""
        container = {
            "name": "app",
            "image": f"reg.example:5000/{name}:1.0.0",
            **({"readinessProbe": {"periodSeconds": 10}} if probe else {}),
        }
        spec = {"replicas": want, "template": {"spec": {"containers": [container]}}}
        return self.obj(
            "Deployment",
            name,
            namespace,
            generation=1,
            spec=spec,
            status={
                "observedGeneration": 1,
                "updatedReplicas": want,
                "readyReplicas": ready,
                "availableReplicas": ready,
            },
            **more,
        )

    def pod(
        self,
        name: str,
        namespace: str,
        *,
        image: str = "reg.example:5000/shop:1.0.0",
        waiting: tuple[str, str] | None = None,
        ready: bool = True,
        image_id: str = "",
        restarts: int = 0,
        node: str = "n1",
        **more: Any,
    ) -> Any:
        """A pod with one container, running and ready unless told otherwise."""
        state = {"waiting": {"reason": waiting[0], "message": waiting[1]}} if waiting else {"running": {}}
        status = {
            "phase": "Pending" if waiting else "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready and not waiting else "False"}],
            "containerStatuses": [
                {
                    "name": "app",
                    "image": image,
                    "imageID": image_id,
                    "ready": ready and not waiting,
                    "restartCount": restarts,
                    "state": state,
                }
            ],
        }
        return self.obj(
            "Pod",
            name,
            namespace,
            spec={"nodeName": node, "containers": [{"name": "app", "image": image}]},
            status=status,
            **more,
        )

    def snapshot(self, *objects: Any, empty: Sequence[str] = (), gaps: Sequence[str] = ()) -> Snapshot:
        """A snapshot of these objects; `empty` kinds were asked and held nothing, `gaps` were denied."""
        by_kind: dict[str, list[Any]] = {k: [] for k in empty}
        for one in objects:
            by_kind.setdefault(one.KIND, []).append(one)
        denied = {k: Gap(f"{k} in all namespaces", "403 Forbidden", f"list {k}") for k in gaps}
        return Snapshot(NOW, "shopcluster", {k: tuple(v) for k, v in by_kind.items()}, denied)

    def inventory(self, **parts: Any) -> Inventory:
        """An inventory of one shop, changed by keyword."""
        base: dict[str, Any] = {
            "schema": "runbook/inventory/v1",
            "cluster": {"name": "shopcluster"},
            "registry": {"names": ["reg.example:5000"]},
            "nodes": [{"name": "n1", "runtime": "docker"}],
            "releases": [{"namespace": "shop", "name": "shop", "version": "1.0.0"}],
            "logs": {"namespaces": ["flux-system"], "since": "15m"},
        }
        return Inventory.model_validate(_tupled({**base, **parts}))

    def ask(self, check: str, snapshot: Snapshot, inventory: Inventory | None = None) -> Sequence[Finding]:
        """The answers of one check, as the product asks it."""
        return answers(CHECKS[check], snapshot, inventory or self.inventory())


@pytest.fixture(scope="session")
def worlds() -> Worlds:
    return Worlds()


@pytest.fixture(scope="session")
def results(worlds: Worlds) -> Callable[..., list[str]]:
    """The results of one check, in order, as plain words."""

    def of(check: str, snapshot: Snapshot, inventory: Inventory | None = None) -> list[str]:
        return [str(f.result) for f in worlds.ask(check, snapshot, inventory)]

    return of


@pytest.fixture(scope="session")
def minutes() -> Callable[[int], timedelta]:
    return lambda n: timedelta(minutes=n)
