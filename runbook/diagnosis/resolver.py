"""A name was not resolved, and the cluster's own DNS has no ready pod: that comes first, whoever asked for whatever name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runbook.diagnosis import waysin
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Root, Walk
from runbook.domain.network import Service
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

UNRESOLVED = "dns-failure"
# As Go's resolver says whom it asked, and that it had no answer. [go:src/net/dnsclient_unix.go, DNSError]
_ASKED = re.compile(r"\bon (\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]{2,45}\]):53\b")
_SILENT = re.compile(r":53: (?:(?:read|dial) udp |(?:read|dial) tcp |i/o timeout)")


def down(walker: Walker, ref: ObjectRef, proof: str) -> Walk | None:
    """The walk of one whose name was not resolved to why the cluster's DNS does not answer; None where it does, or nobody says why.

    It is a fact where the DNS's own pods say why, or nobody wants any. That no pod was observed may be the recording's fault.
    """
    for service in walker.index.resolvers:
        if walker.health(service).state != "failing":
            continue
        edge = Edge(ref, service, "calls", proof)
        walk = walker.attempt(service)
        if walk.root is not None and walk.root.proof == "fact":
            return walk.after(edge)
        if why := waysin.unselected(walker.graph, service):
            return Walk(_root(walker, service, why), (edge,))
    return None


def asked(walker: Walker, ref: ObjectRef, message: str) -> Walk | None:
    """The same of one that names the server it asked, as Go programs do: whoever said it, it was the cluster's DNS."""
    named = _ASKED.search(message)
    if named is None or walker.index.addresses.get(named[1].strip("[]")) not in walker.index.resolvers:
        return None
    return down(walker, ref, "its message")


def unanswered(walker: Walker, message: str) -> str:
    """What would tell whether words about a name are about the server that did not answer; nothing where it was seen to be well."""
    if not _SILENT.search(message):
        return ""
    if walker.index.resolvers and all(walker.health(s).state == "fine" for s in walker.index.resolvers):
        return ""
    return "Whether the DNS server answers at all: kubectl get pods,endpointslices -n kube-system -l k8s-app=kube-dns."


def _root(walker: Walker, ref: ObjectRef, why: str) -> Root:
    service = walker.index.get(ref)
    idle = waysin.scaled_down(walker.graph, service) if isinstance(service, Service) else None
    said = f"it has no ready endpoints: {why}"
    if idle is not None:
        return Root(UNRESOLVED, ref, idle, said, None)
    return Root(UNRESOLVED, ref, ref, said, None, "hypothesis", f"The pods behind {ref}, which were not observed.")
