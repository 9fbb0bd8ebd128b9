"""Parts that pods have alike are cut once, and the record is the same as if each had been cut by itself."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest

from runbook.evidence import observations, templates
from runbook.evidence.redaction import Redactor
from runbook.evidence.shapes import MARK

SECRET = "Sup3r-s3cret-Pa55"


def pod(name: str, token: str = "abcde", **more: Any) -> dict[str, Any]:
    mount = {"name": f"kube-api-access-{token}", "mountPath": "/var/run/secrets", "readOnly": True}
    container = {
        "name": "main",
        "image": "r.lab/a:1",
        "env": [{"name": "APP", "value": "web"}],
        "volumeMounts": [mount],
        **more,
    }
    volume = {
        "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]},
        "name": f"kube-api-access-{token}",
    }
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"volumes": [volume], "nodeName": "n1", "containers": [container]},
        "status": {"phase": "Running"},
    }


def kept(*pods: dict[str, Any], cutter: Redactor | None = None) -> list[bytes]:
    return observations._items("Pod", tuple(json.dumps(p).encode() for p in pods), (), cutter or Redactor())


def alone(one: dict[str, Any], cutter: Redactor | None = None) -> bytes:
    """How it is kept when nothing is known of any other."""
    cleaned = (cutter or Redactor()).item({"kind": "Pod", **copy.deepcopy(one)})
    return msgspec.json.encode({k: v for k, v in cleaned.items() if k != "kind"}, order="sorted")


@pytest.mark.parametrize(
    "pods",
    [
        [pod("a", "abcde"), pod("b", "fghij"), pod("c", "abcde")],
        [pod("a"), pod("b", image="r.lab/a:2"), pod("c", args=["--x", "ä\u2028"])],
        [pod("a"), {"metadata": {"name": "b"}, "spec": None}, {"metadata": {"name": "c"}, "spec": {"containers": None}}, {"metadata": {"name": "d"}, "spec": {}}],
        [pod("a", env=[{"name": "DB_PASSWORD", "value": SECRET}]), pod("b", env=[{"name": "DB_PASSWORD", "value": SECRET}])],
        [pod("a", env=[{"name": "V", "value": "kube-api-access-zzzzz"}]), pod("b", env=[{"name": "V", "value": "kube-api-access-yyyyy"}])],
        [pod("a", "fghij", env=[{"name": "V", "value": "kube-api-access-abcde"}]), pod("b", "abcde", env=[{"name": "V", "value": "kube-api-access-abcde"}])],
    ],
    ids=["another volume each", "another image, another script", "no spec, no containers", "a secret", "two names", "a name as a value"],
)  # fmt: skip
def test_each_is_kept_as_if_it_were_alone(pods: list[dict[str, Any]]) -> None:
    cutter, single = Redactor(), Redactor()
    lines = kept(*pods, cutter=cutter)
    assert lines == [line for p in pods for line in kept(p)]  # byte for byte, whatever came before it
    assert list(map(json.loads, lines)) == [json.loads(alone(p, single)) for p in pods]
    assert cutter.counts == single.counts


def test_a_part_is_looked_through_once_and_again_when_something_is_to_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = Redactor.text
    monkeypatch.setattr(Redactor, "text", lambda self, text: (seen.append(text), real(self, text))[1])
    kept(*(pod(f"p{n}", f"a{n:04d}") for n in range(50)))
    assert seen.count("r.lab/a:1") == 1
    cutter = Redactor()
    kept(*(pod(f"p{n}", env=[{"name": "DB_PASSWORD", "value": SECRET}]) for n in range(50)), cutter=cutter)
    assert cutter.counts["environment-literal"] == 50


def test_a_part_that_was_clean_is_cut_of_what_was_learnt_since() -> None:
    cutter, said = Redactor(), pod("a", args=[f"serve {SECRET}"])
    assert SECRET.encode() in kept(said, cutter=cutter)[0]
    cutter.remember(SECRET)
    (line,) = kept(said, cutter=cutter)
    assert SECRET.encode() not in line
    assert MARK.encode() in line


def test_no_more_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "_MOST", 3)
    cutter = Redactor()
    kept(*(pod(f"p{n}", image=f"r.lab/a:{n}") for n in range(10)), cutter=cutter)
    assert 0 < len(cutter._templates._known) <= 3
