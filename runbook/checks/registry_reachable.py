"""Does the registry answer under every name form, over TLS verified with the CA that is believed to sign it?"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.probes import RegistryTrust
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Does the registry answer under every name form, over verified TLS?"
NEEDS = ("RegistryTrust",)
STAGES = ("preflight", "registry-trust", "verify")
STEPS = ("resolve", "connect", "chain", "name", "expiry", "api")
answer = Answers("registry-reachable")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each name form, from where this program runs: that says nothing about the nodes."""
    if inventory.registry is None:
        yield answer.expected(snapshot.cluster, "registry")
        return
    cells = {c.host: c for c in snapshot.of(RegistryTrust) if c.vantage == "operator"}
    for host in inventory.registry.names:
        ref, cell = ObjectRef("Registry", "", host), cells.get(host)
        if cell is None:
            yield answer.unknown(ref, "it was not asked")
            continue
        step = next((s for s in STEPS if getattr(cell, s) != "ok"), "")
        if step:
            yield answer.failed(
                ref, f"from the operator's machine: {step}: {getattr(cell, step)}", step=step, host=host
            )
        else:
            yield answer.passed(ref, "answers over TLS verified with the registry's CA (operator's machine)", host=host)
