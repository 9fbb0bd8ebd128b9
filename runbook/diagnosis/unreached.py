"""A program that died because a server did not answer: where its log names a Service without a ready pod, that is the way on.

Only words of the wire count (refused, timed out, a name that is not resolved): a server that refuses the login has answered.
Nothing is led to a guess: without a fact at the Service's end the log stays what it is, a hypothesis about the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runbook.diagnosis import resolver
from runbook.diagnosis.classify import Classification
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Walk
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

_WIRE = frozenset({"lost", "lookup"})
_WORD = re.compile(r"[\w.-]+")
# A bare word is a host only where one is expected: after a scheme, a user, `host=`, a quote, a verb, or before a port.
_BEFORE = re.compile(r"(?:://|@|\bhost(?:name)?[=: ]+[\"'`]?|[\"'`]|\blookup |\bENOTFOUND |\bEAI_AGAIN |\bto )\Z")
_PORT = re.compile(r":\d{1,5}\b")
_NEAR = 16  # letters before a word that say what it is


def leads_on(walker: Walker, ref: ObjectRef, said: Sequence[tuple[str, Classification]]) -> Walk | None:
    """The walk to why the one Service that the lines name has no ready pod; None where they name none, or two, or no fact."""
    if not said or any(meaning.role == "cause" and meaning.fault == "denied" for _, meaning in said):
        return None
    unresolved = next((line for line, meaning in said if meaning.fault == "lookup"), None)
    if unresolved is not None and (led := resolver.down(walker, ref, f"its log: “{unresolved[:200]}”")):
        return led
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
    """Services that words of the line name: by cluster IP, in full, or bare in the program's own namespace."""
    for word in _WORD.finditer(line):
        text = word[0].rstrip(".")
        if text in walker.index.addresses:
            yield walker.index.addresses[text]
            continue
        name, _, rest = text.partition(".")
        namespace, _, domain = rest.partition(".")
        if namespace and domain.partition(".")[0] not in ("", "svc"):
            continue  # a host of somebody else's
        service = ObjectRef("Service", namespace or ref.namespace, name)
        if walker.index.get(service) is not None and (namespace or _is_host(line, word)):
            yield service


def _is_host(line: str, word: re.Match[str]) -> bool:
    before = line[max(0, word.start() - _NEAR) : word.start()]
    return bool(_BEFORE.search(before) or _PORT.match(line, word.end()))
