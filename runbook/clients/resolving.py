"""`resolve` of an inventory: curl's meaning. A connection goes elsewhere, while names in TLS and HTTP stay true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import httpcore


class ResolvingBackend(httpcore.NetworkBackend):
    """Opens `host:port` at the address the mapping gives, and everything else as usual."""

    def __init__(self, resolve: Mapping[str, str]) -> None:
        self._resolve = {k.lower(): v for k, v in resolve.items()}
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, at the mapped address if there is one."""
        host, port = target(self._resolve, host, port)
        return self._inner.connect_tcp(host, port, timeout, local_address, socket_options)

    def sleep(self, seconds: float) -> None:
        """Wait between httpcore's own retries."""
        self._inner.sleep(seconds)


def target(resolve: Mapping[str, str], host: str, port: int) -> tuple[str, int]:
    """Where `host:port` is to be reached."""
    named = f"[{host}]" if ":" in host else host  # an IPv6 address stands in brackets before its port
    mapped = resolve.get(f"{named.lower()}:{port}")
    if mapped is None:
        return host, port
    address, _, number = mapped.rpartition(":")
    return address.strip("[]"), int(number)
