"""Recorded objects: whatever kubectl wrote, in files and folders; and one clear error for everything else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbook.clients import recorded
from runbook.domain.cluster import ConfigMap, Secret
from runbook.domain.helm import HelmRelease
from runbook.domain.pods import Pod
from runbook.errors import UsageError
from runbook.model import NotObserved

POD: dict[str, Any] = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "ns", "creationTimestamp": "2031-01-01T00:00:00Z"},
    "status": {"phase": "Running"},
}  # fmt: skip


def write(path: Path, *documents: Any, yaml: bool = False) -> Path:
    if yaml:
        path.write_text("---\n".join(json.dumps(d) + "\n" for d in documents))
    else:
        path.write_text(json.dumps(documents[0]))
    return path


def many(*items: Any, kind: str = "List", api: str = "v1") -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "items": list(items)}


def named(name: str, at: str = "2031-01-01T00:00:00Z", **more: Any) -> dict[str, Any]:
    return {**POD, "metadata": {"name": name, "namespace": "ns", "creationTimestamp": at}, **more}


@pytest.mark.parametrize(
    "document",
    [
        POD,
        many(POD),
        many({k: v for k, v in POD.items() if k not in ("kind", "apiVersion")}, kind="PodList"),
        many(many(POD)),
        [POD],
    ],
    ids=["one", "list", "typed list", "list in list", "array"],
)
def test_every_shape_of_kubectl_output_is_read(document: Any, tmp_path: Path) -> None:
    snapshot = recorded.load([write(tmp_path / "x.json", document)])
    assert [p.metadata.name for p in snapshot.of(Pod)] == ["p"]


def test_yaml_with_several_documents(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    head = "kind: Pod\napiVersion: v1\nmetadata:\n  creationTimestamp: 2031-01-01T00:00:00Z\n  name: "
    path.write_text("\n---\n".join(head + name for name in "ab"))
    assert {p.metadata.name for p in recorded.load([path]).of(Pod)} == {"a", "b"}


def test_files_and_folders_are_one_input_and_logs_beside_them_are_left(tmp_path: Path) -> None:
    folder = tmp_path / "bundle" / "deep"
    folder.mkdir(parents=True)
    write(folder / "a.json", named("a"))
    (folder / "app.log").write_text("not an object {")
    (folder / "label.yaml").write_text("state: broken\n")
    other = write(tmp_path / "b.json", named("b"))
    assert {p.metadata.name for p in recorded.load([tmp_path / "bundle", other]).of(Pod)} == {"a", "b"}


def test_now_is_the_newest_time_a_cluster_wrote_and_no_certificates_date(tmp_path: Path) -> None:
    late = named(
        "a",
        status={
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2031-05-06T07:08:09Z"}],
        },
    )
    tls = {
        "kind": "Certificate",
        "apiVersion": "cert-manager.io/v1",
        "metadata": {"name": "c"},
        "status": {"notAfter": "2099-01-01T00:00:00Z"},
    }
    assert recorded.load([write(tmp_path / "x.json", many(late, tls))]).observed_at == datetime(
        2031, 5, 6, 7, 8, 9, tzinfo=UTC
    )


def test_absent_kinds_are_gaps_and_never_empty(tmp_path: Path) -> None:
    snapshot = recorded.load([write(tmp_path / "x.json", POD)])
    with pytest.raises(NotObserved, match="not in the input"):
        snapshot.of(HelmRelease)
    listed = recorded.load([write(tmp_path / "y.json", many(POD, many(kind="HelmReleaseList")))])
    assert listed.of(HelmRelease) == ()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["old first", "new first"])
def test_of_an_object_at_two_times_the_newer_counts(order: tuple[int, int], tmp_path: Path) -> None:
    conditions = [
        [{"type": "Ready", "status": s, "lastTransitionTime": t}]
        for s, t in (("False", "2031-02-01T00:00:00Z"), ("True", "2031-03-01T00:00:00Z"))
    ]
    states = [named("a", status={"phase": "Running", "conditions": c}) for c in conditions]
    snapshot = recorded.load([write(tmp_path / f"{n}.json", states[n]) for n in order])
    (pod,) = snapshot.of(Pod)
    assert [c.status for c in pod.status.conditions or ()] == ["True"]


def test_kinds_nobody_knows_keep_their_name_and_anothers_kind_is_not_ours(tmp_path: Path) -> None:
    cattle = {"apiVersion": "helm.cattle.io/v1", "kind": "HelmChart", "metadata": {"name": "traefik"}}
    snapshot = recorded.load([write(tmp_path / "x.json", many(POD, cattle, {**cattle, "kind": "Odd"}))])
    assert sorted(o.kind for o in snapshot.objects["Generic"]) == ["HelmChart", "Odd"]
    assert "HelmChart" in snapshot.gaps


def test_one_malformed_object_is_named_and_loses_nothing_else(tmp_path: Path) -> None:
    bad = named("bad", status={"phase": 7})
    snapshot = recorded.load([write(tmp_path / "x.json", many(bad, POD, {"kind": "Pod", "apiVersion": "v1"}))])
    assert [p.metadata.name for p in snapshot.of(Pod)] == ["p"]
    assert sorted(str(ref) for ref, _ in snapshot.malformed) == ["Pod/?", "Pod/ns/bad"]
    assert any("$.status.phase" in why for _, why in snapshot.malformed)


def test_null_fields_take_their_defaults_and_secrets_keep_only_key_names(tmp_path: Path) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "labels": None},
        "data": {"token": "aHVzaA=="},
    }
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "v"}}
    snapshot = recorded.load(
        [write(tmp_path / "x.json", many(POD, secret, settings, named("n", spec=None, status=None)))]
    )
    assert [list(s.data or {}) for s in snapshot.of(Secret)] == [["token"]]
    assert [list(m.data or {}) for m in snapshot.of(ConfigMap)] == [["k"]]
    assert len(snapshot.of(Pod)) == 2


BAD = {
    "missing": (None, "cannot be read"),
    "empty": (b"", "empty"),
    "half a document": (b'{"kind": "List", "items": [', ":1:"),
    "not yaml": (b"a: [\n b: c\n", ":3:1"),
    "not utf-8": (b"\xff\xfe{}", "byte 0"),
    "no object": (b'{"a": 1}', "kind is missing"),
    "a text": (b"just words", "kind is missing"),
    "no time": (b'{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}', "no object with a time"),
    "too deep": (b"[" * 100_000, ""),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_error_with_file_and_place(case: str, tmp_path: Path) -> None:
    body, words = BAD[case]
    path = tmp_path / "state.json" if case != "not yaml" else tmp_path / "state.yaml"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(UsageError) as refused:
        recorded.load([path])
    assert refused.value.exit_code == 2
    assert words in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_folder_without_objects_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.yaml").write_text("a: 1\n")
    with pytest.raises(UsageError, match="no recorded objects"):
        recorded.load([tmp_path])


def test_a_file_that_is_too_large_is_refused_with_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "LARGEST", 10)
    with pytest.raises(UsageError, match=r"\d+ bytes"):
        recorded.load([write(tmp_path / "x.json", POD)])
