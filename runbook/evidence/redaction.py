"""Cutting secrets before anything is written, and counting what was cut by kind.

Structure first (a Secret's data, an environment literal, a values key named password), then the shapes of `shapes.py`
in every text. SealedSecrets' ciphertexts are public by design and are kept. The values that were cut are remembered in
memory only, so that the leak gate can look for them in the finished files.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from runbook.evidence.quiet import Quiet
from runbook.evidence.searches import matches
from runbook.evidence.shapes import FLAG, MARK, holds_secret, is_telling, may_hold_secret
from runbook.evidence.templates import Templates

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_VALUE_KEYS = ("data", "stringData", "binaryData")
_NO_TEXT = frozenset({bool, int, float})
# Texts that need no second look, how many and how long: most of a cluster says the same words again and again.
_REMEMBERED, _SHORT = 20_000, 200


class Redactor:
    """Cuts and counts. `known` are values that must never be written; what is cut elsewhere is added to them.

    Threads may share one.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.counts: Counter[str] = Counter()
        self._known: set[str] = set()
        self._told: tuple[str, ...] = ()
        self._lines: tuple[tuple[str, ...], tuple[bytes, ...]] = (), ()
        self._clean: set[str] = set()
        self._turn = threading.Lock()
        self._templates = Templates(self.value)
        self.quiet = Quiet()
        for value in known:
            self.remember(value)

    def _count(self, kind: str, times: int = 1) -> None:
        with self._turn:
            self.counts[kind] += times

    @property
    def known(self) -> tuple[str, ...]:
        """The values that were cut, long ones first: for the leak gate, never for a file of the record."""
        if len(self._told) != len(self._known):
            self._told = tuple(sorted(self._known, key=len, reverse=True))
        return self._told

    def remember(self, value: str) -> None:
        """Treat a value as a secret wherever it turns up from now on; short ones would hit by chance and are left out."""
        if is_telling(value) and value not in self._known:
            self._known.add(value)
            self._clean = set()  # what was clean may hold this one
            self._templates.forget()

    def text(self, text: str) -> str:
        """A text with every secret shape and every known value cut."""
        clean = self._clean  # the set of before, if another thread learns a secret meanwhile
        if text in clean:
            return text
        cut = self._searched(text)
        if cut == text and len(text) <= _SHORT:
            if len(clean) >= _REMEMBERED:
                clean.clear()
            clean.add(text)
        return cut

    def _searched(self, text: str) -> str:
        for value in self.known:
            if value in text:
                self._count("known-value", text.count(value))
                text = text.replace(value, MARK)
        spans = sorted((begin, end, kind) for kind, begin, end in matches(text)) if len(text) > 7 else []
        if not spans:
            return text
        parts, at = [], 0
        for begin, end, kind in spans:
            if begin >= at:
                parts += [text[at:begin], MARK]
                self._count(kind)
                at = end
            elif end > at:
                at = end
        return "".join([*parts, text[at:]])

    def line(self, line: bytes) -> bytes:
        """A JSON line that was written before some of the known values were: they are cut from it too."""
        for spelled in self._spelled():
            if spelled in line:
                self._count("known-value", line.count(spelled))
                line = line.replace(spelled, MARK.encode())
        return line

    def _spelled(self) -> tuple[bytes, ...]:
        """The known values as a JSON line spells them, made once and not for each line."""
        known = self.known
        if self._lines[0] is not known:
            dumped = (json.dumps(value, ensure_ascii=False)[1:-1] for value in known)
            self._lines = known, tuple(text.encode("utf-8", errors="backslashreplace") for text in dumped)
        return self._lines[1]

    def item(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """One object of the API, less managedFields, with its secrets cut."""
        metadata = item.get("metadata")
        kept = dict(item)
        if isinstance(metadata, Mapping):
            kept["metadata"] = {k: v for k, v in metadata.items() if k != "managedFields"}
        if item.get("kind") == "Secret" or (item.get("kind") is None and isinstance(item.get("type"), str)):
            kept = self._secret(kept)
        elif item.get("kind") == "ConfigMap":
            kept = {
                k: self._values(v, "configmap-value", learn=False) if k in _VALUE_KEYS else v for k, v in kept.items()
            }
        ciphers = self._set_aside(kept)
        cleaned: dict[str, Any] = self.value(kept)
        if ciphers is not None:
            cleaned["spec"]["encryptedData"] = ciphers
        return cleaned

    def shared(self, part: msgspec.Raw) -> msgspec.Raw:
        """JSON that many objects have alike, with its secrets cut: once for all of them."""
        return self._templates.cleaned(part)

    def value(self, value: Any, *, name: str = "") -> Any:
        """Any JSON-like value; `name` is the key it stands under. A part that is still JSON is clean already."""
        if value.__class__ is msgspec.Raw:
            return value
        if isinstance(value, str):
            if name and value != MARK and holds_secret(name, value):
                return self._cut("named-secret", value)
            return self.text(value)
        if value.__class__ is dict or isinstance(value, Mapping):
            return self._mapping(value)
        if value.__class__ is list or (isinstance(value, Sequence) and not isinstance(value, bytes | bytearray)):
            return self._sequence(value)
        return value

    def _mapping(self, value: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(value.get("value"), str) and isinstance(value.get("name"), str):
            rest = {k: self.value(v, name=k) for k, v in value.items() if k != "value"}
            literal = value["value"]
            if holds_secret(value["name"], literal):
                return {**rest, "value": self._cut("environment-literal", literal)}
            return {**rest, "value": self.text(literal)}
        return {self.text(k) if len(k) > 24 else k: self._entry(k, v) for k, v in value.items()}

    def _entry(self, key: str, value: Any) -> Any:
        if value is None or value.__class__ in _NO_TEXT:
            return value
        if value.__class__ is str and value in self._clean and not may_hold_secret(key) and key != LAST_APPLIED:
            return value
        if key == LAST_APPLIED and isinstance(value, str):
            return self._last_applied(value)
        return self.value(value, name=key)

    def _sequence(self, value: Sequence[Any]) -> list[Any]:
        kept: list[Any] = []
        for index, element in enumerate(value):
            before = value[index - 1] if index else None
            if isinstance(element, str) and isinstance(before, str) and FLAG.match(before):
                kept.append(self._cut("argument", element))
            else:
                kept.append(self.value(element))
        return kept

    def _secret(self, item: dict[str, Any]) -> dict[str, Any]:
        kept = {k: self._values(v, "secret-value", learn=True) if k in _VALUE_KEYS else v for k, v in item.items()}
        metadata = kept.get("metadata")
        if isinstance(metadata, Mapping) and isinstance(metadata.get("annotations"), Mapping):
            notes = dict(metadata["annotations"])
            if LAST_APPLIED in notes:
                self._count("last-applied")
                notes[LAST_APPLIED] = MARK
            kept["metadata"] = {**metadata, "annotations": notes}
        return kept

    def _values(self, data: Any, kind: str, *, learn: bool) -> Any:
        if not isinstance(data, Mapping):
            return data
        for value in data.values():
            if learn and isinstance(value, str):
                self._learn(value)
        self._count(kind, len(data))
        return dict.fromkeys(data, MARK)

    def _learn(self, value: str) -> None:
        from base64 import b64decode
        from binascii import Error

        self.remember(value)
        try:
            self.remember(b64decode(value, validate=True).decode())
        except (Error, ValueError):
            return  # a plain value of stringData

    def _last_applied(self, text: str) -> str:
        try:
            return json.dumps(self.item(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
        except (ValueError, AttributeError, RecursionError):
            self._count("last-applied")
            return MARK

    def _set_aside(self, item: dict[str, Any]) -> Any:
        spec = item.get("spec")
        if (
            item.get("kind") not in (None, "SealedSecret")
            or not isinstance(spec, Mapping)
            or "encryptedData" not in spec
        ):
            return None
        item["spec"] = {k: v for k, v in spec.items() if k != "encryptedData"}
        return spec["encryptedData"]

    def _cut(self, kind: str, value: str) -> str:
        if MARK in value:
            return value
        self._count(kind)
        self.remember(value)
        return MARK


def redact(value: Any, *, redactor: Redactor | None = None) -> Any:
    """A text or any JSON-like value with its secrets cut."""
    cutter: Callable[[Any], Any] = (redactor or Redactor()).value
    return cutter(value)
