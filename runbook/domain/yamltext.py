"""YAML 1.2 as ruamel.yaml reads it: plain texts by libyaml, which is fifteen times as fast, all others by ruamel itself.

libyaml reads YAML 1.1, where `yes` is true. So it only finds where the scalars are, and what a bare one means is decided
here; whatever the two might see in different ways (tabs, tags, anchors, odd block scalars, numbers that are not plain
decimals), and every text that is wrong, is left to ruamel, whose errors name line and column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, NamedTuple

import yaml

try:
    from yaml.cyaml import CParser as _Parser
except ImportError:  # PyYAML was built without libyaml
    _Parser = None

_ODD = re.compile(
    r"[\t\x85\u2028\u2029\ufeff]"  # what 1.1 takes for a break or for space
    r"|(?:^|[\s,\[\]{}]|[\"']:)[!&*]|^%"  # tags, anchors, aliases (which may unfold without end), directives
    r"|(?:^|[:?-]) *[|>](?![-+]?\r?\n +\S)",  # a block scalar that says more, or does not begin with a line of its own
    re.MULTILINE,
)
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?[0-9]+\.[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# A letter or sign that no decimal, time or merge key of ruamel's has, or two points: then it is a text, but for 0x1F and .inf.
_TEXT = re.compile(r"(?![-+]?0[xob]|[-+]?\.[iInN]).*(?:[^-+0-9._:eEtTzZ \t<=]|\..*\.)", re.DOTALL)
_SIGNS = re.compile(r"[-+.:]{1,9}")  # such as the key `.` of managedFields
_OTHER = frozenset("-+.0123456789<=")  # where something that is no text may begin, words apart
_STR, _SEQ, _MAP, _BARE = "str", "seq", "map", "bare"
NO_KEY = "a mapping stands in a key"


class Document(NamedTuple):
    """One document of a text, and the line on which it begins, from 1."""

    data: Any
    line: int


class _NotPlainError(Exception):
    """For ruamel: no error of the text's."""


def load(text: str) -> Any:
    """The only document of a text. Raises what ruamel.yaml raises: YAMLError, ValueError, RecursionError."""
    try:
        found = list(_plain(text))
        if len(found) <= 1:
            return found[0].data if found else None
    except _NotPlainError:
        pass
    from ruamel.yaml import YAML

    with _keys_refused():
        return YAML(typ="safe", pure=True).load(text)


def load_all(text: str) -> Iterator[Document]:
    """Every document of a text, in order. Raises as `load` does, after the documents before the broken one."""
    try:
        yield from list(_plain(text))
    except _NotPlainError:
        yield from _by_ruamel(text)


def _by_ruamel(text: str) -> Iterator[Document]:
    from ruamel.yaml import YAML

    reader = YAML(typ="safe", pure=True)
    for node in reader.compose_all(text):
        line = node.start_mark.line + 1 if node is not None else 1
        with _keys_refused():
            data = reader.constructor.construct_document(node) if node is not None else None
        yield Document(data, line)


@contextmanager
def _keys_refused() -> Iterator[None]:
    """ruamel makes a tuple of a key that is a sequence, and leaves it to Python to find a mapping in it."""
    from ruamel.yaml.error import YAMLError

    try:
        yield
    except TypeError as error:
        raise YAMLError(NO_KEY) from error


def _plain(text: str) -> Iterator[Document]:
    """What libyaml finds. Raises _NotPlainError for what is ruamel's to read or to refuse."""
    if _Parser is None or _ODD.search(text):
        raise _NotPlainError
    try:
        reader = _reader()(text)
        while reader.check_node():
            node = reader.get_node()
            yield Document(_value(node), node.start_mark.line + 1)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _NotPlainError from error


def _reader() -> Any:
    class Reader(_Parser):  # type: ignore[misc]  # PyYAML has no types
        """libyaml's composer, told only which scalars stand bare."""

        def resolve(self, kind: Any, _value: Any, implicit: Any) -> str:
            if kind is yaml.ScalarNode:
                return _BARE if implicit[0] else _STR
            return _SEQ if kind is yaml.SequenceNode else _MAP

        def descend_resolver(self, *_where: Any) -> None: ...
        def ascend_resolver(self) -> None: ...

    return Reader


def _value(node: Any) -> Any:
    if node.tag == _BARE:
        return _bare(node.value)
    if node.tag == _STR:
        return node.value
    if node.tag == _SEQ:
        return [_value(part) for part in node.value]
    if node.tag != _MAP:
        raise _NotPlainError
    found = {_key(key): _value(part) for key, part in node.value}
    if len(found) != len(node.value):
        raise _NotPlainError  # the same key twice: ruamel says where
    return found


def _key(node: Any) -> Any:
    if node.tag == _STR:
        return node.value
    if node.tag != _BARE:
        raise _NotPlainError
    return _bare(node.value)


def _bare(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _OTHER or _TEXT.match(text) or _SIGNS.fullmatch(text):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    raise _NotPlainError
