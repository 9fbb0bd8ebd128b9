"""Log lines as evidence: the last fatal entry of a container that ended gives a hypothesis, and never more than that."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from recorded_worlds import container, pod, saved, workload

from runbook.diagnosis import explain
from runbook.diagnosis.catalogue import load
from runbook.domain.inquiries import Inquiry, LastWords
from runbook.model import Explanation, ObjectRef

POD = ObjectRef("Pod", "ns", "web-0")
BACK_OFF = ("CrashLoopBackOff", "back-off 5m0s restarting failed container")
REFUSED = "dial tcp 10.0.0.3:5432: connect: connection refused"
DENIED = 'FATAL:  password authentication failed for user "x"'
NO_PROGRAM = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: exec: "/app": stat /app: no such file or directory: unknown'
)


def crashed(code: int = 1, **more: Any) -> Any:
    return container(BACK_OFF, {"reason": "Error", "exitCode": code, "finishedAt": "2025-10-17T11:14:00Z", **more})


def world(*lines: str, status: Any = None, previous: bool = True, name: str = "main") -> Explanation:
    one = pod("ns", "web-0", status or crashed(), phase="Running")
    return told(saved(one), *lines, previous=previous, name=name)


def told(snapshot: Any, *lines: str, previous: bool = True, name: str = "main") -> Explanation:
    words = LastWords(name, previous, tuple(lines))
    inquiry = Inquiry("Pod", "ns", "web-0", pod=str(POD), logs=(words,))
    return explain(replace(snapshot, objects={**snapshot.objects, Inquiry.KIND: (inquiry,)}))


def causes(found: Explanation) -> list[tuple[str, str, str]]:
    return [(c.cause, c.proof, c.message) for c in found.first_causes]


@pytest.mark.parametrize(
    ("lines", "quoted"),
    [
        ([DENIED], DENIED),
        (["level=info msg=starting", "level=error msg=\"" + REFUSED + '"'], 'level=error msg="' + REFUSED + '"'),
        (["panic: failed to connect to `host=db user=x`: " + REFUSED, "", "goroutine 1 [running]:", "main.main()",
          "\t/src/main.go:12 +0x1d", "exit status 2"], "panic: failed to connect to `host=db user=x`: " + REFUSED),
        (["Traceback (most recent call last):", '  File "/app/main.py", line 3, in <module>', "    connect()",
          'psycopg2.OperationalError: connection to server at "db" (10.1.1.1), port 5432 failed: FATAL:  password authentication failed for user "app"'],
         'psycopg2.OperationalError: connection to server at "db" (10.1.1.1), port 5432 failed: FATAL:  password authentication failed for user "app"'),
        (["Error: connect ECONNREFUSED 10.96.0.12:5432", "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {",
          "  errno: -111", "}", "", "Node.js v20.11.0"], "Error: connect ECONNREFUSED 10.96.0.12:5432"),
        (["org.springframework.beans.factory.BeanCreationException: Error creating bean", "\tat org.x.y(Z.java:1)",
          "Caused by: org.postgresql.util.PSQLException: Connection to db:5432 refused. Check that the hostname and port are correct",
          "\t... 3 more"], "Caused by: org.postgresql.util.PSQLException: Connection to db:5432 refused. Check that the hostname and port are correct"),
        (['{"level":"fatal","ts":1,"msg":"' + REFUSED + '"}', '{"level":"info","msg":"shutting down"}'], '{"level":"fatal","ts":1,"msg":"' + REFUSED + '"}'),
    ],
    ids=["libpq", "logfmt", "go", "python", "node", "java", "json"],
)  # fmt: skip
def test_the_last_fatal_entry_is_a_hypothesis_with_the_line_and_what_decides_it(lines: list[str], quoted: str) -> None:
    found = world(*lines)
    assert causes(found) == [("db-connection", "hypothesis", quoted)]
    assert found.first_causes[0].decides
    assert found.first_causes[0].object == POD
    assert found.unexplained == ()


@pytest.mark.parametrize(
    "lines",
    [
        [f'level=info msg="{REFUSED}, trying again"', "level=info msg=ready"],
        [f"INFO  c.e.Db - {REFUSED}"],
        [f"2025-10-17 11:12:13 WARN  {REFUSED}"],
        [f"[warn] {REFUSED}"],
        [DENIED, "level=info msg=connected", "panic: runtime error: invalid memory address or nil pointer dereference"],
        [DENIED, "panic: runtime error: index out of range [3] with length 2"],
        [DENIED, *[f"GET /{n} 200" for n in range(9)]],
        ["ModuleNotFoundError: No module named 'x'"],
        ['Error: secrets "vault-token" not found'],
        ["HelmRelease ns/web failed: timed out waiting for the condition"],
        [],
    ],
    ids=["info", "java info", "warn", "bracketed", "survived", "another end", "long ago", "unknown", "hearsay", "flux", "none"],
)  # fmt: skip
def test_old_lines_and_what_others_said_prove_nothing(lines: list[str]) -> None:
    found = world(*lines)
    assert found.first_causes == ()
    (left,) = found.unexplained
    assert [h.cause for h in left.hypotheses] == ["crash-loop"]
    assert ("its log was read and names no known cause" in left.why) == bool(lines)


def test_a_last_line_without_any_word_of_error_counts_when_it_is_known() -> None:
    assert [c.cause for c in world("getaddrinfo ENOTFOUND db", "Node.js v20.11.0").first_causes] == ["dns-failure"]


def test_two_causes_are_two_hypotheses_and_no_first_cause() -> None:
    found = world(f"Error: {REFUSED}", "Caused by: getaddrinfo ENOTFOUND db.ns.svc.cluster.local")
    assert found.first_causes == ()
    (left,) = found.unexplained
    assert {h.cause for h in left.hypotheses} >= {"db-connection", "dns-failure"}
    assert all(h.decides for h in left.hypotheses)


@pytest.mark.parametrize(
    ("status", "previous", "name"),
    [
        (crashed(137), True, "main"),
        (crashed(143), True, "main"),
        (crashed(0), True, "main"),
        (crashed(), False, "main"),
        (crashed(), True, "sidecar"),
        (container(None, {"reason": "Error", "exitCode": 1}), True, "main"),
    ],
    ids=["killed", "stopped", "done", "a log of another start", "another container", "runs again"],
)
def test_only_the_container_that_ended_by_itself_counts(status: Any, previous: bool, name: str) -> None:
    assert world(DENIED, status=status, previous=previous, name=name).first_causes == ()


def test_what_is_proved_otherwise_stays_as_it_was() -> None:
    killed = pod("ns", "web-0", crashed(137, reason="OOMKilled", signal=9), phase="Running")
    without = explain(saved(killed))
    assert [(c.cause, c.proof) for c in without.first_causes] == [("oom-killed", "fact")]
    assert told(saved(killed), DENIED).first_causes == without.first_causes
    ended = pod("ns", "web-0", crashed(message=NO_PROGRAM), phase="Running")
    assert causes(told(saved(ended), DENIED)) == causes(explain(saved(ended)))


def test_pods_of_one_workload_that_ended_alike_hang_on_the_line_that_was_read() -> None:
    world_ = [
        workload("Deployment", "ns", "web"),
        workload("ReplicaSet", "ns", "web-5d", owner=("Deployment", "web")),
        *(pod("ns", f"web-{n}", crashed(), phase="Running", owner=("ReplicaSet", "web-5d")) for n in range(2)),
        pod("ns", "web-2", crashed(3), phase="Running", owner=("ReplicaSet", "web-5d")),
    ]
    found = told(saved(*world_), DENIED)
    (cause,) = found.first_causes
    assert (cause.cause, cause.proof) == ("db-connection", "hypothesis")
    assert {e.object.name for e in cause.explains} >= {"web-0", "web-1", "web"}
    assert {u.object.name for u in found.unexplained} == {"web-2"}


def test_a_teams_own_words_count_in_logs_too() -> None:
    text = json.dumps({
        "schema": "runbook/causes/v1",
        "causes": [{
            "id": "licence-over", "title": "The licence is over", "layer": "workload", "role": "cause", "meaning": "It ran out.",
            "signatures": [{"by": "till", "match": "licence has ended", "rank": 9}],
            "next": {"text": "Renew it.", "command": "", "safe": True}, "decides": "The licence server.",
        }],
    })  # fmt: skip
    one = saved(pod("ns", "web-0", crashed(), phase="Running"))
    words = LastWords("main", True, ("fatal: licence has ended",))
    inquiry = Inquiry("Pod", "ns", "web-0", pod=str(POD), logs=(words,))
    one = replace(one, objects={**one.objects, Inquiry.KIND: (inquiry,)})
    (cause,) = explain(one, catalogue=load([("ours.yaml", text)])).first_causes
    assert (cause.cause, cause.proof, cause.decides) == ("licence-over", "hypothesis", "The licence server.")
    assert explain(one).first_causes == ()
