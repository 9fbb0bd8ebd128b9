"""How a column of a table is made: from a field, from a cell function, or from a CRD's printer column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook.rehearsal import cells
from runbook.rehearsal.cells import Object, joined
from runbook.rehearsal.jsonpath import compiled, get
from runbook.rehearsal.kinds import PrinterColumn

Cell = Callable[[Object, datetime], Any]


@dataclass(frozen=True)
class Column:
    """One column: `priority` 1 shows only with `-o wide`."""

    name: str
    type: str
    cell: Cell
    priority: int = 0
    format: str = ""
    description: str = ""


def text(name: str, cell: Cell | str, priority: int = 0, empty: Any = "<none>") -> Column:
    """A column of strings: a cell function, or the dotted path of a field."""
    return Column(name, "string", _field(cell, empty) if isinstance(cell, str) else cell, priority)


def number(name: str, cell: Cell | str, priority: int = 0, empty: int = 0) -> Column:
    """A column of integers."""
    return Column(name, "integer", _field(cell, empty) if isinstance(cell, str) else cell, priority)


def _field(path: str, empty: Any) -> Cell:
    def cell(obj: Object, _now: datetime) -> Any:
        value = get(obj, path)
        return empty if value in (None, "") else value

    return cell


NAME = Column("Name", "string", lambda obj, _now: obj["metadata"]["name"], format="name")
AGE = text("Age", cells.age)
CREATED = text("Created At", "metadata.creationTimestamp")


def custom(column: PrinterColumn) -> Column:
    """A column of a CustomResourceDefinition. Raises ValueError on a JSONPath outside the subset."""
    select = compiled(column.path)

    def cell(obj: Object, now: datetime) -> Any:
        found = select(obj)
        if column.type == "date":
            return cells.since(found[0] if found else None, now)
        if not found or found[0] is None:
            return None
        value = found[0] if len(found) == 1 else joined(found)
        if column.type == "string" and isinstance(value, list):  # as Go prints a slice of strings
            return "[" + ",".join(f'"{item}"' for item in value) + "]"
        return str(value) if column.type == "string" else value

    type_ = "string" if column.type == "date" else column.type
    return Column(column.name, type_, cell, column.priority, column.format, column.description)
