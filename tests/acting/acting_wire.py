"""A writer whose wire is a list: what reached it, and what it is to answer. No server, no socket."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook.clients.kubernetes import KubeClient
from runbook.clients.kubernetes.answers import Answer
from runbook.clients.kubernetes.kubeconfig import Access
from runbook.clients.kubernetes.transport import Transport
from runbook.clients.kubernetes.wire import Request
from runbook.clients.kubernetes.writing import Writer
from runbook.evidence import Journal

GROUPS = {"helm.toolkit.fluxcd.io": ("v2", "helmreleases"), "coordination.k8s.io": ("v1", "leases")}
Answering = Callable[[Request], Answer]


def said(body: Any, code: int = 200) -> Answer:
    """An answer with this body."""
    return Answer(code, json.dumps(body).encode())


class Wire:
    """`sent` are the requests that may have changed something; `reads` and `answer` say what is answered."""

    def __init__(self, folder: Path, namespaces: frozenset[str] = frozenset({"ffl"})) -> None:
        self.sent: list[Request] = []
        self.reads: dict[str, Any] = {}
        self.answer: Answering = lambda _request: said({"metadata": {"uid": "u"}})
        access = Access("https://cluster.test", "test", "me", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), dict)
        transport = Transport(access, {}, 1.0)
        transport.close()
        setattr(transport._wire, "ask", self._handle)  # noqa: B010
        self.client = KubeClient(transport, server=access.server, context="test", user="me")
        self.writer = Writer(self.client, namespaces)
        self.journal = Journal(folder / "journal.jsonl", now=lambda: datetime(2025, 10, 17, tzinfo=UTC))

    def asked(self) -> list[str]:
        """What was sent, in short."""
        return [f"{r.method} {r.path}" for r in self.sent]

    def _handle(self, request: Request, _patience: float) -> Answer:
        path = request.path
        if request.method != "GET":
            self.sent.append(request)
            return self.answer(request)
        if path == "/apis":
            groups = [{"name": g, "preferredVersion": {"version": v}} for g, (v, _) in GROUPS.items()]
            return said({"groups": groups})
        for group, (version, plural) in GROUPS.items():
            if path == f"/apis/{group}/{version}":
                return said({"resources": [{"name": plural}]})
        found = self.reads.get(path)
        if isinstance(found, Exception):
            raise found
        return said({}, 404) if found is None else said(found)
