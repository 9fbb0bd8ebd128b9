"""Questions about red objects, asked side by side and never longer than one deadline for all of them.

What could not be asked in time is told as such. Nothing here writes; what was said has its secrets cut before it is kept.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import msgspec

from runbook.clients.ingresslogs import words_of
from runbook.clients.inside import ask_port, ports
from runbook.clients.kubernetes import KubeClient
from runbook.clients.lastwords import tail
from runbook.domain.inquiries import Answer, Inquiry, LastWords, Questions
from runbook.domain.network import Service
from runbook.domain.pods import Pod

SECONDS = 20.0  # for all questions of one look together
ONE = 8.0  # for one question
LEAST = 2.0  # with less than this left a question is not begun: its silence would say nothing
WIDEST = 16_384  # letters of a line that are looked at
THREADS = 6
PORTS = 3  # of one Service
CONTROLLERS = 3  # ingress controllers' pods whose logs are read
_KEY_ENDS = re.compile(r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
_KEY_BEGINS = "-----BEGIN " + "PRIVATE KEY-----"  # in two parts: no file here looks like a key


@dataclass(frozen=True)
class _Deadline:
    """How long a question may still take."""

    until: float
    seconds: float

    @property
    def left(self) -> float:
        """Seconds for a question that begins now; 0 when it should not."""
        left = min(ONE, self.until - time.monotonic())
        return left if left >= LEAST else 0.0

    @property
    def over(self) -> str:
        """Why a question was not asked."""
        return f"not asked: the {self.seconds:g} s for all questions were over"


@dataclass(frozen=True)
class _Asked:
    """The questions about one object, on their way."""

    questions: Questions
    logs: Sequence[Future[LastWords]]
    answers: Sequence[Future[Answer]]
    ingress: Sequence[Future[LastWords]]
    controllers: int | None


def ask(
    client: KubeClient, questions: Sequence[Questions], controllers: Sequence[Pod], *, seconds: float = SECONDS
) -> tuple[Inquiry, ...]:
    """What came of each, in their order. `controllers` are the pods of ingress controllers."""
    deadline = _Deadline(time.monotonic() + seconds, seconds)
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [_asked(pool, client, one, controllers, deadline) for one in questions]
        return tuple(_inquiry(one) for one in asked)


def unasked(questions: Sequence[Questions]) -> tuple[Inquiry, ...]:
    """Those about which nothing has to be asked of the cluster."""
    return tuple(_inquiry(_Asked(one, (), (), (), None)) for one in questions)


def _asked(
    pool: ThreadPoolExecutor, client: KubeClient, one: Questions, controllers: Sequence[Pod], deadline: _Deadline
) -> _Asked:
    read = controllers[:CONTROLLERS] if one.asks_ingress else ()
    return _Asked(
        one,
        [pool.submit(_tail, client, one, name, previous, deadline) for name, previous in one.containers],
        [pool.submit(_port, client, s, port, deadline) for s in one.services for port in ports(s)[:PORTS]],
        [pool.submit(_ingress, client, pod, one.ingress, deadline) for pod in read],
        len(controllers) if one.asks_ingress else None,
    )


def _tail(client: KubeClient, one: Questions, container: str, previous: bool, deadline: _Deadline) -> LastWords:
    assert one.pod is not None
    if not (left := deadline.left):
        return LastWords(container, previous, (), deadline.over)
    return tail(client, one.pod.namespace, one.pod.name, container, previous=previous, seconds=left)


def _port(client: KubeClient, service: Service, port: int, deadline: _Deadline) -> Answer:
    left = deadline.left
    found = ask_port(client, service, port, seconds=left) if left else Answer(port, None, deadline.over)
    return msgspec.structs.replace(found, service=str(service.ref))


def _ingress(client: KubeClient, pod: Pod, wanted: Sequence[str], deadline: _Deadline) -> LastWords:
    if not (left := deadline.left):
        return LastWords(f"{pod.metadata.namespace}/{pod.metadata.name}", False, (), deadline.over)
    return words_of(client, pod, wanted, seconds=left)


def _inquiry(asked: _Asked) -> Inquiry:
    one = asked.questions
    return Inquiry(
        one.about.kind,
        one.about.namespace,
        one.about.name,
        str(one.pod) if one.pod else "",
        one.silent,
        tuple(f.result() for f in asked.logs),
        tuple(f.result() for f in asked.answers),
        tuple(f.result() for f in asked.ingress),
        asked.controllers,
        one.left_out,
    )


def redacted(inquiries: Sequence[Inquiry], cut: Callable[[str], str], *, longest: int = 500) -> tuple[Inquiry, ...]:
    """The same with secrets cut: over whole tails first, since a key goes over many lines, and only then lines shortened."""

    def words(log: LastWords) -> LastWords:
        lines = cut(_whole("\n".join(line[:WIDEST] for line in log.lines))).split("\n") if log.lines else []
        return msgspec.structs.replace(log, lines=tuple(line[:longest] for line in lines))

    def answer(said: Answer) -> Answer:
        return msgspec.structs.replace(said, said=cut(said.said))

    return tuple(
        msgspec.structs.replace(
            i,
            logs=tuple(map(words, i.logs)),
            answers=tuple(map(answer, i.answers)),
            ingress=tuple(map(words, i.ingress)),
        )
        for i in inquiries
    )


def _whole(text: str) -> str:
    """A tail that begins in the middle of a private key gets the key's beginning, so that the rest of it is known as one."""
    end = _KEY_ENDS.search(text)
    return f"{_KEY_BEGINS}\n{text}" if end and "-----BEGIN " not in text[: end.start()] else text
