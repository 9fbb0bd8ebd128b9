"""The registry's CA: only a CA, only the pinned one, only where the runtime reads it, and back to what it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from acting_pair import HOST, Pair, named
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runbook.domain.certificates import facts
from runbook.errors import InventoryError

KEY = ec.generate_private_key(ec.SECP256R1())
WHERE = f"etc/docker/certs.d/{HOST}/ca.crt"


def certificate(*, ca: bool, form: serialization.Encoding = serialization.Encoding.PEM) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if ca else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a CA")]))
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(form)


def key() -> bytes:
    return KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "a private key": (key, "it holds a private key"),
    "a leaf": (lambda: certificate(ca=False), "not the CA that signed it"),
    "DER": (lambda: certificate(ca=True, form=serialization.Encoding.DER), "it is DER, and PEM is needed"),
    "empty": (lambda: b"", "empty"),
    "10 MB": (lambda: b"x" * 10_000_000, "10000000 bytes"),
    "another CA": (lambda: certificate(ca=True), "fingerprint"),
}


def node_file(pair: Pair) -> Path:
    return pair.cluster.state / "nodes/pair-1" / WHERE


class TestNotInstalled:
    @pytest.mark.parametrize("what", WRONG)
    def test_a_file_that_cannot_be_meant_is_named_and_nothing_is_written(
        self, still: Pair, tmp_path: Path, what: str
    ) -> None:
        make, said = WRONG[what]
        wrong = tmp_path / "ca.crt"
        wrong.write_bytes(make())
        before = still.inventory.read_text()
        still.edit(lambda data: data["registry"].__setitem__("ca_file", str(wrong)))
        try:
            with pytest.raises(InventoryError, match=said) as caught:
                still.begin("registry-trust")
        finally:
            still.inventory.write_text(before)
        assert caught.value.exit_code == 2
        assert caught.value.field == "registry.ca_file"
        assert "PRIVATE" not in str(caught.value)
        assert not node_file(still).exists()

    def test_a_file_that_was_exchanged_after_the_plan_is_not_installed(self, still: Pair, tmp_path: Path) -> None:
        mine = tmp_path / "ca.crt"
        mine.write_bytes((still.cluster.state / "ca/registry-ca.crt").read_bytes())
        before = still.inventory.read_text()
        still.edit(lambda data: data["registry"].__setitem__("ca_file", str(mine)))
        try:
            stage = still.begin("registry-trust")
            stage.plan()
            mine.write_bytes(certificate(ca=True))
            stage.apply()
        finally:
            still.inventory.write_text(before)
        act = named(stage, "install-registry-ca")
        assert (act.outcome, "fingerprint" in act.said) == ("failed", True)
        assert not node_file(still).exists()

    def test_without_a_pin_nothing_is_installed(self, still: Pair) -> None:
        before = still.inventory.read_text()
        still.edit(lambda data: data["registry"].pop("ca_fingerprint"))
        try:
            stage = still.run("registry-trust")
        finally:
            still.inventory.write_text(before)
        assert named(stage, "install-registry-ca").outcome == "skipped"
        assert not node_file(still).exists()

    def test_in_plan_mode_nothing_is_written_anywhere(self, still: Pair) -> None:
        before = still.writes()
        stage = still.begin("registry-trust", mode="plan", confirm="")
        stage.plan()
        shown = stage.apply().text()
        assert "nothing was changed" in shown
        assert "1 could be done now" in shown
        assert not node_file(still).exists()
        assert still.writes() == before


class TestInstalled:
    def test_it_is_proved_by_a_pull_and_judged_by_a_second_look(self, pair: Pair) -> None:
        stage = pair.run("registry-trust")
        act = named(stage, "install-registry-ca")
        assert act.outcome == "changed"
        assert "proved by a pull" in act.said
        assert facts(node_file(pair).read_bytes()).fingerprint in act.said
        assert node_file(pair).stat().st_mode & 0o777 == 0o644
        assert stage.result is not None
        assert stage.result.verdict.value == "pass"
        again = pair.run("registry-trust")
        assert again.actions == ()

    def test_what_stood_there_is_kept(self, pair: Pair) -> None:
        old = certificate(ca=True)
        node_file(pair).parent.mkdir(parents=True)
        node_file(pair).write_bytes(old)
        stage = pair.run("registry-trust")
        act = named(stage, "install-registry-ca")
        assert act.outcome == "changed"
        (kept,) = (stage.setting.attempt.path / "captures").rglob("before.crt")
        assert kept.read_bytes() == old

    def test_a_link_that_leaves_the_nodes_root_is_not_followed(self, pair: Pair, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        node_file(pair).parent.parent.mkdir(parents=True, exist_ok=True)
        node_file(pair).parent.symlink_to(outside)
        stage = pair.run("registry-trust")
        assert named(stage, "install-registry-ca").outcome == "failed"
        assert list(outside.iterdir()) == []
