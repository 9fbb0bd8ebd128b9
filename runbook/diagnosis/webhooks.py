"""A webhook that cannot be called: its configuration names a Service, that its pods, and these may say why.

Where no configuration names it any more, or one leads elsewhere now, the words are of another time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runbook.diagnosis.behind import NOBODY, Behind
from runbook.diagnosis.classify import Classification
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.index import Index
from runbook.diagnosis.roots import Walk, nowhere
from runbook.diagnosis.signs import Sign
from runbook.domain.webhooks import CONFIGURATIONS, Webhook
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

SPOKEN_OF = ("webhook-unreachable", "webhook-tls", "webhook-no-dry-run", "istio-injection")
_UNREACHED = ("webhook-unreachable", "istio-injection")
_SERVICE = re.compile(r"https://([a-z0-9-]{1,63})\.([a-z0-9-]{1,63})\.svc\b")
_ASKED = re.compile(r"calling (?:admission )?webhook \"([^\"\s]{1,253})\"")  # not a conversion's: that is in a CRD

Declared = tuple[ObjectRef, Webhook]


def behind(walker: Walker, ref: ObjectRef, sign: Sign, meaning: Classification) -> Behind:
    """The pods at fault, or why the words are old news; else what would have to be known to say that nobody is."""
    asked, url = _ASKED.search(sign.message), _SERVICE.search(sign.message)
    said = ObjectRef("Service", url[2], url[1]) if url else None
    found = declared(walker.index, asked[1]) if asked else ()
    if asked and not found and all(walker.index.saw(one.KIND) for one in CONFIGURATIONS):
        return nowhere(f"its message blames webhook {asked[1]}, and no configuration has one of that name now"), ""
    led = [(where, hook.service) for where, hook in found if hook.service]
    if said and led and all(said != service for _, service in led):
        where, service = led[0]
        return nowhere(f"its message blames the webhook at {said}, and {where} leads to {service} now"), ""
    if meaning.cause not in _UNREACHED:
        return NOBODY
    for where, service in led:
        if said in (None, service):
            via = Edge(ref, where, "admits", "its message"), Edge(where, service, "serves", "clientConfig.service")
            return _at(walker, service, via)
    return _at(walker, said, (Edge(ref, said, "admits", "its message"),)) if said else NOBODY


def declared(index: Index, name: str) -> tuple[Declared, ...]:
    """The configurations that were observed and have a webhook of this name, validating ones first."""
    return tuple((where, hook) for where, hook in _every(index) if hook.name == name)


def proof(index: Index, name: str) -> str:
    """What the configuration of a webhook says of how it is called, for whoever reads that it cannot be."""
    for where, hook in declared(index, name):
        bare = "" if hook.client_config.ca_bundle else ", whose caBundle is empty"
        to = f" leads to {hook.service or hook.client_config.url or 'nobody'}{bare}"
        return f"its message; {where}{to}"
    return "its message"


def _every(index: Index) -> Iterator[Declared]:
    for kind in CONFIGURATIONS:
        for one in index.snapshot.seen(kind):
            for hook in one.webhooks or ():
                yield one.ref, hook


def _at(walker: Walker, service: ObjectRef, via: Sequence[Edge]) -> Behind:
    """Why the Service of a webhook does not answer: its pods, or the release that should have made it."""
    state, there = walker.health(service).state, walker.index.get(service) is not None
    if there and state == "fine":
        return NOBODY
    if state == "failing" and (walk := walker.walk(service)).root is not None:
        return _after(walk, via), ""
    for made in walker.graph.out(service, "made-by"):
        if walker.health(made.target).state == "failing" and (walk := walker.walk(made.target)).root is not None:
            return _after(walk.after(made), via), ""
    if walker.graph.absent(service) == "missing":
        return NOBODY
    return None, f"The pods behind {service}: whether one is ready, and if not, why."


def _after(walk: Walk, via: Sequence[Edge]) -> Walk:
    for edge in reversed(via):
        walk = walk.after(edge)
    return walk
