"""After the last cell: a result when nobody wrote one, the notebook beside it, the last gate, the page."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from runbook.errors import EvidenceError
from runbook.evidence import Attempt, Redactor, Run, leak_gate, read_journal, withhold
from runbook.evidence.acts import acts_of
from runbook.evidence.gateprocess import search
from runbook.model import StageResult, Verdict
from runbook.runner.honesty import Ended, make_honest, redact_notebook, write_notebook

EndedAs = Literal["recorded", "interrupted", "error", "deadline"]
_CREDENTIAL = re.compile(
    r"^\s*-?\s*(?:token|password|client-key-data|id-token|refresh-token):\s*['\"]?(\S+?)['\"]?\s*$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What the record says in the end."""

    result: StageResult
    error: str = ""


def settle(
    attempt: Attempt, notebook: Any, ended: Ended, *, ended_as: EndedAs, status: str, why: str, known: Iterable[str]
) -> Aftermath:
    """Write what is missing, search all of it for secrets, make the page. A leak makes the stage an error."""
    redactor = Redactor(known)
    result = _result(attempt, ended, ended_as, redactor.text(why))
    name = attempt.path.name.split("-attempt-")[0] + ".ipynb"
    make_honest(notebook, ended, last_status=status, name=name)
    redact_notebook(notebook, redactor)
    path = write_notebook(notebook, attempt.path / "notebook.ipynb")
    leaks_of = search([attempt.path], known=redactor.known)
    failed, error = _page(attempt, path), ""
    if leaks := leaks_of():
        names = ", ".join(p.name for p in withhold(leaks))
        error = f"{len(leaks)} secret(s) would have been recorded; withheld: {names}"
        result = _broken(attempt, result, error)
        failed = _page(attempt, path if path.exists() else None)  # anew: this one knows nothing of what is withheld
    if failed:
        error, result = error or failed, _pageless(attempt, result, failed)
    after = leak_gate([attempt.path / "report.html"], known=redactor.known)
    if after:
        withhold(after)
        error = error or "the report held a secret and is withheld"
        result = _broken(attempt, result, error)
    return Aftermath(result, error)


def kubeconfig_secrets(kubeconfig: str | None) -> tuple[str, ...]:
    """Credentials that stand in the kubeconfig in use, for the leak gate; exec plugins' tokens never come near a file."""
    named = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube/config")
    found: list[str] = []
    for name in named.split(os.pathsep):
        path = Path(name).expanduser()
        if path.is_file() and path.stat().st_size < 5_000_000:
            found += _CREDENTIAL.findall(path.read_text(encoding="utf-8", errors="replace"))
    return tuple(found)


def _page(attempt: Attempt, notebook: Path | None) -> str:
    """Make the page; why it could not be made, or nothing."""
    from runbook.report import attempted, stage_report

    run = Run.load(attempt.run_path).as_json()
    return attempted("report.html", lambda: stage_report(attempt.path, run, notebook))


def _pageless(attempt: Attempt, result: StageResult, why: str) -> StageResult:
    """The answers stand as they were recorded, and can be replayed; what is missing is named beside them."""
    told = replace(result, error="; ".join(filter(None, (result.error, why))))
    attempt.write_result(told)
    attempt.journal.append("failed", "report", why=why)
    return told


def _result(attempt: Attempt, ended: Ended, ended_as: EndedAs, why: str) -> StageResult:
    if attempt.recorded and (ended_as == "recorded" or ended.is_verdict):
        return attempt.read_result()
    if attempt.recorded:
        return _broken(attempt, attempt.read_result(), why, ended_as=ended_as)
    entry = next(
        s for s in Run.load(attempt.run_path).stages if (s.stage, s.attempt) == (attempt.stage, attempt.number)
    )
    now = datetime.now(UTC)
    acts = acts_of(read_journal(attempt.journal.path).entries)
    notes = (f"never ran: {', '.join(ended.not_run)}",) if ended.not_run else ()
    result = StageResult(
        stage=attempt.stage,
        attempt=attempt.number,
        mode="apply" if acts else "plan",
        verdict=Verdict.ERROR,
        started=entry.started or now,
        ended=now,
        cluster_time=None,
        findings=(),
        criteria=(),
        explanation=None,
        actions=acts,
        notes=notes,
        ended_as="error" if ended_as == "recorded" else ended_as,
        error=why,
    )
    attempt.write_result(result)
    _journal(attempt, result)
    return result


def _broken(attempt: Attempt, result: StageResult, why: str, *, ended_as: EndedAs = "error") -> StageResult:
    verdict = result.verdict if result.verdict is Verdict.FAIL else Verdict.ERROR
    broken = replace(result, verdict=verdict, ended_as="error" if ended_as == "recorded" else ended_as, error=why)
    attempt.write_result(broken)
    _journal(attempt, broken)
    return broken


def _journal(attempt: Attempt, result: StageResult) -> None:
    event: Literal["interrupted", "failed"] = "failed" if result.ended_as == "error" else "interrupted"
    try:
        attempt.journal.append(event, attempt.stage, ended_as=result.ended_as, why=result.error)
    except EvidenceError as error:
        raise EvidenceError(f"{error.message} (while noting: {result.error})", hint=error.hint) from error
