"""A team's own file of causes, read strictly: whatever is wrong with it is one sentence, with the line it stands on.

A file is handed over as text. Where a key stands is only asked of a file that is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import Reader

from runbook.diagnosis.literals import alternatives, needed
from runbook.diagnosis.ownmodel import SCHEMA, File, Next, Own, Signature, Structure, Words
from runbook.diagnosis.patterns import in_lower_case, refusal
from runbook.domain import yamltext
from runbook.domain.readonly import only_reads
from runbook.errors import UsageError

Path = tuple[str | int, ...]
_WORD = 3  # bytes of the shortest word that may stand for a failure


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a file may refer to."""

    causes: frozenset[str]
    peers: frozenset[str]
    faults: frozenset[str]
    captures: frozenset[str]


def entries(source: str, text: str, known: Known) -> list[Mapping[str, Any]]:
    """The causes of a file, each right in itself and in what it refers to. Raises UsageError naming file, line and reason."""
    data = _yaml(source, text)
    try:
        _check(File, data, ())
        for number, entry in enumerate(data["causes"]):
            _check(Words if _adds(entry) else Own, entry, ("causes", number))
        for where, reason in _wrong(data["causes"], known):
            raise _WrongError(reason, ("causes", *where))
    except _WrongError as wrong:
        raise UsageError(wrong.reason, field=f"{source}:{_line(text, wrong.where)}") from wrong
    found: list[Mapping[str, Any]] = data["causes"]
    return found


def _adds(entry: Any) -> bool:
    """Whether it only adds words to a cause that is known."""
    return isinstance(entry, dict) and set(entry) == set(Words.model_fields)


class _WrongError(Exception):
    def __init__(self, reason: str, where: Path) -> None:
        super().__init__(reason)
        self.reason, self.where = reason, where


def _yaml(source: str, text: str) -> Any:
    try:
        return yamltext.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = str(error.problem or error.context).splitlines()[0]
        raise UsageError(f"not YAML: {said}", field=f"{source}:{mark.line + 1 if mark else 1}") from error
    except YAMLError as error:
        odd = Reader.NON_PRINTABLE.search(text)
        line = text.count("\n", 0, odd.start()) + 1 if odd else 1
        said = "a character that YAML does not allow" if odd else str(error).splitlines()[0]
        raise UsageError(f"not YAML: {said}", field=f"{source}:{line}") from error
    except (ValueError, RecursionError) as error:
        said = "nested too deeply to be meant" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"not YAML: {said}", field=f"{source}:1") from error


def _check(model: type[BaseModel], data: Any, where: Path) -> None:
    try:
        model.model_validate(data)
    except ValidationError as error:
        # A misspelt key explains the missing one beside it.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        raise _WrongError(_sentence(first, model), (*where, *first["loc"])) from error


def _sentence(error: Any, model: type[BaseModel]) -> str:
    kind, key = error["type"], next((part for part in reversed(error["loc"]) if isinstance(part, str)), "")
    if model is File and (kind != "extra_forbidden" or not key):
        return (
            "`causes` must be a list" if key == "causes" else f"must be a mapping with `schema: {SCHEMA}` and `causes:`"
        )
    if kind == "extra_forbidden":
        return _unknown_key(error["loc"], model)
    if kind == "string_too_short" and error["ctx"]["min_length"] == 1:
        return f"{key!r} is empty"
    said = _SENTENCES.get(kind, "{key!r} is not right: {msg}")
    return said.format(key=key or "cause", input=error["input"], msg=error["msg"], **error.get("ctx", {}))


_SENTENCES = {
    "shows_nothing": "{msg}",
    "missing": "{key!r} is missing",
    "string_too_short": "{key!r} is too short: at least {min_length} characters",
    "string_type": "{key!r} must be a text",
    "string_pattern_mismatch": "{input!r} is not an id: lower-case words joined by hyphens",
    "literal_error": "{key} {input!r} is none of {expected}",
    "bool_type": "{key!r} must be true or false",
    "int_type": "{key!r} must be a whole number",
    "greater_than_equal": "{key!r} must be {ge} or more",
    "less_than_equal": "{key!r} must be {le} or less",
    "list_type": "{key!r} must be a list",
    "too_short": "{key!r} must be a list with at least one entry",
    "model_type": "`{key}` must be a mapping",
}
_PLACES: dict[str, tuple[type[BaseModel], str]] = {
    "signatures": (Signature, "a signature has only the keys {keys}"),
    "next": (Next, "`next` must be {{{keys}}}"),
    "structure": (Structure, "`structure` must be {{{keys}}}"),
}


