"""The scenario's inventory as one process plays it: ports, folders, CAs and the cluster's UID are filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runbook.domain.certificates import facts
from runbook.rehearsal.world import LiveWorld
from runbook.rehearsal.yamlediting import editor


def write_inventory(world: LiveWorld, target: Path) -> Path | None:
    """Write it; None when the scenario has no inventory."""
    source = world.scenario.folder / "inventory.yaml"
    if not source.is_file():
        return None
    text = source.read_text(encoding="utf-8")
    yaml = editor(text)
    inventory = yaml.load(text)
    inventory["cluster"] |= {"uid": world.entry.cluster.uid, "clock": "server", "rehearsal": True}
    inventory["resolve"] = {
        name if ":" in name else f"{name}:443": f"{host}:{port}"
        for name, (host, port) in sorted(world.addresses.items())
    }
    _fill_nodes(inventory, world)
    _fill_authorities(inventory, world)
    git = inventory.get("git")
    if git is not None and world.entry.gitRepositories and "path" in git:
        git["path"] = str(world.state / "git" / world.entry.gitRepositories[0].repo)
    with target.open("w", encoding="utf-8") as file:
        yaml.dump(inventory, file)
    return target


def _fill_nodes(inventory: Any, world: LiveWorld) -> None:
    known = {n.name for n in world.entry.nodes}
    for node in inventory.get("nodes") or ():
        if node["name"] in known and node.get("transport", {}).get("kind") != "none":
            node["transport"] = {"kind": "local", "root": str(world.node_root(node["name"]))}


def _fill_authorities(inventory: Any, world: LiveWorld) -> None:
    registry, folder = inventory.get("registry"), world.state / "ca"
    if registry:
        entry = next((r for r in world.entry.registries if set(r.names) & set(registry["names"])), None)
        if entry:
            registry["ca_file"] = str(folder / f"{entry.authority}.crt")
            registry["ca_fingerprint"] = facts(world.authorities[entry.authority].pem).fingerprint
    for endpoint in inventory.get("endpoints") or ():
        if world.entry.ingress and endpoint.get("tls", "verified") == "verified":
            endpoint["ca"] = str(folder / f"{world.entry.ingress.authority}.crt")
