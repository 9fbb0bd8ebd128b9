"""What the pods of a list have alike is held once: the containers of a ReplicaSet's pods, and the words of their conditions.

Ten thousand pods come from a thousand templates. Each pod's copy of its template is two thirds of what is kept of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import force_setattr

from runbook.domain.meta import Resource
from runbook.domain.pods import Pod


@dataclass(frozen=True, slots=True)
class _First:
    """The first pod that was met of an owner."""

    owners: Any
    labels: Any
    containers: Any
    init_containers: Any
    volumes: Any


class Alike:
    """What has been met in one list. Structs are frozen, and nobody else has them yet: equal takes the place of equal."""

    def __init__(self) -> None:
        self._first: dict[str, _First] = {}
        self._words: dict[str, str] = {}

    def fold(self, objects: Iterable[Resource]) -> None:
        """Let these share what they, and those before them, have alike. Of other kinds there are never so many."""
        for pod in objects:
            if isinstance(pod, Pod):
                self._fold(pod)

    def _fold(self, pod: Pod) -> None:
        once = self._words.setdefault
        for condition in pod.status.conditions or ():
            type_, status = condition.type, condition.status
            force_setattr(condition, "type", once(type_, type_))
            force_setattr(condition, "status", once(status, status))
        owners, spec, labels = pod.metadata.owner_references, pod.spec, pod.metadata.labels
        if not owners:
            return
        first = self._first.get(owners[0].uid)
        if first is None:
            met = _First(owners, labels, spec.containers, spec.init_containers, spec.volumes)
            self._first[owners[0].uid] = met
            return
        if first.owners == owners:
            force_setattr(pod.metadata, "owner_references", first.owners)
        if first.labels == labels:
            force_setattr(pod.metadata, "labels", first.labels)
        if first.containers == spec.containers:
            force_setattr(spec, "containers", first.containers)
        if first.init_containers == spec.init_containers:
            force_setattr(spec, "init_containers", first.init_containers)
        if first.volumes is not None:
            _share_volumes(pod, first.volumes)


def _share_volumes(pod: Pod, volumes: Any) -> None:
    """The token's volume has another name in each pod, and the same in it."""
    if pod.spec.volumes == volumes:
        force_setattr(pod.spec, "volumes", volumes)
        return
    for mine, theirs in zip(pod.spec.volumes or (), volumes, strict=False):
        if mine.projected == theirs.projected:
            force_setattr(mine, "projected", theirs.projected)