def _unknown_key(where: Path, model: type[BaseModel]) -> str:
    place, said = _PLACES.get(str(where[0]) if len(where) > 1 else "", (model, "there are {keys}"))
    keys = [field.alias or name for name, field in place.model_fields.items()]
    near = difflib.get_close_matches(str(where[-1]), keys, n=1)
    hint = [f"did you mean {near[0]!r}?"] if near else []
    if not near or place is not model:
        hint.append(said.format(keys=", ".join(keys)))
    return f"unknown key {str(where[-1])!r}: {' '.join(hint)}"


def _wrong(causes: list[Any], known: Known) -> Iterator[tuple[Path, str]]:
    """What is wrong with what well-formed causes refer to, and with their expressions."""
    here = frozenset(cause["id"] for cause in causes if not _adds(cause))
    seen = set(known.causes)
    for number, cause in enumerate(causes):
        name, adds = cause["id"], _adds(cause)
        if adds and name not in seen:
            near = difflib.get_close_matches(name, seen, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield (number, "id"), f"there is no cause {name!r} to add words to{hint}"
        if not adds and name in seen:
            said = f"the id {name} is taken; give only id and signatures to add words to it"
            yield (number, "id"), said
        seen.add(name)
        for where, reason in _refers(cause, known, known.causes | here):
            yield (number, *where), reason


def _refers(cause: Mapping[str, Any], known: Known, ids: frozenset[str]) -> Iterator[tuple[Path, str]]:
    for number, signature in enumerate(cause["signatures"]):
        at = ("signatures", number)
        yield from _each(signature, "peer", known.peers | {""}, "peer", at)
        yield from _each(signature, "fault", known.faults, "fault", at)
        for key in ("match", "unless"):
            if key in signature and (reason := _expression(signature[key], word=key == "match")):
                yield (*at, key), reason
    yield from _each(cause, "over", ids, "cause", ())
    yield from _each(cause, "captures", known.captures, "capture", ())
    rule = cause.get("structure") or {}
    yield from _each(rule, "becomes_of", ids, "cause", ("structure",))
    yield from _each(rule, "fault", known.faults, "fault", ("structure",))
    # Whoever reads that a command only reads may run it half asleep: that is taken at nobody's word.
    act = cause.get("next") or {}
    if act.get("safe") and act.get("command") and not only_reads(act["command"]):
        yield ("next", "safe"), f"it is not known that {act['command']!r} only reads: leave `safe` out"


def _each(holder: Mapping[str, Any], key: str, known: Iterable[str], what: str, at: Path) -> Iterator[tuple[Path, str]]:
    given, known = holder.get(key, []), set(known)
    for number, name in enumerate([given] if isinstance(given, str) else given):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else _listed(what, known - {""})
            yield (*at, key, *([] if isinstance(given, str) else [number])), f"there is no {what} {name!r}; {hint}"


def _listed(what: str, known: Iterable[str]) -> str:
    return "`runbook causes` lists them" if what == "cause" else f"there are {', '.join(sorted(known))}"


def _expression(source: str, *, word: bool) -> str:
    for part in map(in_lower_case, alternatives(source)):
        if reason := refusal(part):
            return f"{part!r}: {reason}"
        if word and min(len(literal.strip().encode()) for literal in needed(part)) < _WORD:
            return (
                f"{part!r} could match nearly anything: every alternative needs a word of at least {_WORD} characters"
            )
    return ""


def _line(text: str, where: Path) -> int:
    """The line on which what a path names begins; of what is not there, that of what it should be in."""
    place, line = YAML(typ="rt", pure=True).load(text), 1
    for part in where:
        marks = getattr(place, "lc", None)
        if marks is None or marks.data is None or (part not in marks.data):
            break
        line = marks.data[part][0] + 1
        place = place[part]
    return int(line)
