"""A kubeconfig for each user of an embedded cluster, readable by nobody else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

ADMIN = "admin"


def write_kubeconfigs(folder: Path, cluster: str, server: str, tokens: Mapping[str, str]) -> Path:
    """`kubeconfig` is the admin's, `kubeconfig-NAME` another user's; the API's CA lies in the folder's `ca/api.crt`."""
    for name, token in tokens.items():
        path = folder / ("kubeconfig" if name == ADMIN else f"kubeconfig-{name}")
        write_kubeconfig(path, cluster, server, folder / "ca" / "api.crt", name, token)
    return folder / "kubeconfig"


def write_kubeconfig(path: Path, cluster: str, server: str, ca: Path, user: str, token: str) -> None:
    """One kubeconfig with one context."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority": str(ca)}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=2))
