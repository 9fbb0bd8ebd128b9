"""No message can be expensive: only a bounded window is read, by expressions without nested repetition."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from runbook.diagnosis.catalogue import built_in
from runbook.diagnosis.classify import classify
from runbook.diagnosis.masks import MASKS
from runbook.diagnosis.patterns import Pattern, alternatives, in_lower_case, longest_literal
from runbook.diagnosis.shortlist import shortlist
from runbook.diagnosis.unwrap import one_line

MEGABYTE = 1_000_000


def _literals() -> list[str]:
    catalogue = built_in()
    patterns = [s.pattern for c in catalogue.causes.values() for s in c.signatures if s.pattern]
    patterns += [r.pattern for r in (*catalogue.peers, *catalogue.faults)]
    return sorted({literal for pattern in patterns for literal in pattern.literals})


def _hostile() -> dict[str, str]:
    chosen, literals = random.Random(7), _literals()
    texts = {
        "spaces": " " * MEGABYTE,
        "lines": "\n" * MEGABYTE,
        "quotes": '"' * MEGABYTE,
        "escapes": '\\"' * (MEGABYTE // 2),
        "colours": "\x1b[" * (MEGABYTE // 2),
        "json": '{"msg":"' * (MEGABYTE // 8),
        "braces": "{" * MEGABYTE,
        "letters": "a" * MEGABYTE,
        "paths": "a/" * (MEGABYTE // 2),
        "x509": "x509: certificate is valid for " * (MEGABYTE // 31),
        "webhooks": "failed calling webhook istio" * (MEGABYTE // 28),
        "helm": "install failed hooks failed pre-install " * (MEGABYTE // 40),
    }
    for n in range(12):
        texts[f"mixed-{n}"] = "".join(chosen.choice(literals) for _ in range(60_000))[:MEGABYTE]
    return texts


@pytest.mark.parametrize("text", _hostile().values(), ids=_hostile())
def test_a_megabyte_of_malice_takes_less_than_50_ms(text: str) -> None:
    classify("warm")
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        classify(text)
        taken.append(time.perf_counter() - start)
        if taken[-1] < 0.05:
            break
    assert min(taken) < 0.05


@pytest.mark.parametrize("bad", [r"(a+)+b", r"(?:x*)*y", r"(\w+\s?)+$", r".*a.*b", "(unclosed"])
def test_an_expression_that_could_run_away_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"repetition|regular expression"):
        Pattern(bad)


@pytest.mark.parametrize(
    ("source", "parts", "literals"),
    [
        ("abc|d(e|f)g", ["abc", "d(e|f)g"], ["abc", "d"]),
        (r"no such host|[|]x", ["no such host", "[|]x"], ["no such host", "x"]),
        (r"exec: .{1,200}: not", [r"exec: .{1,200}: not"], ["exec: "]),
        (r"colou?r", [r"colou?r"], ["colo"]),
        (r"index\.yaml\b", [r"index\.yaml\b"], ["index.yaml"]),
        (r"[a-z\])]: invalid", [r"[a-z\])]: invalid"], [": invalid"]),
    ],
)
def test_each_alternative_is_looked_up_by_what_it_must_contain(
    source: str, parts: list[str], literals: list[str]
) -> None:
    assert alternatives(source) == parts
    assert [longest_literal(p) for p in parts] == literals


def test_the_literal_never_hides_a_match() -> None:
    for text in ("Connection REFUSED", "HTTP2: x", "x: EOF", "Http: server gave HTTP response to HTTPS client"):
        for recogniser in built_in().faults:
            found = recogniser.pattern.search(text.lower())
            assert (found is not None) == any(regex.search(text.lower()) for _, regex in recogniser.pattern.parts)


def _told() -> list[str]:
    data = Path(__file__).parents[1] / "data"
    tables = [
        line.split("\t", 3)[-1]
        for name in ("wordings", "heldout")
        for line in (data / f"{name}.tsv").read_text().splitlines()
    ]
    return tables + [json.loads(line)["message"] for line in (data / "messages.jsonl").read_text().splitlines()]


def test_the_shortlist_leaves_out_no_signature_peer_or_fault_that_holds() -> None:
    listed = shortlist(built_in())
    for text in [*_told(), *(t[:3000] for t in _hostile().values())]:
        line = one_line(text)
        found = listed.present(line.lowered)
        for number, recogniser in enumerate([*listed.calm, *listed.peers, *listed.faults]):
            if recogniser.pattern.search(line.lowered):
                assert number in found, (recogniser.id, text)
        for number, (cause, signature) in enumerate(listed.signatures, listed.first_signature):
            if signature.pattern is not None and signature.pattern.search(line.lowered):
                assert number in found, (cause.id, text)


def test_an_expression_is_put_into_lower_case_and_its_escapes_and_names_are_not() -> None:
    assert in_lower_case(r"(?P<Kind>[A-Z]\S\D+) Was \BNot(?P=Kind)") == r"(?P<Kind>[a-z]\S\D+) was \Bnot(?P=Kind)"
    pattern = Pattern(r"no (?P<kind>[A-Z][A-Za-z]+) with the Name")
    match = pattern.search("error: no serviceaccount with the name")
    assert match is not None
    assert (match["kind"], pattern.groups) == ("serviceaccount", ("kind",))


def test_what_a_mask_cannot_match_without_is_in_whatever_it_matches() -> None:
    for text in _told():
        for literals, pattern, _ in MASKS:
            assert any(literal in text for literal in literals) or not pattern.search(text), (literals, text)


def test_who_is_asked_is_known_by_kind_or_reason_alone() -> None:
    untrusted = "x509: certificate signed by unknown authority"
    assert classify(untrusted, kind="GitRepository").cause == "source-ca-untrusted"
    assert classify(untrusted, reason="ErrImagePull").cause == "registry-ca-untrusted"
