"""The catalogue of causes as a team extends it: its own files and those of installed packages, read here, since diagnosis opens none.

A bad one is refused before anything is asked of a cluster. What a run was judged by is kept beside its inventory, so that
a replay judges by the same words on a machine that has neither the files nor the packages.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from runbook.diagnosis import Catalogue
from runbook.diagnosis import load as extended
from runbook.errors import InventoryError, UsageError
from runbook.evidence import Redactor
from runbook.evidence.files import FOLDER_MODE, write_whole, writing
from runbook.inventory.load import InventoryFile
from runbook.inventory.references import kept_causes

MAX_BYTES = 2_000_000
GROUP = "runbook.causes"


@dataclass(frozen=True)
class Causes:
    """The catalogue, and the texts that extend the built-in one, by name and in their order."""

    catalogue: Catalogue
    texts: tuple[tuple[str, str], ...] = ()

    def digest(self, file: InventoryFile) -> str:
        """The inventory's digest; with causes of one's own, of both: another wording is another judgement."""
        if not self.texts:
            return file.digest
        return hashlib.sha256(
            "\0".join((file.digest, *(part for text in self.texts for part in text))).encode()
        ).hexdigest()

    def keep(self, inventory: Path) -> None:
        """Keep the texts, redacted, beside a run's kept inventory."""
        if not self.texts:
            return
        folder, redactor = kept_causes(inventory), Redactor()
        with writing(folder):
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        for number, (name, text) in enumerate(self.texts):
            plain = "".join(c if c.isalnum() or c in ".-_" else "-" for c in Path(name).name)
            write_whole(folder / f"{number:02d}-{plain}", redactor.text(text).encode())


def causes_of(file: InventoryFile | None) -> Causes:
    """The built-in catalogue, what installed packages add (entry points `runbook.causes`), and the inventory's `causes:`.

    Raises InventoryError for a file that cannot be read and UsageError, with file, line and reason, for a bad one.
    """
    own = file.inventory.causes if file else ()
    texts = (*_installed(), *((name, _text(file, index, name)) for index, name in enumerate(own) if file))
    return Causes(extended(texts), texts)


def kept_causes_of(file: InventoryFile) -> Causes:
    """What was kept beside a run's inventory, and nothing that this machine has."""
    return kept_causes_beside(file.path)


def kept_causes_beside(inventory: Path) -> Causes:
    """The same by the kept inventory's path alone."""
    folder = kept_causes(inventory)
    texts = tuple((path.name[3:], path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*-*")))
    return Causes(extended(texts), texts)


def catalogue_of(file: InventoryFile | None) -> Catalogue:
    """The catalogue of `causes_of`, without an inventory that of the installed packages."""
    return causes_of(file).catalogue


def _installed() -> tuple[tuple[str, str], ...]:
    """Each entry point of the group names a text of `schema: runbook/causes/v1`, or a function that gives one."""
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        where = f"entry point {GROUP}: {point.name} = {point.value}"
        try:
            given = point.load()
            text = given() if callable(given) else given
        except Exception as error:
            raise UsageError(f"cannot be loaded: {type(error).__name__}: {error}", field=where) from error
        if not isinstance(text, str):
            raise UsageError(f"gives {type(text).__name__} instead of a text", field=where)
        found.append((where, text))
    return tuple(found)


def _text(file: InventoryFile, index: int, name: str) -> str:
    path, field = file.path.parent / Path(name).expanduser(), f"{file.path}: causes[{index}]"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InventoryError(f"{name} cannot be read: {error.strerror}", field=field) from error
    if len(content) > MAX_BYTES:
        raise InventoryError(f"{name} has more than {MAX_BYTES} bytes", field=field)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InventoryError(f"{name} is not UTF-8 at byte {error.start}", field=field) from error
