"""`runbook explain KIND/NAME`: what was meant is found, what is not there is refused, and what is not red says how it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recorded_worlds import RECORDINGS, _served, container, kind, pod, ready, workload

from runbook.cli.app import call

Asked = Callable[..., tuple[int, str, str]]
MISSING = ("CreateContainerConfigError", 'configmap "c" not found')


def world() -> list[dict[str, Any]]:
    slices = kind("EndpointSlice", "ns", "web-x", labels={"kubernetes.io/service-name": "web"})
    slices |= {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}]}
    return [
        pod("ns", "w", container(MISSING), labels={"app": "web"}),
        pod("ns", "fine", labels={"app": "fine"}),
        pod("other", "web-7f"),
        kind("Service", "ns", "web", spec={"selector": {"app": "web"}}),
        slices,
        workload("Deployment", "ns", "up", up=True),
        ready("HelmRelease", "ns", "shop", interval="5m"),
        ready("HelmRelease", "asleep", "cron", suspend=True),
        workload("Deployment", "ns", "shop", release="shop"),
        workload("ReplicaSet", "ns", "shop-5d", owner=("Deployment", "shop")),
        pod("ns", "shop-5d-x", container(MISSING), owner=("ReplicaSet", "shop-5d")),
        {**kind("Widget", "ns", "gear"), "apiVersion": "lab.example/v1"},
        kind("Namespace", "", "asleep", status={"phase": "Active"}),
    ]  # fmt: skip


@pytest.fixture
def asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Asked:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [_served(o) for o in world()]}))

    def ask(*words: str) -> tuple[int, str, str]:
        code = call(["explain", *words, "--from", str(path)])
        out, err = capsys.readouterr()
        return code, out if "json" in words else " ".join(out.split()), " ".join(err.split())

    return ask


@pytest.mark.parametrize("word", ["pod/w", "pods/w", "po/w", "PO/w", "pods.v1/w", "Pod/ns/w"])
def test_every_name_of_a_kind_finds_the_red_pod(word: str, asked: Asked) -> None:
    code, out, _ = asked(word)
    assert code == 0
    assert "A ConfigMap is missing" in out
    assert "Pod/ns/w: CreateContainerConfigError" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("podd/w",), 2, "'podd' is no kind that is known here"),
        (("podd/w",), 2, "Did you mean Pod?"),
        (("po/",), 2, "is not KIND/NAME"),
        (("w",), 2, "is not KIND/NAME"),
        (("po/ns/w", "-n", "other"), 2, "names the namespace ns, and -n other"),
        (("Pod/wrong",), 1, "Pod/wrong: is not in the input"),
        (("po/wrong", "-n", "ns"), 1, "Pod/wrong in namespace ns: is not in the input"),
        (("po/shop",), 1, "Near it: Pod/ns/shop-5d-x."),
        (("po/w", "-n", "other"), 1, "One of that name is in ns."),
        (("po/up",), 1, "Of that name there is Deployment/ns/up."),
        (("cronjob/x",), 1, "not known: no CronJob were looked at"),
        (("ing/x",), 1, "ingresses were not observed: not in the input"),
        (("-n", "nsx"), 1, "namespace nsx: nothing in it was observed"),
    ],
)
def test_what_is_not_there_is_never_an_all_clear(words: tuple[str, ...], code: int, said: str, asked: Asked) -> None:
    got, out, err = asked(*words)
    assert (got, out) == (code, "")
    assert said in err


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("po/fine", "Pod/ns/fine is not red: Running, 1 of 1 ready"),
        ("deploy/up", "Deployment/ns/up is not red: 1 ready"),
        ("hr/cron", "HelmRelease/asleep/cron is not red: it is suspended (spec.suspend is true), so nothing is tried. Ready True, Succeeded, ok"),
        ("hr/shop", "HelmRelease/ns/shop is not red: Ready True, Succeeded, ok; red beneath it: Deployment/ns/shop, Pod/ns/shop-5d-x"),
        ("widgets.lab.example/gear", "Widget/ns/gear is not red: it has no condition that says how it is"),
        ("ns/asleep", "Namespace/asleep is not red: it is Active and all that Flux reconciles in it is suspended"),
    ],
)  # fmt: skip
def test_what_is_there_and_not_red_says_how_it_is(word: str, said: str, asked: Asked) -> None:
    code, out, _ = asked(word)
    assert code == 0
    assert said in out
    assert "hangs on a cause" not in out
    answer = json.loads(asked(word, "--format", "json")[1])
    assert [one["red"] for one in answer["asked"]] == [False]
    assert answer["asked"][0]["says"] in said


@pytest.mark.parametrize("word", ["svc/web", "rs/shop-5d"])
def test_an_object_that_fails_and_shows_only_through_others_is_red_all_the_same(word: str, asked: Asked) -> None:
    code, out, _ = asked(word)
    assert code == 0
    assert "is not red" not in out
    assert "A ConfigMap is missing" in out
    assert json.loads(asked(word, "--format", "json")[1])["asked"][0]["red"] is True


def test_a_namespace_alone_is_asked_for_with_n(asked: Asked) -> None:
    assert asked("-n", "ns")[1].startswith("First causes 2")
    out = asked("-n", "asleep")[1]
    assert "Nothing is red among 2 objects of 2 kinds." not in out
    assert "Nothing is red among 1 object of 1 kind." in out
    assert "1 object is suspended, so nothing is tried there: HelmRelease/asleep/cron." in out
    assert "Namespace asleep is suspended as a whole" in out


def test_a_missing_object_that_is_the_cause_may_be_asked_for(asked: Asked) -> None:
    code, out, err = asked("cm/c")
    assert code == 0, err
    assert "A ConfigMap is missing" in out
    assert "what it made, seen in metadata.ownerReferences └ ConfigMap/ns/c: what its own words name" in out


def test_nothing_red_says_among_how_many_and_who_is_suspended(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["explain", "--from", str(RECORDINGS / "suspended" / "state.json.gz")]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Nothing is red among" in out
    assert "hangs on a cause above" not in out
    assert "2 objects are suspended, so nothing is tried there: HelmRelease/archive/archive" in out
    assert "Namespace archive is suspended as a whole" in out
