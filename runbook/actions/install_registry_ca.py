"""Install the registry's CA where a node's runtime reads it. Planned only; no node is written to here.

dockerd reads certs.d at every pull [moby:registry/config.go], containerd reads hosts.toml below config_path at every pull
[containerd:docs/hosts.md], cri-o reads containers/certs.d [containers-certs.d(5)]: none of them needs a restart. A CA
cures an unknown authority and nothing else: not an expired certificate, not a missing SAN.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook.actions.standing import OPERATOR
from runbook.domain.probes import RegistryTrust
from runbook.inventory.model import Inventory
from runbook.model import Action, Explanation, Finding, ObjectRef, Snapshot

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
    return tuple(
        _install(n, cell, inventory) for n, cell in enumerate(sorted(cells, key=lambda c: (c.vantage, c.host)), 1)
    )


def _install(number: int, cell: RegistryTrust, inventory: Inventory) -> Action:
    path = FILES.get(cell.runtime, FILES["docker"]).format(host=cell.host)
    return Action(
        id=f"A{number}",
        kind="install-registry-ca",
        object=ObjectRef("Node", "", cell.vantage),
        reason=f"{cell.host}: {cell.chain}",
        undo=f"rm {path}",
        command=f"install -D -m 0644 ca.crt {path}    # on {cell.vantage}, as root; no restart",
        finding="registry-trust",
        precondition="the CA's fingerprint is the one the inventory pins, and it is a CA, not a leaf and not a key",
        blast_radius=f"pulls from {cell.host} on {cell.vantage}; running containers are not interrupted",
        requires=_needs(cell, inventory),
    )


def _needs(cell: RegistryTrust, inventory: Inventory) -> tuple[str, ...]:
    entry, needs = inventory.registry, list[str]()
    if entry is None or not (entry.ca_file or entry.ca_secret):
        needs.append("the inventory names no CA (registry.ca_file or registry.ca_secret)")
    elif entry.ca_fingerprint is None:
        needs.append("the inventory pins no fingerprint (registry.ca_fingerprint): compare it with Git first")
    for step, word in (("name", "the certificate's names"), ("expiry", "the certificate's dates")):
        said = getattr(cell, step)
        if said not in ("", "ok"):
            needs.append(f"a CA does not cure {word}: {said}")
    return tuple(needs)
