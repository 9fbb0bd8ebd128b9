"""`runbook causes`: the catalogue listed, searched, explained, and messages told apart; and users' own files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook.cli.app import call
from runbook.cli.causes import answers
from runbook.diagnosis.catalogue import built_in
from runbook.diagnosis.page import page, search

ROOT = Path(__file__).parents[2]
OURS = """schema: runbook/causes/v1
causes:
  - id: licence-expired
    title: The licence of the product has expired
    layer: workload
    role: cause
    meaning: It refuses to start.
    signatures:
      - {by: the product, match: 'licence (has )?expired', rank: 12}
    next: {text: "Renew the licence of {name}.", command: 'kubectl logs {name} -n {namespace}', safe: true}
    decides: The date in the licence.
"""
INVENTORY = "schema: runbook/inventory/v1\ncluster: {name: lab}\ncauses: [ours.yaml]\n"
EXPIRED = {
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "uid": "1", "creationTimestamp": "2031-01-01T00:00:00Z"},
    "spec": {"containers": [{"name": "web", "image": "r.lab/web:1"}]},
    "status": {"phase": "Pending", "conditions": [
        {"type": "Ready", "status": "False", "lastTransitionTime": "2031-01-01T00:00:00Z", "reason": "ContainersNotReady"}],
        "containerStatuses": [{
        "name": "web", "ready": False, "restartCount": 0, "image": "r.lab/web:1", "imageID": "",
        "state": {"waiting": {"reason": "CreateContainerError", "message": "fatal: licence has expired"}}}]},
}  # fmt: skip


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    (tmp_path / "ours.yaml").write_text(OURS)
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return tmp_path / "inventory.yaml"


def _matched(text: bytes) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "runbook", "causes", "match"], input=text, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class TestTheCatalogue:
    def test_it_lists_all_and_as_json_says_what_each_means(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["causes", "--format", "json"]) == 0
        listed = json.loads(capsys.readouterr().out)
        assert [c["id"] for c in listed] == list(built_in().causes)
        assert all(c["meaning"] and c["next"]["text"] and c["decides"] for c in listed)

    def test_every_id_stands_whole_in_the_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["causes"]) == 0
        shown = capsys.readouterr().out.split()
        assert set(built_in().causes) <= set(shown)

    @pytest.mark.parametrize(
        ("words", "first", "among"),
        [
            (["oom"], "oom-killed", "oom-killed"),
            (["SEALED", "scope"], "sealed-secret-scope-mismatch", "sealed-secret-key-mismatch"),
            (["toomanyrequests"], "registry-rate-limit", "registry-rate-limit"),
        ],
    )
    def test_it_is_searched_by_words_ids_first(self, words: list[str], first: str, among: str) -> None:
        found = [cause.id for cause in search(built_in(), words)]
        assert found[0] == first
        assert among in found

    def test_a_search_that_finds_nothing_says_so_and_is_an_answer(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["causes", "search", "no-such-word", "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out) == []

    def test_one_is_explained_with_its_act_and_what_settles_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["causes", "explain", "sealed-secret-key-mismatch"]) == 0
        shown = capsys.readouterr().out
        cause = built_in().causes["sealed-secret-key-mismatch"]
        for part in (cause.title, cause.meaning, cause.next.text, cause.decides, cause.docs, "no key could decrypt"):
            assert part in shown

    def test_an_id_that_is_none_is_refused_with_its_neighbour(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert call(["causes", "explain", "oom-kiled"]) == 2
        assert "oom-killed" in capsys.readouterr().err

    def test_the_documentation_page_is_the_catalogues(self) -> None:
        assert (ROOT / "docs" / "causes.md").read_text() == page(built_in()), (
            "run: runbook causes --format markdown > docs/causes.md"
        )
        assert all(f"### {cause}\n" in page(built_in()) for cause in built_in().causes)


class TestMatch:
    def test_one_answer_a_message_in_order_with_exactly_the_promised_keys(self) -> None:
        asked = [
            {"id": "a", "object_kind": "Pod", "reason": "CreateContainerConfigError", "message": 'secret "db" not found', "more": 1},
            {"id": "b", "object_kind": "HelmRelease", "reason": "", "message": "Helm install failed: context deadline exceeded"},
            {"id": 3, "object_kind": "", "reason": "", "message": "all is well"},
        ]  # fmt: skip
        told = _matched("\n".join(json.dumps(a) for a in asked).encode())
        assert [(t["id"], t["cause"], t["kind"]) for t in told] == [
            ("a", "secret-missing", "cause"), ("b", "helm-wait-timeout", "symptom"), (3, "unknown", "unknown"),
        ]  # fmt: skip
        assert all(set(t) == {"id", "cause", "kind", "why"} and t["why"] for t in told)

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            (b"nonsense", "line 1 is not JSON"),
            (b'{"id": 1, "message"', "line 1 is not JSON"),
            (b"[1]", "line 1 is not a JSON object"),
            (b"[" * 100_000, "line 1 is not JSON"),
            (b'{"id": 1}', "there is no message"),
            (b'{"id": 1, "message": null, "reason": 4, "object_kind": []}', "there is no message"),
            (b'{"id": 1, "message": 12.5}', "no known words"),
            (b'{"id": 1, "message": "\\udcff"}', "no known words"),
        ],
    )
    def test_a_bad_line_is_answered_unknown_and_why_and_the_next_one_right(self, line: bytes, why: str) -> None:
        good = b'{"id": "good", "message": "secret \\"db\\" not found"}'
        told = list(answers([line + b"\n", b"\n", good], built_in()))
        assert [t["cause"] for t in told] == ["unknown", "secret-missing"]
        assert why in told[0]["why"]

    def test_bytes_that_are_no_text_do_not_hide_the_words_around_them(self) -> None:
        told = list(
            answers([b'\xef\xbb\xbf{"id": 1, "message": "\xff\xfe secret \\"db\\" not found \xc3("}'], built_in())
        )
        assert told[0]["cause"] == "secret-missing"

    def test_ten_megabytes_are_answered(self) -> None:
        line = json.dumps({"id": 1, "message": "x" * 10_000_000 + ' secret "db" not found'}).encode()
        assert next(answers([line], built_in()))["cause"] == "secret-missing"

    def test_a_file_that_is_not_there_is_refused_by_name(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert call(["causes", "match", "--messages", str(tmp_path / "none.jsonl")]) == 2
        assert "none.jsonl" in capsys.readouterr().err


class TestOnesOwnCauses:
    def test_they_are_listed_and_match(
        self, inventory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "m.jsonl").write_text('{"id": 1, "message": "fatal: licence has expired"}\n')
        assert call(["causes", "match", "--messages", str(tmp_path / "m.jsonl"), "-i", str(inventory)]) == 0
        assert json.loads(capsys.readouterr().out)["cause"] == "licence-expired"
        assert call(["causes", "match", "--messages", str(tmp_path / "m.jsonl")]) == 0
        assert json.loads(capsys.readouterr().out)["cause"] == "unknown"
        assert call(["causes", "explain", "licence-expired", "-i", str(inventory)]) == 0
        assert "The date in the licence." in capsys.readouterr().out

    def test_explain_names_them(self, inventory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "state.json").write_text(json.dumps(EXPIRED))
        asked = ["explain", "--from", str(tmp_path / "state.json"), "--format", "json"]
        assert call([*asked, "-i", str(inventory)]) == 0
        named = json.loads(capsys.readouterr().out)["first_causes"]
        assert [c["cause"] for c in named] == ["licence-expired"]
        assert named[0]["next"]["text"] == "Renew the licence of web."
        assert call(asked) == 0
        assert "licence-expired" not in capsys.readouterr().out

    @pytest.mark.parametrize(
        "command",
        [["explain", "--from", "x.json"], ["causes"], ["inventory", "check"]],
        ids=["explain", "causes", "inventory check"],
    )
    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (lambda text: text.replace("layer: workload", "layer: sky"), ("ours.yaml:5", "layer 'sky' is none of")),
            (lambda text: text.replace("'licence (has )?expired'", "'(licence+)+'"), ("ours.yaml:9", "repetition")),
            (lambda text: text.replace("title: The", "title: [The"), ("ours.yaml:5", "not YAML")),
            (lambda text: "\udcff" + text, ("ours.yaml", "is not UTF-8 at byte 0")),
        ],
        ids=["layer", "runaway", "yaml", "utf-8"],
    )
    def test_a_bad_file_is_refused_with_file_line_and_reason(
        self,
        command: list[str],
        spoil: Callable[[str], str],
        said: tuple[str, str],
        inventory: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (inventory.parent / "ours.yaml").write_bytes(spoil(OURS).encode("utf-8", errors="surrogateescape"))
        assert call([*command, "-i", str(inventory)]) == 2
        shown = " ".join(capsys.readouterr().err.split())
        assert all(part in shown for part in said), shown
