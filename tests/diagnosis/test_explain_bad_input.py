"""`runbook explain --from` on what people really hand over: one clear error with exit 2, or an answer that says what it left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from diagnosis_worlds import condition, failed, pod, release

from runbook.cli.app import call

API = {"HelmRelease": "helm.toolkit.fluxcd.io/v2", "Pod": "v1", "Event": "v1"}
REFUSED = 'admission webhook "policy.lab" denied the request: no limits'


def api(*objects: dict[str, Any]) -> dict[str, Any]:
    items = [{"apiVersion": API.get(o["kind"], "v1"), **o} for o in objects]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def red(name: str = "web", error: str = REFUSED, at: str = "2025-10-17T11:00:00Z") -> dict[str, Any]:
    found = release("ns", name, failed("ns", name, error))
    found["status"]["conditions"] = [
        condition("Ready", "False", "UpgradeFailed", failed("ns", name, error), lastTransitionTime=at)
    ]
    return found


def asked(capsys: pytest.CaptureFixture[str], *paths: Path) -> tuple[int, dict[str, Any], str]:
    argv = ["explain", "--format", "json"]
    for path in paths:
        argv += ["--from", str(path)]
    code = call(argv)
    out, err = capsys.readouterr()
    return code, json.loads(out) if out.strip() else {}, err


ERRORS: dict[str, tuple[str, bytes, str]] = {
    "an empty file": ("a.json", b"", "empty"),
    "a file of blanks": ("a.yaml", b"\n\n---\n", "empty"),
    "half a JSON document": ("a.json", b'{"kind": "List",\n "items": [{"kind": "Po', ":2:"),
    "half a YAML document": ("a.yaml", b"kind: Pod\nmetadata: {name: p\n", ":3:"),
    "the second of several documents": ("a.yaml", b"kind: Pod\n---\na: b: c\n", ":3:"),
    "no Kubernetes object": ("a.json", b'{"hello": 1}', "kind is missing"),
    "a log": ("a.json", b"E1017 11:00:00 it broke\n", "kind is missing"),
    "a list of nothing": ("a.json", b'{"kind":"List","apiVersion":"v1","items":[]}', "a list of none"),
    "objects without metadata": ("a.json", b'{"kind":"List","items":[{"kind":"Pod"},{"kind":"Job","metadata":null}]}', "2 object(s)"),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_one_clear_error_with_file_and_place(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, body, words = ERRORS[case]
    (tmp_path / name).write_bytes(body)
    code, answer, err = asked(capsys, tmp_path / name)
    assert (code, answer) == (2, {})
    assert str(tmp_path / name) in err
    assert words in err
    assert "Traceback" not in err


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = asked(capsys, tmp_path / "gone.json")
    assert code == 2
    assert "gone.json" in err


def _nested(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"kind": "List", "items": [api(red()), [api()], "text"]}))


def _documents(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("---\n".join(json.dumps(o) + "\n" for o in (api(red()), api())))


def _unknown_kinds(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(api(red(), {"kind": "Spaceship", "metadata": {"name": "x"}})))


def _bare(tmp_path: Path) -> None:
    bare = [{"kind": k, "metadata": {"name": "x", "namespace": "ns"}} for k in ("HelmRelease", "Pod", "Event", "Job")]
    (tmp_path / "a.json").write_text(json.dumps(api(red(), *bare, {"kind": "Pod"}, {"kind": "Pod", "metadata": {}})))


def _twice(tmp_path: Path) -> None:
    old = red(error="values don't meet the specifications of the schema(s)", at="2025-10-17T10:00:00Z")
    (tmp_path / "b-old.json").write_text(json.dumps(api(old)))
    (tmp_path / "a-new.json").write_text(json.dumps(api(red())))


def _bundle(tmp_path: Path) -> None:
    (tmp_path / "ns" / "web").mkdir(parents=True)
    (tmp_path / "ns" / "web" / "logs.txt").write_text("panic: no key could decrypt secret (a)\n")
    (tmp_path / "ns" / "releases.json").write_text(json.dumps(api(red())))
    (tmp_path / "version.yaml").write_text("serverVersion: v1.34.2\n")
    (tmp_path / "half.json").write_text('{"kind":')


def _messages(tmp_path: Path) -> None:
    odd = [release("ns", f"odd{n}", "x") for n in range(4)]
    for found, message in zip(odd, (None, 7, ["a"], {"b": 1}), strict=True):
        found["status"]["conditions"] = [
            condition("Ready", "False", "UpgradeFailed", lastTransitionTime="2025-10-17T11:00:00Z")
        ]
        found["status"]["conditions"][0]["message"] = message
    (tmp_path / "a.json").write_text(json.dumps(api(red(), *odd)))


def _not_utf8(tmp_path: Path) -> None:
    text = json.dumps(api(red(error=REFUSED + " für")), ensure_ascii=False)
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))


def _long(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(api(red(error=REFUSED + " x" * 5_000_000))))


def _wrong_types(tmp_path: Path) -> None:
    wrong = [
        {**red(f"w{n}"), "status": status}
        for n, status in enumerate(("broken", [], 5, {"conditions": {}}, {"history": "x"}))
    ]
    (tmp_path / "a.json").write_text(json.dumps(api(red(), *wrong)))


ANSWERS: dict[str, tuple[Any, str]] = {
    "a List inside a List": (_nested, "kind is missing"),
    "YAML of several documents": (_documents, ""),
    "kinds never seen": (_unknown_kinds, ""),
    "objects without status or metadata": (_bare, "metadata.name is missing"),
    "an object at two times": (_twice, "is history"),
    "a support bundle": (_bundle, "logs.txt"),
    "messages that are null, numbers, lists": (_messages, ""),
    "bytes that are not UTF-8": (_not_utf8, "not UTF-8"),
    "a message of 10 MB": (_long, ""),
    "a status of the wrong type": (_wrong_types, "Expected `object`"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_the_answer_holds_and_says_what_it_left_out(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, left = ANSWERS[case]
    make(tmp_path)
    code, answer, err = asked(capsys, tmp_path)
    assert code == 0, err
    assert [(c["cause"], c["object"]["name"]) for c in answer["first_causes"]] == [("admission-denied", "web")]
    assert left in json.dumps(answer["not_evaluated"])
    assert len(json.dumps(answer)) < 30_000, "a long message is cut where it is repeated"


@pytest.mark.parametrize("more", [["--format", "json"], [], ["HelmRelease/web"]], ids=["json", "ladder", "details"])
def test_a_secret_in_a_message_is_cut(more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIx" * 12 + ".c2lnbmF0dXJl" + "eHh4" * 12  # longer than a line
    (tmp_path / "a.json").write_text(json.dumps(api(red(error=f"{REFUSED}: {token} is not allowed"))))
    assert call(["explain", "--from", str(tmp_path / "a.json"), *more]) == 0
    out = capsys.readouterr().out
    assert "is not allowed" in " ".join(out.split())
    assert not [part for part in ("eyJzdWIiOiIxeyJ", "c2lnbmF0dXJl", "eHh4eHh4") if part in out]
    if "json" in more:
        assert json.loads(out)["first_causes"]


def test_circles_of_owners_and_dependencies_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waits = [
        release("ns", a, f"dependency 'ns/{b}' is not ready", "DependencyNotReady", dependsOn=[{"name": b}])
        for a, b in ("ab", "bc", "ca")
    ]
    pods = [pod("ns", a, ("Pod", b), waiting=("Odd", "odd")) for a, b in ("xy", "yx", "zz")]
    for one in pods:
        one["metadata"]["uid"] = f"Pod/ns/{one['metadata']['name']}"
    (tmp_path / "a.json").write_text(json.dumps(api(*waits, *pods)))
    code, answer, _ = asked(capsys, tmp_path / "a.json")
    (circle,) = answer["first_causes"]
    assert (code, circle["cause"], len(circle["explains"])) == (0, "dependency-circle", 3)
    assert {u["name"] for u in answer["unexplained"]} == set("xyz")
