"""Probing many TLS endpoints at once, some of which hang, beside `curl --parallel` of the same URLs, with a CA of its own.

The product's own probing (`clients.http.probe_endpoints`) in this process, as a kernel that has started does it; and once
more as a whole process, with the interpreter's start and all imports. The server is a process of its own with a port, and so
a handshake, for each endpoint; its own share of the time is in all figures alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environment import tool
from runbook.clients.handshake import LATE
from runbook.clients.http import probe_endpoints
from runbook.inventory.model import Endpoint
from runbook.rehearsal import pki

TIMEOUT = 2.0
HANGING = 3
BODY = b'{"status": "UP", "version": "1.0.0"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
_WHOLE = """
import json, pathlib, sys
from runbook.clients.http import probe_endpoints
from runbook.inventory.model import Endpoint
urls = json.loads(pathlib.Path({urls!r}).read_text())
found = probe_endpoints([Endpoint(name=u, url=u, ca="ca.pem") for u in urls], resolve={{}}, base=pathlib.Path({base!r}))
sys.exit(sum(p.status != 200 for p in found))
"""


@dataclass(frozen=True)
class Measured:
    """Seconds of each round by way; without curl where it is not found."""

    answering: dict[str, list[float]]
    hanging: dict[str, list[float]]

    def ratio(self) -> float:
        """Ours in this process ÷ curl, in the median of the rounds' own ratios."""
        pairs = zip(self.answering["ours"], self.answering["curl"], strict=True)
        return statistics.median(a / b for a, b in pairs)


def measure(folder: Path, count: int, rounds: int) -> Measured:
    """All ways in turn: all answering, then some hanging, among the first, the middle and the last."""
    with _served(folder, count) as (urls, silent):
        places = {0: silent[0], count // 2: silent[1], count - 1: silent[2]}
        mixed = [places.get(n, url) for n, url in enumerate(urls)]
        (folder / "urls").write_text(json.dumps(urls))
        code = _WHOLE.format(urls=str(folder / "urls"), base=str(folder))
        answering: dict[str, Callable[[], None]] = {"ours": lambda: _ours(folder, urls, 0)}
        answering["ours, whole process"] = lambda: _process([sys.executable, "-c", code], {0})
        hanging: dict[str, Callable[[], None]] = {"ours": lambda: _ours(folder, mixed, HANGING)}
        if curl := tool("curl"):
            answering["curl"] = lambda: _process(_curl(curl, folder, urls), {0})
            hanging["curl"] = lambda: _process(_curl(curl, folder, mixed), {28})
        return Measured(_turns(answering, rounds), _turns(hanging, rounds))


def _turns(ways: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            found[name].append(time.perf_counter() - began)
    return found


def _ours(folder: Path, urls: list[str], hanging: int) -> None:
    endpoints = [Endpoint(name=url, url=url, ca="ca.pem") for url in urls]
    found = probe_endpoints(endpoints, resolve={}, base=folder, timeout=TIMEOUT)
    if sum(p.status == 200 and p.body_status == "UP" for p in found) != len(urls) - hanging:
        raise SystemExit(f"an endpoint that answers was not seen to: {next(p for p in found if p.status != 200)}")
    if sum(p.error == LATE for p in found) != hanging:
        raise SystemExit("an endpoint that hangs was not seen to")


def _process(argv: list[str], codes: set[int]) -> None:
    found = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if (code := found.returncode) not in codes:
        raise SystemExit(f"{argv[0]} ended with {code}")


def _curl(curl: str, folder: Path, urls: list[str]) -> list[str]:
    """All connections at once, as ours; curl's own default is fifty."""
    config = folder / f"curl-{hash(tuple(urls))}"
    config.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
    argv = [curl, "--silent", "--cacert", str(folder / "ca.pem"), "--max-time", str(TIMEOUT)]
    return [*argv, "--parallel", "--parallel-max", "300", "--config", str(config)]


@contextmanager
def _served(folder: Path, count: int) -> Iterator[tuple[list[str], list[str]]]:
    """The URLs that answer, and those that accept a connection and say nothing."""
    argv = [sys.executable, "-m", "benchmarks.handshakes", str(folder), str(count)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as server:
        assert server.stdout is not None
        try:
            ports = json.loads(server.stdout.readline())
            urls = [f"https://127.0.0.1:{port}/health" for port in ports]
            yield urls[:count], urls[count:]
        finally:
            server.kill()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return  # it let go of us
    finally:
        writer.close()


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and never say a word: not even of TLS."""
    try:
        while await reader.read(1_000):
            pass
    except ConnectionError:
        return  # it let go of us
    finally:
        writer.close()


async def _serve(folder: Path, count: int) -> None:
    authority = pki.authority("the benchmark's CA")
    context = pki.server_context(authority, ("127.0.0.1",), folder, "server")
    (folder / "ca.pem").write_bytes(authority.pem)
    servers = [await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=context) for _ in range(count)]
    servers += [await asyncio.start_server(_hang, "127.0.0.1", 0) for _ in range(HANGING)]
    sys.stdout.write(json.dumps([server.sockets[0].getsockname()[1] for server in servers]) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.handshakes", description="The server of this benchmark."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    options = parser.parse_args()
    asyncio.run(_serve(options.folder, options.count))
