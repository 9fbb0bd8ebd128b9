"""The causes of the recordings in other clothes: each variation is explained as a person would, and nothing more is claimed."""

from __future__ import annotations

import json
import random
import re

import pytest
from recorded_worlds import RECORDINGS, Object, items_of, saved
from ruamel.yaml import YAML
from variation_worlds import VARIATIONS

from runbook.diagnosis import explain
from runbook.model import Explanation

NAMES = sorted(p.name for p in RECORDINGS.iterdir() if p.is_dir())
OTHERS = [NAMES[(number * 7 + 5) % len(NAMES)] for number in range(len(NAMES))]
PAIRS = [pair for pair in zip(NAMES, OTHERS, strict=True) if pair[0] != pair[1]]


def causes(explanation: Explanation) -> set[str]:
    return {c.cause for c in explanation.first_causes}


@pytest.mark.parametrize("name", VARIATIONS)
def test_first_cause_its_object_and_who_follows(name: str) -> None:
    wanted = VARIATIONS[name]
    found = explain(saved(*wanted.objects))
    assert {c.cause: (str(c.object), c.proof) for c in found.first_causes} == wanted.causes
    assert {str(u.object) for u in found.unexplained} == wanted.left
    explained = {str(e.object) for c in found.first_causes for e in c.explains}
    assert set(wanted.follow) <= explained
    assert all(c.decides for c in found.first_causes if c.proof == "hypothesis")


def test_what_is_not_explained_says_the_right_thing_and_never_that_an_unknown_state_is_ready() -> None:
    whys = {
        name: " ".join(
            u.why
            for u in explain(saved(*VARIATIONS[name].objects)).unexplained
            if "apps" in str(u.object) or "web" in str(u.object)
        )
        for name in VARIATIONS
        if VARIATIONS[name].left
    }
    assert "is ready now" in whys["healed meanwhile"]
    assert "whose own state is not in what was observed" in whys["an object without a state that all understand"]
    assert "went with the remediation" in whys["uninstalled after it failed"]
    assert "is there now" in whys["a namespace that is there now"]
    assert "its log was not read" in whys["a roll-out to another fault"]


def test_it_is_blocked_by_the_dependency_that_its_message_names_and_not_by_another_red_one() -> None:
    found = explain(saved(*VARIATIONS["two causes at once"].objects))
    blocked = {c.cause: {e.object.name for e in c.explains if e.relation == "blocked-by"} for c in found.first_causes}
    assert blocked == {"image-not-found": {"api"}, "helm-values-invalid": set()}


def test_what_a_hypothesis_rests_on_is_a_sentence_since_what_decides_it_is_said_right_behind() -> None:
    left = [u for name in VARIATIONS for u in explain(saved(*VARIATIONS[name].objects)).unexplained]
    said = {h.because for u in left for h in u.hypotheses}
    assert len(said) >= 2, said
    assert {because for because in said if not because.endswith(".") or because.endswith("..")} == set()


class TestRecordings:
    """The recordings under changes that must not change the answer."""

    @staticmethod
    def answer(name: str) -> tuple[set[str], set[str], set[str]]:
        told = YAML(typ="safe", pure=True).load((RECORDINGS / name / "answer.yaml").read_text())
        return set(told["first_causes"]), set(told.get("also_right", [])), set(told["unexplained"])

    def check(self, name: str, items: list[Object], renamed: str = "nothing") -> None:
        wanted, also, left = self.answer(name)
        found = explain(saved(*items))
        assert causes(found) - also == wanted
        assert {u.object.name for u in found.unexplained} == {
            re.sub(rf"(?<![a-z0-9]){renamed}(?![a-z0-9])", f"zz-{renamed}-9", ref.rsplit("/", 1)[1]) for ref in left
        }

    @pytest.mark.parametrize("name", NAMES)
    def test_in_another_namespace_of_another_version_in_another_order(self, name: str) -> None:
        items = items_of(name)
        namespace = next(i["metadata"]["name"] for i in items if i["kind"] == "Namespace")
        text = re.sub(rf"(?<![a-z0-9]){namespace}(?![a-z0-9])", f"zz-{namespace}-9", json.dumps(items))
        text = re.sub(r"(helm\.toolkit\.fluxcd\.io)/v2\b", r"\1/v2beta2", text)
        text = re.sub(r"((?:source|kustomize)\.toolkit\.fluxcd\.io)/v1\b", r"\1/v1beta2", text)
        changed = json.loads(text)
        random.Random(name).shuffle(changed)
        self.check(name, changed, namespace)

    @pytest.mark.parametrize("name", NAMES)
    def test_a_month_later_the_same_is_said(self, name: str) -> None:
        text = json.dumps(items_of(name))
        assert '"2026-' in text
        self.check(name, json.loads(text.replace('"2026-', '"2027-')))

    @pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
    def test_two_nights_at_once_have_the_causes_of_both(self, pair: tuple[str, str]) -> None:
        answers = [self.answer(n) for n in pair]
        together = {
            (i["kind"], i["metadata"].get("namespace"), i["metadata"]["name"]): i for n in pair for i in items_of(n)
        }
        found = causes(explain(saved(*together.values())))
        assert found - answers[0][1] - answers[1][1] == answers[0][0] | answers[1][0]

    @pytest.mark.parametrize("name", NAMES)
    def test_with_a_kind_that_may_not_be_listed_nothing_else_is_claimed(self, name: str) -> None:
        items, (wanted, also, _) = items_of(name), self.answer(name)
        for kind in sorted({i["kind"] for i in items}):
            kept = [i for i in items if i["kind"] != kind]
            if kept:
                facts = {c.cause for c in explain(saved(*kept)).first_causes if c.proof == "fact"}
                assert facts <= wanted | also, kind
