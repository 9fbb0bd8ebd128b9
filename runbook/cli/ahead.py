"""The warm parent of kernels, started before the command line is imported: each takes most of a second, on a core of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile

_OF_STAGES, _OF_ALL = ("plan", "apply"), ("run", "rehearse")
_HELP = {"-h", "--help"}


@contextmanager
def kernels_ahead(argv: Sequence[str]) -> Iterator[None]:
    """For the length of a `with` block, when the words of the command line will want kernels. A wrong guess changes nothing."""
    command, *words = argv or [""]
    if command not in (*_OF_STAGES, *_OF_ALL) or _HELP & set(words):
        yield
        return
    from runbook.runner.environment import warm_kernels

    stages = (
        takewhile(lambda word: not word.startswith("-"), words) if command in _OF_STAGES else ("preflight", "verify")
    )
    with warm_kernels(*stages):
        yield
