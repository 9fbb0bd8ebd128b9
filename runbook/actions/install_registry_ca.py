"""Install the registry's CA where a node's runtime reads it, with the fingerprint that the inventory pins.

dockerd reads certs.d at every pull [moby:registry/config.go], containerd reads hosts.toml below config_path at every pull
[containerd:docs/hosts.md], cri-o reads containers/certs.d [containers-certs.d(5)]: none of them needs a restart. A CA
cures an unknown authority and nothing else: not an expired certificate, not a missing SAN.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from runbook.acting.authority import UNNAMED, authority
from runbook.acting.hands import Hands, NotDone
from runbook.acting.standing import OPERATOR
from runbook.clients.nodewriting import identity, read_file, write_file
from runbook.domain.certificates import facts
from runbook.domain.probes import RegistryTrust
from runbook.errors import ObservationError
from runbook.evidence.files import private_folder, write_whole
from runbook.inventory.model import Inventory, NodeEntry
from runbook.model import Action, Explanation, Finding, ObjectRef, Snapshot

KINDS = ("install-registry-ca",)
FILES = {
    "docker": "/etc/docker/certs.d/{host}/ca.crt",
    "containerd": "/etc/containerd/certs.d/{host}/ca.crt",
    "cri-o": "/etc/containers/certs.d/{host}/ca.crt",
}


def plan(
    snapshot: Snapshot, findings: Sequence[Finding], explanation: Explanation | None, inventory: Inventory
) -> tuple[Action, ...]:
    """One file for each node and name form whose chain does not lead to a trusted CA."""
    cells = [p for p in snapshot.seen(RegistryTrust) if p.vantage != OPERATOR and p.chain not in ("", "ok")]
    return tuple(_install(cell, inventory) for cell in sorted(cells, key=lambda c: (c.vantage, c.host)))


def perform(action: Action, hands: Hands) -> str:
    """Write the file. Raises NotDone for a CA that cannot be meant, a file that is there already; ActionError."""
    node = next(n for n in hands.inventory.nodes if n.name == action.object.name)
    pem, path = _authority(hands), action.details["path"]
    try:
        before = read_file(node, hands.base, path)
    except ObservationError as error:
        raise NotDone("failed", f"{path} on {node.name} could not be looked at: {error.why}") from error
    if before == pem:
        raise NotDone("unchanged", f"{path} on {node.name} holds this CA already")
    if before is not None:
        _keep(action, hands, before)
    _write(action, hands, node, path, pem)
    return f"wrote {path} on {node.name}; SHA-256 {facts(pem).fingerprint}"


def _authority(hands: Hands) -> bytes:
    pem, problem = authority(hands.inventory, hands.base, hands.now())
    if problem == UNNAMED:
        raise NotDone("skipped", problem)
    if problem:
        raise NotDone("failed", f"registry.ca_file: {problem}")
    return pem


def _write(action: Action, hands: Hands, node: NodeEntry, path: str, pem: bytes) -> None:
    hands.change(
        action,
        identity(node, path),
        f"WRITE {identity(node, path)}",
        lambda permit: write_file(node, hands.base, path, pem, permit),
        made=lambda: read_file(node, hands.base, path) == pem,
        path=path,
        sha256=hashlib.sha256(pem).hexdigest(),
    )


def _keep(action: Action, hands: Hands, before: bytes) -> Path:
    """What stood there is kept, so that the change can be taken back."""
    folder = private_folder(hands.attempt.path / "captures" / f"{action.id}-{action.object.name}")
    if b"PRIVATE KEY" in before:
        raise NotDone("failed", f"{action.details['path']} holds a private key: a person must look at that")
    return write_whole(folder / "before.crt", before)


def _install(cell: RegistryTrust, inventory: Inventory) -> Action:
    path = FILES.get(cell.runtime, FILES["docker"]).format(host=cell.host)
    return Action(
        id="",
        kind="install-registry-ca",
        object=ObjectRef("Node", "", cell.vantage),
        reason=f"{cell.host}: {cell.chain}",
        undo=f"rm {path}",
        command=f"install -D -m 0644 ca.crt {path}    # on {cell.vantage}, as root; no restart",
        finding="registry-trust",
        precondition="the CA's fingerprint is the one the inventory pins, and it is a CA, not a leaf and not a key",
        blast_radius=f"pulls from {cell.host} on {cell.vantage}; running containers are not interrupted",
        requires=_needs(cell, inventory),
        details={"path": path, "host": cell.host},
    )


def _needs(cell: RegistryTrust, inventory: Inventory) -> tuple[str, ...]:
    entry, needs = inventory.registry, list[str]()
    if entry is None or not (entry.ca_file or entry.ca_secret):
        needs.append("the inventory names no CA (registry.ca_file or registry.ca_secret)")
    elif not entry.ca_file:
        needs.append("the CA is named by Secret only: put its certificate beside the inventory (registry.ca_file)")
    elif entry.ca_fingerprint is None:
        needs.append("the inventory pins no fingerprint (registry.ca_fingerprint): compare it with Git first")
    for step, word in (("name", "the certificate's names"), ("expiry", "the certificate's dates")):
        said = getattr(cell, step)
        if said not in ("", "ok"):
            needs.append(f"a CA does not cure {word}: {said}")
    return tuple(needs)
