"""A crashing program whose log names a Service without a ready pod: the cause is why that Service has none."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from recorded_worlds import container, kind, pod, saved, workload

from runbook.diagnosis import explain
from runbook.domain.inquiries import Inquiry, LastWords
from runbook.model import Explanation, ObjectRef

BACK_OFF = ("CrashLoopBackOff", "back-off 5m0s restarting failed container")
NO_IMAGE = (
    "ImagePullBackOff",
    'Back-off pulling image "r.lab/db:9": manifest for r.lab/db:9 not found: manifest unknown',
)
REFUSED = "failed to connect to `host=db.data user=x database=x`: dial error (dial tcp 10.96.0.5:5432: connect: connection refused)"
DATABASE, PROGRAM = ObjectRef("Pod", "data", "db-0"), ObjectRef("Pod", "shop", "web-0")


def crashed() -> Any:
    return container(BACK_OFF, {"reason": "Error", "exitCode": 1, "finishedAt": "2025-10-17T11:14:00Z"})


def service(namespace: str, name: str, ready: bool | None = False, ip: str = "None") -> list[Any]:
    """A Service in front of the pods labelled with its name; `ready` None leaves out its slice."""
    slice_ = kind(
        "EndpointSlice", namespace, f"{name}-1", labels={"kubernetes.io/service-name": name}, addressType="IPv4",
        endpoints=[{"addresses": ["10.1.0.1"], "conditions": {"ready": ready}}],
    )  # fmt: skip
    spec = {"selector": {"app": name}, "clusterIP": ip, "ports": [{"port": 5432}]}
    return [kind("Service", namespace, name, spec=spec), *([slice_] if ready is not None else [])]


def database(status: Any = None, *, ready: bool = False, ip: str = "10.96.0.5") -> list[Any]:
    return [pod("data", "db-0", status, labels={"app": "db"}), *service("data", "db", ready, ip)]


def told(line: str | list[str], *objects: Any, by: ObjectRef = PROGRAM) -> Explanation:
    """What is explained when the program, crashing, has said this last."""
    program = pod("shop", "web-0", crashed(), phase="Running", labels={"app": "web"})
    snapshot = saved(program, *objects)
    lines = (line,) if isinstance(line, str) else tuple(line)
    said = Inquiry("Pod", by.namespace, by.name, pod=str(by), logs=(LastWords("main", True, lines),))
    return explain(replace(snapshot, objects={**snapshot.objects, Inquiry.KIND: (said,)}))


def causes(found: Explanation) -> dict[str, tuple[str, ObjectRef, str]]:
    """Object → what explains it: cause, at what, and how sure."""
    return {str(e.object): (c.cause, c.object, c.proof) for c in found.first_causes for e in c.explains}


@pytest.mark.parametrize(
    "line",
    [
        REFUSED,
        "panic: dial tcp 10.96.0.5:5432: connect: connection refused",
        "Error: getaddrinfo ENOTFOUND db.data.svc.cluster.local",
        'psycopg2.OperationalError: could not translate host name "db.data" to address: Name or service not known',
        'FATAL Post "http://db.data.svc:5432/x": dial tcp 10.96.0.5:5432: i/o timeout',
        "redis.exceptions.ConnectionError: Error 111 connecting to db.data:6379. Connection refused.",
    ],
)
def test_the_servers_own_cause_explains_the_program_too_and_the_line_is_on_the_way(line: str) -> None:
    found = told(line, database(container(NO_IMAGE)))
    assert causes(found)[str(PROGRAM)] == ("image-not-found", DATABASE, "fact")
    (mine,) = (e for c in found.first_causes for e in c.explains if e.object == PROGRAM)
    assert mine.via[0].startswith("Service/data/db (calls: its log: “")
    assert line[:100] in mine.via[0]


def test_a_server_that_refuses_the_login_has_answered() -> None:
    line = 'connection to server at "db.data" (10.96.0.5), port 5432 failed: FATAL:  password authentication failed for user "x"'
    assert causes(told(line, database(container(NO_IMAGE))))[str(PROGRAM)] == ("db-connection", PROGRAM, "hypothesis")


def test_nor_does_one_of_which_the_same_stack_says_so() -> None:
    line = "Caused by: FATAL: password authentication failed for user x"
    assert causes(told([REFUSED, line], database(container(NO_IMAGE))))[str(PROGRAM)][1:] == (PROGRAM, "hypothesis")


def test_a_server_that_starts_has_answered() -> None:
    line = "FATAL: pq: the database system is starting up (db.data)"
    assert causes(told(line, database(container(NO_IMAGE))))[str(PROGRAM)] == ("db-connection", PROGRAM, "hypothesis")


def test_a_server_with_a_ready_pod_is_not_the_way_on() -> None:
    found = told(REFUSED, database(container(NO_IMAGE), ready=True))
    assert causes(found)[str(PROGRAM)] == ("db-connection", PROGRAM, "hypothesis")


def test_a_server_whose_own_cause_is_a_guess_leads_nowhere() -> None:
    found = told(REFUSED, database(crashed()))
    assert causes(found)[str(PROGRAM)] == ("db-connection", PROGRAM, "hypothesis")


@pytest.mark.parametrize(
    "line",
    [
        "dial tcp 10.96.0.51:5432: connect: connection refused",
        "dial tcp 110.96.0.5:5432: connect: connection refused",
        "connecting to db:5432: connection refused",  # the one in its own namespace, if there were one
        "connecting to my-db.data:5432: connection refused",
        "connecting to db.data2:5432: connection refused",
        "connecting to db.data.example.com:5432: connection refused",
        "could not write db.data-1: connection refused by 10.0.0.1:5432",
    ],
)
def test_what_only_looks_like_its_name_does_not_name_it(line: str) -> None:
    found = causes(told(f"FATAL {line}", database(container(NO_IMAGE))))
    assert found.get(str(PROGRAM), ("",))[0] != "image-not-found"


def test_the_bare_name_counts_in_its_own_namespace_where_a_host_stands() -> None:
    local = [pod("shop", "db-0", container(NO_IMAGE), labels={"app": "db"}), *service("shop", "db")]
    at = ObjectRef("Pod", "shop", "db-0")
    for line in (
        "FATAL connecting to db:5432: connection refused",
        "FATAL dial db:5432: connect: connection refused",
        "Error: getaddrinfo ENOTFOUND db",
        'lookup "db": no such host',
    ):
        assert causes(told(line, local))[str(PROGRAM)] == ("image-not-found", at, "fact")
    prose = causes(told("FATAL the db said: dial tcp 10.9.9.9:5432: connect: connection refused", local))
    assert prose[str(PROGRAM)] == ("db-connection", PROGRAM, "hypothesis")


def test_two_servers_named_are_no_proof_for_either() -> None:
    other = [pod("data", "cache-0", container(NO_IMAGE), labels={"app": "cache"}), *service("data", "cache")]
    line = "FATAL dial tcp: lookup db.data and cache.data:6379: connection refused"
    found = causes(told(line, database(container(NO_IMAGE)), other))
    assert found.get(str(PROGRAM), ("",))[0] != "image-not-found"


def test_one_that_calls_itself_is_not_its_own_cause() -> None:
    found = told("FATAL dial tcp: lookup web.shop.svc: connection refused", service("shop", "web"))
    assert all(c.proof == "hypothesis" for c in found.first_causes)


def test_one_that_calls_its_own_peers_has_the_cause_of_the_peer() -> None:
    peer = pod("shop", "web-1", container(NO_IMAGE), labels={"app": "web"})
    found = causes(told("FATAL dial tcp: lookup web.shop.svc: connection refused", peer, service("shop", "web")))
    assert found[str(PROGRAM)] == ("image-not-found", ObjectRef("Pod", "shop", "web-1"), "fact")


@pytest.mark.parametrize("turned", [False, True])
def test_two_that_wait_for_each_other_keep_each_its_own_guess_whoever_is_asked_first(turned: bool) -> None:
    names = ("web", "api")
    calls = dict(zip(names, reversed(names), strict=True))
    pods = [pod("shop", f"{n}-0", crashed(), phase="Running", labels={"app": n}) for n in names]
    routes = [
        kind("VirtualService", "shop", n, spec={"http": [{"route": [{"destination": {"host": n}}]}]}) for n in names
    ]
    order = reversed(pods) if turned else pods
    snapshot = saved(*order, *routes, *(service("shop", n) for n in names))
    said = tuple(
        Inquiry("Pod", "shop", f"{n}-0", pod=f"Pod/shop/{n}-0", logs=(LastWords("main", True, (line,)),))
        for n, line in ((n, f"FATAL connecting to {calls[n]}:5432: connection refused") for n in names)
    )
    found = causes(explain(replace(snapshot, objects={**snapshot.objects, Inquiry.KIND: said})))
    for n in names:
        guess = ("db-connection", ObjectRef("Pod", "shop", f"{n}-0"), "hypothesis")
        assert (found[f"Pod/shop/{n}-0"], found[f"VirtualService/shop/{n}"]) == (guess, guess)


def test_hundreds_of_programs_and_thousands_of_services_are_looked_up_and_not_searched() -> None:
    """A search of each Service for each program took three minutes."""
    crowd = [service(f"ns{n % 40}", f"svc-{n}", True, f"10.97.{n // 250}.{n % 250}") for n in range(4_000)]
    owner = ("ReplicaSet", "web-1")
    alike = [pod("shop", f"web-{n}", crashed(), phase="Running", owner=owner) for n in range(1, 400)]
    first = pod("shop", "web-0", crashed(), phase="Running", owner=owner)
    snapshot = saved(workload("ReplicaSet", "shop", "web-1"), first, *alike, *crowd, *database(container(NO_IMAGE)))
    said = Inquiry("Pod", "shop", "web-0", pod=str(PROGRAM), logs=(LastWords("main", True, (REFUSED,)),))
    world = replace(snapshot, objects={**snapshot.objects, Inquiry.KIND: (said,)})
    began = time.process_time()
    found = explain(world)
    assert time.process_time() - began < 5
    assert [(c.cause, len(c.explains)) for c in found.first_causes] == [("image-not-found", 402)]
