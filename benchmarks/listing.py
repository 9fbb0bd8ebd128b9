"""Listing and classifying all pods of a large cluster: `runbook.clients` against what people use, from a static server.

Whole processes, their peak memory among it. The server sends the same prepared pages to all of them, so that what is
measured is what each makes of them.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.explaining import state
from benchmarks.measure import Sample, interleaved

PAGE = 500
WEIGHT = 8_000  # bytes of a pod, most of it managedFields
_OURS = """
from runbook.clients.kubernetes import connect
from runbook.domain.podstatus import troubles
client = connect(kubeconfig={kubeconfig!r})
pods = client.list("Pod").items
print(len(pods), sum(bool(troubles(p)) for p in pods))
"""
_TYPED = """
from kubernetes import client, config
config.load_kube_config({kubeconfig!r})
api, pods, token = client.CoreV1Api(), [], None
while token != "":
    page = api.list_pod_for_all_namespaces(limit=500, _continue=token)
    pods, token = pods + page.items, page.metadata._continue or ""
waiting = lambda p: any(s.state.waiting for s in p.status.container_statuses or [])
print(len(pods), sum(map(waiting, pods)))
"""


@dataclass(frozen=True)
class Measured:
    """Samples by way, and which ways could not be tried here."""

    samples: dict[str, list[Sample]]
    missing: tuple[str, ...]


def measure(folder: Path, pods: int, rounds: int) -> Measured:
    """Every way in turn. `kubectl` is tried when it is on the PATH."""
    with _server(pods) as address:
        kubeconfig = str(_kubeconfig(folder, address))
        commands = {
            "runbook": [sys.executable, "-c", _OURS.format(kubeconfig=kubeconfig)],
            "kubernetes client": [sys.executable, "-c", _TYPED.format(kubeconfig=kubeconfig)],
            "nothing": [sys.executable, "-c", "from runbook.clients.kubernetes import connect"],
        }
        kubectl = shutil.which("kubectl")
        if kubectl:
            given = [kubectl, "--kubeconfig", kubeconfig, "get"]
            commands |= {
                "kubectl get pods": [*given, "pods", "-A"],
                "kubectl get -o json": [*given, "pods", "-A", "-o", "json"],
                "kubectl get --raw": [*given, "--raw", "/api/v1/pods"],
            }
        samples = interleaved(commands, rounds=rounds)
    failed = [name for name, found in samples.items() if any(s.exit_code for s in found)]
    if failed:
        raise SystemExit(f"did not end well: {', '.join(failed)}")
    return Measured(samples, () if kubectl else ("kubectl",))


@contextmanager
def _server(pods: int) -> Iterator[str]:
    """A server of prepared pages on loopback, in threads of this process: it only copies bytes."""
    items = _items(pods)
    handler = type("Handler", (_Handler,), {"pages": tuple(_pages(items, PAGE)), "whole": next(_pages(items, pods))})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pages: tuple[bytes, ...] = ()
    whole = b""

    def do_GET(self) -> None:
        """A page of pods by its number, the whole list without a limit, or what discovery asks."""
        asked = urlsplit(self.path)
        query = parse_qs(asked.query)
        if asked.path == "/api/v1/pods":
            body = self.pages[int(query.get("continue", ["0"])[0])] if "limit" in query else self.whole
        else:
            body = json.dumps(_DISCOVERY.get(asked.path, {"kind": "Status", "code": 404})).encode()
        self.send_response(200 if asked.path == "/api/v1/pods" or asked.path in _DISCOVERY else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Nothing: a benchmark's own server."""


_DISCOVERY: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": []},
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.2"},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [{"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["get", "list"]}],
    },
}


def _items(pods: int) -> list[bytes]:
    found = (_heavy(o) for o in state(pods) if o["kind"] == "Pod")
    return [json.dumps(pod, separators=(",", ":")).encode() for pod in found][:pods]


def _pages(items: list[bytes], size: int) -> Iterator[bytes]:
    """The list in pages of so many, as an API server sends it; a page's token is its number."""
    count = -(-len(items) // size)
    for number in range(count):
        last = number == count - 1
        more = "" if last else f',"continue":"{number + 1}","remainingItemCount":{len(items) - (number + 1) * size}'
        head = f'{{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"9"{more}}},"items":['
        yield head.encode() + b",".join(items[number * size : (number + 1) * size]) + b"]}"


def _heavy(pod: dict[str, Any]) -> dict[str, Any]:
    """The pod with as much of managedFields as a real one has."""
    lacking = max(0, WEIGHT - len(json.dumps(pod, separators=(",", ":"))))
    fields = {f'k:{{"type":"Field{n}"}}': {".": {}, "f:status": {}} for n in range(lacking // 45)}
    managed = [
        {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
    ]
    return {**pod, "metadata": {**pod["metadata"], "managedFields": managed}}


def _kubeconfig(folder: Path, address: str) -> Path:
    path = folder / "kubeconfig"
    cluster, context = {"server": address}, {"cluster": "static", "user": "nobody"}
    path.write_text(
        json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "static",
            "clusters": [{"name": "static", "cluster": cluster}], "contexts": [{"name": "static", "context": context}],
            "users": [{"name": "nobody", "user": {"token": "none"}}],
        })
    )  # fmt: skip
    return path
