"""Label and field selectors, strict as a real server: what it refuses is refused here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from runbook.rehearsal.apierrors import bad_request
from runbook.rehearsal.jsonpath import get
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.lifecycle import Object

Match = Callable[[Object], bool]
Labels = Mapping[str, str]
_SET = re.compile(r"(?P<key>[^\s!=()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)")
_TWO_WORDS = re.compile(r"!?[^\s!=()]+\s+(?P<second>[^\s!=()]+)")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")


def _parts(text: str) -> Iterable[str]:
    """Requirements: split at commas outside parentheses."""
    return (part.strip() for part in re.split(r",(?![^(]*\))", text))


def label_selector(text: str) -> Match:
    """A predicate over objects. Raises ApiError 400 on what does not parse."""
    tests = [_label_test(part) for part in _parts(text)] if text.strip() else []

    def match(obj: Object) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(test(labels) for test in tests)

    return match


def _label_test(part: str) -> Callable[[Labels], bool]:
    two = _TWO_WORDS.match(part)
    if two is not None and two["second"] not in ("in", "notin"):
        expected = "in, notin, =, ==, !=, gt, lt"
        raise bad_request(f"unable to parse requirement: found '{two['second']}', expected: {expected}")
    key, operator, values = _requirement(part)
    if not _KEY.fullmatch(key) or not all(_VALUE.fullmatch(value) and len(value) <= 63 for value in values):
        raise bad_request(f"unable to parse requirement: {part!r}: invalid label key or value")
    if operator == "in":
        return lambda labels: key in labels and labels[key] in values
    if operator == "notin":
        return lambda labels: labels.get(key) not in values
    wanted = operator == "exists"
    return lambda labels: (key in labels) is wanted


def _requirement(part: str) -> tuple[str, str, frozenset[str]]:
    if match := _SET.fullmatch(part):
        return match["key"], match["op"], frozenset(value.strip() for value in match["values"].split(","))
    for sign, operator in (("!=", "notin"), ("==", "in"), ("=", "in")):
        if sign in part:
            key, _, value = part.partition(sign)
            return key.strip(), operator, frozenset((value.strip(),))
    if part.startswith("!"):
        return part[1:].strip(), "absent", frozenset()
    return part, "exists", frozenset()


def match_labels(selector: Mapping[str, Any] | None) -> Callable[[Labels], bool]:
    """A `metav1.LabelSelector` as a predicate over labels; an empty one matches everything, None nothing."""
    if selector is None:
        return lambda _labels: False
    wanted = dict(selector.get("matchLabels") or {})
    expressions = list(selector.get("matchExpressions") or ())

    def match(labels: Labels) -> bool:
        if any(labels.get(key) != value for key, value in wanted.items()):
            return False
        return all(_expression(labels, **expression) for expression in expressions)

    return match


def _expression(labels: Labels, key: str, operator: str, values: Iterable[str] = ()) -> bool:
    if operator in ("In", "NotIn"):
        return (key in labels and labels[key] in tuple(values)) is (operator == "In")
    return (key in labels) is (operator == "Exists")


def field_selector(text: str, kind: Kind) -> Match:
    """A predicate over objects. Raises ApiError 400 on a field the server does not select the kind by."""
    tests: list[tuple[str, str, bool]] = []
    for part in _parts(text) if text.strip() else ():
        negative = "!=" in part
        field, sign, value = part.partition("!=" if negative else "==" if "==" in part else "=")
        if not sign:
            raise bad_request(f'invalid selector: {part!r}; can\'t understand "{part}"')
        if field.strip() not in kind.fields:
            label = f'"{field}" is not a known field selector: only ' if kind.crd else ""
            known = ", ".join(f'"{name}"' for name in sorted(kind.fields))
            raise bad_request(label + known if kind.crd else f"field label not supported: {field}")
        tests.append((field.strip(), value.strip(), negative))
    return lambda obj: all((field_value(obj, field) == value) is not negative for field, value, negative in tests)


def field_value(obj: Object, field: str) -> str:
    """A field as selectors compare it: text, booleans in lower case, empty when missing."""
    value = get(obj, field)
    if field == "source":  # Events: the component alone [kk:pkg/registry/core/event/strategy.go]
        value = get(obj, "source.component") or obj.get("reportingComponent")
    if value is None:
        return "false" if field in ("spec.unschedulable", "spec.hostNetwork") else ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def all_of(tests: Iterable[Match]) -> Match | None:
    """One predicate from several; None when there is nothing to test."""
    every = tuple(tests)
    if not every:
        return None
    return every[0] if len(every) == 1 else lambda obj: all(test(obj) for test in every)
