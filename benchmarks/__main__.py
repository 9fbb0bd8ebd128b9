"""`python -m benchmarks [NAME…] [--small] [--json FILE]`: prints each benchmark's rows as it ends and, if asked, writes JSON."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.environment import machine
from benchmarks.rows import Found, as_json, lines
from benchmarks.tables import acting, commands, lists, reading

BENCHMARKS: Mapping[str, Callable[[bool], Found]] = {
    "imports": reading.imports,
    "rehearse": acting.rehearse,
    "deletions": acting.deletions,
    "reconcile": acting.reconcile,
    "listing": lists.listing,
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


def main(argv: list[str] | None = None, benchmarks: Mapping[str, Callable[[bool], Found]] = BENCHMARKS) -> int:
    """Run the named benchmarks, or all, each whatever becomes of the others: 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(benchmarks))
    parser.add_argument("--small", action="store_true", help="a small size, to see that it works")
    parser.add_argument("--json", type=Path, help="write the figures here: numbers, units, all samples")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.names if name not in benchmarks]:
        sys.stderr.write(f"there is no benchmark named {', '.join(unknown)}. There are:\n{_listed(benchmarks)}")
        return 2
    about, found = machine(), dict[str, Any]()
    print(" · ".join(f"{k} {v}" for k, v in about.items()), flush=True)
    for name in options.names or benchmarks:
        found[name] = _measured(name, benchmarks[name], small=options.small)
        if options.json:
            whole = {"machine": about, "small": options.small, "benchmarks": found}
            options.json.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
    if failed := [name for name, one in found.items() if "error" in one]:
        print(f"\nfailed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def _measured(name: str, benchmark: Callable[[bool], Found], *, small: bool) -> dict[str, Any]:
    """One benchmark's figures, printed; what went wrong when it failed, so that the others' figures are not lost."""
    print(f"\n{name}", flush=True)
    try:
        found = benchmark(small)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is told and the others are measured
        traceback.print_exc()
        print(f"{name} failed: {type(error).__name__}: {error}", flush=True)
        return {"error": f"{type(error).__name__}: {error}"}
    print("\n".join(lines(found.rows)), flush=True)
    return as_json(found)


def _listed(benchmarks: Mapping[str, Callable[[bool], Found]]) -> str:
    width = max(map(len, benchmarks))
    told = ((name, (one.__doc__ or "").partition("\n")[0]) for name, one in benchmarks.items())
    return "".join(f"  {name:<{width}}  {what}\n" for name, what in told)


if __name__ == "__main__":
    sys.exit(main())
