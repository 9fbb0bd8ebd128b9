"""Results, journals, seals: what is written reads back the same, fits its schema, and shows when it was touched."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from evidence_samples import NOW, endpoint, new_run, pod, result, seen

from runbook.diagnosis import as_json
from runbook.errors import EvidenceError, RunFolderError
from runbook.evidence import (
    Journal,
    Run,
    check_seal,
    explanation_from_json,
    explanation_json,
    read_journal,
    result_from_json,
    result_json,
    seal,
)
from runbook.inventory.model import Inventory
from runbook.model import Gap

SCHEMAS = Path(__file__).parents[2] / "runbook/schemas"


def fits(data: Any, name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.v1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(data, schema, cls=jsonschema.Draft202012Validator)


class TestResults:
    def test_a_result_reads_back_without_loss(self) -> None:
        assert result_from_json(json.loads(json.dumps(result_json(result())))) == result()

    def test_a_result_without_an_explanation_reads_back_too(self) -> None:
        bare = result(explanation=None, cluster_time=None)
        assert result_from_json(result_json(bare)) == bare
        assert "first_causes" not in result_json(bare)

    def test_the_explanation_is_exactly_what_diagnosis_prints(self) -> None:
        explanation = result().explanation
        assert explanation is not None
        assert explanation_json(explanation) == as_json(explanation)
        lists = {
            k: v for k, v in result_json(result()).items() if k in ("first_causes", "unexplained", "not_evaluated")
        }
        assert lists == {k: as_json(explanation)[k] for k in lists}

    def test_an_explanation_document_reads_back(self) -> None:
        explanation = result().explanation
        assert explanation is not None
        assert explanation_json(explanation_from_json(explanation_json(explanation))) == explanation_json(explanation)


class TestSchemas:
    def test_what_is_really_written_fits_the_shipped_schemas(self, tmp_path: Path) -> None:
        run = new_run(tmp_path)
        attempt = run.new_attempt("verify")
        attempt.store(seen(pod(), gaps={"Job": Gap("jobs", "403", "list jobs")}, probes=(endpoint(),)))
        attempt.journal.append("opened", "verify", mode="plan")
        attempt.write_result(result(attempt=1))
        fits(json.loads((run.path / "run.json").read_text()), "run")
        fits(json.loads((attempt.path / "result.json").read_text()), "result")
        fits(json.loads((attempt.path / "observations/snapshot.json").read_text()), "snapshot")
        for line in (attempt.path / "journal.jsonl").read_text().splitlines():
            fits(json.loads(line), "journal-line")
        explanation = result().explanation
        assert explanation is not None
        fits(as_json(explanation), "explanation")

    @pytest.mark.parametrize(
        ("name", "change"),
        [("result", {"verdict": "fine"}), ("result", {"started": "2025-10-17T11:15:58"}), ("run", {"how": "cron"})],
    )
    def test_the_schemas_refuse_what_must_not_be(self, tmp_path: Path, name: str, change: dict[str, Any]) -> None:
        data = result_json(result()) if name == "result" else new_run(tmp_path).as_json()
        with pytest.raises(jsonschema.ValidationError):
            fits({**data, **change}, name)

    def test_the_inventorys_schema_is_the_models(self) -> None:
        shipped = json.loads((SCHEMAS / "inventory.v1.json").read_text())
        model = Inventory.model_json_schema(by_alias=True)
        assert {k: shipped[k] for k in model if k != "title"} == {k: v for k, v in model.items() if k != "title"}


class TestJournal:
    def test_a_line_is_on_disk_before_append_returns(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        synced: list[int] = []
        monkeypatch.setattr("runbook.evidence.journal.os.fsync", synced.append)
        Journal(tmp_path / "journal.jsonl").append("intended", "observe")
        assert len(synced) == 1

    def test_a_cut_last_line_is_told_and_stays_one_bad_line(self, tmp_path: Path) -> None:
        path = tmp_path / "journal.jsonl"
        journal = Journal(path, now=lambda: NOW)
        journal.append("intended", "observe")
        with path.open("a") as file:
            file.write('{"schema": "runbook/journal-li')
        assert read_journal(path).cut == (2,)
        assert journal.append("noted", "carried on").n == 2
        back = read_journal(path)
        assert ([e.what for e in back.entries], back.cut) == (["observe", "carried on"], (2,))

    def test_what_was_under_way_is_named_and_not_assumed(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        for event, what in (("intended", "observe"), ("done", "observe"), ("intended", "A5 delete")):
            journal.append(event, what)  # type: ignore[arg-type]
        assert [e.what for e in read_journal(journal.path).under_way] == ["A5 delete"]

    def test_a_full_disk_says_that_the_act_was_not_begun(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        journal = Journal(tmp_path / "journal.jsonl")
        journal.append("intended", "observe")

        def full(*_: Any) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("runbook.evidence.journal.os.write", full)
        with pytest.raises(EvidenceError, match="the disk is full") as caught:
            journal.append("intended", "delete")
        assert "1 line(s) are safe" in caught.value.hint
        assert "not begun" in caught.value.hint


class TestSeal:
    def sealed(self, tmp_path: Path) -> Run:
        run = new_run(tmp_path)
        run.new_attempt("verify").write_result(result(attempt=1))
        assert seal(run) == 2
        return Run.load(run.path)

    def test_a_sealed_run_is_unchanged_and_read_only(self, tmp_path: Path) -> None:
        run = self.sealed(tmp_path)
        assert check_seal(run) == ()
        assert run.facts["sealed"]
        assert all(not p.stat().st_mode & 0o222 for p in (run.path, *run.path.rglob("*")))
        assert seal(run) == 2  # again: nothing to do

    def test_sha256sum_reads_the_manifest(self, tmp_path: Path) -> None:
        run = self.sealed(tmp_path)
        subprocess.run(["sha256sum", "--quiet", "-c", "MANIFEST.sha256"], cwd=run.path, check=True)

    @pytest.mark.parametrize("how", ["altered", "missing", "added"])
    def test_every_touch_is_told(self, tmp_path: Path, how: str) -> None:
        run = self.sealed(tmp_path)
        path = run.path / "40-verify/result.json"
        for folder in (run.path, path.parent):
            folder.chmod(0o700)
        path.chmod(0o600)
        if how == "altered":
            path.write_text(path.read_text().replace("eleven", "twelve"))
        elif how == "missing":
            path.unlink()
        else:
            path = path.with_name("extra.txt")
            path.write_text("x")
        assert check_seal(run) == (f"{how}: 40-verify/{path.name}",)
        with pytest.raises(RunFolderError, match="changed since"):
            seal(run)

    def test_an_unsealed_run_does_not_pass_for_a_sealed_one(self, tmp_path: Path) -> None:
        assert check_seal(new_run(tmp_path)) != ()
