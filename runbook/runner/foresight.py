"""What a notebook will import, if a kernel's parent may import it before: the same libraries, read from the same places.

A library that is imported beforehand has read the environment, its own settings and `sys.path` by then. So nothing is when
the notebook touches these, when its folder holds something of that name, or when IPython runs a person's own start-up files.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

# Libraries that start no thread of their own, open nothing and warn of nothing when they are imported.
KNOWN = ("matplotlib", "matplotlib.pyplot", "numpy", "pandas")
# What the cells of a stage import through `runbook`, and what those that draw need besides.
STAGE = (
    "runbook.notebook", "runbook.checks", "runbook.diagnosis", "runbook.clients.kubernetes", "runbook.report",
    "runbook.runner.warmcauses",
)  # fmt: skip
FIGURES = ("matplotlib.figure", "matplotlib.backends.backend_agg", "PIL.PngImagePlugin")
_TOUCHES = re.compile(
    r"environ|putenv|%\s*(set_)?env|sys\.path|sys\.modules|sys\.meta_path|%\s*load_ext|importlib|filterwarnings|simplefilter"
)


def modules_of(sources: Sequence[str], cwd: Path) -> tuple[str, ...]:
    """The known libraries that these cells import by name, when they may as well find them imported."""
    if any(_TOUCHES.search(s) for s in sources) or _has_startup_files():
        return ()
    named = {name for source in sources for name in _imported(source)}
    wanted = {m for m in KNOWN if m in named or any(n.startswith(m + ".") for n in named)}
    tops = {m.partition(".")[0] for m in wanted}
    shadowed = (cwd / "matplotlibrc").exists() or any((cwd / t).exists() or (cwd / f"{t}.py").exists() for t in tops)
    return () if shadowed else tuple(sorted(wanted))


def sources_of(notebook: bytes) -> list[str]:
    """The code cells of a notebook's file; none of one that cannot be read, which papermill will say."""
    try:
        cells = json.loads(notebook)["cells"]
        return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _imported(source: str) -> Iterator[str]:
    """Names of modules in import statements; a cell that is not plain Python is read line by line."""
    try:
        parts = [ast.parse(source)]
    except (SyntaxError, ValueError):
        parts = [p for p in map(_parsed, source.splitlines()) if p is not None]
    for node in (n for part in parts for n in ast.walk(part)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _parsed(line: str) -> ast.Module | None:
    try:
        return ast.parse(line.strip())
    except (SyntaxError, ValueError):
        return None


def _has_startup_files() -> bool:
    """Whether a person's own IPython profile runs something before the first cell."""
    folder = Path(os.environ.get("IPYTHONDIR") or Path.home() / ".ipython") / "profile_default"
    startup = [p for p in (folder / "startup").glob("*") if p.suffix in (".py", ".ipy")]
    return bool(startup or list(folder.glob("ipython*config.*")))
