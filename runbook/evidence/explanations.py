"""An explanation as runbook/explanation/v1 and back. What that shape has no room for is kept beside it, not lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from runbook.evidence.files import moment
from runbook.model import (
    Explained,
    Explanation,
    FirstCause,
    Gap,
    Hypothesis,
    NextAct,
    ObjectRef,
    Unexplained,
)

SCHEMA = "runbook/explanation/v1"


def ref_json(ref: ObjectRef) -> dict[str, str]:
    """An object's name as three fields."""
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name}


def ref_from_json(data: Mapping[str, Any]) -> ObjectRef:
    """The name that three fields say."""
    return ObjectRef(data["kind"], data.get("namespace", ""), data["name"])


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    """Exactly explanation/v1: lossy by design (no captures); see `details`."""
    return {
        "schema": SCHEMA,
        "observed_at": explanation.observed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cluster": explanation.cluster,
        **lists(explanation),
    }


def lists(explanation: Explanation) -> dict[str, list[Any]]:
    """The three lists of explanation/v1, as result.json carries them."""
    return {
        "first_causes": [_cause(c) for c in explanation.first_causes],
        "unexplained": [_unexplained(u) for u in explanation.unexplained],
        "not_evaluated": [{"what": g.what, "why": g.why} for g in explanation.not_evaluated],
    }


def details(explanation: Explanation) -> dict[str, list[Any]]:
    """What the three lists have no room for, in their order: captures, proving words, missing permissions."""
    return {
        "causes": [
            {"captures": dict(c.captures), "decides": c.decides, "words": c.words} for c in explanation.first_causes
        ],
        "permissions": [g.permission for g in explanation.not_evaluated],
    }


def explanation_from_json(data: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> Explanation:
    """The explanation of an explanation/v1 document or of a result's lists. Raises KeyError or ValueError."""
    beside = extra or {}
    causes: Sequence[Mapping[str, Any]] = beside.get("causes", ())
    permissions: Sequence[str] = beside.get("permissions", ())
    observed_at: datetime = moment(data["observed_at"])
    return Explanation(
        observed_at,
        data["cluster"],
        tuple(_cause_from(c, causes[i] if i < len(causes) else {}) for i, c in enumerate(data["first_causes"])),
        tuple(_unexplained_from(u) for u in data["unexplained"]),
        tuple(
            Gap(g["what"], g["why"], permissions[i] if i < len(permissions) else "")
            for i, g in enumerate(data["not_evaluated"])
        ),
    )


def _cause(cause: FirstCause) -> dict[str, Any]:
    body: dict[str, Any] = {
        "cause": cause.cause,
        "object": ref_json(cause.object),
        "proof": cause.proof,
        "message": cause.message,
        "age_seconds": cause.age_seconds,
        "stale": cause.stale,
        "explains": [{**ref_json(e.object), "relation": e.relation, "via": list(e.via)} for e in cause.explains],
        "next": {"text": cause.next.text, "command": cause.next.command, "safe": cause.next.safe},
    }
    return {**body, "decides": cause.decides} if cause.proof == "hypothesis" else body


def _cause_from(data: Mapping[str, Any], beside: Mapping[str, Any]) -> FirstCause:
    older: Sequence[Sequence[str]] = beside.get("via", ())  # chains stood beside the lists once
    explains = tuple(
        Explained(ref_from_json(e), e["relation"], tuple(e.get("via") or (older[i] if i < len(older) else ())))
        for i, e in enumerate(data["explains"])
    )
    act = data["next"]
    return FirstCause(
        cause=data["cause"],
        object=ref_from_json(data["object"]),
        proof=data["proof"],
        message=data["message"],
        explains=explains,
        next=NextAct(act["text"], act.get("command", ""), act.get("safe", False)),
        age_seconds=data.get("age_seconds"),
        stale=data.get("stale", False),
        decides=data.get("decides") or beside.get("decides", ""),
        captures=dict(beside.get("captures", {})),
        words=beside.get("words", ""),
    )


def _unexplained(item: Unexplained) -> dict[str, Any]:
    return {
        **ref_json(item.object),
        "why": item.why,
        "hypotheses": [{"cause": h.cause, "because": h.because, "decides": h.decides} for h in item.hypotheses],
    }


def _unexplained_from(data: Mapping[str, Any]) -> Unexplained:
    guesses = tuple(Hypothesis(h["cause"], h["because"], h["decides"]) for h in data.get("hypotheses", ()))
    return Unexplained(ref_from_json(data), data["why"], guesses)
