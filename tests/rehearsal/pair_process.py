"""The embedded cluster as its own process, for tests that watch it live."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Living:
    """A running cluster. `told` is every event it wrote so far."""

    process: subprocess.Popen[str]
    state: Path
    told: list[dict[str, Any]] = field(default_factory=list)

    def until(self, event: str, name: str = "") -> dict[str, Any]:
        """Read events up to this one."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message: dict[str, Any] = json.loads(line)
            self.told.append(message)
            if message["event"] == event and (not name or message.get("name") == name):
                return message
        raise AssertionError(f"it ended before {event} {name}: {self.told}")

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("next\n")
        self.process.stdin.flush()

    def get(self, path: str, user: str = "") -> Any:
        """GET as a user of its kubeconfigs, over verified TLS."""
        return self.send("GET", path, user=user)

    def send(self, method: str, path: str, body: Any = None, user: str = "") -> Any:
        """One request; a PATCH is a merge patch."""
        config = json.loads((self.state / (f"kubeconfig-{user}" if user else "kubeconfig")).read_text())
        cluster = config["clusters"][0]["cluster"]
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}", "Content-Type": kind}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(cluster["server"] + path, method=method, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=10, context=context) as response:
            return json.load(response)

    def items(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(path)["items"]
        return found


@contextmanager
def living(state: Path, *more: str, scale: float = 300, scenario: str = "pair", limit: float = 150) -> Iterator[Living]:
    """Start it, wait until it is ready, and end it by closing its standard input; it is killed after `limit` seconds."""
    argv = [sys.executable, "-m", "runbook.rehearsal", "--scenario", scenario, "--time-scale", str(scale)]
    argv += ["--state", str(state), "--control", *more]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        cluster, watchdog = Living(process, state), threading.Timer(limit, process.kill)
        watchdog.start()
        try:
            cluster.until("ready")
            yield cluster
        finally:
            watchdog.cancel()
            assert process.stdin is not None
            if not process.stdin.closed:
                process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
