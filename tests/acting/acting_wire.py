"""A writer whose wire is a list: what reached it, and what it is to answer. No server, no socket."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from runbook.clients.kubernetes import KubeClient
from runbook.clients.kubernetes.kubeconfig import Access
from runbook.clients.kubernetes.transport import Transport
from runbook.clients.kubernetes.writing import Writer
from runbook.evidence import Journal

GROUPS = {"helm.toolkit.fluxcd.io": ("v2", "helmreleases"), "coordination.k8s.io": ("v1", "leases")}
Answer = Callable[[httpx.Request], httpx.Response]


class Wire:
    """`sent` are the requests that may have changed something; `reads` and `answer` say what is answered."""

    def __init__(self, folder: Path, namespaces: frozenset[str] = frozenset({"ffl"})) -> None:
        self.sent: list[httpx.Request] = []
        self.reads: dict[str, Any] = {}
        self.answer: Answer = lambda _request: httpx.Response(200, json={"metadata": {"uid": "u"}})
        access = Access("https://cluster.test", "test", "me", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), dict)
        transport = Transport(access, {}, 1.0)
        transport.close()
        transport._wire = httpx.MockTransport(self._handle)
        self.client = KubeClient(transport, server=access.server, context="test", user="me")
        self.writer = Writer(self.client, namespaces)
        self.journal = Journal(folder / "journal.jsonl", now=lambda: datetime(2025, 10, 17, tzinfo=UTC))

    def asked(self) -> list[str]:
        """What was sent, in short."""
        return [f"{r.method} {r.url.path}" for r in self.sent]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(raw_path=request.extensions["target"])
        path = request.url.path
        if request.method != "GET":
            self.sent.append(request)
            return self.answer(request)
        if path == "/apis":
            groups = [{"name": g, "preferredVersion": {"version": v}} for g, (v, _) in GROUPS.items()]
            return httpx.Response(200, json={"groups": groups})
        for group, (version, plural) in GROUPS.items():
            if path == f"/apis/{group}/{version}":
                return httpx.Response(200, json={"resources": [{"name": plural}]})
        found = self.reads.get(path)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(404, json={}) if found is None else httpx.Response(200, json=found)
