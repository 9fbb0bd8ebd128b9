"""No secret reaches a file: cut before writing, looked for after, withheld when one is found all the same."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from evidence_samples import endpoint, new_run, pod, seen
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook.evidence import Redactor, leak_gate, load_snapshot, redact, withhold

CANARY = "Canary-8f3a91c7-Zq"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
# Built from halves, so that no file of the repository looks like a key.
PEM = "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEpAIBAAKCAQEA7\nabc\n-----END RSA PRIVATE" + " KEY-----"
SECRETS = {
    "jwt": f"token {JWT} refused",
    "private key": f"tls: {PEM} is bad",
    "github token": "fetch with ghp_" + "a1B2" * 9,
    "url with a password": f"clone https://becker:{CANARY}@git.example/x.git failed",
    "url with a token": f"clone https://{CANARY}@git.example/x.git failed",
    "bearer header": f"Authorization: Bearer {CANARY}{CANARY}",
    "basic header": "authorization: Basic " + base64.b64encode(f"a:{CANARY}".encode()).decode(),
    "assignment": f"connect: password={CANARY} host=db",
    "json assignment": json.dumps({"db_password": CANARY}),
    "json in json": json.dumps(json.dumps({"client_secret": CANARY})),
    "argument": f"exec: psql --password {CANARY} -h db",
    "query": f"GET /x?access_token={CANARY}&page=2",
    "docker config": json.dumps({"auths": {"r": {"auth": base64.b64encode(f"u:{CANARY}".encode()).decode()}}}),
    "aws key": "AKIA" + "ABCDEFGH12345678",
}
HARMLESS = (
    'failed to get secret: secrets "ccbot-secrets" not found',
    "no key could decrypt secret (password)",
    "ssh://git@github.com/x/y.git",
    "token: not valid yet",
    "x509: certificate signed by unknown authority",
    "HelmChart 'flux-system/triager-ccbot' is not ready: invalid chart reference",
    "Helm install failed: timed out waiting for the condition",
    "secretName: registry-tls, existingSecret: shop-api-secrets",
    "https://charts.example.com/index.yaml?page=2",
    "er-summarize-worker-secret                           read)",  # a name that a table has wrapped
    "SealedSecret/triager/ingest-worker-secret\n          (MODEL_TOKEN) cannot be opened",
)


def leftovers(text: str) -> list[str]:
    inside = [
        CANARY,
        JWT,
        "MIIEpAIBAAKCAQEA7",
        "ghp_a1B2",
        "AKIAABCD",
        base64.b64encode(f"u:{CANARY}".encode()).decode(),
    ]
    return [s for s in inside if s in text]


@pytest.mark.parametrize("kind", SECRETS)
def test_each_shape_is_cut_from_a_text_and_counted(kind: str) -> None:
    redactor = Redactor()
    cut = redactor.text(SECRETS[kind])
    assert leftovers(cut) == []
    assert sum(redactor.counts.values()) >= 1


@pytest.mark.parametrize("text", HARMLESS)
def test_what_diagnosis_reads_is_left_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_what_was_cut_is_cut_once() -> None:
    once = redact(list(SECRETS.values()))
    assert redact(once) == once


def test_a_secrets_values_go_and_its_keys_stay() -> None:
    item = {
        "kind": "Secret",
        "metadata": {
            "name": "s",
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"stringData": {"p": CANARY}})
            },
        },
        "data": {"password": base64.b64encode(CANARY.encode()).decode()},
        "stringData": {"user": CANARY},
    }
    redactor = Redactor()
    kept = redactor.item(item)
    assert leftovers(json.dumps(kept)) == []
    assert list(kept["data"]) == ["password"]
    assert CANARY in redactor.known  # decoded, so that the gate can look for it


def test_literals_named_like_secrets_go_whatever_they_look_like() -> None:
    kept = Redactor().item(pod(DB_PASSWORD="hunter", LOG_LEVEL="debug", API_TOKEN="a8", SECRET="ccbot-secrets"))
    values = {e["name"]: e["value"] for e in kept["spec"]["containers"][0]["env"]}
    assert values == {"DB_PASSWORD": "«cut»", "LOG_LEVEL": "debug", "API_TOKEN": "«cut»", "SECRET": "ccbot-secrets"}


def test_values_of_a_release_are_cut_by_key_and_references_stay() -> None:
    values = {"db": {"password": "x1", "existingSecret": "db"}, "image": {"tag": "0.2.3"}, "secret": "shop-api-secrets"}
    kept = redact({"spec": {"values": values}})["spec"]["values"]
    assert kept == {**values, "db": {"password": "«cut»", "existingSecret": "db"}}


def test_a_sealed_secrets_ciphertext_is_public_and_stays() -> None:
    item = {
        "kind": "SealedSecret",
        "metadata": {"name": "s"},
        "spec": {"encryptedData": {"password": "AgB" + "x" * 300}},
    }
    assert Redactor().item(item)["spec"]["encryptedData"] == item["spec"]["encryptedData"]


def test_managed_fields_go() -> None:
    assert "managedFields" not in Redactor().item(pod())["metadata"]


class TestObservations:
    """A canary in every observable place appears in no file, and the snapshot can still be judged."""

    def stored(self, tmp_path: Path) -> Path:
        attempt = new_run(tmp_path).new_attempt("verify")
        first = pod("early")
        first["status"]["message"] = f"crashed while using {CANARY} alone"  # cut only because of what is learnt later
        release = {
            "kind": "HelmRelease",
            "metadata": {"name": "r", "namespace": "ffl"},
            "spec": {"values": {"db": {"password": CANARY}}},
            "status": {
                "conditions": [{"type": "Ready", "status": "False", "message": f"postgres://u:{CANARY}@db refused"}]
            },
        }
        config = {
            "kind": "ConfigMap",
            "metadata": {"name": "c", "namespace": "ffl"},
            "data": {"app.ini": f"key {CANARY}"},
        }
        attempt.store(
            seen(
                first, pod(DB_PASSWORD=CANARY), release, config, probes=(endpoint(f'{{"token": "{CANARY}{CANARY}"}}'),)
            )
        )
        return attempt.path

    def test_a_canary_in_any_place_is_in_no_file(self, tmp_path: Path) -> None:
        files = [p for p in self.stored(tmp_path).rglob("*") if p.is_file()]
        assert len(files) >= 5
        for path in files:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            assert leftovers(data.decode()) == [], path.name

    def test_what_was_stored_reads_back_as_the_same_kinds(self, tmp_path: Path) -> None:
        snapshot = load_snapshot(self.stored(tmp_path))
        assert {k: len(v) for k, v in snapshot.objects.items()} == {
            "Pod": 2,
            "HelmRelease": 1,
            "ConfigMap": 1,
            "EndpointProbe": 1,
        }
        assert snapshot.objects["Pod"][1].spec.containers[0].env[0].name == "DB_PASSWORD"
        assert snapshot.malformed[0][1] == "spec: expected object"


class TestGate:
    @pytest.mark.parametrize(
        "spelling",
        [
            lambda v: v,
            lambda v: json.dumps({"x": v}),
            lambda v: base64.b64encode(v.encode()).decode(),
            lambda v: base64.b64encode(f"user:{v}:more".encode()).decode(),
            lambda v: base64.b64encode(f"xy{v}".encode()).decode(),
            lambda v: v.replace("-", "%2D") if "%" in v else v.encode().hex(),
        ],
        ids=["plain", "one-line json", "base64", "base64 in the middle", "base64 shifted", "hex"],
    )
    @pytest.mark.parametrize("name", ["notebook.ipynb", "report.html", "result.json", "journal.jsonl", "Pod.jsonl.gz"])
    def test_a_known_value_is_found_in_every_spelling_and_file(self, tmp_path: Path, name: str, spelling: Any) -> None:
        path = tmp_path / name
        data = f"a line\nbefore {spelling(CANARY)} after\n".encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        leaks = leak_gate([tmp_path], known=[CANARY])
        assert [(leak.path, leak.line) for leak in leaks][:1] == [(path, 2)]
        assert CANARY not in str(leaks)

    @pytest.mark.parametrize("kind", SECRETS)
    def test_a_known_shape_is_found_without_knowing_the_value(self, tmp_path: Path, kind: str) -> None:
        (tmp_path / "report.html").write_text(f"<p>{SECRETS[kind]}</p>")
        assert leak_gate([tmp_path])

    def test_a_shape_inside_base64_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text(
            json.dumps({"blob": base64.b64encode(SECRETS["assignment"].encode()).decode()})
        )
        assert [leak.encoded for leak in leak_gate([tmp_path])] == [True]

    def test_a_file_with_a_leak_is_withheld_and_the_note_names_no_value(self, tmp_path: Path) -> None:
        path = tmp_path / "report.html"
        path.write_text(SECRETS["bearer header"])
        assert withhold(leak_gate([tmp_path])) == (path,)
        assert not path.exists()
        note = (tmp_path / "report.html.withheld.txt").read_text()
        assert "authorization" in note
        assert leftovers(note) == []

    def test_a_clean_record_passes(self, tmp_path: Path) -> None:
        (tmp_path / "ok.json").write_text(json.dumps({"messages": HARMLESS, "sealed": "AgB" + "QUJD" * 100}))
        assert leak_gate([tmp_path], known=[CANARY]) == ()

    def test_a_file_that_cannot_be_read_is_not_clean(self, tmp_path: Path) -> None:
        from runbook.errors import EvidenceError

        (tmp_path / "x.jsonl.gz").write_bytes(b"\x1f\x8b broken")
        with pytest.raises(EvidenceError, match="could not be searched"):
            leak_gate([tmp_path])


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.text(max_size=30), lambda s: st.lists(s, max_size=4) | st.dictionaries(st.text(max_size=12), s, max_size=4)
    )
)
def test_whatever_is_redacted_passes_the_shapes(value: Any) -> None:
    planted = {"note": f"password={CANARY}", "value": value}
    text = json.dumps(redact(planted), ensure_ascii=False)
    assert CANARY not in text
