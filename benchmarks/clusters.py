"""Clusters as a stranger's tool meets them: the embedded one through a bare HTTP client, a static server by a kubeconfig."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import httpx

from runbook.embedded import EmbeddedCluster


def bare_client(cluster: EmbeddedCluster) -> httpx.Client:
    """A client that knows the server's CA and a token, and nothing of Kubernetes."""
    access = json.loads(cluster.kubeconfig.read_text())
    server, user = access["clusters"][0]["cluster"], access["users"][0]["user"]
    context = ssl.create_default_context(cafile=server["certificate-authority"])
    headers = {"Authorization": f"Bearer {user['token']}", "Accept-Encoding": "gzip"}
    return httpx.Client(base_url=server["server"], headers=headers, verify=context)


def static_kubeconfig(folder: Path, address: str) -> Path:
    """A kubeconfig of a server on loopback that asks nobody who they are."""
    path = folder / "kubeconfig"
    context = {"cluster": "static", "user": "nobody"}
    path.write_text(
        json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "static",
            "clusters": [{"name": "static", "cluster": {"server": address}}],
            "contexts": [{"name": "static", "context": context}],
            "users": [{"name": "nobody", "user": {"token": "none"}}],
        })
    )  # fmt: skip
    return path
