"""The act gitEdit: dotted paths set in the documents of a repository's files, then one commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from runbook.rehearsal.gitrepos import GitRepository
from runbook.rehearsal.yamlediting import at, edit, put


def edit_git(repository: GitRepository, act: Mapping[str, Any], now: datetime) -> tuple[str, str]:
    """Edit and commit; the sentence and the diff of what was done."""
    diffs: dict[str, str] = {}
    for pattern in act["files"]:
        for path in sorted(repository.tree.glob(pattern)):
            name = path.relative_to(repository.tree).as_posix()
            if done := edit(path, lambda documents: _changed(documents, act), name=name):
                diffs[name] = done
    if not diffs:
        return "changed nothing in Git: every file already says so", ""
    commit = repository.commit(act["message"], now)
    return f"committed {commit[:8]} ({act['message']}): {', '.join(diffs)}", "".join(diffs.values())


def _changed(documents: list[Any], act: Mapping[str, Any]) -> bool:
    changed = False
    for document in documents:
        if not document or document.get("kind") != act.get("kind", document.get("kind")):
            continue
        if act.get("missing") and at(document, act["missing"]) is not None:
            continue
        for dotted, value in act["set"].items():
            changed |= put(document, dotted, value)
    return changed
