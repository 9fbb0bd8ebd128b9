"""When a frame has come: conditions on the state of objects, never on time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runbook.errors import ScenarioError
from runbook.rehearsal.jsonpath import get
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.store import Store

Test = Callable[[Object, Any], bool]
COUNTED = {"kind", "count", "min", "max"}


def holds(store: Store, conditions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all of them hold now. Raises ScenarioError on a word no condition knows."""
    return not unmet(store, conditions)


def unmet(store: Store, conditions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of the conditions that do not hold now. Raises ScenarioError as `holds` does."""
    return [condition for condition in conditions if not _holds(store, condition)]


def _holds(store: Store, condition: Mapping[str, Any]) -> bool:
    number = len(matching(store, condition))
    if "count" in condition:
        return number == int(condition["count"])
    return int(condition.get("min", 0 if "max" in condition else 1)) <= number <= int(condition.get("max", number))


def matching(store: Store, condition: Mapping[str, Any]) -> list[Object]:
    """The objects a condition (or an act's selection) is about."""
    kind = next((k for k in store.kinds.values() if k.kind == condition.get("kind")), None)
    if kind is None:
        raise ScenarioError(f"no kind {condition.get('kind')!r} is served", field="person.yaml")
    unknown = set(condition) - COUNTED - set(TESTS)
    if unknown:
        raise ScenarioError(
            f"unknown word(s) {', '.join(sorted(unknown))}; known: {', '.join(sorted(TESTS))}", field="person.yaml"
        )
    tests = [(TESTS[word], value) for word, value in condition.items() if word in TESTS]
    return [obj for obj in store.list(kind) if all(test(obj, value) for test, value in tests)]


def _condition(obj: Object, wanted: str) -> bool:
    type_, _, status = wanted.partition("=")
    found = next((c for c in get(obj, "status.conditions") or () if c["type"] == type_), None)
    return found is None if status == "absent" else bool(found and found["status"] == status)


def _reason(obj: Object, wanted: str) -> bool:
    return any(c.get("reason") == wanted for c in get(obj, "status.conditions") or ())


def _contains(obj: Object, wanted: str) -> bool:
    return any(wanted in c.get("message", "") for c in get(obj, "status.conditions") or ())


def _waiting(obj: Object, wanted: str | list[str]) -> bool:
    reasons = [wanted] if isinstance(wanted, str) else wanted
    statuses = [*(get(obj, "status.initContainerStatuses") or ()), *(get(obj, "status.containerStatuses") or ())]
    return any(get(s, "state.waiting.reason") in reasons for s in statuses)


def _unfinished(obj: Object, wanted: bool) -> bool:
    done = any(
        c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in get(obj, "status.conditions") or ()
    )
    return done is not wanted


def _current(obj: Object, wanted: bool) -> bool:
    """Whether its controller has ended with the generation there is."""
    return (get(obj, "status.observedGeneration") == obj["metadata"].get("generation")) is wanted


def _labels(obj: Object, wanted: Mapping[str, str]) -> bool:
    held = obj["metadata"].get("labels") or {}
    return all(held.get(k) == v for k, v in wanted.items())


def _equals(obj: Object, wanted: Mapping[str, Any]) -> bool:
    return all(get(obj, path) == value for path, value in wanted.items())


TESTS: dict[str, Test] = {
    "namespace": lambda o, v: o["metadata"].get("namespace") == v,
    "namespaces": lambda o, v: o["metadata"].get("namespace") in v,
    "name": lambda o, v: o["metadata"]["name"] == v,
    "names": lambda o, v: o["metadata"]["name"] in v,
    "except": lambda o, v: o["metadata"]["name"] not in v,
    "labels": _labels,
    "condition": _condition,
    "reason": _reason,
    "contains": _contains,
    "waiting": _waiting,
    "phase": lambda o, v: get(o, "status.phase") == v,
    "unfinished": _unfinished,
    "current": _current,
    "equals": _equals,
}
