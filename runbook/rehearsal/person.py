"""The scenario's person: acts between frames through the cluster's own API as user `person`, through files and through Git.

Each act leaves one line in the person's journal: when, what in a sentence, the requests that wrote, and the diff of what
was edited.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp

from runbook.errors import ScenarioError
from runbook.rehearsal.cluster import EmbeddedCluster
from runbook.rehearsal.gitediting import edit_git
from runbook.rehearsal.inventoryediting import edit_inventory
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.personconditions import matching, unmet

MERGE = "application/merge-patch+json"
INVENTORY_ACTS = frozenset({"inventoryEdit"})
PATIENCE = 12 * 3600.0  # cluster seconds: hundreds of reconciles
# Which of the acts are done: all of them; those that change the cluster and Git, but not the inventory; none.
EDITS = ("all", "cluster", "none")
Did = tuple[str, dict[str, Any]]  # the sentence, and what else the journal holds of it
Amended = Callable[[Path, str], None]


class Say(Protocol):
    """Told each act: `did` is the sentence; `act`, `time`, `writes` and what was edited go with it."""

    def __call__(self, did: str, /, **facts: Any) -> None: ...  # noqa: D102  described by its class


class Person:
    """Plays the acts of person.yaml. `say` is told each act; the journal is `person.jsonl` in the cluster's state.

    `amended` is told the inventory's path and why, once after acts in a row that changed it: to a run that is one change.
    """

    def __init__(
        self, cluster: EmbeddedCluster, say: Say, *, edits: str = "all", amended: Amended = lambda _path, _why: None
    ) -> None:
        self._cluster, self._say, self._edits, self._amended = cluster, say, edits, amended
        context = ssl.create_default_context(cafile=str(cluster.state / "ca" / "api.crt"))
        headers = {"Authorization": f"Bearer {cluster.tokens['person']}", "User-Agent": "person"}
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), headers=headers, base_url=cluster.server
        )
        self._writes: list[dict[str, Any]] = []
        self._acts: dict[str, Callable[[Mapping[str, Any]], Awaitable[Did]]] = {
            "installCA": self._install_ca,
            "delete": self._delete,
            "reset": self._reset,
            "request": self._request,
            "gitEdit": self._git_edit,
            "inventoryEdit": self._inventory_edit,
            "restart": self._restart,
            "unseal": self._restore_key,
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._http.close()

    async def until(self, conditions: Any) -> None:
        """Wait until conditions hold. Raises ScenarioError when half a day of the cluster's did not bring them about."""
        clock = self._cluster.clock
        ends = clock.elapsed + PATIENCE
        while left := unmet(self._cluster.store, conditions):
            if clock.elapsed > ends:
                words = "; ".join(json.dumps(condition) for condition in left)
                raise ScenarioError(f"in {PATIENCE / 3600:g} h this has not come about: {words}", field="person.yaml")
            await clock.sleep(2.0)

    async def act(self, acts: Iterable[Mapping[str, Any]]) -> None:
        """Do one frame's acts in order; a person who does none does not wait for what they bring about either."""
        if self._edits == "none":
            return
        for word, group in groupby((next(iter(act.items())) for act in acts), key=lambda act: act[0]):
            if word in INVENTORY_ACTS and self._edits != "all":
                continue
            done = [await self._do(word, details) for _, details in group]
            if why := [str(facts["why"]) for facts in done if "why" in facts]:
                self._amended(self._cluster.inventory, "; ".join(why))

    async def _do(self, word: str, details: Any) -> dict[str, Any]:
        """One act; what the journal holds of it."""
        if word == "wait":
            await self.until(details)
            return {}
        self._writes = []
        did, facts = await self._acts[word](details)
        facts |= {"act": word, "time": self._cluster.store.now(), "writes": self._writes}
        with (self._cluster.state / "person.jsonl").open("a", encoding="utf-8") as journal:
            journal.write(json.dumps({"did": did, **facts}) + "\n")
        self._say(did, **facts)
        return facts

    # outside the API

    async def _install_ca(self, act: Mapping[str, Any]) -> Did:
        nodes = act.get("nodes") or [n.name for n in self._cluster.world.entry.nodes]
        said = []
        for node in nodes:
            written = self._cluster.world.install_ca(
                node, act["authority"], act.get("hosts") or (), store=bool(act.get("store"))
            )
            said.append(f"wrote {', '.join(written)} on {node}")
        return "; ".join(said), {}

    async def _git_edit(self, act: Mapping[str, Any]) -> Did:
        did, diff = edit_git(self._cluster.world.repositories[act["repo"]], act, self._cluster.clock.now())
        return did, {"diff": diff}

    async def _inventory_edit(self, act: Mapping[str, Any]) -> Did:
        path = self._cluster.inventory
        if not path.is_file():
            raise ScenarioError("inventoryEdit: this scenario has no inventory", field="person.yaml")
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        did, diff = edit_inventory(path, act, self._cluster.clock.now())
        after = hashlib.sha256(path.read_bytes()).hexdigest()
        facts = {"diff": diff, "file": str(path), "before": before, "after": after}
        return did, facts | ({"why": act["message"]} if diff else {})

    # through the API

    async def _delete(self, act: Mapping[str, Any]) -> Did:
        found = matching(self._cluster.store, act)
        for obj in found:
            body = {"propagationPolicy": "Background", "preconditions": {"uid": obj["metadata"]["uid"]}}
            await self._call("DELETE", self._path(obj), json=body, fine=(404, 409))
        return f"deleted {len(found)} {act['kind']}(s): {_names(found)}", {}

    async def _reset(self, act: Mapping[str, Any]) -> Did:
        return await self._annotate(act, ("reconcile.fluxcd.io/requestedAt", "reconcile.fluxcd.io/resetAt"), "reset")

    async def _request(self, act: Mapping[str, Any]) -> Did:
        return await self._annotate(act, ("reconcile.fluxcd.io/requestedAt",), "asked to reconcile")

    async def _annotate(self, act: Mapping[str, Any], keys: tuple[str, ...], verb: str) -> Did:
        found, token = matching(self._cluster.store, act), self._cluster.clock.now().isoformat()
        for obj in found:
            await self._call("PATCH", self._path(obj), json={"metadata": {"annotations": dict.fromkeys(keys, token)}})
        return f"{verb} {len(found)} {act['kind']}(s): {_names(found)}", {}

    async def _restart(self, act: Mapping[str, Any]) -> Did:
        stamp = {"kubectl.kubernetes.io/restartedAt": self._cluster.store.now()}
        patch = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
        found = matching(self._cluster.store, act)
        for obj in found:
            await self._call("PATCH", self._path(obj), json=patch)
        return f"restarted {act['kind']} {_names(found)}", {}

    async def _restore_key(self, _act: Mapping[str, Any]) -> Did:
        entry, world = self._cluster.world.entry.sealing, self._cluster.world
        if entry is None:
            raise ScenarioError("unseal: this world has no sealing", field="person.yaml")
        secret = world.sealing_keys["lost"].secret(entry.namespace, "old", self._cluster.clock.now())
        secret["metadata"].pop("creationTimestamp")
        path = f"/api/v1/namespaces/{entry.namespace}/secrets"
        made = await self._call("POST", path, json=secret, fine=(409,))
        name = f"Secret {entry.namespace}/{secret['metadata']['name']}"
        return f"restored the lost sealing key as {name}" if made else f"{name} is there already", {}

    # HTTP

    def _path(self, obj: Object) -> str:
        kind: Kind = self._cluster.store.kind_of(obj)
        root = f"/apis/{kind.gv}" if kind.group else f"/api/{kind.gv}"
        place = f"/namespaces/{obj['metadata']['namespace']}" if kind.namespaced else ""
        return f"{root}{place}/{kind.plural}/{obj['metadata']['name']}"

    async def _call(self, method: str, path: str, *, json: Any, fine: tuple[int, ...] = ()) -> bool:
        """Write once, or again after a conflict; whether it was written. Statuses that are `fine` end it unwritten."""
        headers = {"Content-Type": MERGE if method == "PATCH" else "application/json"}
        for _ in range(5):
            async with self._http.request(method, path, json=json, headers=headers) as response:
                self._writes.append({"method": method, "path": path, "status": response.status})
                if response.status < 300 or response.status in fine:
                    return response.status < 300
                text = await response.text()
                if response.status != 409:
                    raise ScenarioError(f"{method} {path}: {response.status} {text[:300]}", field="person.yaml")
            await asyncio.sleep(0.05)
        raise ScenarioError(f"{method} {path}: still a conflict after 5 tries", field="person.yaml")


def _names(objects: list[Object]) -> str:
    shown = [f"{o['metadata'].get('namespace', '')}/{o['metadata']['name']}".lstrip("/") for o in objects]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
