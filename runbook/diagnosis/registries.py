"""Which hosts are registries: those that images and OCI artifacts come from. A chart server may be one of them, or only a web server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from runbook.diagnosis.index import Index
from runbook.domain.flux import HelmRepository, OCIRepository
from runbook.domain.pods import Pod
from runbook.domain.pullsecrets import host_of, registry_of


class Registries:
    """The registries' hosts, without ports: a machine that serves charts on another port than images goes down as a whole."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def serves(self, host: str) -> bool:
        """Whether images or OCI artifacts come from the host, given with or without a port."""
        return _bare(host) in self._hosts

    @cached_property
    def _hosts(self) -> frozenset[str]:
        return frozenset(_bare(host) for host in self._named())

    def _named(self) -> Iterator[str]:
        for obj in self._index.objects.values():
            if isinstance(obj, Pod):
                yield from (registry_of(c.image) for c in (*obj.spec.containers, *(obj.spec.init_containers or ())))
            elif isinstance(obj, OCIRepository) or (isinstance(obj, HelmRepository) and obj.spec.type == "oci"):
                yield host_of(obj.spec.url)


def _bare(host: str) -> str:
    """`[::1]:5000` is `[::1]`, `r.lab:5000` is `r.lab`."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()
