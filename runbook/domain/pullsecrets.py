"""For which registries a pull Secret holds credentials: their names only, never a user, a password or a token."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import msgspec

DOCKER_HUB = "docker.io"
_HUB_NAMES = frozenset(("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"))
_KEYS = (".dockerconfigjson", ".dockercfg")


def registries(data: Mapping[str, msgspec.Raw] | None) -> tuple[str, ...] | None:
    """The registries a Secret's `.dockerconfigjson` or `.dockercfg` names; None when its contents cannot be read.

    A recording may hold them; of a live cluster nobody asks for a Secret's contents.
    """
    for key in _KEYS:
        raw = (data or {}).get(key)
        if raw is None:
            continue
        try:
            text = base64.b64decode(msgspec.json.decode(raw, type=str), validate=True)
            held = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
            entries = msgspec.json.decode(held["auths"], type=dict[str, msgspec.Raw]) if key == _KEYS[0] else held
        except (msgspec.MsgspecError, binascii.Error, KeyError, UnicodeDecodeError):
            return None
        return tuple(sorted({host_of(name) for name in entries}))
    return None


def names_only(data: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """A pull Secret's data less every credential: what is kept are the names of its registries. Empty for other Secrets."""
    known = registries(data)
    if known is None:
        return {}
    text = base64.b64encode(msgspec.json.encode({"auths": {name: {} for name in known}})).decode()
    return {_KEYS[0]: msgspec.Raw(msgspec.json.encode(text))}


def host_of(name: str) -> str:
    """`https://index.docker.io/v1/` is docker.io; else the host with its port, as an image's name begins."""
    host = name.partition("://")[2] or name
    host = host.partition("/")[0].lower()
    return DOCKER_HUB if host in _HUB_NAMES else host


def registry_of(image: str) -> str:
    """The registry an image is pulled from; a name without one means Docker Hub. [distribution/reference]"""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return host_of(first) if named else DOCKER_HUB
