"""A container registry over real TLS: as much of the OCI distribution API as pulling and looking need."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
HEADERS = {"Docker-Distribution-Api-Version": "registry/2.0"}


class Registry:
    """Serves the repositories and tags it is given. `images` maps a repository to its tags."""

    def __init__(self, images: Mapping[str, Sequence[str]]) -> None:
        self._manifests = {
            (repository, str(tag)): manifest(repository, str(tag))
            for repository, tags in images.items()
            for tag in tags
        }
        self._digests = {(key[0], digest(body)): body for key, body in self._manifests.items()}

    async def start(self, context: ssl.SSLContext) -> tuple[web.AppRunner, int]:
        """Listen on a free loopback port."""
        app = web.Application()
        app.router.add_route("*", "/v2{rest:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        return runner, int(runner.addresses[0][1])

    def find(self, repository: str, reference: str) -> bytes | None:
        """A manifest by tag or digest."""
        return self._manifests.get((repository, reference)) or self._digests.get((repository, reference))

    async def _answer(self, request: web.Request) -> web.Response:
        parts = [p for p in request.match_info["rest"].split("/") if p]
        if request.method not in ("GET", "HEAD"):
            return _refuse(405, "UNSUPPORTED", "the operation is unsupported")
        if not parts:
            return web.json_response({}, headers=HEADERS)
        if parts[-2:] == ["tags", "list"]:
            return self._tags("/".join(parts[:-2]))
        if len(parts) > 2 and parts[-2] == "manifests":
            return self._manifest("/".join(parts[:-2]), parts[-1])
        return _refuse(404, "UNSUPPORTED", "not served by the embedded registry")

    def _tags(self, repository: str) -> web.Response:
        tags = sorted(tag for name, tag in self._manifests if name == repository)
        if not tags:
            return _refuse(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": repository})
        return web.json_response({"name": repository, "tags": tags}, headers=HEADERS)

    def _manifest(self, repository: str, reference: str) -> web.Response:
        body = self.find(repository, reference)
        if body is None:
            return _refuse(404, "MANIFEST_UNKNOWN", "manifest unknown", f"unknown tag={reference}")
        headers = {**HEADERS, "Docker-Content-Digest": digest(body), "Content-Type": MANIFEST}
        return web.Response(body=body, headers=headers)


def manifest(repository: str, tag: str) -> bytes:
    """A manifest whose digest differs by repository and tag, and is the same at every start."""
    config = hashlib.sha256(f"{repository}:{tag}".encode()).hexdigest()
    body = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{config}", "size": 7},
        "layers": [],
    }
    return json.dumps(body, sort_keys=True).encode()


def digest(body: bytes) -> str:
    """`sha256:…` of a manifest."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def _refuse(status: int, code: str, message: str, detail: Any = None) -> web.Response:
    error = {"code": code, "message": message, **({"detail": detail} if detail else {})}
    return web.json_response({"errors": [error]}, status=status, headers=HEADERS)
