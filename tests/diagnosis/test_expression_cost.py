"""No expression can run away: what it can cost over the worst message is known before it is tried.

The bound is held against a slow engine of this test's own, which tries every way there is and counts, and against Python's
engine on long hostile messages, in a process of its own that may be killed.
"""

from __future__ import annotations

import json
import re
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook.diagnosis import cost as costs
from runbook.diagnosis import expression
from runbook.diagnosis.catalogue import built_in
from runbook.diagnosis.cost import MOST, cost
from runbook.diagnosis.literals import alternatives
from runbook.diagnosis.patterns import DEAREST, Pattern, in_lower_case, refusal
from runbook.diagnosis.unwrap import one_line

RUNAWAYS = [
    "zz(a|a)*b", "zz(a|aa)*b", "zz(a{1,9}){1,9}b", "zz(?:a?){30}a{30}", "zza*a*a*a*a*b", "(zz.{0,900}){2,3}q",
    "zz((ab|a)(b|))*c", "zz.{0,900}y.{0,900}y.{0,900}q", "zz[a-z]*x[a-z]*q", r"(a+)+b", r"(?:x*)*y", r"(\w+\s?)+$",
    ".*a.*b", "zz(?:a{1,30}){1,30}b", "zz(a*)*b", "zz(?:a|b|ab)*c", "zz(?=(a+)+b)", "zz(?<!x)(?:aa?){1,60}b", "(?:a?b?c?){40}d",
    "zz.*?y.*?q", r"(?:\d+\.?)+x", "a{0,900}a{0,900}b", "(?:(?:ab?)?c?){20}zzz",
]  # fmt: skip
CHEAP = [
    "licence (has )?expired", "licence .{0,200}expired", "error [^:]{1,200}: [^:]{1,200}: bad", r"\bcode: \d{1,5}\b", "no such host",
    "(failed|error|cannot) to .{0,120}(licence|token)", r"exec: .{1,80}: (stat|no such file)", "^warning: .*$", r"v\d{1,3}(?:\.\d{1,3}){0,3} is too old",
]  # fmt: skip


@pytest.mark.parametrize("source", RUNAWAYS)
def test_what_could_run_away_is_refused(source: str) -> None:
    assert "repetition" in refusal(source)
    with pytest.raises(ValueError, match="repetition"):
        Pattern(source)


