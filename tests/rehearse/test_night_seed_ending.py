"""The source task's night must come out as it was, and be called what it was: not completed."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tier2

TRIAGER = 7


def releases_by_cause(result: dict[str, Any]) -> tuple[Counter[str], Counter[str]]:
    """HelmReleases under each cause, and by relation."""
    causes: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    for cause in result["first_causes"]:
        for explained in cause["explains"]:
            if explained["kind"] == "HelmRelease":
                causes[cause["cause"]] += explained["relation"] != "blocked-by"
                relations[explained["relation"]] += 1
    return causes, relations


def unexplained_releases(result: dict[str, Any]) -> list[str]:
    return [u["name"] for u in result["unexplained"] if u["kind"] == "HelmRelease"]


def criterion(result: dict[str, Any], text: str) -> dict[str, Any]:
    return next(c for c in result["criteria"] if text.lower() in c["text"].lower())


class TestEnd:
    def test_the_command_exits_3(self, night: Any) -> None:
        assert night.exit_code == 3, night.stderr[-3000:]

    def test_eleven_reds_are_eight_one_one_and_one(self, night: Any) -> None:
        last = night.results("40-verify")[-1]
        causes, relations = releases_by_cause(last)
        assert causes["sealed-secret-key-mismatch"] == 8
        assert causes["image-not-found"] == 1
        assert relations["blocked-by"] == 1
        assert unexplained_releases(last) == ["midwestmtg-frontend"]
        assert sum(relations.values()) + 1 == 11

    def test_what_blocks_discord_bot_is_the_backends_key(self, night: Any) -> None:
        last = night.results("40-verify")[-1]
        waiting = [
            (c["cause"], e["name"])
            for c in last["first_causes"]
            for e in c["explains"]
            if e["relation"] == "blocked-by" and e["kind"] == "HelmRelease"
        ]
        assert waiting == [("sealed-secret-key-mismatch", "midwestmtg-discord-bot")]

    def test_sixteen_of_27_is_a_fail_and_never_a_tick(self, night: Any) -> None:
        row = criterion(night.results("40-verify")[-1], "HelmReleases reconcile successfully")
        assert (row["result"], row["met"], row["of"]) == ("fail", 16, 27)

    def test_soak_and_logs_are_measured_or_not_evaluated_never_ticked(self, night: Any) -> None:
        last = night.results("40-verify")[-1]
        assert criterion(last, "stable for at least 15 minutes")["result"] == "error"
        assert criterion(last, "critical errors in Flux logs")["result"] in ("error", "fail")

    def test_every_criterion_has_its_numerator(self, night: Any) -> None:
        for row in night.results("40-verify")[-1]["criteria"]:
            assert isinstance(row["met"], int)
            assert isinstance(row["of"], int)
            assert row["met"] <= row["of"]

    def test_the_verdict_is_fail(self, night: Any) -> None:
        assert night.results("40-verify")[-1]["verdict"] == "fail"
        assert json.loads((night.run / "run.json").read_text())["cluster"]


class TestOnTheWay:
    def test_frames_before_are_kept_as_attempts_with_their_causes(self, night: Any) -> None:
        attempts = night.results("40-verify")
        assert len(attempts) == 3
        first, second, _ = (releases_by_cause(a)[0] for a in attempts)
        assert first["registry-ca-untrusted"] >= 1
        assert second["registry-ca-untrusted"] == 0

    def test_who_could_not_unseal_was_told_in_the_first_preflight(self, night: Any) -> None:
        told = {
            name
            for c in night.results("00-preflight")[0]["checks"]
            if c["id"] == "sealing-keys" and c["result"] == "fail"
            for name in c["facts"]["needed_by"].split(", ")
        }
        red = {
            f"{e['namespace']}/{e['name']}"
            for c in night.results("40-verify")[-1]["first_causes"]
            if c["cause"] == "sealed-secret-key-mismatch"
            for e in c["explains"]
            if e["kind"] == "HelmRelease" and e["relation"] != "blocked-by"
        }
        assert len(red) == 8
        assert told == red

    def test_the_look_back_sets_what_was_foretold_beside_what_came(self, night: Any) -> None:
        (page,) = night.outputs.glob("*/90-retrospective/report.html")
        text = page.read_text()
        assert "SealedSecrets that would not open: foretold, and what came" in text
        assert "8: 8 came, 0 did not, 0 not foretold" in text

    def test_no_reports_names_a_timeout_as_a_first_cause(self, night: Any) -> None:
        named = {c["cause"] for a in night.results("40-verify") for c in a["first_causes"]}
        assert not named & {"helm-hook-timeout", "helm-wait-timeout", "retries-exhausted"}

    def test_the_run_is_sealed_and_unchanged(self, night: Any) -> None:
        from runbook.evidence import Run, check_seal

        assert list(check_seal(Run.load(night.run))) == []

    def test_stages_ran_in_the_scenarios_order(self, night: Any) -> None:
        stages = [s["stage"] for s in json.loads((night.run / "run.json").read_text())["stages"]]
        assert stages == [
            "preflight", "registry-trust", "verify", "diagnose",
            "cleanup", "reconcile", "verify", "diagnose",
            "reconcile", "verify", "diagnose",
        ]  # fmt: skip

    def test_the_retrospective_has_a_run_of_its_own(self, night: Any) -> None:
        found = list(night.outputs.glob("*/90-retrospective/report.html"))
        assert len(found) == 1
        assert found[0].parent.parent != night.run


def test_replay_reaches_the_same_findings_with_no_cluster(night: Any) -> None:
    from runbook.evidence import Run
    from runbook.stage import replay_attempts

    assert [a.differences for a in replay_attempts(Run.load(night.run)) if a.differences] == []


def test_a_night_with_other_namespaces_and_one_good_secret_gives_7_1_1_1(root: Path, tmp_path: Path, live: Any) -> None:
    """Derived from the state, not from names: rename the namespaces, seal one secret with the right key."""
    folder = tmp_path / "other-night"
    shutil.copytree(root / "runbook/rehearsal/scenarios/night", folder)
    rename(folder)
    world = folder / "world.yaml"
    text, n = re.subn(r"(name: [\w-]*ccbot[\w-]*,[^\n]*key: )lost", r"\1current", world.read_text())
    assert n == 1, "exactly one secret is sealed with the right key"
    world.write_text(text)
    other = live(tmp_path / "outputs", folder)
    assert other.exit_code == 3, other.stderr[-3000:]
    last = other.results("40-verify")[-1]
    causes, relations = releases_by_cause(last)
    assert (causes["sealed-secret-key-mismatch"], relations["blocked-by"]) == (7, 1)
    assert (len(unexplained_releases(last)), causes["image-not-found"]) == (1, 1)
    row = criterion(last, "HelmReleases reconcile successfully")
    assert (row["result"], row["met"], row["of"]) == ("fail", 17, 27)
    namespaces = {e["namespace"] for c in last["first_causes"] for e in c["explains"]}
    assert {"sorter", "prairie"} <= namespaces
    assert not namespaces & {"triager", "midwestmtg"}


def rename(folder: Path) -> None:
    """Namespaces triager and midwestmtg get other names, in every file and folder of the scenario."""
    words = {"triager": "sorter", "midwestmtg": "prairie"}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.suffix in {".yaml", ".yml"}:
            text = path.read_text()
            for old, new in words.items():
                text = text.replace(old, new)
            path.write_text(text)
        renamed = path.name
        for old, new in words.items():
            renamed = renamed.replace(old, new)
        if renamed != path.name:
            path.rename(path.with_name(renamed))
