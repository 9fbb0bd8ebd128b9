"""`python -m benchmarks [NAME…] [--small] [--json FILE]`: prints a table and, if asked, writes JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, machine
from benchmarks.tables import acting, commands, reading

BENCHMARKS: dict[str, Callable[[bool], list[Row]]] = {
    "imports": reading.imports,
    "rehearse": acting.rehearse,
    "deletions": acting.deletions,
    "reconcile": acting.reconcile,
    "listing": reading.listing,
    "snapshot": reading.snapshot,
    "growth": reading.growth,
    "explain": reading.explain,
    "classify": reading.classification,
    "notebooks": commands.notebooks,
    "commands": commands.commands,
    "embedded": commands.embedded,
    "evidence": acting.evidence,
    "waiting": acting.waiting,
    "handshakes": reading.handshakes,
}


def main() -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--small", action="store_true", help="a small size, to see that it works")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    rows = [row for name in options.names or BENCHMARKS for row in BENCHMARKS[name](options.small)]
    about = machine()
    print(" · ".join(f"{k} {v}" for k, v in about.items()))
    width = max(len(r[0]) for r in rows)
    for what, figure, goal in rows:
        print(f"{what:<{width}}  {figure:>10}  {goal}")
    if options.json:
        options.json.write_text(json.dumps({"machine": about, "rows": rows}, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
