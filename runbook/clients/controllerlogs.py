"""Controllers' logs at all levels, over a window: grouped, bounded, and counted, so that “no errors” has a denominator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from runbook.clients.kubernetes import KubeClient
from runbook.domain.durations import seconds
from runbook.domain.legible import decoded
from runbook.domain.pods import Pod
from runbook.domain.probes import LogGroup, LogWindow
from runbook.errors import ObservationError
from runbook.inventory.model import Inventory

MAX_LINES = 50_000
MAX_GROUPS = 500
_KLOG = re.compile(r"^(?P<level>[IWEF])(?P<when>\d{4} \d{2}:\d{2}:\d{2})\S*\s+\d+ \S+\] (?P<message>.*)$")
_CRASH = re.compile(r"^(?:panic: |fatal error: |\[signal SIG|runtime: out of memory)")
_CUT_JSON = re.compile(r'"level"\s*:\s*"(?P<level>\w+)"')  # the runtime splits lines at 16 KiB: no longer JSON
_LOGFMT = re.compile(r'\blevel=(?P<level>\w+)\b.*?\bmsg="?(?P<message>[^"]*)')
_VARIABLE = re.compile(r"\b[0-9a-f]{8,64}\b|\b\d+(?:\.\d+)?(?:ms|s|m|h)?\b|-[a-z0-9]{5,10}-[a-z0-9]{5}\b")
_LEVELS = {
    "I": "info",
    "W": "warning",
    "E": "error",
    "F": "error",
    "warn": "warning",
    "fatal": "error",
    "panic": "error",
}


def read_logs(
    client: KubeClient, inventory: Inventory, pods: Iterable[Pod], now: datetime
) -> tuple[tuple[LogWindow, ...], tuple[LogGroup, ...]]:
    """Every container of every pod in the inventory's log namespaces. A pod that cannot be read is a window with an error."""
    span = timedelta(seconds=seconds(inventory.logs.since) or 900)
    windows: list[LogWindow] = []
    groups: list[LogGroup] = []
    for pod in pods:
        if pod.metadata.namespace not in inventory.logs.namespaces:
            continue
        window, found = _pod(client, pod, now - span, now)
        windows.append(window)
        groups += found
    return tuple(windows), tuple(groups)


def _pod(client: KubeClient, pod: Pod, since: datetime, until: datetime) -> tuple[LogWindow, list[LogGroup]]:
    namespace, name = pod.metadata.namespace, pod.metadata.name
    grouped: dict[tuple[str, str, str], list[Any]] = {}
    lines, missing, span = 0, "", int((until - since).total_seconds())
    for container, previous in _logs_of(pod, since):
        read = 0
        try:
            for line in client.logs(
                namespace, name, container=container, since_seconds=span, tail=MAX_LINES, previous=previous
            ):
                read += 1
                _count(grouped, line)
        except ObservationError as error:
            if not previous:
                return LogWindow(namespace, name, lines + read, since, until, error.why), []
            missing = f"container {container} ended in the window, and its last log cannot be read: {error.why}"
        lines += read
        if read >= MAX_LINES:
            missing = f"only the last {MAX_LINES} lines of container {container} were read"
    found = [
        LogGroup(namespace, name, level, message, held[0], held[1], held[2], subject, held[3])
        for (level, message, subject), held in grouped.items()
    ]
    # errors that were found stand; that there were none cannot be said of half a window
    missing = "" if any(g.level == "error" for g in found) else missing
    older = not lines and not missing and _has_older(client, pod)
    return LogWindow(namespace, name, lines, since, until, missing, older), found


def _has_older(client: KubeClient, pod: Pod) -> bool:
    """Whether any container ever wrote a line: a log that is merely quiet has one from before the window."""
    meta = pod.metadata
    try:
        return any(
            True for c in pod.spec.containers for _ in client.logs(meta.namespace, meta.name, container=c.name, tail=1)
        )
    except ObservationError:
        return False  # what cannot be read is not known to be quiet: the window stays empty


def _logs_of(pod: Pod, since: datetime) -> Iterator[tuple[str, bool]]:
    """(container, previous): a container that ended inside the window left its last words in the previous log."""
    statuses = {s.name: s for s in pod.status.container_statuses or ()}
    for container in pod.spec.containers:
        status = statuses.get(container.name)
        ended = status.last_state.terminated.finished_at if status and status.last_state.terminated else None
        if ended is not None and ended >= since:
            yield container.name, True
        yield container.name, False


def _count(grouped: dict[tuple[str, str, str], list[Any]], line: str) -> None:
    level, message, subject, when = parse(line)
    if level in ("debug", "info"):
        return
    key = (level, _VARIABLE.sub("…", message)[:300], subject)
    held = grouped.get(key)
    if held is not None:
        held[0] += 1
        held[2] = when or held[2]
    elif len(grouped) < MAX_GROUPS:
        grouped[key] = [1, when, when, line[:400]]


def parse(line: str) -> tuple[str, str, str, datetime | None]:
    """(level, message, object, time) of a JSON, klog or logfmt line; a Go crash is an error; any other line is info."""
    if line.startswith("{"):
        return _json(line)
    if _CRASH.match(line):
        return "error", line, "", None
    if match := _KLOG.match(line):
        return _LEVELS[match["level"]], match["message"], "", None
    if match := _LOGFMT.search(line):
        level = match["level"].lower()
        return _LEVELS.get(level, level), match["message"], "", None
    return "info", line, "", None


def _json(line: str) -> tuple[str, str, str, datetime | None]:
    try:
        entry = decoded(line)
    except msgspec.DecodeError:
        cut = _CUT_JSON.search(line[:2000])
        level = cut["level"].lower() if cut else "info"
        return _LEVELS.get(level, level), line, "", None
    level = str(entry.get("level", "info")).lower()
    message = str(entry.get("error") or entry.get("msg") or "")
    subject = f"{entry.get('controllerKind', '')}/{entry.get('namespace', '')}/{entry.get('name', '')}"
    return _LEVELS.get(level, level), message, subject if entry.get("controllerKind") else "", _time(entry.get("ts"))


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except ValueError:
        return None
