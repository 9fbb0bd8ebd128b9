"""Recorded objects: whatever kubectl wrote, in files and folders; and one clear error for everything else."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbook.clients import recorded, recordedfiles
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


def test_items_of_a_typed_list_have_its_version_where_they_say_none(tmp_path: Path) -> None:
    bare = {"metadata": POD["metadata"], "status": {"conditions": []}}
    document = many(bare, kind="HelmReleaseList", api="helm.toolkit.fluxcd.io/v2")
    assert [r.metadata.name for r in recorded.load([write(tmp_path / "x.json", document)]).of(HelmRelease)] == ["p"]


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
    "binary": (b"\x89PNG\r\n\x1a\n\x00\x00", "not YAML"),
    "half a document, long": (b'{"kind": "List", "items": [\n' + b'{"kind": "Pod"},\n' * 3, ":5:"),
    "a word too many": (b'{"kind": "Pod"} x', "not JSON"),
    "an archive": (b"PK", "cannot be read"),
    "an empty list": (b'{"kind": "List", "apiVersion": "v1", "items": []}', "no object with a time"),
    "a list of nothing but texts": (b'{"kind": "List", "items": ["a", 1, null]}', "no object with a time"),
    "a list that is null": (b'{"kind": "PodList", "apiVersion": "v1", "items": null}', "a list of none"),
    "half a letter": (b'{"kind": "Pod", "metadata": {"name": "\\ud800"}}', "not JSON"),
    "no number": (b"kind: Pod\nmetadata: {name: p, generation: .nan}\n", "not YAML"),
    "a number": (b"7", "kind is missing"),
    "lists without end": (b'{"kind":"List","items":[' * 100 + b"]}" * 100, "deep"),
    "an unfinished string": (b'{"kind": "Pod', "cut off"),
    "twice the same key": (b"kind: Pod\nkind: Job\n", ":2:"),
    "aliases that unfold": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)),
        "aliases",
    ),
    "an alias of itself": (b"a: &a [*a]\nkind: Pod\n", "aliases"),
    "no object": (b'{"a": 1}', "kind is missing"),
    "a text": (b"just words", "kind is missing"),
    "no time": (b'{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}', "no object with a time"),
    "too deep": (b"[" * 100_000, ""),
}


YAML_CASES = ("not yaml", "twice the same key", "aliases that unfold", "an alias of itself", "no number")


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_error_with_file_and_place(case: str, tmp_path: Path) -> None:
    body, words = BAD[case]
    path = tmp_path / (
        "state.yaml" if case in YAML_CASES else "state.json.gz" if case == "an archive" else "state.json"
    )
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


@pytest.mark.parametrize(("name", "limit", "yaml"), [("x.json", "LARGEST", False), ("x.yaml", "LARGEST_YAML", True)])
def test_a_file_that_is_too_large_is_refused_with_its_size(
    name: str, limit: str, yaml: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text("kind: Pod\nmetadata: {name: p}\n" if yaml else json.dumps(POD))
    monkeypatch.setattr(recordedfiles, limit, 10)
    with pytest.raises(UsageError, match=rf"{path.stat().st_size} bytes.*10") as refused:
        recorded.load([path])
    assert refused.value.hint


@pytest.mark.parametrize("name", ["b.tar.gz", "b.tgz", "b.zip"])
def test_an_archive_is_to_be_unpacked(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UsageError, match="Unpack it"):
        recorded.load([tmp_path / name])


def test_a_large_file_costs_its_size_and_what_is_kept_of_it(tmp_path: Path) -> None:
    """48 MB, most of it in fields that nobody reads: a tree of all of it would need some 200 MB more."""
    padded = [named(f"p{n}", spec={"containers": [{"name": "c", "args": ["x" * 50] * 400}]}) for n in range(2000)]
    path = write(tmp_path / "x.json", many(*padded))
    code = (
        "import sys, resource; from pathlib import Path; from runbook.clients import recorded\n"
        "from runbook.domain.kinds import KINDS; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "found = recorded.load([Path(sys.argv[1])]); after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(len(found.objects['Pod']), (after - before) * 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    count, grown = map(int, done.stdout.split())
    assert count == 2000
    assert grown < 1.6 * path.stat().st_size


class TestAnswersThatSayWhatTheyLeftOut:
    def said(self, *paths: Path) -> dict[str, str]:
        return {gap.what: gap.why for gap in recorded.load(paths).left_out}

    def test_files_of_a_bundle_that_hold_no_objects_are_named(self, tmp_path: Path) -> None:
        (tmp_path / "logs").mkdir()
        write(tmp_path / "pods.json", many(POD))
        (tmp_path / "logs" / "app.log").write_text('{"level":"error"}')
        (tmp_path / "version.json").write_text('{"gitVersion": "v1.34.2"}')
        (tmp_path / "half.json").write_text('{"kind": "List", "items": [')
        (tmp_path / "odd.yaml").write_text("a: [\n")
        ((what, why),) = self.said(tmp_path).items()
        assert what.startswith("4 file(s)")
        for name in ("logs/app.log", "version.json", "half.json", "odd.yaml"):
            assert name in why
        assert "half.json (" in why
        assert "cut off" not in why

    def test_many_of_them_are_counted_and_not_all_listed(self, tmp_path: Path) -> None:
        write(tmp_path / "pods.json", many(POD))
        for number in range(30):
            (tmp_path / f"{number:02}.log").write_text("x")
        ((what, why),) = self.said(tmp_path).items()
        assert what.startswith("30 file(s)")
        assert why.endswith("and 25 more")

    def test_an_object_at_two_times_says_which_counts(self, tmp_path: Path) -> None:
        files = [write(tmp_path / f"{n}.json", named("a", at=f"2031-0{n}-01T00:00:00Z")) for n in (3, 2)]
        ((what, why),) = self.said(*files).items()
        assert what == "1 object(s) at more than one time"
        assert why == "Pod/ns/a of 2031-03-01T00:00:00Z counts, 2031-02-01T00:00:00Z is history"

    def test_two_copies_that_say_the_same_are_no_history(self, tmp_path: Path) -> None:
        files = [write(tmp_path / f"{n}.json", many(POD, named("a"))) for n in "xyz"]
        assert self.said(*files) == {}

    def test_a_folder_of_copies_leaves_no_file_aside(self, tmp_path: Path) -> None:
        for name in "xy":
            write(tmp_path / f"{name}.json", many(POD))
        assert self.said(tmp_path) == {}

    def test_copies_of_one_time_that_differ_are_not_of_two_times(self, tmp_path: Path) -> None:
        files = [
            write(tmp_path / f"{n}.json", named("a", status={"phase": p}))
            for n, p in (("x", "Running"), ("y", "Failed"))
        ]
        ((what, why),) = self.said(*files).items()
        assert what == "1 object(s) in copies of one time that differ"
        assert "Pod/ns/a of 20" in why
        assert why.endswith("the higher resourceVersion counts, else the copy that was read last")

    def test_a_bundles_list_of_errors_is_left_aside_and_is_no_object(self, tmp_path: Path) -> None:
        write(tmp_path / "pods.json", many(POD))
        (tmp_path / "errors.json").write_text(json.dumps(["pods.metrics is not served", "timed out"]))
        snapshot = recorded.load([tmp_path])
        assert snapshot.malformed == ()
        assert [(g.what, g.why) for g in snapshot.left_out] == [
            ("1 file(s) that hold no objects", "left aside: errors.json")
        ]

    def test_a_list_that_holds_an_object_beside_a_text_is_not(self, tmp_path: Path) -> None:
        (tmp_path / "mixed.json").write_text(json.dumps(["text", POD]))
        snapshot = recorded.load([tmp_path])
        assert len(snapshot.malformed) == 1
        assert len(snapshot.of(Pod)) == 1

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("null", "holds null, and no object"),
            ("~\n", "holds ~, and no object"),
            ("--- # nothing\n...\n", "the file is empty"),
        ],
    )
    def test_a_file_of_null_says_what_it_holds(self, body: str, words: str, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        path.write_text(body)
        with pytest.raises(UsageError, match=words):
            recorded.load([path])

    def test_a_newer_copy_that_cannot_be_read_does_not_let_the_older_one_speak(self, tmp_path: Path) -> None:
        broken = named("a", at="2031-03-01T00:00:00Z", status={"phase": []})
        for order in ((broken, named("a")), (named("a"), broken)):
            snapshot = recorded.load([write(tmp_path / "x.json", many(*order))])
            assert [str(ref) for ref, _ in snapshot.malformed] == ["Pod/ns/a"]
            assert not snapshot.objects.get("Pod")

    def test_of_two_copies_with_the_same_times_the_higher_resource_version_counts(self, tmp_path: Path) -> None:
        def at(version: str, phase: str) -> dict[str, Any]:
            return {
                **POD,
                "metadata": {**POD["metadata"], "uid": "u", "resourceVersion": version},
                "status": {"phase": phase},
            }

        for order in ((at("9", "Pending"), at("10", "Running")), (at("10", "Running"), at("9", "Pending"))):
            (pod,) = recorded.load([write(tmp_path / "x.json", many(*order))]).of(Pod)
            assert pod.status.phase == "Running"

    def test_bytes_that_are_not_utf_8_are_replaced_and_said(self, tmp_path: Path) -> None:
        bad = named("a", status={"phase": "Failed", "message": "caf\u00e9 x509"})
        path = tmp_path / "x.json"
        path.write_bytes(json.dumps(many(bad), ensure_ascii=False).encode("latin-1"))
        snapshot = recorded.load([path])
        assert snapshot.of(Pod)[0].status.message == "caf\ufffd x509"
        assert [gap.what for gap in snapshot.left_out] == [str(path)]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_a_byte_order_mark_is_no_part_of_it(self, encoding: str, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        path.write_text(json.dumps(POD), encoding=encoding)
        assert len(recorded.load([path]).of(Pod)) == 1

    @pytest.mark.parametrize("message", [None, 7, 1.5, True, {"a": 1}, ["x"]], ids=str)
    def test_a_message_that_is_no_text_is_read_as_one(self, message: Any, tmp_path: Path) -> None:
        odd = named(
            "a",
            status={"phase": "Failed", "message": message, "conditions": [None, {"type": "Ready", "message": message}]},
        )
        (pod,) = recorded.load([write(tmp_path / "x.json", odd)]).of(Pod)
        assert pod.status.message == ("" if message is None else json.dumps(message))


@pytest.mark.parametrize("joint", ["\n", "", "\n\n"], ids=["lines", "nothing", "blank lines"])
@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "many lines"])
def test_one_json_document_after_another_is_read(joint: str, indent: int | None, tmp_path: Path) -> None:
    path = tmp_path / "watch.json"
    path.write_text(joint.join(json.dumps(named(n), indent=indent) for n in "abc"))
    assert {p.metadata.name for p in recorded.load([path]).of(Pod)} == {"a", "b", "c"}


def test_a_packed_file_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "state.json.gz"
    path.write_bytes(gzip.compress(json.dumps(POD).encode()))
    assert len(recorded.load([path]).of(Pod)) == 1
