"""The catalogue: complete, described, and closed to files that would break it."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest
import yaml
from ruamel.yaml import YAML

from runbook.diagnosis.acts import next_act
from runbook.diagnosis.catalogue import built_in, load
from runbook.diagnosis.classify import classify
from runbook.errors import UsageError
from runbook.model import ObjectRef

HOUSE = resources.files("runbook.diagnosis")
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


def test_it_holds_the_78_causes_of_the_vocabulary_and_two_more_with_everything_people_need() -> None:
    causes = built_in().causes
    assert len(causes) == 80
    assert {"reference-not-permitted", "dependency-circle"} <= set(causes)
    for cause in causes.values():
        assert cause.title, cause.id
        assert cause.next.text, cause.id
        assert cause.decides, cause.id
        assert cause.docs.startswith("https://"), cause.id
        assert cause.stage in {"registry-trust", "cleanup", "reconcile", "verify"}, cause.id


def test_it_fits_its_schema() -> None:
    schema = json.loads(HOUSE.joinpath("causes.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    whole = {**schema, **schema["$defs"]["catalogue"]}
    jsonschema.validate(YAML(typ="safe", pure=True).load(HOUSE.joinpath("causes.yaml").read_text()), whole)
    jsonschema.validate(YAML(typ="safe", pure=True).load(OURS), schema)


def test_the_symptoms_are_those_that_only_wait() -> None:
    symptoms = {c.id for c in built_in().causes.values() if c.role == "symptom"}
    assert symptoms == {
        "source-not-ready", "dependency-not-ready", "health-check-failed", "reconcile-in-progress", "retries-exhausted",
        "helm-hook-timeout", "helm-wait-timeout", "crash-loop", "probe-failing", "job-backoff-limit", "job-deadline-exceeded",
    }  # fmt: skip


def test_peers_faults_and_captures_that_are_named_exist() -> None:
    catalogue = built_in()
    peers, faults = {p.id for p in catalogue.peers} | {""}, {f.id for f in catalogue.faults}
    for cause in catalogue.causes.values():
        assert set(cause.captures) <= set(catalogue.captures), cause.id
        for signature in cause.signatures:
            assert signature.peers <= peers, cause.id
            assert signature.faults <= faults, cause.id


class TestUsersFiles:
    def test_a_cause_of_ones_own_is_found_and_the_rest_stays(self) -> None:
        catalogue = load([("ours.yaml", OURS)])
        assert classify("fatal: licence has expired", catalogue=catalogue).cause == "licence-expired"
        assert classify('secret "a" not found', catalogue=catalogue).cause == "secret-missing"
        assert classify("fatal: licence has expired").cause == "unknown"
        assert len(built_in().causes) == 80

    def test_words_can_be_added_to_a_known_cause(self) -> None:
        text = "schema: runbook/causes/v1\ncauses:\n  - id: oom-killed\n    signatures: [{match: 'ran out of room'}]\n"
        assert classify("it ran out of room", catalogue=load([("ours.yaml", text)])).cause == "oom-killed"

    @pytest.mark.parametrize(
        ("old", "new", "line", "reason"),
        [
            ("schema: runbook/causes/v1", "schema: other", 1, "schema"),
            ("  - id: licence-expired", "  - id: oom-killed", 3, "taken"),
            ("  - id: licence-expired", "  - id: Licence Expired", 3, "not an id"),
            ("    role: cause", "    role: reason", 6, "none of"),
            ("    layer: workload", "    layer: sky", 5, "none of"),
            ("    title: The", "    titel: The", 4, "unknown key 'titel'"),
            ("    meaning: It refuses to start.\n", "", 3, "'meaning' is missing"),
            ("'licence (has )?expired'", "'(licence+)+expired'", 9, "repetition"),
            ("'licence (has )?expired'", "'licence ('", 9, "not a regular expression"),
            ("match: 'licence (has )?expired', ", "", 9, "needs match"),
            ("by: the product", "why: because", 9, "only the keys"),
            ("next: {text", "next: {texts", 10, "`next` must be"),
            ("    title: The licence", "    title: [The licence", 5, "not YAML"),
        ],
    )
    def test_a_bad_file_is_refused_with_file_line_and_reason(self, old: str, new: str, line: int, reason: str) -> None:
        assert old in OURS
        with pytest.raises(UsageError) as refused:
            load([("ours.yaml", OURS.replace(old, new))])
        assert reason in str(refused.value)
        assert refused.value.field == f"ours.yaml:{line}"
        assert refused.value.exit_code == 2


class TestNextActs:
    POD = ObjectRef("Pod", "shop", "web-1")

    def test_names_are_filled_in_and_a_missing_one_stays_open(self) -> None:
        cause = built_in().causes["image-not-found"]
        assert "r.lab/app:2" in next_act(cause, self.POD, {"image": "r.lab/app:2"}).text
        assert "<image>" in next_act(cause, self.POD, {}).text
        assert next_act(cause, self.POD, {}).command == "kubectl get pod web-1 -n shop -o wide"

    def test_a_captured_text_cannot_speak_to_the_shell(self) -> None:
        cause = built_in().causes["rbac-forbidden"]
        command = next_act(cause, self.POD, {"user": "x; rm -rf / $(id) `id` | sh & > /etc/passwd\n"}).command
        assert not set(command) & set(";$`|&><()\n")

    def test_every_act_that_is_called_safe_only_reads(self) -> None:
        reading = ("kubectl get", "kubectl describe", "kubectl logs", "kubectl auth can-i", "kubectl api-resources", "openssl ", "curl ",
                   "flux get", "flux build", "flux debug", "helm history", "helm get", "ssh-keyscan", "runbook plan")  # fmt: skip
        for cause in built_in().causes.values():
            if cause.next.safe:
                assert cause.next.command.startswith(reading), cause.id
            else:
                assert cause.next.command.startswith(("flux reconcile", "flux resume")), cause.id


def test_the_catalogue_says_the_same_to_the_reader_that_is_fast_and_to_the_one_that_reads_users_files() -> None:
    text = resources.files("runbook.diagnosis").joinpath("causes.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == YAML(typ="safe", pure=True).load(text)
