"""The catalogue of causes as an inventory extends it: its own files are read here, since diagnosis opens none."""

from __future__ import annotations

from pathlib import Path

from runbook.diagnosis import Catalogue
from runbook.diagnosis import load as extended
from runbook.errors import InventoryError
from runbook.inventory.load import InventoryFile

MAX_BYTES = 2_000_000


def catalogue_of(file: InventoryFile) -> Catalogue:
    """The built-in catalogue and the files of `causes:`, in that order.

    Raises InventoryError for a file that cannot be read and UsageError, with file, line and reason, for a bad one.
    """
    return extended((name, _text(file, index, name)) for index, name in enumerate(file.inventory.causes))


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
