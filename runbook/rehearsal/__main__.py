"""`python -m runbook.rehearsal`: the embedded cluster as a process of its own.

Events go to stdout, one JSON object a line. With `--control` the process ends when its standard input does, so that it
can never outlive whoever started it, and the person waits at each frame for the line `next`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runbook.errors import RunbookError
from runbook.rehearsal.cluster import EmbeddedCluster
from runbook.rehearsal.person import EDITS, Person
from runbook.rehearsal.personfile import SEED, words
from runbook.rehearsal.scenario import Scenario, find, names

Tell = Callable[..., None]

BEST = "best"


def main(argv: list[str] | None = None) -> int:
    """Run until told to end. Exit codes: 0, 2 for a scenario that cannot be read or an ending it does not have."""
    options = _options(argv)
    if options.list:
        for name in names():
            print(name)  # noqa: T201  data on stdout
        return 0
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        scenario = find(options.scenario)
        options.ending = scenario.best_ending() if options.ending == BEST else options.ending
        scenario.frames(options.ending)
        if options.state:
            return asyncio.run(_run(scenario, Path(options.state), options))
        with tempfile.TemporaryDirectory(prefix="embedded-cluster-") as folder:
            return asyncio.run(_run(scenario, Path(folder), options))
    except RunbookError as error:
        _tell(event="error", message=error.message, hint=error.hint)
        return error.exit_code
    except OSError as error:
        _tell(event="error", message=f"the embedded cluster cannot start: {error}", hint="")
        return 1


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m runbook.rehearsal", description="The embedded cluster.")
    parser.add_argument("--scenario", default="night", help="a shipped scenario's name, or a folder")
    parser.add_argument("--time-scale", type=float, default=60.0, help="cluster seconds in a real one")
    parser.add_argument("--port", type=int, default=0, help="the API's port on loopback; 0 takes a free one")
    parser.add_argument("--state", help="folder for kubeconfig, inventory, request log [a temporary one]")
    parser.add_argument("--kubeconfig", type=Path, help="write the admin's kubeconfig here too")
    parser.add_argument("--inventory", type=Path, help="write the effective inventory here; the person edits it there")
    parser.add_argument("--person", action="store_true", help="let the scenario's person act between frames")
    parser.add_argument(
        "--ending",
        default=SEED,
        help="which of the scenario's endings is lived; best: healed where there is one [seed]",
    )
    parser.add_argument(
        "--person-edits", choices=EDITS, default="all", help="do all acts, those but the inventory's, or none [all]"
    )
    parser.add_argument("--until", default="", help="stop the person at this frame")
    parser.add_argument("--control", action="store_true", help="wait at each frame for `next` on standard input")
    parser.add_argument("--list", action="store_true", help="name the shipped scenarios")
    return parser.parse_args(argv)


def _tell(**event: Any) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


async def _run(scenario: Scenario, state: Path, options: argparse.Namespace) -> int:
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    given = options.inventory.absolute() if options.inventory else None
    cluster = EmbeddedCluster(scenario, state.resolve(), scale=options.time_scale, port=options.port, inventory=given)
    ended, lines = asyncio.Event(), asyncio.Queue[str]()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if options.control:
        _listen(loop, lines, ended)
    await cluster.start()
    try:
        _tell(**_ready(cluster, options))
        work = asyncio.create_task(_play(cluster, options, lines) if options.person else ended.wait())
        stop = asyncio.create_task(ended.wait())
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if work.done() and not work.cancelled():
            work.result()
            await stop
        work.cancel()
    finally:
        await cluster.stop()
    return 0


def _ready(cluster: EmbeddedCluster, options: argparse.Namespace) -> dict[str, Any]:
    kubeconfig = cluster.write_kubeconfigs(options.kubeconfig)
    inventory = cluster.write_inventory()
    git = (p for g in cluster.world.repositories.values() for p in g.tree.rglob("*.yaml"))
    return {
        "event": "ready",
        "pid": os.getpid(),
        "server": cluster.server,
        "kubeconfig": str(kubeconfig),
        "inventory": str(inventory) if inventory else "",
        "nodes": len(cluster.scenario.world.nodes),
        "releases": sum("kind: HelmRelease" in p.read_text(errors="replace") for p in git),
        "ending": options.ending,
        "endings": list(cluster.scenario.person.every_ending()),
        "frames": [
            {"name": f.name, "stages": list(f.stages), **({"acts": True} if f.acts else {})}
            for f in cluster.scenario.frames(options.ending)
        ],
    }


async def _play(cluster: EmbeddedCluster, options: argparse.Namespace, lines: asyncio.Queue[str]) -> None:
    """Frame by frame: wait for it, tell it, wait for `next` when controlled, act."""

    def say(did: str, /, **facts: Any) -> None:
        _tell(event="person", did=did, **facts)

    def amended(path: Path, why: str) -> None:
        _tell(event="inventory", path=str(path), who=cluster.scenario.person.name, why=why)

    async with Person(cluster, say, edits=options.person_edits, amended=amended) as person:
        for frame in cluster.scenario.frames(options.ending):
            await person.until([words(condition) for condition in frame.until])
            _tell(event="frame", name=frame.name, cluster_time=cluster.store.now())
            if options.until == frame.name and not options.control:
                return
            if options.control:
                await lines.get()
            await person.act([words(act) for act in frame.person])
    _tell(event="end")


def _listen(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str], ended: asyncio.Event) -> None:
    """Lines of standard input; its end is the end of the process."""

    def read() -> None:
        chunk = os.read(sys.stdin.fileno(), 4096)
        if not chunk:
            loop.remove_reader(sys.stdin.fileno())
            ended.set()
            return
        for line in chunk.decode(errors="replace").splitlines():
            lines.put_nowait(line.strip())

    loop.add_reader(sys.stdin.fileno(), read)


if __name__ == "__main__":
    sys.exit(main())
