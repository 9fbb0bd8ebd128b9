"""The seal: every file's hash in MANIFEST.sha256 (`sha256sum -c` reads it), and everything made read-only.

It shows that a file changed since; it does not show who wrote it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from runbook.errors import EvidenceError, RunFolderError
from runbook.evidence.entries import MANIFEST
from runbook.evidence.files import stamp, write_whole
from runbook.evidence.layout import Run


def seal(run: Run) -> int:
    """Seal a run: list every file with its hash, then take the write permission away. Returns the number of files.

    Raises RunFolderError for a sealed run that changed since, EvidenceError when the manifest cannot be written.
    """
    if run.sealed:
        problems = check_seal(run)
        if problems:
            raise RunFolderError(f"{run.path} is sealed already and has changed since: {problems[0]}")
        return len(_listed(run.path / MANIFEST))
    run.mark(sealed=stamp(datetime.now(UTC)))
    files = list(_files(run.path))
    lines = [f"{_digest(f)}  {f.relative_to(run.path).as_posix()}\n" for f in files]
    write_whole(run.path / MANIFEST, "".join(lines).encode())
    for file in (*files, run.path / MANIFEST):
        if not file.is_symlink():
            file.chmod(0o400)
    for folder in sorted((p for p in run.path.rglob("*") if p.is_dir()), reverse=True):
        folder.chmod(0o500)
    run.path.chmod(0o500)
    return len(files)


def check_seal(run: Run) -> tuple[str, ...]:
    """What is not as it was when it was sealed: altered, missing and added files. Empty when nothing is."""
    if not run.sealed:
        return (f"{run.path.name} is not sealed",)
    listed = _listed(run.path / MANIFEST)
    present = {f.relative_to(run.path).as_posix(): f for f in _files(run.path)}
    problems = [f"missing: {name}" for name in listed if name not in present]
    problems += [
        f"altered: {name}" for name, file in present.items() if listed.get(name, "") not in ("", _digest(file))
    ]
    problems += [f"added: {name}" for name in present if name not in listed]
    return tuple(sorted(problems))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if (path.is_file() or path.is_symlink()) and path != folder / MANIFEST:
            yield path


def _digest(path: Path) -> str:
    if path.is_symlink():  # what it points to lies outside of the record, so the pointer itself is what is sealed
        return hashlib.sha256(f"symlink {path.readlink()}".encode()).hexdigest()
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EvidenceError(f"{path} could not be read: {error.strerror}") from error


def _listed(manifest: Path) -> dict[str, str]:
    listed: dict[str, str] = {}
    for number, line in enumerate(manifest.read_text(encoding="utf-8").splitlines(), 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            raise RunFolderError(f"{manifest}, line {number}: not a line of a manifest", hint="It was cut or altered.")
        listed[name] = digest
    return listed
