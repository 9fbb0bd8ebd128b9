"""States of real controllers, each with one planted fault: the first cause must be that fault, and nothing else."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from runbook.clients import recorded
from runbook.diagnosis import as_json, explain
from runbook.model import Explanation, Snapshot

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
NAMES = sorted(p.name for p in RECORDINGS.iterdir() if p.is_dir())
QUIET = ["healthy", "force-in-sync", "force-recovers", "reconcile-requested", "reset-recovers"]
PROMISED = [
    "sealed-secret-wrong-key", "source-ca-untrusted", "source-connection-refused", "chart-not-found", "git-branch-not-found",
    "image-pull-untrusted-ca", "image-tag-missing", "depends-on-not-ready", "kustomization-dependency-missing",
    "kustomization-build-failed", "values-secret-missing",
]  # fmt: skip


def state(name: str, tmp_path: Path, file: str = "state", items: list[dict[str, object]] | None = None) -> Snapshot:
    document = json.loads(gzip.decompress((RECORDINGS / name / f"{file}.json.gz").read_bytes()))
    if items is not None:
        document["items"] = items
    path = tmp_path / f"{name}-{file}.json"
    path.write_text(json.dumps(document))
    return recorded.load([path])


def answer(name: str) -> dict[str, list[str]]:
    return dict(YAML(typ="safe", pure=True).load((RECORDINGS / name / "answer.yaml").read_text()))


def causes(explanation: Explanation) -> set[str]:
    return {c.cause for c in explanation.first_causes}


def test_all_recordings_are_here() -> None:
    assert len(NAMES) >= 36
    assert set(QUIET) | set(PROMISED) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_first_causes_are_what_was_planted(name: str, tmp_path: Path) -> None:
    explanation, wanted = explain(state(name, tmp_path)), answer(name)
    assert causes(explanation) - set(wanted.get("also_right", [])) == set(wanted["first_causes"])
    assert {str(u.object) for u in explanation.unexplained} == set(wanted["unexplained"])


@pytest.mark.parametrize("name", [n for n in NAMES if answer(n)["first_causes"]])
def test_waiting_parties_follow_and_are_never_causes(name: str, tmp_path: Path) -> None:
    explanation, wanted = explain(state(name, tmp_path)), answer(name)
    follow = {str(e.object) for c in explanation.first_causes for e in c.explains if e.relation != "self"}
    assert set(wanted["follow"]) <= follow
    assert not {str(c.object) for c in explanation.first_causes} & set(wanted["follow"])


@pytest.mark.parametrize("name", [n for n in NAMES if answer(n)["first_causes"]])
def test_the_object_named_is_the_one_at_fault(name: str, tmp_path: Path) -> None:
    named = [str(c.object) for c in explain(state(name, tmp_path)).first_causes]
    for fault in answer(name)["at_fault"]:
        if fault.startswith("Pod of "):
            owner = fault.removeprefix("Pod of ").split("/", 1)[1]
            assert any(n.startswith(f"Pod/{owner}-") for n in named), fault
        elif fault.startswith("ValidatingWebhookConfiguration/"):
            assert [n for n in named if n.startswith("Webhook/")], "the webhook is named as its callers name it"
        else:
            assert fault in named


def test_a_dependency_chain_blocks_and_is_not_broken(tmp_path: Path) -> None:
    (cause,) = explain(state("depends-on-not-ready", tmp_path)).first_causes
    relations = {e.object.name: e.relation for e in cause.explains}
    assert relations == {"base": "self", "api": "blocked-by", "web": "blocked-by"}


@pytest.mark.parametrize(
    ("name", "file"), [("force-recovers", "before"), ("reset-recovers", "before")], ids=["force", "reset"]
)
def test_a_message_older_than_what_it_names_proves_nothing(name: str, file: str, tmp_path: Path) -> None:
    explanation = explain(state(name, tmp_path, file))
    assert explanation.first_causes == ()
    (left,) = explanation.unexplained
    assert "is ready now" in left.why
    assert left.hypotheses == () or all(h.decides for h in left.hypotheses)


def test_a_pull_that_nobody_explains_is_a_hypothesis_with_its_decider(tmp_path: Path) -> None:
    (cause,) = explain(state("hook-install-timeout", tmp_path)).first_causes
    assert (cause.cause, cause.proof) == ("image-pull-failed", "hypothesis")
    assert "event" in cause.decides


def test_the_same_pull_with_the_runtimes_words_is_a_fact(tmp_path: Path) -> None:
    (cause,) = explain(state("image-pull-untrusted-ca", tmp_path)).first_causes
    assert (cause.cause, cause.proof) == ("registry-ca-untrusted", "fact")
    assert cause.captures["host"] == "registry.flux-system.svc.cluster.local:5000"


def test_a_suspended_object_is_a_decision(tmp_path: Path) -> None:
    explanation = explain(state("suspended", tmp_path))
    assert causes(explanation) <= {"suspended"}
    assert explanation.unexplained == ()


def test_the_json_is_explanation_v1(tmp_path: Path) -> None:
    body = json.loads(json.dumps(as_json(explain(state("sealed-secret-wrong-key", tmp_path)))))
    assert body["schema"] == "runbook/explanation/v1"
    assert set(body) == {"schema", "observed_at", "cluster", "first_causes", "unexplained", "not_evaluated"}
    (cause,) = body["first_causes"]
    assert cause["object"] == {"kind": "SealedSecret", "namespace": "vault", "name": "vault-values"}
    assert cause["proof"] == "hypothesis"
    assert "/v1/verify" in cause["decides"]
    assert {e["name"]: e["relation"] for e in cause["explains"]} == {"vault-values": "self", "vault": "caused-by"}
    assert {"what": "ingresses", "why": "not in the input"} in body["not_evaluated"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_deleted_objects_never_turn_it_into_another_confident_cause(name: str, seed: int, tmp_path: Path) -> None:
    items = json.loads(gzip.decompress((RECORDINGS / name / "state.json.gz").read_bytes()))["items"]
    chosen = random.Random(f"{name}{seed}")
    kept = [i for i in items if chosen.random() < (0.35 + 0.2 * seed)] or items[:1]
    whole = {c.cause for c in explain(state(name, tmp_path)).first_causes}
    for cause in explain(state(name, tmp_path, items=kept)).first_causes:
        assert cause.cause in whole or cause.proof == "hypothesis", (cause.cause, cause.object, cause.message)
