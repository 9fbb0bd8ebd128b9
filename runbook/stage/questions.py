"""What is asked of a live cluster about red objects, beyond lists: last words, answers from inside, ingress logs; read-only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from runbook import diagnosis
from runbook.clients.asking import ask, redacted, unasked
from runbook.clients.ingresslogs import controllers
from runbook.clients.kubernetes import KubeClient
from runbook.diagnosis import Catalogue, index
from runbook.diagnosis.questions import about, questions
from runbook.domain.inquiries import Inquiry, Questions
from runbook.domain.pods import Pod
from runbook.evidence import Redactor
from runbook.inventory.model import Inventory
from runbook.model import ObjectRef, Snapshot
from runbook.stage.identity import reach, read_inventory
from runbook.stage.telling import Teller


def inquired(
    client: KubeClient,
    snapshot: Snapshot,
    inventory: Inventory,
    catalogue: Catalogue | None,
    *,
    cut: Callable[[str], str],
    talk: Teller,
) -> Snapshot:
    """The snapshot with what was asked about each first cause in it, secrets cut: what is judged from now on."""
    wanted = questions(snapshot, diagnosis.explain(snapshot, inventory, catalogue=catalogue))
    if any(one.any for one in wanted):
        talk.waiting("observe", f"asking about {sum(one.any for one in wanted)} red object(s): logs, Services, ingress")
    return _with(snapshot, _asked(client, snapshot, wanted, cut))


def ask_about(
    inventory: Path, snapshot: Snapshot, refs: Sequence[ObjectRef], *, kubeconfig: str | None, context: str | None
) -> Snapshot:
    """The snapshot with everything worth asking about these objects, secrets cut. Raises what `begin` raises."""
    found = index.build(snapshot)
    wanted = [about(found, ref) for ref in refs]
    if not any(one.any for one in wanted):
        return _with(snapshot, unasked(wanted))
    file = read_inventory(str(inventory))
    reached = reach(file, kubeconfig=kubeconfig or "", context=context or "")
    try:
        return _with(snapshot, _asked(reached.client, snapshot, wanted, Redactor().text))
    finally:
        reached.client.close()


def _asked(
    client: KubeClient, snapshot: Snapshot, wanted: Sequence[Questions], cut: Callable[[str], str]
) -> tuple[Inquiry, ...]:
    return redacted(ask(client, wanted, controllers(snapshot.seen(Pod))), cut)


def _with(snapshot: Snapshot, found: Sequence[Inquiry]) -> Snapshot:
    """What was asked of an object last counts."""
    known = {i.about: i for i in (*snapshot.seen(Inquiry), *found)}
    return replace(snapshot, objects={**snapshot.objects, Inquiry.KIND: tuple(known.values())})
