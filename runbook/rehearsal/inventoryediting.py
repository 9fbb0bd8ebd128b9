"""The act inventoryEdit: one visible edit of one list of the run's inventory, as its operator would make it by hand."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from runbook.errors import ScenarioError
from runbook.rehearsal.durations import seconds
from runbook.rehearsal.yamlediting import edit


def edit_inventory(path: Path, act: Mapping[str, Any], now: datetime) -> tuple[str, str]:
    """Edit the file in place; the sentence and the diff. Raises ScenarioError when there is no such list or entry."""
    done = edit(path, lambda documents: _changed(documents[0], act, now))
    if not done:
        return f"changed nothing in {path.name}: it already says so", ""
    return f"edited {act['entries']} of {path.name} ({act['message']})", done


def _changed(inventory: Any, act: Mapping[str, Any], now: datetime) -> bool:
    entries = inventory.get(act["entries"])
    if not isinstance(entries, list):
        raise ScenarioError(f"inventoryEdit: the inventory has no list {act['entries']!r}", field="person.yaml")
    if act.get("add") is not None:
        return _added(entries, act, now)
    chosen = [e for e in entries if _matches(e, act["where"])]
    if act.get("remove"):
        for entry in chosen:
            del entries[entries.index(entry)]  # its own comment goes with it
        return bool(chosen)
    if not chosen:
        raise ScenarioError(f"inventoryEdit: no entry of {act['entries']} is {act['where']}", field="person.yaml")
    wanted = [(e, k, v) for e in chosen for k, v in act["set"].items() if e.get(k) != v]
    for entry, key, value in wanted:
        entry[key] = value
    return bool(wanted)


def _added(entries: Any, act: Mapping[str, Any], now: datetime) -> bool:
    later = {k: (now + timedelta(seconds=seconds(v))).date() for k, v in (act.get("dates") or {}).items()}
    model = next((e for e in entries if act.get("like") and _matches(e, act["like"])), None)
    if act.get("like") and model is None:
        raise ScenarioError(f"inventoryEdit: no entry of {act['entries']} is {act['like']}", field="person.yaml")
    made = {**_plain(model or {}), **act["add"], **later}
    if made in [_plain(e) for e in entries]:
        return False
    _append(entries, CommentedMap(made))
    return True


def _append(entries: Any, made: CommentedMap) -> None:
    """Append; what stood below the last entry (a blank line, the next section's comment) stands below the new one."""
    last = entries[-1] if entries else None
    if isinstance(last, CommentedMap) and last:
        key = next(reversed(last))
        below = last.ca.items.get(key)
        if below and below[2] is not None and below[2].value.startswith("\n"):
            made.ca.items[next(reversed(made))] = last.ca.items.pop(key)
    entries.append(made)


def _matches(entry: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    return all(entry.get(k) in v if isinstance(v, list | tuple) else entry.get(k) == v for k, v in where.items())


def _plain(entry: Any) -> dict[str, Any]:
    return {str(k): copy.deepcopy(v) for k, v in entry.items()}