@pytest.mark.parametrize("source", CHEAP)
def test_what_people_write_is_taken(source: str) -> None:
    assert refusal(source) == ""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("(?i)licence", "case is ignored"), ("(?i:licence)", "a flag"), ("(?>licence)", "atomic"), ("lice++nce", "possessive"),
        (r"(a)licence\1", "a reference back"), (r"(a)?licence(?(1)b|c)", "a condition"), (r"lice\x41", r"\x"), (r"lice\tnce", r"\t"),
        ("(?#x)licence", "a comment"), ("(licence", "not a regular expression"), ("(" * 3000 + ")" * 3000, "nested too deeply"),
        ("x{99999999999}", "repeats too often"), ("a?", "empty text"), ("", "empty text"), ("(licence)?", "empty text"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(source: str, said: str) -> None:
    assert said in refusal(source)


def _ours() -> Iterator[str]:
    catalogue = built_in()
    given = [p for cause in catalogue.causes.values() for s in cause.signatures for p in (s.pattern, s.unless) if p]
    given += [p for r in (*catalogue.calm, *catalogue.peers, *catalogue.faults) for p in (r.pattern, r.unless) if p]
    return (
        in_lower_case(part) for pattern in [*given, catalogue.stack.pattern] for part in alternatives(pattern.source)
    )


def test_every_expression_of_the_house_passes_the_same_test() -> None:
    checked = 0
    for part in _ours():
        assert refusal(part) == "", part
        checked += 1
    assert checked > 1000


# ---- a slow engine that tries everything and counts ----

TREE = import_module("re._parser")


class _Tries:
    """Every way in which a parsed expression can match, with what was compared on the way."""

    def __init__(self, text: str) -> None:
        self.text, self.count = text, 0

    def all_of(self, tree: Any, at: int) -> Iterator[int]:
        yield from self._items(list(tree), at)

    def _items(self, items: list[tuple[Any, Any]], at: int) -> Iterator[int]:
        if not items:
            yield at
            return
        for end in self._one(str(items[0][0]), items[0][1], at):
            yield from self._items(items[1:], end)

    def _one(self, op: str, value: Any, at: int) -> Iterator[int]:
        if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            self.count += 1
            if at < len(self.text) and _is_member(op, value, self.text[at]):
                yield at + 1
        elif op == "BRANCH":
            for choice in value[1]:
                yield from self.all_of(choice, at)
        elif op == "SUBPATTERN":
            yield from self.all_of(value[3], at)
        elif op in ("ASSERT", "ASSERT_NOT"):
            starts = [at] if value[0] > 0 else [at - value[1].getwidth()[0]]
            found = [end for start in starts if start >= 0 for end in self.all_of(value[1], start)]
            if bool(found) == (op == "ASSERT"):
                yield at
        elif op in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, body = value
            yield from self._repeat(least, most, body, at, 0)
        else:
            raise NotImplementedError(op)

    def _repeat(self, least: int, most: int, body: Any, at: int, done: int) -> Iterator[int]:
        if done >= least:
            yield at
        if done < most:
            for end in self.all_of(body, at):
                if end > at or done < least:
                    yield from self._repeat(least, most, body, end, done + 1)


def _is_member(op: str, value: Any, char: str) -> bool:
    if op == "ANY":
        return char != "\n"
    if op != "IN":
        return (chr(value) == char) == (op == "LITERAL")
    found = False
    for kind, what in value:
        name = str(kind)
        found = (
            found or (name == "LITERAL" and chr(what) == char) or (name == "RANGE" and what[0] <= ord(char) <= what[1])
        )
    return found != (str(value[0][0]) == "NEGATE")


def _counted(source: str, text: str, most: int) -> int:
    """How many characters are compared when nothing is enough; stops behind `most`."""
    tries, tree = _Tries(text), TREE.parse(source)
    for start in range(len(text) + 1):
        for _ in tries.all_of(tree, start):
            if tries.count > most:
                return tries.count
    return tries.count


def _grammar() -> st.SearchStrategy[str]:
    chars = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", "[^c]", "[a-c]"])
    bounds = st.sampled_from(["?", "*", "+", "{2}", "{0,3}", "{1,5}", "{2,}", "*?", "{0,4}?"])
    word = st.text("abc", min_size=1, max_size=4)

    def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        repeated = st.builds(lambda part, bound: f"(?:{part}){bound}", inner, bounds)
        either = st.builds(lambda parts: f"({'|'.join(parts)})", st.lists(inner, min_size=2, max_size=3))
        looked = st.builds(lambda how, part: f"({how}{part})", st.sampled_from(["?=", "?!"]), inner)
        behind = st.builds(lambda how, part: f"({how}{part})", st.sampled_from(["?<=", "?<!"]), word)
        return st.one_of(repeated, either, looked, behind, st.builds("".join, st.lists(inner, min_size=1, max_size=4)))

    spread = st.builds(
        lambda lead, part: lead + part,
        word,
        st.sampled_from(["[ab]*c", "[^a]+b", "[^c]{0,9}[ab]", "a*?(?:b|c)", "[^b]*(ab|ba)b"]),
    )
    single = st.builds(lambda char, bound: char + bound, chars, bounds)
    return st.recursive(st.one_of(chars, single, word, spread), wider, max_leaves=8)


def _subjects() -> st.SearchStrategy[str]:
    repeated = st.builds(
        lambda unit, tail: (unit * 12)[:11] + tail, st.text("abc", min_size=1, max_size=3), st.sampled_from("abcd")
    )
    return st.one_of(repeated, st.text("abcd", max_size=12))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if no message were longer than twelve letters, so that every way can be tried, and as if all that is done cost the same."""
    caches: list[Any] = [costs._tried, costs._stands, costs._shift]
    for module in (costs, expression):
        monkeypatch.setattr(module, "WINDOW", 12)
    for name, price in {
        "_PASSED": 1,
        "_SOUGHT": 1,
        "_COMPARED": 2,
        "_BOUND": 0,
        "_ENTERED": 0,
        "_LOOKED": 0,
        "_ROUND": 0,
    }.items():
        monkeypatch.setattr(costs, name, price)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("small")
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_grammar(), st.lists(_subjects(), min_size=1, max_size=3))
def test_no_subject_takes_more_than_the_bound(source: str, subjects: list[str]) -> None:
    try:
        most = cost(source)
    except (ValueError, re.error):
        return
    if most > 200_000:
        return
    ways, tree = costs._tried(expression.parsed(source)[0])[0], TREE.parse(source)
    for text in subjects:
        assert _counted(source, text, most) <= most
        for start in range(len(text) + 1):
            assert sum(1 for _ in _Tries(text).all_of(tree, start)) <= ways


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("source", "text", "ways"),
    [
        (".{0,9}aa", "a" * 12, 10), (".{0,9}ab", "ab" * 6, 5), (".{0,9}aab", "aab" * 4, 4), ("[^b]{0,9}b", "aaab", 1), ("[ab]{0,9}ba", "ba" * 6, 5),
        ("(?:ab|a|a.)c?", "abc", 5), ("(?:ab|ac|b)c?", "abc", 2), ("(?:a|aa){2}", "aaaa", 4), ("(?:a[^ab]*b){1,5}", "ab" * 5, 5), (".{0,9}(?:a|ab)", "ab" * 6, 10),
    ],
)  # fmt: skip
def test_as_many_ways_are_counted_as_there_are(source: str, text: str, ways: int) -> None:
    assert sum(1 for _ in _Tries(text).all_of(TREE.parse(source), 0)) == ways
    assert ways <= costs._tried(expression.parsed(source)[0])[0] <= 2 * ways


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "source", ["aab", "ab.{0,9}ab", "(?:ab|ba)c?.{0,5}a", "[ab]{1,6}a", "(a|ab)(c|bcd)b?", "a(?:bc){1,3}.*", "[^a]*ab"]
)
def test_the_slow_engine_and_the_bound_agree_within_reason(source: str) -> None:
    texts = {(unit * 12)[:12] for unit in ("a", "b", "ab", "abc", "aab", "abb", "bca")}
    worst = max(_counted(source, text, MOST) for text in texts)
    assert worst <= cost(source) <= 1000 * worst


# ---- Python's engine ----

_SEARCH = """
import json, sys
from runbook.diagnosis.patterns import Pattern
from runbook.diagnosis.unwrap import one_line
for source, unit in json.load(sys.stdin):
    message = unit * (1_000_000 // len(unit))
    Pattern(source).search(one_line(message).lowered)
"""


def _searched(pairs: list[tuple[str, str]]) -> None:
    """Search for each over a megabyte of its unit; a runaway would not be back within an hour, let alone in two minutes."""
    done = subprocess.run(
        [sys.executable, "-c", _SEARCH],
        input=json.dumps(pairs),
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _units(source: str) -> list[str]:
    """Hostile to an expression: its own letters, and what stands before each of its repetitions."""
    letters = "".join(c for c in source if c in string.ascii_lowercase)
    words = [w for w in re.split(r"[^a-z ]+", source) if w.strip()]
    return [letters, *words[:3], *(c for c in dict.fromkeys(letters)), f"{letters[:1]}{letters[-1:]}"][:8]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.builds("zz".__add__, _grammar()), min_size=20, max_size=40))
def test_what_is_taken_answers_a_megabyte_of_malice(sources: list[str]) -> None:
    taken = [source for source in sources if all(refusal(part) == "" for part in alternatives(source))]
    _searched([(source, f"zz{unit}") for source in taken for unit in _units(source)[:3]])


def test_the_dearest_of_the_house_answer_a_megabyte_of_malice() -> None:
    dearest = sorted(_ours(), key=cost, reverse=True)[:25]
    assert cost(dearest[0]) <= DEAREST
    _searched([(source, unit) for source in dearest for unit in _units(source)])


def test_no_expression_sees_more_of_a_message_than_is_counted_on() -> None:
    grown: list[Callable[[int], str]] = [
        lambda n: "İ" * n,
        lambda n: "podx(" * (n // 5),
        lambda n: "\\n" * n,
        lambda n: "source x " * (n // 9),
    ]
    for grow in grown:
        for size in (1000, 4999, 5000, 20_000, 1_000_000):
            assert len(one_line(grow(size)).lowered) <= expression.WINDOW
