"""The embedded cluster's API as its admin: any request, faults for the length of a `with` block, what the product asked."""

from __future__ import annotations

import contextlib
import json
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

from runbook.embedded import EmbeddedCluster


class Api:
    """Requests as the kubeconfig's user, without any of the product's own clients."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self.cluster = cluster

    def send(self, method: str, path: str, body: Any = None) -> Any:
        config = json.loads(self.cluster.kubeconfig.read_text())
        server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        headers = {"Authorization": f"Bearer {user['token']}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(server["server"] + path, data=data, method=method, headers=headers)
        context = ssl.create_default_context(cafile=server["certificate-authority"])
        with urllib.request.urlopen(request, context=context, timeout=10) as response:
            return json.loads(response.read())

    @contextlib.contextmanager
    def fault(self, **fault: Any) -> Iterator[None]:
        """A fault of GETs."""
        self.send("POST", "/faults", {"methods": ["GET"], **fault})
        try:
            yield
        finally:
            self.send("DELETE", "/faults")

    def requests(self) -> list[dict[str, Any]]:
        """What the product asked, by the server's own log."""
        lines = (self.cluster.state / "requests.jsonl").read_text().splitlines()
        return [e for e in map(json.loads, lines) if e["user_agent"] == "runbook"]
