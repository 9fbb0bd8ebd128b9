"""The part of kubectl's JSONPath that printer columns of CustomResourceDefinitions use."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

_STEP = re.compile(
    r"""\.?(?P<key>[A-Za-z_$](?:[\w\-]|\\\.|(?<=\\\.)[\w/])*(?:/[\w.\-]+)?)
    |\[\?\(\s*@\.(?P<field>[\w.]+)\s*==\s*["'](?P<value>[^"']*)["']\s*\)\]
    |\[(?P<index>-?\d+)\]
    |\[(?P<star>\*)\]
    |\[["'](?P<quoted>[^"']+)["']\]""",
    re.VERBOSE,
)
Step = Callable[[Any], list[Any]]


def get(obj: Any, dotted: str, default: Any = None) -> Any:
    """The value at a dotted path of object fields, `default` where a field is missing."""
    for key in dotted.split("."):
        if not isinstance(obj, dict) or key not in obj:
            return default
        obj = obj[key]
    return obj


@cache
def compiled(path: str) -> Callable[[Any], list[Any]]:
    """A function that returns every value a path selects. Raises ValueError on a path outside the subset."""
    text, steps, position = path.strip().strip("{}"), [], 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or match.end() == position:
            raise ValueError(f"unsupported JSONPath {path!r} at {position}")
        position = match.end()
        steps.append(_step(match))

    def select(obj: Any) -> list[Any]:
        found = [obj]
        for step in steps:
            found = [inner for outer in found for inner in step(outer)]
        return found

    return select


def _step(match: re.Match[str]) -> Step:
    if match["key"] or match["quoted"]:
        name = (match["key"] or match["quoted"]).replace("\\.", ".")
        return lambda obj: [obj[name]] if isinstance(obj, dict) and name in obj else []
    if match["star"]:
        return lambda obj: obj if isinstance(obj, list) else []
    if match["index"] is not None:
        index = int(match["index"])
        return lambda obj: [obj[index]] if isinstance(obj, list) and -len(obj) <= index < len(obj) else []
    field, value = match["field"], match["value"]
    return lambda obj: [item for item in obj if str(get(item, field)) == value] if isinstance(obj, list) else []
