"""What is looked for in each string once is found just where it is found in the whole: nothing more, nothing less, on the same lines."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook.evidence import leakgate, searches
from runbook.evidence.leakgate import Leak, leak_gate
from runbook.evidence.searches import matches, once

HIDDEN = base64.b64encode(b"Authorization: Bearer abcdefghijklmnop1234567890").decode()
PIECES = (
    '"', '"', '"', "\n", "\n", "\\", ":", "=", " ", "password", "Password", "secret", "token=", "--api-key ", 'auth":"', "https://", "@", "eyJ",
    "name", "gh", "p_", "abcdefgh12345678", "QUJDREVGR0hJSktMTU5PUFFSU1RVVg", HIDDEN, "ſecret", "Bearer ", "kube-api-access-x7k2p", "é",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@pytest.fixture(params=[1, 7, 4_000_000], ids=["blocks of one", "of seven", "as they are"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(searches, "_BLOCK", request.param)
    return int(request.param)


@pytest.mark.usefixtures("block")
class TestOnce:
    def test_has_every_string_once_and_nothing_else(self) -> None:
        text = '{"a":"x","b":"x","a":"y"}\n{"a":"x"}'
        assert sorted(once(text).split('"')) == sorted(set(text.split('"')))
        assert once("") == ""

    def test_a_text_without_quotes_is_as_it_was(self) -> None:
        assert once("one\ntwo") == "one\ntwo"


@given(text=TEXTS, part=TEXTS, size=st.sampled_from([1, 5, 4_000_000]))
def test_what_has_no_quote_is_in_one_just_when_it_is_in_the_other(text: str, part: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searches, "_BLOCK", size)
        brief = once(text)
    for sought in (part.replace('"', ""), *part.split('"')):
        assert (sought in brief) == (sought in text)


@given(text=TEXTS)
def test_shapes_are_at_the_same_places_with_and_without(text: str) -> None:
    assert list(matches(text, once(text))) == list(matches(text))


@given(text=TEXTS)
def test_the_gate_finds_what_it_finds_by_reading_everything(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("gate") / "objects.jsonl"
    path.write_text(text, encoding="utf-8")
    assert sorted(map(repr, leak_gate([path], known=["abcdefgh12345678"]))) == sorted(map(repr, everything(path, text)))


def everything(path: Path, text: str) -> list[Leak]:
    """The gate as its docstring says it, run over the whole text for each thing that is looked for."""
    spellings = [s for s in set(leakgate._spellings("abcdefgh12345678")) if s in text]
    found = [Leak(path, "known value", text.count("\n", 0, text.find(s)) + 1, s not in text) for s in spellings]
    found += [Leak(path, kind, text.count("\n", 0, at) + 1) for kind, at, _ in matches(text)]
    for run in leakgate._RUN.finditer(text):
        if kind := leakgate._inside(run.group()):
            found.append(Leak(path, kind, text.count("\n", 0, run.start()) + 1, encoded=True))
    return found


def test_a_leak_is_told_at_each_of_its_places(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(f'["{HIDDEN}",\n"{HIDDEN}",\n"fine", "{HIDDEN}"]')
    assert [(leak.line, leak.encoded) for leak in leak_gate([path])] == [(1, True), (2, True), (3, True)]
