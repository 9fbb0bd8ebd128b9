"""A webhook that cannot be called: its configuration names a Service, that its pods, and these may say why.

Where no configuration names it any more, or one leads elsewhere now, the words are of another time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runbook.diagnosis.behind import NOBODY, Behind, deployers
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.edges_network import answered
from runbook.diagnosis.index import Index
from runbook.diagnosis.roots import better, nowhere
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


def behind(walker: Walker, ref: ObjectRef, sign: Sign, cause: str) -> Behind:
    """The pods at fault, or why the words are old news; else what would have to be known to say that nobody is."""
    asked, url = _ASKED.search(sign.message), _SERVICE.search(sign.message)
    said = ObjectRef("Service", url[2], url[1]) if url else None
    found = declared(walker.index, asked[1]) if asked else ()
    if asked and not found and all(walker.index.saw(one.KIND) for one in CONFIGURATIONS):
        return nowhere(f"its message blames webhook {asked[1]}, and no configuration has one of that name now"), ""
    led = [edge for where, hook in found if (edge := answered(where, hook))]
    if said and led and all(said != edge.target for edge in led):
        now = f"{led[0].origin} leads to {led[0].target} now"
        return nowhere(f"its message blames the webhook at {said}, and {now}"), ""
    if cause not in _UNREACHED:
        return NOBODY
    for edge in led:
        if said in (None, edge.target):
            walk, doubt = _unanswered(walker, edge)
            return walk and walk.after(Edge(ref, edge.origin, "admits", "its message")), doubt
    return _unanswered(walker, Edge(ref, said, "admits", "its message")) if said else NOBODY


def declared(index: Index, name: str) -> tuple[Declared, ...]:
    """The configurations that were observed and have a webhook of this name, validating ones first."""
    every = (one for kind in CONFIGURATIONS for one in index.snapshot.seen(kind))
    return tuple((one.ref, hook) for one in every for hook in one.webhooks or () if hook.name == name)


def proof(index: Index, name: str) -> str:
    """What the configuration of a webhook says of how it is called, for whoever reads that it cannot be."""
    for where, hook in declared(index, name):
        bare = "" if hook.client_config.ca_bundle else ", whose caBundle is empty"
        to = f" leads to {hook.service or hook.client_config.url or 'nobody'}{bare}"
        return f"its message; {where}{to}"
    return "its message"


def _unanswered(walker: Walker, edge: Edge) -> Behind:
    """Why the Service that the edge leads to does not answer: its pods, or the release that should have made it."""
    service = edge.target
    state, absent = walker.health(service).state, walker.graph.absent(service)
    if absent == "missing":
        return better(deployers(walker, edge)), ""
    if not absent and state == "fine":
        return NOBODY
    if state == "failing" and (walk := walker.walk(service)).root is not None:
        return walk.after(edge), ""
    return None, f"The pods behind {service}: whether one is ready, and if not, why."
