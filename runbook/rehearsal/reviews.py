"""Reviews: may I, what may I, who am I. Answered from RBAC, never stored."""

from __future__ import annotations

from typing import Any

from runbook.rehearsal.access import Attributes, Authorizer, Decision
from runbook.rehearsal.apierrors import bad_request, invalid
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.messages import Request, Response, User, answer, mapping


def review(authorizer: Authorizer, request: Request, kind: Kind) -> Response:
    """Answer one review. Raises ApiError 400, 422."""
    asked = mapping(request)
    spec = asked.get("spec") or {}
    if not isinstance(spec, dict):
        raise bad_request(f"{kind.kind}.spec must be an object")
    answers = {
        "SelfSubjectAccessReview": _access,
        "SelfSubjectRulesReview": _rules,
        "SelfSubjectReview": _who,
    }
    status = answers[kind.kind](authorizer, request.user, kind, spec)
    body: dict[str, Any] = {"kind": kind.kind, "apiVersion": kind.gv, "metadata": {"creationTimestamp": None}}
    return answer({**body, **({"spec": spec} if spec else {}), "status": status}, 201)


def _access(authorizer: Authorizer, user: User, kind: Kind, spec: dict[str, Any]) -> dict[str, Any]:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        why = "Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise invalid(kind, "", "spec.resourceAttributes", why)
    given = resource if resource is not None else path or {}
    fields = ("verb", "group", "resource", "subresource", "namespace", "name", "path")
    decision: Decision = authorizer.decide(user, Attributes(**{f: str(given.get(f) or "") for f in fields}))
    return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}


def _rules(authorizer: Authorizer, user: User, kind: Kind, spec: dict[str, Any]) -> dict[str, Any]:
    if not spec.get("namespace"):
        raise invalid(kind, "", "spec.namespace", "Required value", "FieldValueRequired")
    rules = authorizer.rules(user, spec["namespace"])
    return {
        "resourceRules": [dict(rule) for rule in rules if rule.get("resources")],
        "nonResourceRules": [
            {"verbs": list(rule["verbs"]), "nonResourceURLs": list(rule["nonResourceURLs"])}
            for rule in rules
            if rule.get("nonResourceURLs")
        ],
        "incomplete": False,
    }


def _who(_authorizer: Authorizer, user: User, _kind: Kind, _spec: dict[str, Any]) -> dict[str, Any]:
    return {"userInfo": {"username": user.name, "groups": list(user.groups)}}
