"""A starter inventory of a live cluster: what is there, pinned; and, as comments, what only a person can decide."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TypeVar

from runbook.domain.cluster import Node
from runbook.domain.flux import Bucket, GitRepository, HelmRepository, Kustomization, OCIRepository
from runbook.domain.helm import HelmRelease
from runbook.domain.meta import Resource
from runbook.model import Snapshot

R = TypeVar("R", bound=Resource)
_PLAIN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z][\w./-]*")
_MEANT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def starter(snapshot: Snapshot, *, name: str, context: str, uid: str) -> str:
    """The text of an inventory. It loads as it stands; expected sets are what the cluster has now, for a person to correct."""
    lines = [
        "# What should be true of this cluster. Made from what it holds now: read every line before you rely on it.",
        "schema: runbook/inventory/v1",
        "",
        f"cluster: {{name: {_quoted(name)}, uid: {_scalar(uid)}, context: {_quoted(context)}}}",
        "",
        "# The registry that was rebuilt: every name under which images are pulled, and the CA that signs it.",
        "# registry:",
        "#   names: [registry.example:5000]",
        "#   ca_file: registry-ca.crt          # PEM, relative to this file; never a key",
        "#   probe_image: some/image:1.0.0",
        "",
        *_nodes(snapshot),
        *_list("sources", _sources(snapshot)),
        *_list("kustomizations", (f"{{{_place(k)}}}" for k in _sorted(snapshot.seen(Kustomization)))),
        *_list("releases", (_release(r) for r in _sorted(snapshot.seen(HelmRelease)))),
        "# What the ticket believes, row by row; `version` is the image's tag.",
        "# services:",
        '#   - {id: shop, text: The shop runs (v1.4.2), namespace: shop, release: shop/shop, version: "1.4.2"}',
        "",
        "# endpoints:",
        "#   - {name: shop, url: https://shop.example/health, service: shop/shop}",
        "",
        "criteria:",
        "  - {id: C1, text: All HelmReleases are ready, checks: [releases-ready]}",
        "  - {id: C2, text: No image pull errors, checks: [image-pulls]}",
        "  - {id: C3, text: All pods healthy, checks: [pods-healthy, workloads-ready]}",
        "  - {id: C4, text: No errors in Flux logs, checks: [controller-logs]}",
        "  - {id: C5, text: Stable for 15 minutes, checks: [soak]}",
        "",
        "soak: 15m",
        "",
    ]
    return "\n".join(lines)


def _nodes(snapshot: Snapshot) -> list[str]:
    rows = []
    for node in _sorted(snapshot.seen(Node)):
        version = node.status.node_info.container_runtime_version
        runtime = {"docker": "docker", "containerd": "containerd", "cri-o": "cri-o"}.get(
            version.partition(":")[0], "containerd"
        )
        rows.append(f"{{name: {_scalar(node.metadata.name)}, runtime: {runtime}}}")
    return [
        "# Without a transport a node's trust is not evaluated: {kind: local, root: /path/to/the/node}.",
        *_list("nodes", rows),
    ]


def _sources(snapshot: Snapshot) -> Iterable[str]:
    found = (s for kind in (Bucket, GitRepository, HelmRepository, OCIRepository) for s in snapshot.seen(kind))
    yield from (f"{{kind: {s.KIND}, {_place(s)}}}" for s in _sorted(found))


def _release(release: HelmRelease) -> str:
    version = release.spec.chart.spec.version if release.spec.chart else ""
    wanted = f", version: {_quoted(version)}" if version else ""
    return f"{{{_place(release)}{wanted}}}"


def _place(resource: Resource) -> str:
    return f"namespace: {_scalar(resource.metadata.namespace)}, name: {_scalar(resource.metadata.name)}"


def _list(key: str, rows: Iterable[str]) -> list[str]:
    rows = list(rows)
    return [f"{key}:", *(f"  - {row}" for row in rows), ""] if rows else [f"# {key}: none were found", ""]


def _sorted(items: Iterable[R]) -> list[R]:
    return sorted(items, key=lambda r: (r.KIND, r.metadata.namespace, r.metadata.name))


def _scalar(text: str) -> str:
    """A text plain where YAML reads it as that text, else quoted: a node may be called 101, a chart's version be 1.10."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _MEANT else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
