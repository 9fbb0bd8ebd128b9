"""A program that died because a server did not answer: where its log names a Service without a ready pod, that is the way on.

Only words of the wire count (refused, timed out, a name that is not resolved): a server that refuses the login has answered.
Nothing is led to a guess: without a fact at the Service's end the log stays what it is, a hypothesis about the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runbook.diagnosis.classify import Classification
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Walk
from runbook.domain.network import Service
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

_WIRE = frozenset({"lost", "lookup"})
_HEADLESS = ("", "None")
# A bare word is a host only where one is expected: after a scheme, a user, `host=`, a quote, a verb, or before a port.
_BEFORE = r"(?:://|@|\bhost(?:name)?[=: ]+[\"'`]?|[\"'`]|\blookup |\bENOTFOUND |\bEAI_AGAIN |\bto )"
_AFTER = r"(?![\w-])(?!\.\w)"


def leads_on(walker: Walker, ref: ObjectRef, said: Sequence[tuple[str, Classification]]) -> Walk | None:
    """The walk to why the one Service that the lines name has no ready pod; None where they name none, or two, or no fact."""
    if not said or any(meaning.role == "cause" and meaning.fault == "denied" for _, meaning in said):
        return None
    named = {service: line for line, meaning in said if meaning.fault in _WIRE for service in _named(walker, ref, line)}
    if len(named) != 1:
        return None
    ((service, line),) = named.items()
    if walker.health(service).state != "failing":
        return None
    walk = walker.attempt(service)
    if walk.root is None or walk.root.proof != "fact":
        return None
    return walk.after(Edge(ref, service, "calls", f"its log: “{line[:200]}”"))


def _named(walker: Walker, ref: ObjectRef, line: str) -> Iterator[ObjectRef]:
    for service in walker.index.snapshot.seen(Service):
        meta, ip = service.metadata, service.spec.cluster_ip
        address = None if ip in _HEADLESS else rf"(?<![\w.:]){re.escape(ip)}(?![\w.])"
        if (address and re.search(address, line)) or re.search(_host(meta.name, meta.namespace, ref.namespace), line):
            yield service.ref


def _host(name: str, namespace: str, here: str) -> str:
    """Its full names anywhere; of its own namespace also the bare one, where a host stands."""
    word = rf"{re.escape(name)}\.{re.escape(namespace)}(?:\.svc(?:\.[a-z0-9.-]*[a-z0-9])?)?\.?"
    full = rf"(?<![\w.-]){word}{_AFTER}"
    if namespace != here:
        return full
    bare = re.escape(name)
    return rf"{full}|{_BEFORE}{bare}{_AFTER}|(?<![\w.-]){bare}:\d{{1,5}}\b"
