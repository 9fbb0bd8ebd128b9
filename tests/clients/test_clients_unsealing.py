"""What the sealed-secrets controller is asked: scopes only where they could matter, and its own limit is no refusal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runbook.clients.unsealing import NEWEST, newest_key, unseal_probes
from runbook.domain.cluster import Secret
from runbook.domain.kinds import decode
from runbook.domain.probes import UnsealProbe
from runbook.domain.sealing import KEY_LABEL, scope_of
from runbook.errors import ObservationError
from runbook.inventory.model import SealedSecrets

ENTRY = SealedSecrets()
BORN = datetime(2026, 3, 1, 2, 3, 4, tzinfo=UTC)


class Controller:
    """Answers as one that can open what was sealed under `sealed_as`, by the scope a question is asked under."""

    def __init__(self, sealed_as: dict[str, str], *, busy: int = 0) -> None:
        self.sealed_as, self.busy = sealed_as, busy
        self.asked: list[tuple[str, str]] = []

    def verify_sealed(self, _entry: SealedSecrets, namespace: str, name: str, raw: bytes) -> UnsealProbe:
        if self.busy:
            self.busy -= 1
            return UnsealProbe(namespace, name, False, 429)
        metadata = json.loads(raw)["metadata"]
        scope = scope_of(metadata.get("annotations") or {})
        self.asked.append((metadata["name"], scope))
        opens = self.sealed_as.get(metadata["name"]) == scope
        return UnsealProbe(namespace, name, opens, 200 if opens else 409)


def pair(name: str, **annotations: str) -> Any:
    item = {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"namespace": "notes", "name": name, "annotations": {f"sealedsecrets.bitnami.com/{k.replace('_', '-')}": v for k, v in annotations.items()}},
        "spec": {"encryptedData": {"K": "x"}},
    }  # fmt: skip
    raw = json.dumps(item).encode()
    return decode("SealedSecret", raw), raw


def renamed(name: str, former: str, **annotations: str) -> Any:
    """An object whose template still bears the name that it was sealed under."""
    item = json.loads(pair(name, **annotations)[1])
    item["spec"]["template"] = {"metadata": {"name": former, "namespace": "notes"}}
    raw = json.dumps(item).encode()
    return decode("SealedSecret", raw), raw


def probes(controller: Any, *pairs: Any) -> dict[str, tuple[bool, str]]:
    return {p.name: (p.opens, p.opens_as) for p in unseal_probes(controller, ENTRY, pairs)}


def test_one_that_lost_its_scope_is_told_from_one_whose_key_is_gone() -> None:
    controller = Controller({"good": "strict", "lost": "namespace-wide"})
    found = probes(controller, pair("good"), pair("lost"), pair("gone"), pair("good", cluster_wide="true"))
    assert found["lost"] == (False, "namespace-wide")
    assert found["gone"] == (False, "")
    assert probes(controller, pair("good"))["good"] == (True, "")


def test_a_scope_that_was_added_is_found_too() -> None:
    controller = Controller({"good": "strict", "wide": "strict"})
    assert probes(controller, pair("good"), pair("wide", cluster_wide="true"))["wide"] == (False, "strict")


def test_one_that_was_renamed_is_proved_by_the_name_in_its_template() -> None:
    controller = Controller({"good": "strict", "old": "strict"})
    found = probes(controller, pair("good"), renamed("new", "old"), renamed("lost", "older"), renamed("same", "same"))
    assert found["new"] == (False, "strict, under its former name notes/old")
    assert (found["lost"], found["same"]) == ((False, ""), (False, ""))
    assert controller.asked.count(("older", "strict")) == 1
    assert controller.asked.count(("same", "strict")) == 1


def test_a_cluster_wide_one_has_no_name_to_be_tried() -> None:
    controller = Controller({"good": "strict", "old": "strict"})
    assert probes(controller, pair("good"), renamed("new", "old", cluster_wide="true"))["new"] == (False, "")
    assert "old" not in {name for name, _ in controller.asked}


def test_when_none_opens_the_key_is_gone_and_no_scope_is_tried() -> None:
    controller = Controller({})
    assert probes(controller, pair("a"), pair("b")) == {"a": (False, ""), "b": (False, "")}
    assert controller.asked == [("a", "strict"), ("b", "strict")]


def test_the_controllers_limit_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook.clients.unsealing.PAUSE", 0.001)
    assert probes(Controller({"a": "strict"}, busy=3), pair("a")) == {"a": (True, "")}
    with pytest.raises(ObservationError, match="no more questions"):
        probes(Controller({"a": "strict"}, busy=1000), pair("a"))


def certificate() -> bytes:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "s")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.serial_number(1).not_valid_before(BORN).not_valid_after(BORN + timedelta(days=3650))
    return dated.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def serving(content: bytes) -> Any:
    return SimpleNamespace(proxy_get=lambda *_where: SimpleNamespace(content=content))


def key_secret(name: str, state: str = "active") -> Secret:
    found = decode("Secret", json.dumps({"metadata": {"namespace": "kube-system", "name": name, "labels": {KEY_LABEL: state}}}).encode())  # fmt: skip
    assert isinstance(found, Secret)
    return found


@pytest.mark.parametrize(
    ("secrets", "name", "complete"),
    [
        (None, NEWEST, False),
        ([key_secret("k1")], "k1", True),
        ([key_secret("k1"), key_secret("k0", "compromised")], "k1", True),
        ([key_secret("k1"), key_secret("k0")], NEWEST, False),
    ],
    ids=["not allowed to look", "one", "one and a retired one", "two"],
)
def test_the_newest_key_is_all_there_is_only_when_its_secret_is_the_only_one(
    secrets: list[Secret] | None, name: str, complete: bool
) -> None:
    found = newest_key(serving(certificate()), ENTRY, secrets)
    assert (found.name, found.complete, found.not_before) == (name, complete, BORN)
    assert len(found.fingerprint) == 64


def test_what_is_no_certificate_is_an_error_that_says_so() -> None:
    with pytest.raises(ObservationError, match="no certificate"):
        newest_key(serving(b"404 page not found\n"), ENTRY, None)
