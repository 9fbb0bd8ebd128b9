"""The embedded cluster as a stranger's script meets it: a bare HTTP client, and whole commands run against it."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx

from runbook.embedded import EmbeddedCluster
from runbook.inventory.load import load

_RECORDED = (0, 3, 4)  # a stage that ended with its verdict, whatever that is


def bare_client(cluster: EmbeddedCluster) -> httpx.Client:
    """A client that knows the server's CA and a token, and nothing of Kubernetes."""
    access = json.loads(cluster.kubeconfig.read_text())
    server, user = access["clusters"][0]["cluster"], access["users"][0]["user"]
    context = ssl.create_default_context(cafile=server["certificate-authority"])
    headers = {"Authorization": f"Bearer {user['token']}", "Accept-Encoding": "gzip"}
    return httpx.Client(base_url=server["server"], headers=headers, verify=context)


def apply(stage: str, cluster: EmbeddedCluster, outputs: Path) -> None:
    """`runbook apply STAGE` in a process of its own. Raises SystemExit when it does not come to a verdict."""
    name = load(cluster.inventory, today=datetime.now(UTC).date()).inventory.cluster.name
    argv = [sys.executable, "-m", "runbook", "apply", stage, "-i", str(cluster.inventory), "--outputs", str(outputs)]
    argv += ["--kubeconfig", str(cluster.kubeconfig), "--confirm", name]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode not in _RECORDED:
        raise SystemExit(f"apply {stage} ended with {done.returncode}: {done.stderr[-2000:]}")
