"""Criteria, waivers, and the promises that hold for every check."""

from __future__ import annotations

import ast
import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from runbook.checks import CHECKS, judge, needs
from runbook.domain.kinds import KINDS
from runbook.inventory.check_ids import KNOWN_CHECKS
from runbook.judgement.waivers import apply, is_automation
from runbook.model import Finding, ObjectRef, Result, Tally, Verdict, verdict_of

FAIL = Finding("releases-ready", ObjectRef("HelmRelease", "velero", "velero"), Result.FAIL, "not ready")
PASS = Finding("releases-ready", ObjectRef("HelmRelease", "shop", "shop"), Result.PASS, "ready")


class TestEveryCheck:
    def test_the_list_of_ids_is_the_folders_list(self) -> None:
        assert set(KNOWN_CHECKS) == set(CHECKS)

    @pytest.mark.parametrize("check", sorted(CHECKS))
    def test_nothing_observed_is_never_green(self, worlds: Any, results: Any, check: str) -> None:
        inventory = worlds.inventory(
            sources=[{"kind": "GitRepository", "namespace": "f", "name": "s"}],
            kustomizations=[{"name": "apps"}],
            services=[{"id": "a", "text": "a"}],
            infrastructure=[
                {"id": "i", "text": "i", "workload": {"kind": "Deployment", "namespace": "n", "name": "i"}}
            ],
            endpoints=[{"name": "e", "url": "https://e"}],
            sealed_secrets={"namespace": "kube-system"},
            git={"path": ".", "source": {"kind": "GitRepository", "namespace": "f", "name": "s"}},
        )
        assert set(results(check, worlds.snapshot(gaps=CHECKS[check].needs), inventory)) == {"error"}

    @pytest.mark.parametrize("check", sorted(CHECKS))
    def test_an_empty_cluster_is_never_all_green(self, worlds: Any, results: Any, check: str) -> None:
        inventory = worlds.inventory(
            endpoints=[{"name": "e", "url": "https://e"}], sealed_secrets={"namespace": "kube-system"}
        )
        found = results(check, worlds.snapshot(empty=CHECKS[check].needs), inventory)
        assert "pass" not in found or check == "warning-events"

    def test_every_stage_knows_what_it_needs(self) -> None:
        probes = {
            "RegistryTrust",
            "ManifestProbe",
            "EndpointProbe",
            "UnsealProbe",
            "LogGroup",
            "LogWindow",
            "GitHead",
            "GitFile",
            "AccessReview",
            "ServedKind",
            "SoakWindow",
        }
        for stage in ("preflight", "registry-trust", "cleanup", "reconcile", "verify"):
            assert needs(stage)
            assert set(needs(stage)) <= set(KINDS) | probes

    def test_a_malformed_object_is_a_finding_that_names_it(self, worlds: Any) -> None:

        from runbook.checks import run

        seen = dataclasses.replace(
            worlds.snapshot(empty=["AccessReview"]), malformed=((ObjectRef("Pod", "shop", "p"), "Expected `str`"),)
        )
        found = [f for f in run("preflight", seen, worlds.inventory(), only=["access"]) if f.object.name == "p"]
        assert [str(f.result) for f in found] == ["error"]

    def test_each_file_asks_one_question_in_one_function(self, root: Path) -> None:
        for path in (root / "runbook/checks").glob("[a-z]*.py"):
            tree = ast.parse(path.read_text())
            public = [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
            assert "check" in public, path.name
            assert set(public) <= {"check"}, path.name


class TestCriteria:
    def inventory(self, worlds: Any, **change: Any) -> Any:
        entry = {
            "id": "A4",
            "text": "All HelmReleases reconcile",
            "checks": ["releases-ready"],
            "ticked": True,
            **change,
        }
        return worlds.inventory(criteria=[entry])

    def test_it_counts_and_takes_the_worst(self, worlds: Any) -> None:
        (row,) = judge([FAIL, PASS], self.inventory(worlds), "verify")
        assert (row.result, row.met, row.of, row.ticked) == (Result.FAIL, 1, 2, True)

    def test_objects_narrow_it(self, worlds: Any) -> None:
        (row,) = judge([FAIL, PASS], self.inventory(worlds, objects=["HelmRelease/shop/*"]), "verify")
        assert (row.result, row.met, row.of) == (Result.PASS, 1, 1)

    def test_a_glob_with_a_namespace_names_what_has_none(self, worlds: Any) -> None:
        answered = dataclasses.replace(PASS, object=ObjectRef("Endpoint", "", "home"))
        (row,) = judge([answered], self.inventory(worlds, objects=["Endpoint/*/home"]), "verify")
        assert (row.result, row.met) == (Result.PASS, 1)
        (other,) = judge([answered], self.inventory(worlds, objects=["Endpoint/*/house"]), "verify")
        assert other.result is Result.ERROR

    def test_a_criterion_that_nothing_answers_is_not_evaluated(self, worlds: Any) -> None:
        assert judge([], self.inventory(worlds), "verify")[0].result is Result.ERROR

    def test_one_silent_check_is_not_covered_by_another(self, worlds: Any) -> None:
        (row,) = judge([PASS], self.inventory(worlds, checks=["releases-ready", "soak"]), "verify")
        assert (row.result, "soak" in row.reason) == (Result.ERROR, True)


class TestWaivers:
    def waiver(self, **change: Any) -> dict[str, Any]:
        base = {
            "id": "W1",
            "check": "releases-ready",
            "object": "HelmRelease/velero/*",
            "who": "Ada",
            "ticket": "T-6",
            "until": date(2025, 10, 31),
            "why": "backup is elsewhere",
        }
        return {**base, **change}

    def apply(self, worlds: Any, operator: str = "bob", today: date = date(2025, 10, 17), **change: Any) -> Finding:
        return apply([FAIL], worlds.inventory(waivers=[self.waiver(**change)]), today, operator)[0]

    def test_a_waiver_turns_a_fail_into_a_warn_that_is_shown(self, worlds: Any) -> None:
        found = self.apply(worlds)
        assert (found.result, found.waiver.who if found.waiver else "") == (Result.WARN, "Ada")

    def test_until_is_inclusive_and_an_expired_one_counts_no_more(self, worlds: Any) -> None:
        assert self.apply(worlds, today=date(2025, 10, 31)).result is Result.WARN
        assert self.apply(worlds, today=date(2025, 11, 1)).result is Result.FAIL

    def test_ones_own_waiver_is_marked(self, worlds: Any) -> None:
        found = self.apply(worlds, operator="Ada")
        assert found.waiver is not None
        assert found.waiver.self_approved

    @pytest.mark.parametrize("who", ["system:serviceaccount:ci:deployer", "renovate[bot]", "claude-autonomous", "ci"])
    def test_an_automation_cannot_accept_a_failure(self, worlds: Any, who: str) -> None:
        assert is_automation(who)
        assert self.apply(worlds, who=who).result is Result.FAIL

    @pytest.mark.parametrize("who", ["Alice", "marcia", "Abbot Smith", "cicely"])
    def test_people_are_not_automations(self, who: str) -> None:
        assert not is_automation(who)

    def test_another_object_is_not_covered(self, worlds: Any) -> None:
        assert self.apply(worlds, object="HelmRelease/shop/*").result is Result.FAIL


class TestVerdict:
    @pytest.mark.parametrize(
        ("results", "verdict", "code"),
        [
            ([Result.PASS, Result.WARN], Verdict.PASS, 0),
            ([Result.PASS, Result.SKIP], Verdict.PASS, 0),
            ([Result.PASS, Result.ERROR], Verdict.ERROR, 1),
            ([Result.FAIL, Result.ERROR], Verdict.FAIL, 3),
            ([], Verdict.ERROR, 1),
        ],
    )
    def test_words_and_exit_codes(self, results: list[Result], verdict: Verdict, code: int) -> None:
        found = [Finding("c", ObjectRef("a", "", str(i)), r, "") for i, r in enumerate(results)]
        assert verdict_of(found) is verdict
        assert verdict.exit_code() == code

    def test_waived_is_its_own_verdict(self, worlds: Any) -> None:
        waiver = TestWaivers().apply(worlds)
        assert verdict_of([waiver, PASS]) is Verdict.WAIVED
        assert (Verdict.WAIVED.exit_code(), Verdict.WAIVED.exit_code(allow_waived=True)) == (4, 0)
        assert Tally.of([waiver, PASS]).waived == 1
