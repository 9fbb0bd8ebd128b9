"""The night healed: by the product's own acts and by what only a person may do, in one run, and with honest books."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook.cli.app import call
from runbook.embedded import EmbeddedCluster
from runbook.evidence import Run, read_journal
from runbook.model import Verdict
from runbook.rehearse import rehearse

pytestmark = pytest.mark.tier2

VERBS = {"DELETE": "delete", "PATCH": "patch", "POST": "create", "PUT": "update"}


@dataclass(frozen=True)
class Healed:
    """A night that was healed: its exit code, its run, and the cluster's own log and person's journal."""

    exit_code: int
    run: Run
    requests: list[dict[str, Any]]
    person: list[dict[str, Any]]

    @property
    def writes(self) -> list[dict[str, Any]]:
        return [
            r
            for r in self.requests
            if r["verb"] not in ("get", "list", "watch")
            and not any(part in r["path"] for part in ("accessreviews", "/proxy/"))
        ]

    def last(self, stage: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((self.run.attempts(stage)[-1].path / "result.json").read_text())
        return data

    def reds(self) -> str:
        """What the last attempt of each stage has that is neither pass nor not asked: why a night ended as it did."""
        lines: list[str] = []
        for stage in dict.fromkeys(s.stage for s in self.run.stages):
            found = self.last(stage)
            lines += [
                f"{stage}: {c['id']} {c.get('object')}: {c['result']}: {c['reason']}"
                for c in found["checks"]
                if c["result"] not in ("pass", "skip")
            ]
            lines += [f"{stage}: {a['id']} {a['kind']}: {a['outcome']}: {a['said']}" for a in found.get("actions", [])]
        return "\n".join(lines)


def live(folder: Path, *, ending: str = "healed", edits: str = "all") -> Healed:
    kept = folder / "kept"
    kept.mkdir(parents=True)
    real = EmbeddedCluster.close

    def close(self: EmbeddedCluster) -> None:
        for name in ("requests.jsonl", "person.jsonl"):
            if (self.state / name).is_file():
                shutil.copy(self.state / name, kept / name)
        real(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(EmbeddedCluster, "close", close)
        outcome = rehearse(
            scenario="night",
            time_scale=60,
            ending=ending,
            outputs=folder / "outputs",
            edits=edits,
        )
    return Healed(
        outcome.exit_code, Run.load(outcome.run_path), _lines(kept / "requests.jsonl"), _lines(kept / "person.jsonl")
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


@pytest.fixture(scope="module")
def healed(tmp_path_factory: pytest.TempPathFactory) -> Healed:
    return live(tmp_path_factory.mktemp("healed"))


class TestHealed:
    def test_it_ends_in_a_pass_and_every_red_report_on_the_way_stays(self, healed: Healed) -> None:
        assert (healed.exit_code, healed.run.verdict) == (0, Verdict.PASS), healed.reds()
        assert len(healed.run.stages) + 1 <= 24
        verdicts = [s.verdict for s in healed.run.stages]
        assert verdicts.count(Verdict.FAIL) >= 8
        assert all((a.path / "report.html").is_file() for a in healed.run.attempts())

    def test_all_releases_are_ready_and_what_health_says_stays_a_warning(self, healed: Healed) -> None:
        verify = healed.last("verify")
        ready = [c for c in verify["checks"] if c["id"] == "releases-ready"]
        assert [c["result"] for c in ready] == ["pass"] * 27
        assert any(
            "says of itself that it is 1.0.0" in json.dumps(c) for c in verify["checks"] if c["result"] == "warn"
        )
        assert [c["result"] for c in verify["checks"] if c["id"] == "soak"] == ["pass"]

    def test_the_persons_edits_are_visible_diffs_in_the_run(self, healed: Healed) -> None:
        diffs = "".join(p.read_text() for p in sorted(healed.run.path.glob("inventory-*.diff")))
        assert "-  - {id: ccbot" in diffs
        assert "mtg-dev-agents-worker" in diffs
        assert len(healed.run.facts["inventories"]) == len(list(healed.run.path.glob("inventory-*.diff")))

    def test_the_cause_that_changed_is_told_with_the_act_between(self, healed: Healed) -> None:
        pages = [p.read_text() for p in healed.run.path.parent.glob("*/90-retrospective/report.html")]
        assert any("certificate → hook timeout → sealing key" in page for page in pages)
        assert any("install-registry-ca" in page for page in pages)

    def test_it_is_sealed_and_replays_without_a_difference(self, healed: Healed) -> None:
        assert call(["check-seal", str(healed.run.path)]) == 0
        assert call(["replay", str(healed.run.path)]) == 0


class TestBooks:
    def test_every_write_of_the_product_is_in_a_journal_and_the_reverse(self, healed: Healed) -> None:
        told: Counter[tuple[str, str]] = Counter()
        for attempt in healed.run.attempts():
            for entry in read_journal(attempt.journal.path).entries:
                verb, _, what = str(entry.facts.get("request", "")).partition(" ")
                if entry.event == "intended" and verb in VERBS:
                    told[VERBS[verb], what.rpartition("/")[2]] += 1
        mine = [w for w in healed.writes if w["user_agent"].startswith("runbook")]
        assert told == Counter((w["verb"], w["name"] or "runbook-operator") for w in mine)
        assert sum(told.values()) >= 15

    def test_every_other_write_is_the_persons_or_a_controllers(self, healed: Healed) -> None:
        others = [w for w in healed.writes if not w["user_agent"].startswith("runbook")]
        assert {w["user"] for w in others} <= {"person"} | {
            w["user"] for w in others if w["user"].startswith("system:")
        }
        persons = [w for w in others if w["user"] == "person"]
        assert len(persons) == sum(len(p["writes"]) for p in healed.person)


def test_without_the_persons_edits_the_same_night_fails(tmp_path: Path) -> None:
    left = live(tmp_path, edits="cluster")
    assert (left.exit_code, left.run.verdict) == (3, Verdict.FAIL), left.reds()
    verify = left.last("verify")
    ready = [c["result"] for c in verify["checks"] if c["id"] == "releases-ready"]
    assert ready == ["pass"] * 27


def test_with_a_waiver_for_the_agents_it_ends_waived(tmp_path: Path) -> None:
    waived = live(tmp_path, ending="healed-waived")
    assert (waived.exit_code, waived.run.verdict) == (4, Verdict.WAIVED), waived.reds()
    assert call(["show", str(waived.run.path)]) == 4
    assert call(["show", str(waived.run.path), "--allow-waived"]) == 0
