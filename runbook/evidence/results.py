"""A stage's result as runbook/result/v1 and back, without loss: every report and every replay starts from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from runbook.errors import RunFolderError
from runbook.evidence.explanations import details, explanation_from_json, lists, ref_from_json, ref_json
from runbook.evidence.files import moment, read_object, stamp
from runbook.model import Action, Criterion, Finding, ObjectRef, Result, StageResult, Tally, Verdict, Waiver

SCHEMA = "runbook/result/v1"


def result_json(result: StageResult) -> dict[str, Any]:
    """The result as plain data. Times are UTC with Z; what a cluster's clock said stands in `cluster_time`."""
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "stage": result.stage,
        "attempt": result.attempt,
        "mode": result.mode,
        "verdict": result.verdict.value,
        "ended_as": result.ended_as,
        "error": result.error,
        "started": stamp(result.started),
        "ended": stamp(result.ended),
        "cluster_time": stamp(result.cluster_time) if result.cluster_time else None,
        "time_scale": result.time_scale,
        "tally": _tally(result),
        "checks": [_finding(f) for f in result.findings],
        "criteria": [_criterion(c) for c in result.criteria],
        "actions": [action_json(a) for a in result.actions],
        "redactions": dict(result.redactions),
        "timings": {k: round(v, 3) for k, v in result.timings.items()},
        "notes": list(result.notes),
    }
    if result.explanation is not None:
        data |= lists(result.explanation)
        data["explained"] = {
            "observed_at": stamp(result.explanation.observed_at),
            "cluster": result.explanation.cluster,
            **details(result.explanation),
        }
    return data


def read_result(path: Path) -> StageResult:
    """The result in a file. Raises RunFolderError when there is none, or it is truncated, foreign or newer."""
    try:
        state = path.stat()
    except OSError:
        return result_from_json(read_object(path, path.parent))  # raises, and tells why
    return _read(path, (state.st_ino, state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=4)
def _read(path: Path, _state: tuple[int, ...]) -> StageResult:
    """For as long as it is that very file: three pages in a row are made of the same results."""
    return result_from_json(read_object(path, path.parent))


def result_from_json(data: Mapping[str, Any]) -> StageResult:
    """The result that a result.json says. Raises RunFolderError for a newer schema, a foreign or a cut document."""
    schema = data.get("schema")
    if schema != SCHEMA:
        raise RunFolderError(
            f"result.json has the schema {schema!r}, this version reads {SCHEMA}",
            hint="A newer runbook wrote it, or it is not a result: read it with the version that wrote it.",
        )
    try:
        return _result(data)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise RunFolderError(
            f"result.json lacks or misstates {error}", hint="It was cut or altered; report.html may still be read."
        ) from error


def _result(data: Mapping[str, Any]) -> StageResult:
    beside = data.get("explained")
    return StageResult(
        stage=data["stage"],
        attempt=data["attempt"],
        mode=data["mode"],
        verdict=Verdict(data["verdict"]),
        started=moment(data["started"]),
        ended=moment(data["ended"]),
        cluster_time=moment(data["cluster_time"]) if data["cluster_time"] else None,
        findings=tuple(_finding_from(f) for f in data["checks"]),
        criteria=tuple(_criterion_from(c) for c in data["criteria"]),
        explanation=explanation_from_json({**data, **beside}, beside) if beside else None,
        actions=tuple(action_from_json(a) for a in data["actions"]),
        redactions=dict(data["redactions"]),
        timings=dict(data["timings"]),
        time_scale=data.get("time_scale", 1.0),
        notes=tuple(data.get("notes", ())),
        ended_as=data.get("ended_as", "recorded"),
        error=data.get("error", ""),
    )


def _tally(result: StageResult) -> dict[str, int]:
    tally = Tally.of(result.criteria or result.findings)
    return {
        "pass": tally.passed,
        "warn": tally.warn,
        "fail": tally.fail,
        "waived": tally.waived,
        "not_evaluated": tally.not_evaluated,
        "not_applicable": tally.not_applicable,
    }


def plain(value: Any) -> Any:
    """A fact's value as JSON can hold it: times and names become text, sets are sorted."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date | ObjectRef):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(v) for v in value)
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _finding(finding: Finding) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": finding.check,
        "object": ref_json(finding.object),
        "result": finding.result.value,
        "reason": finding.reason,
        "evidence": list(finding.evidence),
        "facts": plain(finding.facts),
    }
    return {**data, "waiver": _waiver(finding.waiver)} if finding.waiver else data


def _finding_from(data: Mapping[str, Any]) -> Finding:
    return Finding(
        data["id"],
        ref_from_json(data["object"]),
        Result(data["result"]),
        data["reason"],
        tuple(data.get("evidence", ())),
        dict(data.get("facts", {})),
        _waiver_from(data["waiver"]) if data.get("waiver") else None,
    )


def _criterion(criterion: Criterion) -> dict[str, Any]:
    return {
        "id": criterion.id,
        "text": criterion.text,
        "result": criterion.result.value,
        "met": criterion.met,
        "of": criterion.of,
        "reason": criterion.reason,
        "checks": list(criterion.checks),
        "group": criterion.group,
        "ticked": criterion.ticked,
        "waivers": [_waiver(w) for w in criterion.waivers],
    }


def _criterion_from(data: Mapping[str, Any]) -> Criterion:
    return Criterion(
        data["id"],
        data["text"],
        Result(data["result"]),
        data["met"],
        data["of"],
        data["reason"],
        tuple(data.get("checks", ())),
        data.get("group", ""),
        data.get("ticked"),
        tuple(_waiver_from(w) for w in data.get("waivers", ())),
    )


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {**asdict(waiver), "until": waiver.until.isoformat()}


def _waiver_from(data: Mapping[str, Any]) -> Waiver:
    return Waiver(**{**data, "until": date.fromisoformat(data["until"])})


def action_json(action: Action) -> dict[str, Any]:
    """One act as plain data, in results and in journals."""
    return {**asdict(action), "object": ref_json(action.object), "requires": list(action.requires)}


def action_from_json(data: Mapping[str, Any]) -> Action:
    """An act read back. Raises KeyError or TypeError for what is none."""
    return Action(**{**data, "object": ref_from_json(data["object"]), "requires": tuple(data["requires"])})
