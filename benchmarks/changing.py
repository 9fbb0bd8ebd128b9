"""An API server whose HelmReleases change one after another, with a fault of choice: `python -m benchmarks.changing`.

It tells when each change was sent and which requests it was sent, over `/facts`. Changes begin half a second after the first
list. Revisions are kept as kube-apiserver does: a watch gets all that came after its own, or 410 when that is forgotten.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.releases import BARE, DISCOVERY, GROUP, release

FAULTS = ("stalled", "gone", "refused", "closed", "reset", "split")
BOOKMARK_EACH = 25  # changes
_NO_WATCHLIST = json.dumps({
    "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422,
    "message": "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
}).encode()  # fmt: skip
SECONDS_BEFORE = 0.5


@dataclass(eq=False)
class _Watch:
    writer: asyncio.StreamWriter
    name: str
    split: random.Random | None = None

    def send(self, name: str, line: bytes) -> None:
        """One line in a chunk of its own, or in several."""
        if self.name not in ("", name):
            return
        cuts = sorted(self.split.sample(range(1, len(line)), 3)) if self.split else []
        for start, end in zip([0, *cuts], [*cuts, len(line)], strict=True):
            self.writer.write(b"%x\r\n%b\r\n" % (end - start, line[start:end]))

    def end(self) -> None:
        """A clean end, as at a watch's timeout."""
        self.writer.write(b"0\r\n\r\n")
        self.writer.close()

    def reset(self, line: bytes) -> None:
        """Half a line, then RST."""
        self.writer.write(b"%x\r\n%b" % (len(line), line[: len(line) // 2]))
        held: socket.socket = self.writer.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Changing:
    """`traps` lets some releases fail, and some look ready before they have handled the request."""

    def __init__(self, count: int, *, gap: float, fault: str = "", times: int = 3, traps: bool = False) -> None:
        self.random, self.gap, self.fault = random.Random(7), gap, fault  # noqa: S311 - no secret
        self.objects = {f"app-{n:04}": release(n) for n in range(count)}
        self.ends: dict[str, str] = {}  # and whether it was ready then
        self.steps = self._planned(count, traps=traps)
        self.fault_at = {len(self.steps) * (n + 1) // (times + 1) for n in range(times if fault else 0)}
        self.revision = self.oldest = 1_000
        self.log: list[tuple[int, str, bytes]] = []
        self.asked: Counter[str] = Counter()
        self.sent: dict[str, float] = {}  # when each release came to its end
        self.watches: set[_Watch] = set()
        self.stalled: set[_Watch] = set()
        self.changing: asyncio.Task[None] | None = None
        for made in self.objects.values():
            made["metadata"]["resourceVersion"] = str(self.revision)

    def _planned(self, count: int, *, traps: bool) -> list[tuple[int, str, bool]]:
        order, steps = list(range(count)), list[tuple[int, str, bool]]()
        self.random.shuffle(order)
        for place, number in enumerate(order):
            if traps and place % 10 == 3:
                steps.append((number, "True", False))  # ready, but not by this request
            steps.append((number, "False" if traps and place % 20 == 7 else "True", True))
        return steps

    async def _change(self) -> None:
        await asyncio.sleep(SECONDS_BEFORE)
        for place, (number, ready, handled) in enumerate(self.steps):
            await asyncio.sleep(self.random.expovariate(1 / self.gap) if self.gap else 0)
            if place in self.fault_at:
                self._misbehave()
            self._tell(release(number, ready=ready, handled=handled), ends=handled)
            if place % BOOKMARK_EACH == BOOKMARK_EACH - 1 and self.fault != "gone":
                self._bookmark(self.watches)

    def _tell(self, obj: dict[str, Any], *, ends: bool) -> None:
        self.revision += 1
        name = obj["metadata"]["name"]
        obj["metadata"]["resourceVersion"] = str(self.revision)
        self.objects[name] = obj
        line = json.dumps({"type": "MODIFIED", "object": obj}).encode() + b"\n"
        self.log.append((self.revision, name, line))
        if ends:
            self.sent[name], self.ends[name] = time.monotonic(), obj["status"]["conditions"][0]["status"]
        for watch in list(self.watches):
            watch.send(name, line)

    def _bookmark(self, watches: set[_Watch]) -> None:
        metadata = {"resourceVersion": str(self.revision)}
        line = json.dumps({"type": "BOOKMARK", "object": {**BARE, "metadata": metadata}}).encode()
        for watch in watches:
            watch.send(watch.name, line + b"\n")

    def _misbehave(self) -> None:
        hit, self.watches = self.watches, set()
        if self.fault in ("gone", "refused"):
            self.oldest = self.revision  # all that came before is forgotten
        for watch in hit:
            if self.fault == "stalled":
                self.stalled.add(watch)
            elif self.fault == "gone":
                watch.send(watch.name, _gone())
                watch.end()
            elif self.fault == "closed":
                watch.end()
            elif self.fault == "split":
                watch.split = self.random
                self.watches.add(watch)
            else:
                watch.reset(self.log[-1][2] if self.log else b"{}\n")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All requests of one connection."""
        try:
            while line := (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0]:
                asked = urlsplit(line.split()[1].decode())
                query = {k: v[0] for k, v in parse_qs(asked.query).items()}
                if query.get("watch") in ("1", "true"):
                    await self._watch(reader, writer, query)
                    return
                status, body = self._known(asked.path, query)
                writer.write(_head(status, length=len(body)) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _known(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        if path == "/facts":
            return 200, json.dumps({"asked": self.asked, "sent": self.sent, "ends": self.ends}).encode()
        if path in DISCOVERY:
            self.asked["discovery"] += 1
            return 200, json.dumps(DISCOVERY[path]).encode()
        if not path.startswith(f"{GROUP}/v2/"):
            return 404, json.dumps({"kind": "Status", "code": 404, "message": "not here"}).encode()
        if not path.endswith("/helmreleases"):
            self.asked["get"] += 1
            return 200, json.dumps(self.objects[path.rpartition("/")[2]]).encode()
        self.asked["list"] += 1
        if self.changing is None:
            self.changing = asyncio.get_running_loop().create_task(self._change())
        return 200, self._listed(_name(query), int(query.get("continue", "0")), int(query.get("limit", "0")))

    def _listed(self, name: str, start: int, limit: int) -> bytes:
        items = [o for n, o in self.objects.items() if name in ("", n)]
        page = items[start : start + limit] if limit else items
        metadata = {"resourceVersion": str(self.revision)}
        if start + len(page) < len(items):
            metadata["continue"] = str(start + len(page))
        listed = {"kind": "HelmReleaseList", "apiVersion": "helm.toolkit.fluxcd.io/v2", "metadata": metadata}
        return json.dumps({**listed, "items": page}).encode()

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, query: dict[str, str]) -> None:
        self.asked["watch"] += 1
        if "sendInitialEvents" in query:  # newer clients ask, and list where a server does not know it
            writer.write(_head(422, length=len(_NO_WATCHLIST)) + _NO_WATCHLIST)
            return
        since = int(query.get("resourceVersion") or self.revision)
        if since < self.oldest and self.fault == "refused":
            body = json.dumps({"kind": "Status", "code": 410, "message": "too old resource version"}).encode()
            writer.write(_head(410, length=len(body)) + body)
            return
        watch = _Watch(writer, _name(query))
        writer.write(_head(200))
        if since < self.oldest:
            watch.send(watch.name, _gone())
            watch.end()
            return
        for revision, name, line in self.log:
            if revision > since:
                watch.send(name, line)
        self.watches.add(watch)
        try:
            await asyncio.wait_for(reader.read(), int(query.get("timeoutSeconds", "3000")))
        except TimeoutError:
            if watch in self.watches:
                self._bookmark({watch})
                watch.end()
        finally:
            self.watches.discard(watch)


def _head(status: int, *, length: int | None = None) -> bytes:
    kind = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{kind}\r\n\r\n".encode()


def _gone() -> bytes:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def _name(query: dict[str, str]) -> str:
    return query.get("fieldSelector", "").removeprefix("metadata.name=")


async def serve(changing: Changing, told: Callable[[int], Awaitable[None] | None]) -> None:
    """Serve on a free loopback port, which `told` is told, until cancelled."""
    server = await asyncio.start_server(changing.answer, "127.0.0.1", 0)
    async with server:
        told(server.sockets[0].getsockname()[1])
        await server.serve_forever()


def main() -> None:
    """Print the port, and serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changing", description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--gap", type=float, default=0.005, help="seconds between two changes, on average")
    parser.add_argument("--fault", choices=["", *FAULTS], default="")
    parser.add_argument("--traps", action="store_true")
    options = parser.parse_args()
    changing = Changing(options.count, gap=options.gap, fault=options.fault, traps=options.traps)
    asyncio.run(serve(changing, lambda port: print(port, flush=True)))


if __name__ == "__main__":
    main()
