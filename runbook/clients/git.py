"""The operator's Git checkout, read only: HEAD, and what its files declare, with file, line and commit date.

A checkout is other people's text: git runs no hook, file system monitor, pager or signature program it names, fetches
nothing, and takes no repository from the environment.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from runbook.domain import yamltext
from runbook.domain.probes import GitFile, GitHead
from runbook.errors import ObservationError

KINDS = ("HelmRelease", "SealedSecret", "Kustomization")
TIMEOUT = 20
MAX_BYTES = 1_000_000
_DECLARES = re.compile(rf"kind['\"]?:\s*['\"]?({'|'.join(KINDS)})\b")
_HARMLESS = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.quotePath", "false"),
    ("core.pager", "cat"),
    ("log.showSignature", "false"),
    ("protocol.allow", "never"),
)


def read_checkout(path: Path) -> tuple[GitHead, tuple[GitFile, ...]]:
    """HEAD and the declared objects of a checkout. Raises ObservationError when it is none."""
    what = f"Git checkout {path.name}"
    if not path.is_dir():
        raise ObservationError(what, "it is not a folder")
    head = GitHead(
        revision=_git(path, what, "rev-parse", "HEAD").strip(),
        branch=_git(path, what, "rev-parse", "--abbrev-ref", "HEAD").strip(),
        committed=_when(_git(path, what, "log", "-1", "--format=%cI").strip()),
        dirty=bool(_git(path, what, "status", "--porcelain").strip()),
    )
    dates = _commit_dates(path, what)
    return head, tuple(f for name in sorted(dates) for f in _declared(path, name, dates[name]))


def _commit_dates(path: Path, what: str) -> dict[str, datetime | None]:
    """Each tracked YAML file with the date of the commit that touched it last, in one pass over the history."""
    tracked = {n for n in _git(path, what, "ls-files", "-z").split("\0") if n.endswith((".yaml", ".yml"))}
    dates: dict[str, datetime | None] = dict.fromkeys(tracked)
    when: datetime | None = None
    for line in _git(
        path, what, "log", "--format=%x00%cI", "--name-only", "--no-renames", "--relative", "."
    ).splitlines():
        if line.startswith("\0"):
            when = _when(line[1:])
        elif line in tracked and dates[line] is None:
            dates[line] = when
    return dates


def _declared(root: Path, name: str, committed: datetime | None) -> Iterator[GitFile]:
    file = root / name
    if not file.is_file() or file.is_symlink() or file.stat().st_size > MAX_BYTES:
        return
    text = file.read_text(encoding="utf-8", errors="replace")
    if not _DECLARES.search(text):
        return
    try:
        documents = list(yamltext.load_all(text))
    except (YAMLError, ValueError, RecursionError):
        return  # templates of other tools live beside manifests; what cannot be read declares nothing
    for document in documents:
        if isinstance(document.data, Mapping) and document.data.get("kind") in KINDS:
            yield _file(document.data, document.line, name, committed)


def _file(document: Any, line: int, name: str, committed: datetime | None) -> GitFile:
    metadata, spec = _table(document, "metadata"), _table(document, "spec")
    chart = _table(_table(spec, "chart"), "spec").get("version") or ""
    return GitFile(
        kind=str(document["kind"]),
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata.get("name", "")),
        path=name,
        line=line,
        chart_version=str(chart),
        image_tags=tuple(image_tags(_table(spec, "values"))),
        committed=committed,
    )


def _table(value: Any, key: str) -> Any:
    """A mapping's entry that is one too; anything else, as in a patch or a template, declares nothing."""
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def image_tags(values: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted path, tag) of every `image.tag`, `tag` or `image: host/name:tag` in Helm values."""
    if not isinstance(values, Mapping):
        return
    for key, value in values.items():
        here = f"{path}.{key}" if path else str(key)
        if key == "tag" and isinstance(value, str | int | float):
            yield here, str(value)
        elif key == "image" and isinstance(value, str) and re.search(r":[\w][\w.-]*$", value):
            yield here, value.rpartition(":")[2]
        else:
            yield from image_tags(value, here)


def _when(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _git(path: Path, what: str, *argv: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k == "GIT_CEILING_DIRECTORIES"}
    never = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    # whoever owns the checkout, also when `path` is a folder in it: nothing it configures is run
    options = [o for key, value in (("safe.directory", "*"), *_HARMLESS) for o in ("-c", f"{key}={value}")]
    command = ["git", *options, "-C", str(path), *argv]
    try:
        done = subprocess.run(
            command,
            env={**kept, **never},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise ObservationError(what, "git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ObservationError(what, f"git {argv[0]} took over {TIMEOUT} s") from error
    if done.returncode:
        raise ObservationError(what, (done.stderr.strip().splitlines() or [f"git {argv[0]} failed"])[-1][:200])
    return done.stdout
