"""Whatever libyaml reads for us is what ruamel.yaml reads; all else is left to ruamel, with its errors."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError

from runbook.domain import yamltext

PIECES = (
    *"aab1:-?,[]{}#\"'|> \n~.T\t=&*!%", "- ", "a: ", "\n  ", ": ", '"x"', "'y'", " #", "a:b", "\\n", "\\/", "...", "---", "\r\n",
    "<<", "é", "b: |", "- >-", "|+", "\n---\n", "1.5", "2025-10-17", "2025-13-01", "yes", "null", "true", "False", "0x1", "1e3",
    "12:30", "-0", "+1", "017", "1_0", ".5", "5.", "1.2.3", "1.0", "inf", ".inf", "0o7", "15m", "5d", "0b1", "0xg", "-.INF", ".nan", "5e", "1T", "on", "<<: a", "b: |\n  x\n",
    "c: >-\n    ", "\n\n", "\n   ", "\\x41", '"a\\nb"', "? ", "http://a:80/b", "{a: 1}", "[a, b]", '{"a":b}', "\x01", "&a ", "*a",
    "! x", "!!str 1", "\u2028", "\x85", "\ufeff", "2025-10-17T09:00:00Z",
)  # fmt: skip


def ruamels(text: str) -> Any:
    try:
        return typed(list(YAML(typ="safe", pure=True).load_all(text)))
    except TypeError:  # a slip of ruamel's, of which ours is an error of the text
        return YAMLError, yamltext.NO_KEY
    except (YAMLError, ValueError, RecursionError) as error:
        return type(error), str(error)


def ours(text: str) -> Any:
    try:
        return typed([document.data for document in yamltext.load_all(text)])
    except (YAMLError, ValueError, RecursionError) as error:
        return type(error), str(error)


def typed(value: Any) -> Any:
    """With the types, for 1, 1.0 and true are equal; a text without a document is one that says nothing."""
    if isinstance(value, dict):
        return [(typed(k), typed(v)) for k, v in value.items()]
    if isinstance(value, list):
        return [typed(v) for v in value] if value != [None] else []
    return type(value).__name__, repr(value)


@pytest.mark.filterwarnings(f"ignore::{ReusedAnchorWarning.__module__}.{ReusedAnchorWarning.__name__}")
@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join))
@example("b: |#")
@example("a: \t")
@example("|\n#")
@example(" - >-\n  \n   '.inf{: ")
@example("a: yes\nb: on\nc: 017\nd: 1_000\ne: 12:30:45\nf: =\n")
@example('{"a":*b}')
@example("a: &x [*x]")
@example("{a: 1, a: 2}")
@example("[a]: b")
@example("1: a\ntrue: b\n2025-10-17: c")
@example("a: 1\n--- b: 2")
@example("&a a: &a ")
@example("? - ? ")
def test_it_reads_what_ruamel_reads(text: str) -> None:
    assert ours(text) == ruamels(text)


def test_a_mapping_in_a_key_is_an_error_of_the_text_also_of_one_document() -> None:
    with pytest.raises(YAMLError, match=yamltext.NO_KEY):
        yamltext.load("? - ? ")


PLAIN = {
    "words": "- yes\n- no\n- on\n- null\n- ~\n- true\n-\n",
    "numbers": "{a: 1, b: -2, c: 0.5, d: 1.10, e: 1.2.3, f: 15m, g: 127.0.0.1:443, h: 2025-10-17, i: 5d, j: 7b9c5f6d8, k: 1Gi}",
    "blocks": "a: |\n  one\n  two | three\n\nb: >-\n  folded\n  text\nc: 'single ''quoted'''\n",
    "kubectl": 'apiVersion: v1\nitems:\n- metadata:\n    creationTimestamp: "2025-10-17T09:00:00Z"\n    name: web-*-x\n',
    "managedFields": "fieldsV1:\n  f:metadata:\n    f:labels:\n      .: {}\n      f:app: {}\n",
    "documents": "# first\nkind: A\n---\n\nkind: B\n",
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_people_write_is_read_by_libyaml(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ruamels(PLAIN[name])
    monkeypatch.setattr("ruamel.yaml.YAML", None)
    assert typed([d.data for d in yamltext.load_all(PLAIN[name])]) == expected


def test_a_document_knows_its_line() -> None:
    odd = PLAIN["documents"].replace("kind: B", "kind: !!str B")
    for text in (PLAIN["documents"], odd):
        assert list(yamltext.load_all(text)) == [({"kind": "A"}, 2), ({"kind": "B"}, 5)]


def test_one_document_is_asked_for() -> None:
    assert yamltext.load("a: {b: 2025-10-17}") == {"a": {"b": date(2025, 10, 17)}}
    assert yamltext.load("") is None
    with pytest.raises(YAMLError, match="expected a single document"):
        yamltext.load(PLAIN["documents"])


@pytest.mark.parametrize("text", ['{"a":&x [1], "b":*x}', "a: &x [1]\nb: *x", "- &x [1]\n- *x"])
def test_what_an_alias_names_is_there_once(text: str) -> None:
    """Else ten lines of them stand for more than there is memory."""
    found = yamltext.load(text)
    first, second = found.values() if isinstance(found, dict) else found
    assert first is second


def test_without_libyaml_everything_is_ruamels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamltext, "_Parser", None)
    assert ours(PLAIN["kubectl"]) == ruamels(PLAIN["kubectl"])


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "[" * 900 + "]" * 900, "{a: " * 30_000])
def test_what_is_nested_without_end_ends_in_an_error(text: str) -> None:
    with pytest.raises((YAMLError, RecursionError)):
        yamltext.load(text)
