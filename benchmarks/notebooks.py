"""Four notebooks as people write them, run and made into pages: our one command, papermill with nbconvert, plain scripts.

nbconvert makes a page of one notebook, as it is mostly called, or of several in one process, which imports its libraries
once. Both are measured after the same four runs of papermill, so that the two ways differ in nbconvert alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.measure import Sample, ended_well, median, run

NAMES = ("capacity", "restarts", "latency", "costs")
_READ = [
    "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt",
    "rng = np.random.default_rng(seed)\nn = rows",
    'teams = [f"team-{i}" for i in range(12)]\n'
    'frame = pd.DataFrame({"team": rng.choice(teams, n), "pod": np.arange(n), "cpu": rng.gamma(2.0, 0.2, n),\n'
    '                      "memory": rng.lognormal(5, 0.6, n), "restarts": rng.poisson(0.4, n)})',
    'frame["minute"] = pd.date_range("2025-10-17", periods=n, freq="s").floor("min")\nframe.head(20)',
    "frame.describe()",
]
_ASK = [
    'by_team = frame.groupby("team").agg(pods=("pod", "size"), cpu=("cpu", "sum"), memory=("memory", "mean"))\nby_team',
    'busy = frame.sort_values("cpu", ascending=False).head(50)\nbusy',
    'frame["restarts"].value_counts().sort_index().to_frame()',
    'print(f"{len(frame):,} rows, {frame.memory_usage(deep=True).sum() / 1e6:.1f} MB")',
    'minutes = frame.groupby("minute")["cpu"].sum()\nminutes.tail(30).to_frame()',
    'hours = minutes.resample("h").mean()\nhours.to_frame()',
]
_SHOW = [
    'fig, ax = plt.subplots(figsize=(7, 3))\nminutes.plot(ax=ax)\nax.set_title("cpu a minute")\n{show}',
    'fig, ax = plt.subplots(figsize=(7, 3))\nby_team["memory"].plot.bar(ax=ax)\nax.set_ylabel("MB")\n{show}',
    'pivot = frame.pivot_table(index="team", columns="restarts", values="pod", aggfunc="size", fill_value=0)\npivot',
    "frame[['cpu', 'memory', 'restarts']].corr()",
    'assert len(by_team) == 12\nprint("done")',
]


@dataclass(frozen=True, slots=True)
class Measured:
    """The ways, each as the seconds of its whole and the peak memory of its largest process family, a round each."""

    ours: list[Sample]
    stock: list[Sample]  # papermill and nbconvert, each once a notebook
    at_once: list[Sample]  # papermill once a notebook, nbconvert once for all
    scripts: list[Sample]


def measure(folder: Path, rows: int, rounds: int) -> Measured:
    """Take turns, so that a busy moment of the machine hits all of them alike."""
    notebooks, scripts = write(folder, rows)
    found = Measured([], [], [], [])
    for turn in range(rounds):
        out = folder / f"out-{turn}"
        out.mkdir()
        found.ours.append(_together([run(_ours(notebooks, out / "ours"))]))
        executed, pages, at_once = _stock(notebooks, out)
        found.stock.append(_together([*executed, *pages]))
        found.at_once.append(_together([*executed, at_once]))
        found.scripts.append(_together([run([sys.executable, str(s)]) for s in scripts]))
        _check(out)
    ended_well({f.name: getattr(found, f.name) for f in fields(found)})
    return found


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample]) -> tuple[float, float, float]:
    """Theirs divided by ours: of the medians, and the smallest and largest of any round."""
    each = [t.seconds / o.seconds for o, t in zip(ours, theirs, strict=True)]
    return median(theirs) / median(ours), min(each), max(each)


def write(folder: Path, rows: int) -> tuple[list[Path], list[Path]]:
    """The notebooks, and scripts with the same code that save the figures and print the tables."""
    notebooks, scripts = [], []
    for number, name in enumerate(NAMES):
        (folder / f"{name}.ipynb").write_text(_notebook(_cells(number, rows, "plt.show()")))
        picture = str(folder / f"{name}-")
        save = f'fig.savefig({picture!r} + str(len(plt.get_fignums())) + ".png")'
        lines = ["import matplotlib\nmatplotlib.use('agg')", *map(_printed, _cells(number, rows, save))]
        (folder / f"{name}.py").write_text("\n".join(lines) + "\n")
        notebooks.append(folder / f"{name}.ipynb")
        scripts.append(folder / f"{name}.py")
    return notebooks, scripts


def _cells(number: int, rows: int, show: str) -> list[str]:
    return [
        f"seed = {number}\nrows = {rows}\n{_READ[0]}",
        *_READ[1:],
        *_ASK,
        *(s.replace("{show}", show) for s in _SHOW),
    ]


def _printed(source: str) -> str:
    """The last expression of a cell is shown by a notebook; a script prints it, as a table in HTML where it is one."""
    *before, last = source.split("\n")
    shown = (
        last if last.startswith(("frame", "by_team", "busy", "pivot", "minutes", "hours")) and " = " not in last else ""
    )
    return "\n".join([*before, f"_ = {shown}\nprint(_.to_html(), _)" if shown else last])


def _notebook(sources: Sequence[str]) -> str:
    import nbformat

    v4: Any = nbformat.v4
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps(v4.new_notebook(cells=[v4.new_code_cell(s) for s in sources], metadata=spec))


def _ours(notebooks: Sequence[Path], out: Path) -> list[str]:
    return [sys.executable, "-m", "runbook", "execute", *map(str, notebooks), "--outputs", str(out)]


def _stock(notebooks: Sequence[Path], out: Path) -> tuple[list[Sample], list[Sample], Sample]:
    """papermill for each notebook, nbconvert for each of its outputs, and nbconvert for all of them."""
    (out / "stock").mkdir()
    targets = [str(out / "stock" / path.name) for path in notebooks]
    convert = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html"]
    executed = [run([sys.executable, "-m", "papermill", str(n), t]) for n, t in zip(notebooks, targets, strict=True)]
    pages = [run([*convert, target]) for target in targets]
    return executed, pages, run([*convert, "--output-dir", str(out / "at-once"), *targets])


def _together(samples: Sequence[Sample]) -> Sample:
    """One after another: the sum of the seconds, the largest peak, the worst code."""
    return Sample(sum(s.seconds for s in samples), max(s.peak_mb for s in samples), max(s.exit_code for s in samples))


def _check(out: Path) -> None:
    """All put out the same: four notebooks with eight pictures, four pages. Raises RuntimeError."""
    for way, made in (("ours", "ours"), ("stock", "stock"), ("stock", "at-once")):
        pictures = sum(p.read_text().count('"image/png"') for p in (out / way).glob("*.ipynb"))
        pages = len(list((out / made).glob("*.html")))
        if (pictures, pages) != (2 * len(NAMES), len(NAMES)):
            raise RuntimeError(f"{made}: {pictures} pictures and {pages} pages")
