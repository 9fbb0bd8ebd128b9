"""Four notebooks as people write them, run and made into pages: our one command, papermill with nbconvert, plain scripts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Sample, median, run

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
    """The three ways, each as the seconds of its whole and the peak memory of its largest process family, a round each."""

    ours: list[Sample]
    stock: list[Sample]
    scripts: list[Sample]


def measure(folder: Path, rows: int, rounds: int) -> Measured:
    """Take turns, so that a busy moment of the machine hits all three alike."""
    notebooks, scripts = write(folder, rows)
    found = Measured([], [], [])
    for turn in range(rounds):
        out = folder / f"out-{turn}"
        out.mkdir()
        found.ours.append(_all([_ours(notebooks, out / "ours")]))
        found.stock.append(_all(_stock(notebooks, out)))
        found.scripts.append(_all([[sys.executable, str(s)] for s in scripts]))
        _check(out)
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
    return str(nbformat.writes(v4.new_notebook(cells=[v4.new_code_cell(s) for s in sources], metadata=spec)))


def _ours(notebooks: Sequence[Path], out: Path) -> list[str]:
    return [sys.executable, "-m", "runbook", "execute", *map(str, notebooks), "--outputs", str(out)]


def _stock(notebooks: Sequence[Path], out: Path) -> list[list[str]]:
    (out / "stock").mkdir()
    commands = []
    for path in notebooks:
        target = str(out / "stock" / path.name)
        commands.append([sys.executable, "-m", "papermill", str(path), target])
        commands.append([sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", target])
    return commands


def _all(commands: Sequence[list[str]]) -> Sample:
    samples = [run(c) for c in commands]
    return Sample(sum(s.seconds for s in samples), max(s.peak_mb for s in samples), max(s.exit_code for s in samples))


def _check(out: Path) -> None:
    """Both put out the same: four notebooks with eight pictures, four pages. Raises RuntimeError."""
    for way in ("ours", "stock"):
        pictures = sum(p.read_text().count('"image/png"') for p in (out / way).glob("*.ipynb"))
        pages = len(list((out / way).glob("*.html")))
        if (pictures, pages) != (2 * len(NAMES), len(NAMES)):
            raise RuntimeError(f"{way}: {pictures} pictures and {pages} pages")
