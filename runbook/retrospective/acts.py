"""What was done between two looks, as far as the record itself shows it: our own acts, and facts that have changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from runbook.model import ObjectRef, StageResult
from runbook.retrospective.changes import Act, State, states, when

# Facts whose change between two looks is an act of somebody: what a person edits in Git, on a node, in the cluster.
WATCHED = ("timeout", "declared", "anchors", "suspended")
_REVISIONS = ("GitRepository", "OCIRepository", "Bucket")
_NAMED = 3

Key = tuple[str, ObjectRef, str]


def recorded_acts(attempts: Sequence[StageResult], observed: Sequence[Act] = ()) -> tuple[Act, ...]:
    """Acts of ours (outcome changed or failed) and edits of others, in order of time.

    `observed` are edits read from the observed objects; without any, the facts of the findings are compared.
    """
    edits = observed or tuple(_edits(states(attempts)))
    if _installed(attempts):  # that a node reads another file then is what our own act did, told once
        edits = tuple(e for e in edits if not e.what.startswith(("anchors ", "CA installed on ")))
    found = [*_ours(attempts), *edits]
    return tuple(sorted(found, key=lambda a: (a.at is None, a.at.timestamp() if a.at else 0.0)))


def _ours(attempts: Sequence[StageResult]) -> Iterator[Act]:
    """One act for each kind of change and outcome of an attempt: its report has every single one."""
    for attempt in attempts:
        alike: dict[tuple[str, str], list[str]] = {}
        for action in attempt.actions:
            if action.outcome in ("changed", "failed", "unknown"):
                named = " ".join(filter(None, (action.object.name, action.details.get("host", ""))))
                alike.setdefault((action.kind, action.outcome), []).append(named)
        for (kind, outcome), names in alike.items():
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield Act(f"{kind} {', '.join(names[:_NAMED])}{more}: {outcome}", when(attempt), "operator")


def _installed(attempts: Sequence[StageResult]) -> bool:
    return any(a.kind == "install-registry-ca" and a.outcome == "changed" for r in attempts for a in r.actions)


def _edits(looks: Sequence[State]) -> Iterator[Act]:
    """One act for each fact that changed alike; its time is that of the look that saw it first."""
    for was, now in pairwise(looks):
        before, after = _facts(was), _facts(now)
        asked = {key[:2] for key in before}
        changed: dict[tuple[str, str, str], set[ObjectRef]] = {}
        for key in sorted(before.keys() | after.keys(), key=str):
            old, new = before.get(key, ""), after.get(key, "")
            if old != new and key[2] and key[:2] in asked:
                changed.setdefault((key[2], old, new), set()).add(key[1])
        begun = min(a.cluster_time or a.started for a in now.attempts)
        for (fact, old, new), refs in changed.items():
            yield Act(change_words(fact, old, new, refs), begun, "seen by the next look")


def change_words(fact: str, old: str, new: str, refs: Collection[ObjectRef]) -> str:
    """`timeout unset → 10m on ffl-backend, ccbot and 8 more`."""
    ordered = sorted(refs)
    named = ", ".join(r.name for r in ordered[:_NAMED])
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return f"{fact} {old or 'unset'} → {new or 'unset'} on {named}{more}"


def _facts(look: State) -> Mapping[Key, str]:
    """Watched facts by check, object and name; an empty name only says that the question was asked."""
    found: dict[Key, str] = {}
    for attempt in look.attempts:
        for finding in attempt.findings:
            found[finding.check, finding.object, ""] = ""
            names = [*WATCHED, *(["revision"] if finding.object.kind in _REVISIONS else [])]
            for name in names:
                if name in finding.facts:
                    found[finding.check, finding.object, name] = _plain(finding.facts[name])
    return found


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(str(v) for v in value))
    return "" if value is None else str(value)
