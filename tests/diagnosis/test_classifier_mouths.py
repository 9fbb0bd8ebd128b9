"""Who may say the words, and who denies them: guards that hold for all causes at once."""

from __future__ import annotations

import pytest

from runbook.diagnosis.catalogue import Catalogue, built_in
from runbook.diagnosis.classify import classify
from runbook.diagnosis.negation import denied
from runbook.diagnosis.patterns import Pattern

EXTRA = """\
schema: runbook/causes/v1
causes:
  - id: shelf-empty
    title: The shelf is empty
    layer: {layer}
    role: cause
    meaning: Nothing is left.
    signatures: [{{match: 'shelf is empty', weak: {weak}}}]
    next: {{text: Fill it.}}
    decides: A look at the shelf.
"""


def _with(layer: str = "helm", weak: str = "true") -> Catalogue:
    return built_in().extended("mine.yaml", EXTRA.format(layer=layer, weak=weak))


class TestWeakWords:
    @pytest.mark.parametrize("kind", ["", "Pod", "Container", "Order"])
    def test_prove_nothing_in_a_programs_mouth(self, kind: str) -> None:
        assert classify("the shelf is empty", kind=kind, catalogue=_with()).cause == "unknown"
        assert classify("the shelf is empty", kind=kind, catalogue=_with(weak="false")).cause == "shelf-empty"

    def test_prove_where_the_object_is_of_a_kind_of_their_layer(self) -> None:
        assert classify("the shelf is empty", kind="HelmRelease", catalogue=_with()).cause == "shelf-empty"
        assert classify("the shelf is empty", kind="HelmRelease", catalogue=_with("node")).cause == "unknown"
        assert classify("the shelf is empty", kind="Node", catalogue=_with("node")).cause == "shelf-empty"

    def test_prove_beside_words_that_only_the_clusters_software_has(self) -> None:
        assert classify("Helm upgrade failed: the shelf is empty", catalogue=_with()).cause == "shelf-empty"

    @pytest.mark.parametrize(
        ("message", "theirs", "cause"),
        [
            ("JWT {}", "signature verification failed: no key", "signature-verification"),
            ("the {}", "object is immutable", "helm-immutable-field"),
            ("row: {}", 'no User with the name "bob" found', "helm-missing-resource"),
            ("{}", "namespace orders does not exist", "namespace-missing"),
        ],
    )
    def test_the_same_words_of_a_program_and_of_flux(self, message: str, theirs: str, cause: str) -> None:
        assert classify(message.format(theirs), kind="Pod").cause == "unknown"
        assert classify(message.format(theirs), kind="HelmRelease").cause == cause

    def test_each_layer_has_its_kinds(self) -> None:
        layers = {cause.layer for cause in built_in().causes.values() if any(s.weak for s in cause.signatures)}
        assert layers - set(built_in().stack.kinds) <= {"registry"}  # its weak words need other words beside them


class TestDenial:
    @pytest.mark.parametrize(
        "message",
        [
            "0 pods OOMKilled in the last hour",
            "no pods are in CrashLoopBackOff",
            "there was no OOMKilled container",
            "it isn't CrashLoopBackOff",
            'never saw "no space left on device": image store is fine, never OOMKilled',
            "pods aren’t in CrashLoopBackOff",
            "finished without OOMKilled pods: zero OOMKilled",
        ],
    )
    def test_what_is_said_not_to_be_is_no_proof(self, message: str) -> None:
        answer = classify(message, kind="Pod")
        assert answer.cause == "unknown"
        assert "there is none" in answer.why

    @pytest.mark.parametrize(
        ("message", "cause"),
        [
            ("container init was OOM-killed (memory limit too low?)", "oom-killed"),
            ("the node could not start: OOMKilled", "oom-killed"),
            ("not found: OOMKilled", "oom-killed"),
            ("10 pods OOMKilled", "oom-killed"),
            ("10.0.0 OOMKilled", "oom-killed"),
        ],
    )
    def test_a_failed_act_another_clause_and_a_number_deny_nothing(self, message: str, cause: str) -> None:
        assert classify(message, kind="Pod").cause == cause

    @pytest.mark.parametrize("act", ["could", "can", "did", "does"])
    def test_what_could_not_be_done_is_a_failure(self, act: str) -> None:
        text = f"it {act} not find the values reference"
        at = text.index("values reference")
        assert denied(text, (at, len(text))) == ""
        assert denied(text.replace(act, "is"), (at + 2 - len(act), len(text) + 2 - len(act))) != ""

    def test_nothing_found_is_not_denied(self) -> None:
        assert denied("no pods", None) == ""


class TestOfAnother:
    @pytest.mark.parametrize(
        "around",
        [
            "Hint: {}",
            "use this if you see {}",
            "--- PASS: {}",
            "previously: {}",
            "{}; now connected",
            "reconnected after {}",
        ],
    )
    def test_what_is_quoted_or_over_is_unknown(self, around: str) -> None:
        words = 'password authentication failed for user "app"'
        assert classify(words, kind="Pod").cause == "db-connection"
        assert classify(around.format(words), kind="Pod").cause == "unknown"

    @pytest.mark.parametrize(
        ("message", "cause"),
        [
            ("Redis connection failed: context deadline exceeded", "db-connection"),
            ("Unable to connect to the server: EOF", "apiserver-etcd-unavailable"),
            ('Error response from daemon: Get "https://10.0.0.4/v2/": x509: certificate signed by unknown authority', "registry-ca-untrusted"),
        ],
    )  # fmt: skip
    def test_who_is_named_by_words_goes_before_the_kind(self, message: str, cause: str) -> None:
        assert classify(message, kind="GitRepository").cause == cause

    @pytest.mark.parametrize("wait", ["Running 'upgrade' action with timeout of 5m0s", "checks with a timeout of 5m0s"])
    def test_a_wait_is_no_fault_of_the_wire(self, wait: str) -> None:
        assert classify(wait, kind="GitRepository").fault == "wait"
        assert classify("dial tcp 10.0.0.1:22: i/o timeout", kind="GitRepository").cause == "source-fetch-failed"


def test_a_bucket_is_no_registry() -> None:
    rules = [cause.structure for cause in built_in().causes.values() if cause.structure]
    assert rules
    assert all("Bucket" not in rule["kinds"] for rule in rules)


PAIR = """\
schema: runbook/causes/v1
causes:
  - {{id: shelf, title: A, layer: helm, role: cause, meaning: M, signatures: [{{match: 'shelf is empty now'}}], next: {{text: T}}, decides: D}}
  - {{id: box, title: B, layer: helm, role: cause, meaning: M, signatures: [{{match: 'the box is empty'}}], next: {{text: T}}, decides: D{over}}}
"""


@pytest.mark.parametrize(("over", "cause"), [("", "unknown"), (", over: [shelf]", "box")])
def test_of_two_proofs_as_good_the_special_case_wins_though_it_is_the_shorter(over: str, cause: str) -> None:
    mine = built_in().extended("mine.yaml", PAIR.format(over=over))
    assert classify("the shelf is empty now: the box is empty", catalogue=mine).cause == cause


def test_of_two_matches_as_long_the_first_in_the_text_is_shown() -> None:
    assert Pattern("abcd|bbcd").search("xx bbcd abcd") == (3, 7)
    assert Pattern("bbcd|abcd").search("xx bbcd abcd") == (3, 7)
