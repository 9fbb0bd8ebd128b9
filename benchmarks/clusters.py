"""The embedded cluster as a stranger's script meets it: through a bare HTTP client."""

from __future__ import annotations

import json
import ssl

import httpx

from runbook.embedded import EmbeddedCluster


def bare_client(cluster: EmbeddedCluster) -> httpx.Client:
    """A client that knows the server's CA and a token, and nothing of Kubernetes."""
    access = json.loads(cluster.kubeconfig.read_text())
    server, user = access["clusters"][0]["cluster"], access["users"][0]["user"]
    context = ssl.create_default_context(cafile=server["certificate-authority"])
    headers = {"Authorization": f"Bearer {user['token']}", "Accept-Encoding": "gzip"}
    return httpx.Client(base_url=server["server"], headers=headers, verify=context)
