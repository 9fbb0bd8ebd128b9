"""How many messages a second are told apart: real ones, shuffled, each with numbers and names never seen before."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

from runbook.diagnosis.catalogue import built_in
from runbook.diagnosis.classify import Classification, classify

BLIND = Path(__file__).parents[1] / "tests" / "data" / "blind.tsv"
MEGABYTE = 1_000_000
# Statuses and ports are the software's own words; all other numbers and what follows a slash in quotes are somebody's.
_NUMBER = re.compile(r"(?<![\w.])(?!(?:40[1349]|429|50[0234]|52\d|3306|5432|6379|27017)\b)\d{2,}(?!\w)")
_NAME = re.compile(r"(?<=/)[a-z]{3,12}(?=[:'\"])")
Message = tuple[str, str, str]


def messages(count: int) -> list[Message]:
    """That many messages with reason and kind, none twice, always the same ones."""
    chosen = random.Random(5)  # noqa: S311 - the same messages every time, nothing secret
    fields = [line.split("\t") for line in BLIND.read_text().splitlines() if line and not line.startswith("#")]
    given = [(f[4].replace("⏎", "\n"), f[2], f[1]) for f in fields]

    def fresh(text: str) -> str:
        numbered = _NUMBER.sub(lambda m: "".join(chosen.choice("123456789") for _ in m.group()), text)
        return _NAME.sub(lambda _: "".join(chosen.choice("abcdefghijkmnopqrstuvwxyz") for _ in range(8)), numbered)

    made = [(fresh(text), reason, kind) for text, reason, kind in (given * (count // len(given) + 1))[:count]]
    chosen.shuffle(made)
    return made


def rates(count: int, rounds: int) -> tuple[list[float], list[float]]:
    """Messages a second of processor time, a round each: the answer alone, and the answer with why and what it names."""
    given = messages(count)
    return (
        [_rate(given, lambda answer: answer.cause) for _ in range(rounds)],
        [_rate(given, lambda answer: (answer.cause, answer.why, answer.captures)) for _ in range(rounds)],
    )


def worst_megabyte() -> float:
    """Milliseconds for the slowest of some hostile messages of a megabyte."""
    words = [
        "x509: certificate is valid for ",
        "failed calling webhook istio",
        '{"msg":"',
        '\\"',
        "install failed pre-install ",
    ]
    texts = [word * (MEGABYTE // len(word)) for word in words]
    return max(min(_timed(text) for _ in range(3)) for text in texts) * 1000


def _rate(given: list[Message], read: Callable[[Classification], object]) -> float:
    catalogue = built_in()  # handed over, so that no answer is remembered
    classify("warm", catalogue=catalogue)
    began = time.process_time()
    for text, reason, kind in given:
        read(classify(text, reason=reason, kind=kind, catalogue=catalogue))
    return len(given) / (time.process_time() - began)


def _timed(text: str) -> float:
    began = time.process_time()
    classify(text)
    return time.process_time() - began
