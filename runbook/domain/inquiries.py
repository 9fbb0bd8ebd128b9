"""What is asked about one red object beyond lists: its containers' last words, what Services answer, what an ingress wrote.

An inquiry that could not be made, or not in time, stands here with its reason: nothing is silently absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from runbook.domain.network import Service
from runbook.domain.probes import ProbeResult
from runbook.model import ObjectRef


class LastWords(ProbeResult, frozen=True):
    """The last lines of one container, of this start or the one before; `why_not` says why there are none."""

    container: str
    previous: bool
    lines: tuple[str, ...] = ()
    why_not: str = ""


class Answer(ProbeResult, frozen=True):
    """One port of a Service: whether something took the connection (None: it could not be asked), and in words."""

    port: int
    reached: bool | None
    said: str
    service: str = ""


class Inquiry(ProbeResult, frozen=True):
    """What was asked about one object, and what came of it.

    `pod` is the failing pod whose logs were read, with `silent` naming containers that have none yet and why.
    `controllers` is how many ingress controllers were found, None where no Ingress is concerned. One with `left_out` was
    not asked at all, for that reason.
    """

    KIND: ClassVar[str] = "Inquiry"

    kind: str
    namespace: str
    name: str
    pod: str = ""
    silent: tuple[str, ...] = ()
    logs: tuple[LastWords, ...] = ()
    answers: tuple[Answer, ...] = ()
    ingress: tuple[LastWords, ...] = ()
    controllers: int | None = None
    left_out: str = ""

    @property
    def about(self) -> ObjectRef:
        """The object."""
        return ObjectRef(self.kind, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Questions:
    """What is worth asking about one object: logs of `containers` (name, previous start), Services, lines naming `ingress`.

    `left_out` says why nothing is asked.
    """

    about: ObjectRef
    pod: ObjectRef | None = None
    containers: tuple[tuple[str, bool], ...] = ()
    silent: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    ingress: tuple[str, ...] = ()
    asks_ingress: bool = False
    left_out: str = ""

    @property
    def any(self) -> bool:
        """Whether anything is asked of the cluster."""
        return bool(self.containers or self.services or self.asks_ingress)
