"""What is kept as it was served is what would have been kept had it been taken apart: nothing that is to be cut slips through."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook.evidence import observations, quiet
from runbook.evidence.redaction import Redactor
from runbook.evidence.searches import glimpsed
from runbook.evidence.shapes import MARK, may_hold_secret

SECRET = "Sup3r-s3cret-Pa55"
TOKEN = "ghp_" + "a1B2" * 9
SAID = (
    f"password={SECRET}", f'login with \\"password\\": \\"{SECRET}\\"', f"https://u:{SECRET}@r.lab/x", f"Bearer {SECRET}{SECRET}",
    f'authorization": "Basic {SECRET}', f"--token {SECRET}", TOKEN, f"?sig={SECRET}", f"secret={SECRET}", "eyJhbGciOi.eyJzdWIiOiIx.x",
    f"-----BEGIN {'PRIVATE KEY'}-----\n{SECRET}", f'{{"auth": "{SECRET}{SECRET}"}}', "docker-pullable://r.lab/a@sha256:ab", "a=b", 'say "no"',
    "password=", "the secret is", "--token", "--password", "x", "", "ä\u2028", "\\", '"', '":"', '"name":"DB_PASSWORD","value":"', SECRET,
    'x","password":"y', '{"name":"A","valueFrom":{"secretKeyRef":{"name":"B","key":"C"}}}',
)  # fmt: skip
KEYS = (
    "name", "value", "valueFrom", "secretKeyRef", "key", "password", "apiKey", "DB_PASSWORD", "secretName", "token", "message", "args",
    "dsn", "databaseUrl", 'a"_password', "data", "x", f"long-key-with-{TOKEN}", "connectionString", "passcode", "kind", "optional",
)  # fmt: skip
TEXTS = st.one_of(st.sampled_from(SAID), st.sampled_from(KEYS), st.text(max_size=12))
JSON = st.recursive(
    st.one_of(TEXTS, st.integers(), st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=12,
)
PARTS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5)
ITEMS = st.fixed_dictionaries(
    {"metadata": PARTS}, optional={"spec": PARTS, "status": PARTS, "message": TEXTS, "value": TEXTS}
)


def apart(kind: str, item: dict[str, Any], cutter: Redactor) -> dict[str, Any]:
    """The item as it is kept when it is taken apart."""
    maps = {k: item[k] for k in ("metadata", "spec", "status") if k in item}
    rest = {k: v for k, v in item.items() if k not in maps}
    cleaned = cutter.item({"kind": kind, **json.loads(json.dumps({**rest, **maps}))})
    return cleaned if "kind" in item else {k: v for k, v in cleaned.items() if k != "kind"}


def served(item: dict[str, Any], *, wide: bool = False, escaped: bool = True) -> bytes:
    separators = (", ", ": ") if wide else (",", ":")
    return json.dumps(item, ensure_ascii=escaped, separators=separators).encode(errors="surrogatepass")


def pairs(line: bytes) -> Any:
    """What a line says, in no order; of two names that were cut alike both."""
    return json.loads(line, object_pairs_hook=lambda found: sorted(map(repr, found)))


def kept(kind: str, item: bytes, cutter: Redactor) -> bytes:
    (line,) = observations._lines(kind, [item], cutter)
    return line


@settings(max_examples=400, deadline=None)
@given(
    st.lists(ITEMS, min_size=1, max_size=3),
    st.sampled_from(["Event", "Deployment", "HelmRelease"]),
    st.booleans(),
    st.booleans(),
)
def test_it_is_kept_as_if_it_had_been_taken_apart(
    items: list[dict[str, Any]], kind: str, wide: bool, escaped: bool
) -> None:
    cutter, single = Redactor(), Redactor()
    for item in items:
        try:
            sent = served(item, wide=wide, escaped=escaped)
            sent.decode()
        except UnicodeError:
            continue
        line = kept(kind, sent, cutter)
        assert b"\n" not in line
        wanted = apart(kind, item, single)
        finished = cutter.line(line)  # what was learnt meanwhile is cut from lines that are finished
        assert pairs(finished) == pairs(single.line(msgspec.json.encode(wanted)))
    assert cutter.known == single.known


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(ITEMS, st.fixed_dictionaries({"spec": PARTS})), min_size=1, max_size=6), st.integers(1, 7))
def test_several_together_are_kept_as_each_alone(items: list[dict[str, Any]], at_once: int) -> None:
    """Of those that are asked together one may have something to cut, and one may be no usual object."""
    sent = tuple(served(item) for item in items)
    together, alone = Redactor(), Redactor()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observations, "_AT_ONCE", at_once)
        lines = observations._items("Event", sent, (), together)
    single = [kept("Event", one, alone) for one in sent]
    assert [pairs(together.line(x)) for x in lines] == [pairs(alone.line(x)) for x in single]
    assert (together.known, together.counts) == (alone.known, alone.counts)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(TEXTS, JSON, max_size=4))
def test_what_is_quiet_is_what_would_be_left_as_it_is(value: dict[str, Any]) -> None:
    try:
        sent = served(value, escaped=False)
        sent.decode()
    except UnicodeError:
        return
    if quiet.is_quiet([sent]):
        assert Redactor().value(value) == value


@pytest.mark.parametrize(
    "part",
    [
        {"a": {"password": SECRET}},
        {"a": {"apiKey": "x"}},
        {"a": [{"name": "DB_PASSWORD", "value": "x"}]},
        {"a": [{"value": "x", "other": {}, "name": "DB_PASSWORD"}]},
        {"a": {"name": "A", "valueFrom": {"secretKeyRef": {"name": "DB_PASSWORD", "value": "lit"}}}},
        {"a": [{"name": 'x"_PASSWORD', "value": "x"}]},
        {"a": ["--password", "x"]},
        {"a": ["--db-token", "x"]},
        {"a": f"token={SECRET}"},
        {"a": 'authorization": "Bearer ' + SECRET},
        {"a": "line\nline"},
        {f"some-key-{TOKEN}": 1},
        {"a": "https://u:p@r.lab"},
        {"a": TOKEN.lower().replace("ghp_", "ghp_")},
    ],
)
def test_one_that_may_have_something_to_cut_is_not(part: dict[str, Any]) -> None:
    for wide in (False, True):
        assert not quiet.is_quiet([served(part, wide=wide)])


@pytest.mark.parametrize(
    "maps",
    [
        {"password": '"x"'},
        {"value": '"x"', "name": '"DB_PASSWORD"'},
        {"a": '"x"', "b": '{"token":"Ab1-cd2-Ef3-gh4"}'},
        {f"{'x' * 41}-{TOKEN}": "1"},
    ],
)
def test_a_part_beside_a_name_that_may_be_a_secrets_is_not(maps: dict[str, str]) -> None:
    told = quiet.Quiet()
    assert told.holds(
        {"ok": msgspec.Raw(b'"x"'), "also": msgspec.Raw(b'"DB_PASSWORD"')}
    )  # each is known by its bytes now
    assert not told.holds({key: msgspec.Raw(value.encode()) for key, value in maps.items()})


def test_a_reference_to_a_secret_is_no_secret() -> None:
    refers = {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password", "optional": True}}}
    assert quiet.is_quiet([served({"env": [refers, {"name": "LEVEL", "value": "info"}]})])
    assert quiet.is_quiet([served({"image": "docker-pullable://r.lab/a@sha256:ab", "said": 'pulling "r.lab/a"'})])


def test_most_of_what_is_served_is_kept_without_being_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = Redactor.item
    monkeypatch.setattr(
        Redactor, "item", lambda self, item: (seen.append(item["metadata"]["name"]), real(self, item))[1]
    )
    cutter = Redactor()
    for n in range(20):
        said = f"password={SECRET}" if n == 7 else f'Back-off pulling image "r.lab/a:{n}"'
        meta = {"name": f"e{n}", "managedFields": [{"manager": "x"}]}
        line = kept("Event", served({"metadata": meta, "message": said}), cutter)
        assert b"managedFields" not in line
        assert (MARK.encode() in line) is (n == 7)
    assert seen == ["e7"]


def test_one_that_has_something_to_cut_takes_no_other_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = Redactor.item
    monkeypatch.setattr(
        Redactor, "item", lambda self, item: (seen.append(item["metadata"]["name"]), real(self, item))[1]
    )
    told = {57: f"password={SECRET}", 119: f"Bearer {SECRET}{SECRET}"}
    sent = tuple(served({"metadata": {"name": f"e{n}"}, "message": told.get(n, f"fine {n}")}) for n in range(120))
    lines = observations._items("Event", sent, (), Redactor())
    assert [json.loads(x)["metadata"]["name"] for x in lines] == [f"e{n}" for n in range(120)]
    assert [n for n, x in enumerate(lines) if MARK.encode() in x] == [57, 119]
    assert seen == ["e57", "e119"]


def test_no_more_parts_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet, "_REMEMBERED", 10)
    told = quiet.Quiet()
    for n in range(100):
        assert told.holds({"a": msgspec.Raw(b'"%d"' % n), "b": msgspec.Raw(b'"' + b"x" * 500 + b'"')})
    assert len(told._known) <= 12


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.sampled_from(KEYS),
        st.text("passwordPWDkeyKEYsecretTokenauthdsn_-.connectionStringdatabaseUrlvalue64 ", max_size=20),
    )
)
def test_every_name_of_a_secret_has_a_stem(name: str) -> None:
    if may_hold_secret(name):
        assert glimpsed(name)[1]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_what_is_served_over_several_lines_is_kept_on_one(newline: str) -> None:
    item = {
        "metadata": {"name": "a", "labels": {"app": "web"}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    sent = json.dumps(item, indent=2).replace("\n", newline).encode()
    line = kept("HelmRelease", sent, Redactor())
    assert line.splitlines() == [line]
    assert json.loads(line) == item
