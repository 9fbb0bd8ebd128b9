"""Which object is at fault when an object's own words name a cause: itself, or the Secret, source, webhook, node it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from runbook.diagnosis import behind, held, nodes, resolver, webhooks
from runbook.diagnosis.causetypes import Cause
from runbook.diagnosis.classify import Classification
from runbook.diagnosis.edge import Edge
from runbook.diagnosis.roots import Proof, Root, Walk
from runbook.diagnosis.sealing import KEY_MISMATCH, key_mismatch
from runbook.diagnosis.signs import Health, Sign
from runbook.diagnosis.signs_workload import life
from runbook.diagnosis.unreached import leads_on
from runbook.domain.cluster import ConfigMap, Secret
from runbook.domain.durations import human
from runbook.domain.meta import Resource
from runbook.model import ObjectRef

if TYPE_CHECKING:
    from runbook.diagnosis.walk import Walker

_ABSENT = {"secret-missing": "Secret", "configmap-missing": "ConfigMap"}
_REFERENCE = re.compile(r"\b(Secret|ConfigMap)\b.{0,60}?['\"]([a-z0-9-]{1,63})/([a-z0-9.-]{1,253})['\"]")
_IS_ABSENT = re.compile(r"not found|missing key|could not find|does not exist", re.IGNORECASE)
_WHO_MAKES = {
    "Secret": "Whether a SealedSecret (or another maker) declares {}.",
    "ConfigMap": "Whether {} is there now, and which release or Kustomization should make it.",
}
_SOURCE_LAYERS = ("source", "registry")
_CHART_SERVED = ("HelmRepository", "HelmChart")
_ANSWERED = re.compile(r"\b5\d\d [A-Z]")  # `503 Service Unavailable`
_CONSUMERS = ("HelmRelease", "HelmChart", "Kustomization")


def blame(walker: Walker, ref: ObjectRef, sign: Sign, meaning: Classification) -> Walk:
    """The root that this sign proves, or the walk to the object that should have prevented it."""
    cause = walker.catalogue.causes[meaning.cause]
    if meaning.cause == KEY_MISMATCH and ref.kind == "SealedSecret":
        return Walk(key_mismatch(ref, sign, cause, walker.index))
    if needed := _needed(walker, ref, sign, meaning):
        return _missing(walker, ref, sign, needed, meaning)
    if ref.kind in _CONSUMERS and cause.layer in _SOURCE_LAYERS and (found := behind.source(walker, ref, sign)):
        return found
    if led := _led(walker, ref, sign, meaning):
        return led
    found, doubt = _behind(walker, ref, sign, meaning.cause)
    if found is not None:
        return found
    aged = _aged(walker, sign)
    doubt = doubt or aged or ("" if cause.layer == "registry" else resolver.unanswered(walker, sign.message))
    cause, open_ = _by_structure(walker, cause, sign, meaning, _asker(ref, sign))
    doubt = doubt or open_
    fault = _fault(walker, ref, cause.id, meaning.captures)
    shown = fault if fault.kind in ("Webhook", "ResourceQuota", "Namespace", "Node") else ref
    proof: Proof = "hypothesis" if cause.hypothesis or doubt else "fact"
    decides = cause.decides if cause.hypothesis else doubt
    edges = () if shown == ref else (_named(walker, ref, shown),)
    return Walk(
        Root(
            cause.id,
            shown,
            fault,
            sign.message or sign.reason,
            sign.at,
            proof,
            decides,
            meaning.captures,
            stale=bool(aged),
        ),
        edges,
    )


def _named(walker: Walker, ref: ObjectRef, shown: ObjectRef) -> Edge:
    """The edge to what the words name."""
    if shown.kind == "Webhook":
        return Edge(ref, shown, "admits", webhooks.proof(walker.index, shown.name))
    return Edge(ref, shown, "applies", "its message")


def _led(walker: Walker, ref: ObjectRef, sign: Sign, meaning: Classification) -> Walk | None:
    """Of a program that ended because nobody answered it, or a name that was not resolved: why nobody answers."""
    if ref.kind == "Pod" and sign.origin.startswith("container "):
        return leads_on(walker, ref, [(sign.message, meaning)])
    return resolver.asked(walker, ref, sign.message) if meaning.cause == resolver.UNRESOLVED else None


def _behind(walker: Walker, ref: ObjectRef, sign: Sign, cause: str) -> behind.Behind:
    """Who stands behind the words, or what would have to be known to say that nobody does."""
    if cause == "unschedulable":
        found = behind.claim(walker, ref, sign)
        return found if any(found) else nodes.keeping_out(walker, ref, sign)
    if cause == "node-pressure-evicted" and ref.kind == "Pod":
        return nodes.evicting(walker, ref, sign)
    if cause == "registry-auth" and ref.kind == "Pod":
        return behind.pull_secret(walker, ref)
    if cause in webhooks.SPOKEN_OF:
        return webhooks.behind(walker, ref, sign, cause)
    if cause in ("node-not-ready", "cni-failure") and ref.kind == "Pod":
        found = nodes.without_network(walker, ref)
        return found if any(found) else behind.node(walker, ref)
    if cause in behind.ABSENT:
        return behind.absent(walker, ref, sign, cause)
    return behind.maker(walker, ref, sign)


def _aged(walker: Walker, sign: Sign) -> str:
    """What is tried again is spoken of again, a pull within five minutes: an old event may be of another reason."""
    if not sign.origin.startswith("event ") or sign.at is None:
        return ""
    age = (walker.index.now - sign.at).total_seconds()
    return "" if age <= life(sign.reason) else f"A newer event than the one of {human(age)} ago."


def _fault(walker: Walker, ref: ObjectRef, cause: str, captures: Mapping[str, str]) -> ObjectRef:
    """The one object whose repair cures all that say the same."""
    if cause in webhooks.SPOKEN_OF and (name := captures.get("webhook") or captures.get("host")):
        return ObjectRef("Webhook", "", name)
    if cause == "quota-exceeded" and (name := captures.get("quota")):
        return ObjectRef("ResourceQuota", ref.namespace, name)
    if cause == "namespace-terminating" and (name := captures.get("namespace_named")):
        return ObjectRef("Namespace", "", name)
    return top_controller(walker, ref) if ref.kind in ("Pod", "ReplicaSet") else ref


def top_controller(walker: Walker, ref: ObjectRef) -> ObjectRef:
    """The workload that makes this pod, found by controller references; the object itself when nothing makes it."""
    for _ in range(5):
        obj = walker.index.get(ref)
        owner = obj.metadata.controller if obj is not None else None
        known = walker.index.by_uid.get(owner.uid) if owner is not None else None
        if known is None:
            return ref
        ref = known
    return ref


def _needed(walker: Walker, ref: ObjectRef, sign: Sign, meaning: Classification) -> ObjectRef | None:
    """The Secret or ConfigMap that the words say is absent."""
    if meaning.cause not in (*_ABSENT, "helm-values-reference"):
        return None
    if meaning.cause not in _ABSENT and not _IS_ABSENT.search(sign.message):
        return None  # it is there, and what it holds cannot be read
    if named := _REFERENCE.search(sign.message):
        kind, namespace, name = named.groups()
        return ObjectRef(kind, namespace, name)
    kind = _ABSENT.get(meaning.cause) or ("Secret" if meaning.captures.get("secret") else "ConfigMap")
    name = meaning.captures.get(kind.lower(), "")
    return ObjectRef(kind, ref.namespace, name) if name else None


def _missing(walker: Walker, ref: ObjectRef, sign: Sign, needed: ObjectRef, meaning: Classification) -> Walk:
    """A missing Secret is its maker's fault; nobody's when nothing declares it; old news when it is there now."""
    edge = Edge(ref, needed, "needs", "its message")
    present = walker.index.get(needed)
    key = meaning.captures.get("key", "")
    if present is not None and _has(present, key):
        return behind.there_now(needed)
    for walk in behind.makers(walker, edge, held.unless_said(walker, needed), key=key):
        if walk.root is not None or walk.why:
            return walk
    if present is None and (silent := behind.unmade(walker, edge, sign)):
        return silent
    cause = walker.catalogue.causes["secret-missing" if needed.kind == "Secret" else "configmap-missing"]
    captures = {**meaning.captures, needed.kind.lower(): needed.name}
    # Without a look at those who could make it, that nobody does is not known; nor, in a recording, that it is not there.
    looked = walker.index.saw("SealedSecret") if needed.kind == "Secret" else walker.index.snapshot.complete
    looked = looked or present is not None  # it is there, and the key is not in it
    proof: Proof = "fact" if looked else "hypothesis"
    decides = "" if looked else _WHO_MAKES[needed.kind].format(needed)
    return Walk(Root(cause.id, ref, needed, sign.message, sign.at, proof, decides, captures))


def unmade(walker: Walker, ref: ObjectRef, health: Health) -> Walk | None:
    """A maker that fails for a reason of its own: the Secret it should make is what others miss."""
    for target in walker.graph.makes(ref):
        if walker.index.get(target) is None:
            cause, sign = walker.catalogue.causes["secret-missing"], next(iter(health.signs), None)
            said, at = (sign.message or sign.reason, sign.at) if sign else ("", None)
            return Walk(Root(cause.id, ref, target, said, at, "hypothesis", cause.decides, {"secret": target.name}))
    return None


def _has(obj: Resource, key: str) -> bool:
    if not key:
        return True
    return isinstance(obj, (Secret, ConfigMap)) and (obj.data is None or key in obj.data)


def _asker(ref: ObjectRef, sign: Sign) -> str:
    """Whose wire fault it is: a release that repeats its source's words speaks for a source of that kind."""
    named = sign.message.split(" ", 1)[0]
    return named if named in ("HelmRepository", "OCIRepository", "HelmChart", "Bucket") else ref.kind


def _by_structure(walker: Walker, cause: Cause, sign: Sign, meaning: Classification, kind: str) -> tuple[Cause, str]:
    """Where the kind of object says more than the words: an OCI source is a registry, a chart server may be one.

    That it answered with an error is no want of a connection. The second says what would have to be known.
    """
    other = _other(walker.catalogue.causes, cause, meaning, kind)
    if other is None or (kind in _CHART_SERVED and _ANSWERED.search(sign.message)):
        return cause, ""
    host = meaning.captures.get("host", "")
    if kind not in _CHART_SERVED or walker.registries.serves(host):
        return other, ""
    if walker.index.saw("Pod") and walker.index.saw("OCIRepository"):
        return cause, ""
    return cause, f"Whether images or OCI artifacts come from {host or 'that host'} too: then the registry is down."


def _other(causes: Mapping[str, Cause], cause: Cause, meaning: Classification, kind: str) -> Cause | None:
    for other in causes.values():
        rule = other.structure
        if (
            rule
            and rule.get("becomes_of") == cause.id
            and kind in rule.get("kinds", ())
            and meaning.fault == rule.get("fault")
        ):
            return other
    return None
