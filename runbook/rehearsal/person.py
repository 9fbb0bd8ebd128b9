"""The scenario's person: acts between frames through the cluster's own API as user `person`, through files and through Git."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
from ruamel.yaml import YAML

from runbook.errors import ScenarioError
from runbook.rehearsal.cluster import EmbeddedCluster
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.personconditions import holds, matching

MERGE = "application/merge-patch+json"
Say = Callable[[str], None]


class Person:
    """Plays the acts of person.yaml. `say` is told each act in a sentence."""

    def __init__(self, cluster: EmbeddedCluster, say: Say) -> None:
        self._cluster, self._say = cluster, say
        context = ssl.create_default_context(cafile=str(cluster.state / "ca" / "api.crt"))
        headers = {"Authorization": f"Bearer {cluster.tokens['person']}", "User-Agent": "person"}
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), headers=headers, base_url=cluster.server
        )
        self._acts: dict[str, Callable[[Mapping[str, Any]], Awaitable[None]]] = {
            "installCA": self._install_ca,
            "delete": self._delete,
            "reset": self._reset,
            "request": self._request,
            "gitEdit": self._git_edit,
            "restart": self._restart,
            "unseal": self._restore_key,
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._http.close()

    async def until(self, conditions: Any) -> None:
        """Wait until conditions hold."""
        while not holds(self._cluster.store, conditions):
            await self._cluster.clock.sleep(2.0)

    async def act(self, acts: Any) -> None:
        """Do one frame's acts in order. Raises ScenarioError on an act nobody knows."""
        for act in acts:
            (word, details), *more = act.items()
            if more or word not in (*self._acts, "wait"):
                raise ScenarioError(
                    f"unknown act {word!r}; known: {', '.join([*self._acts, 'wait'])}", field="person.yaml"
                )
            if word == "wait":
                await self.until(details)
            else:
                await self._acts[word](details)

    async def _install_ca(self, act: Mapping[str, Any]) -> None:
        nodes = act.get("nodes") or [n.name for n in self._cluster.world.entry.nodes]
        for node in nodes:
            written = self._cluster.world.install_ca(
                node, act["authority"], act.get("hosts") or (), store=bool(act.get("store"))
            )
            self._say(f"wrote {', '.join(written)} on {node}")

    async def _delete(self, act: Mapping[str, Any]) -> None:
        found = matching(self._cluster.store, act)
        for obj in found:
            body = {"propagationPolicy": "Background", "preconditions": {"uid": obj["metadata"]["uid"]}}
            await self._call("DELETE", self._path(obj), json=body, missing_is_fine=True)
        self._say(f"deleted {len(found)} {act['kind']}(s): {_names(found)}")

    async def _reset(self, act: Mapping[str, Any]) -> None:
        await self._annotate(act, ("reconcile.fluxcd.io/requestedAt", "reconcile.fluxcd.io/resetAt"), "reset")

    async def _request(self, act: Mapping[str, Any]) -> None:
        await self._annotate(act, ("reconcile.fluxcd.io/requestedAt",), "asked to reconcile")

    async def _annotate(self, act: Mapping[str, Any], keys: tuple[str, ...], verb: str) -> None:
        found, token = matching(self._cluster.store, act), self._cluster.clock.now().isoformat()
        for obj in found:
            await self._call("PATCH", self._path(obj), json={"metadata": {"annotations": dict.fromkeys(keys, token)}})
        self._say(f"{verb} {len(found)} {act['kind']}(s): {_names(found)}")

    async def _restart(self, act: Mapping[str, Any]) -> None:
        stamp = {"kubectl.kubernetes.io/restartedAt": self._cluster.store.now()}
        patch = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
        found = matching(self._cluster.store, act)
        for obj in found:
            await self._call("PATCH", self._path(obj), json=patch)
        self._say(f"restarted {act['kind']} {_names(found)}")

    async def _restore_key(self, _act: Mapping[str, Any]) -> None:
        entry, world = self._cluster.world.entry.sealing, self._cluster.world
        if entry is None:
            raise ScenarioError("unseal: this world has no sealing", field="person.yaml")
        secret = world.sealing_keys["lost"].secret(entry.namespace, "old", self._cluster.clock.now())
        secret["metadata"].pop("creationTimestamp")
        await self._call("POST", f"/api/v1/namespaces/{entry.namespace}/secrets", json=secret)
        self._say(f"restored the lost sealing key in {entry.namespace}")

    async def _git_edit(self, act: Mapping[str, Any]) -> None:
        world = self._cluster.world
        repository = world.repositories[act["repo"]]
        edited = [
            path.relative_to(repository.tree).as_posix()
            for pattern in act["files"]
            for path in sorted(repository.tree.glob(pattern))
            if _edit(path, act)
        ]
        if edited:
            commit = repository.commit(str(act.get("message", "edit")), self._cluster.clock.now())
            self._say(f"committed {commit[:8]} ({act.get('message', 'edit')}): {', '.join(edited)}")
        else:
            self._say("changed nothing in Git: every file already says so")

    # HTTP

    def _path(self, obj: Object) -> str:
        kind: Kind = self._cluster.store.kind_of(obj)
        root = f"/apis/{kind.gv}" if kind.group else f"/api/{kind.gv}"
        place = f"/namespaces/{obj['metadata']['namespace']}" if kind.namespaced else ""
        return f"{root}{place}/{kind.plural}/{obj['metadata']['name']}"

    async def _call(self, method: str, path: str, *, json: Any, missing_is_fine: bool = False) -> None:
        headers = {"Content-Type": MERGE if method == "PATCH" else "application/json"}
        for _ in range(5):
            async with self._http.request(method, path, json=json, headers=headers) as response:
                if response.status < 300 or (missing_is_fine and response.status in (404, 409)):
                    return
                text = await response.text()
                if response.status != 409:
                    raise ScenarioError(f"{method} {path}: {response.status} {text[:300]}", field="person.yaml")
            await asyncio.sleep(0.05)
        raise ScenarioError(f"{method} {path}: still a conflict after 5 tries", field="person.yaml")


def _edit(path: Path, act: Mapping[str, Any]) -> bool:
    """Set dotted paths in the documents of a file; comments and layout stay. Whether anything changed."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    documents = list(yaml.load_all(path.read_text(encoding="utf-8")))
    changed = False
    for document in documents:
        if not document or document.get("kind") != act.get("kind", document.get("kind")):
            continue
        if act.get("missing") and _at(document, act["missing"]) is not None:
            continue
        for dotted, value in act["set"].items():
            changed |= _put(document, dotted, value)
    if changed:
        with path.open("w", encoding="utf-8") as file:
            yaml.dump_all(documents, file)
    return changed


def _at(document: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        document = document.get(part) if isinstance(document, Mapping) else None
    return document


def _put(document: Any, dotted: str, value: Any) -> bool:
    *parents, last = dotted.split(".")
    for part in parents:
        document = document.setdefault(part, {})
    if document.get(last) == value:
        return False
    document[last] = value
    return True


def _names(objects: list[Object]) -> str:
    shown = [f"{o['metadata'].get('namespace', '')}/{o['metadata']['name']}".lstrip("/") for o in objects]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
