"""A broken pair for each test that changes it, and a hand between the product and the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acting_pair import Pair, a_pair

from runbook.clients.kubernetes.answers import Answer
from runbook.clients.kubernetes.transport import Transport
from runbook.clients.kubernetes.wire import Request
from runbook.stage.opening import close_all


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with a_pair(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair that the tests of a module share, because none of them may change it."""
    with a_pair(tmp_path_factory.mktemp("still")) as found:
        yield found


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


Hook = Callable[[str, str], Answer | Exception | None]


@pytest.fixture
def intercept(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Stand between the product and the server: `before` answers in its place, `after` spoils an answer that came."""
    real = Transport._once

    def install(*, before: Hook | None = None, after: Hook | None = None) -> list[str]:
        sent: list[str] = []

        def once(self: Transport, request: Request) -> Answer:
            method, path = request.method, request.path
            if method == "GET" or "accessreviews" in path:
                return real(self, request)
            sent.append(f"{method} {path}")
            for hook, forward in ((before, True), (after, False)):
                if not forward:
                    response = real(self, request)
                refused = not forward and response.status_code >= 400  # an answer that says no is not worth spoiling
                spoiled = hook(method, path) if hook is not None and not refused else None
                if isinstance(spoiled, Exception):
                    raise spoiled
                if spoiled is not None:
                    return spoiled
            return response

        monkeypatch.setattr(Transport, "_once", once)
        return sent

    return install
