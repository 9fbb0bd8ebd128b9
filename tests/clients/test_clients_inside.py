"""A Service asked from inside: what the API server says for itself is told from what listens behind it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from runbook.clients.ingresslogs import controllers, ingress_words
from runbook.clients.inside import ask_service
from runbook.clients.lastwords import TAIL
from runbook.domain.inquiries import Answer
from runbook.domain.kinds import decode
from runbook.errors import DeniedError, ObservationError, TimedOutError


def service(*ports: tuple[int, str]) -> Any:
    spec = {"ports": [{"port": port, "protocol": protocol} for port, protocol in ports]}
    return decode("Service", json.dumps({"metadata": {"namespace": "data", "name": "db"}, "spec": spec}).encode())


def status(code: int, message: str) -> httpx.Response:
    return httpx.Response(code, json={"kind": "Status", "apiVersion": "v1", "message": message, "code": code})


def answering(given: httpx.Response | Exception) -> Any:
    def ask(*_where: str, seconds: float) -> httpx.Response:
        if isinstance(given, Exception):
            raise given
        return given

    return SimpleNamespace(proxy_ask=ask)


@pytest.mark.parametrize(
    ("given", "reached", "word"),
    [
        (httpx.Response(200, text="ok"), True, "HTTP 200"),
        (httpx.Response(404, text="404 page not found"), True, "HTTP 404"),
        (httpx.Response(400, text="Client sent an HTTP request to an HTTPS server."), True, "HTTP 400"),
        (httpx.Response(403, json={"error": "no session"}), True, "HTTP 403"),
        (status(503, "error trying to reach service: EOF"), True, "does not speak HTTP"),
        (status(500, 'error trying to reach service: malformed HTTP response "R"'), True, "does not speak HTTP"),
        (status(503, "error trying to reach service: dial tcp 10.1.0.4:5432: connect: connection refused"), False, "refused"),
        (httpx.Response(502, text="error trying to reach service: dial tcp 10.1.0.4:80: i/o timeout"), False, "i/o timeout"),
        (status(503, 'no endpoints available for service "db"'), False, "no endpoints"),
        (status(404, 'services "db" not found'), None, "404"),
        (status(403, 'services "db" is forbidden: cannot get resource "services/proxy"'), None, "needed: get services/proxy"),
        (status(401, "Unauthorized"), None, "needed: get services/proxy"),
        (TimedOutError("service proxy", "no answer"), False, "within the time"),
        (ObservationError("service proxy", "connection lost"), None, "connection lost"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_each_answer_is_told_for_what_it_is(given: Any, reached: bool | None, word: str) -> None:
    (found,) = ask_service(answering(given), service((5432, "TCP")))
    assert (found.port, found.reached) == (5432, reached)
    assert word in found.said


def test_each_tcp_port_is_asked_and_no_other() -> None:
    found = ask_service(answering(httpx.Response(200)), service((53, "UDP"), (80, "TCP"), (443, "TCP")))
    assert found == (Answer(80, True, "answered HTTP 200"), Answer(443, True, "answered HTTP 200"))


def pod(name: str, **labels: str) -> Any:
    spec = {"containers": [{"name": "controller", "image": "i"}, {"name": "sidecar", "image": "i"}]}
    metadata = {"namespace": "ingress", "name": name, "labels": {k.replace("__", "/").replace("_", "."): v for k, v in labels.items()}}  # fmt: skip
    return decode("Pod", json.dumps({"metadata": metadata, "spec": spec}).encode())


def test_the_controllers_lines_about_this_host_and_no_others() -> None:
    lines = [f"{n} shop.example GET /pay 502" if n % 2 else f"{n} other.example" for n in range(100)]
    client: Any = SimpleNamespace(tail=lambda *_where, **_how: tuple(lines))
    pods = controllers([pod("c", app_kubernetes_io__name="ingress-nginx"), pod("web", app="web")])
    assert [p.ref.name for p in pods] == ["c"]
    (found,) = ingress_words(client, pods, ("shop.example",))
    assert found.container == "ingress/c"
    assert len(found.lines) == TAIL
    assert found.lines[-1] == "99 shop.example GET /pay 502"
    assert all("shop.example" in line for line in found.lines)


def test_a_log_that_may_not_be_read_says_so() -> None:
    def denied(*_where: str, **_how: Any) -> tuple[str, ...]:
        raise DeniedError("log of pod ingress/c", "403 forbidden: pods/log")

    client: Any = SimpleNamespace(tail=denied)
    (found,) = ingress_words(client, [pod("c", app="traefik")], ("shop.example",))
    assert (found.lines, found.why_not) == ((), "403 forbidden: pods/log")
