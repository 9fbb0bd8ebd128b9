"""A node's files read as the node would: links stay inside, what cannot be read is no absence, containerd by its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runbook.clients import nodes
from runbook.errors import ObservationError
from runbook.inventory.model import NodeEntry, Transport
from runbook.rehearsal import pki

HOST = "registry.example:5000"
CA, OTHER = pki.authority("the CA"), pki.authority("another")
GARBAGE = b"-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
CERTS_D = f"etc/containerd/certs.d/{HOST}/ca.crt"
V2 = '[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "{}"\n'
V3 = '[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "{}"\n'


def put(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def files(folder: Path, runtime: Any = "docker", version: str = "") -> tuple[str, ...]:
    node = NodeEntry(name="n1", runtime=runtime, transport=Transport(kind="local", root="root"))
    return nodes.anchors(node, HOST, folder, version=version).files


class TestLinks:
    def test_an_absolute_link_leads_where_it_leads_on_the_node(self, tmp_path: Path) -> None:
        # RHEL's ca-bundle.crt is such a link
        put(tmp_path / "root/etc/pki/ca-trust/extracted/pem/x.pem", CA.pem)
        link(tmp_path / "root/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/ca-trust/extracted/pem/x.pem")
        assert files(tmp_path) == ("/etc/pki/tls/certs/ca-bundle.crt",)

    def test_a_linked_folder_is_the_nodes_own(self, tmp_path: Path) -> None:
        put(tmp_path / f"root/data/{HOST}/ca.crt", CA.pem)
        link(tmp_path / "root/etc/docker/certs.d", "../../data")
        assert files(tmp_path) == (f"/etc/docker/certs.d/{HOST}/ca.crt",)

    def test_no_link_leads_out(self, tmp_path: Path) -> None:
        put(tmp_path / "outside/ca.crt", CA.pem)
        folder = tmp_path / f"root/etc/docker/certs.d/{HOST}"
        link(folder / "up.crt", "../" * 12 + str(tmp_path / "outside/ca.crt").lstrip("/"))
        link(folder / "abs.crt", str(tmp_path / "outside/ca.crt"))
        link(tmp_path / "root/etc/ssl/certs", str(tmp_path / "outside"))
        assert files(tmp_path) == ()

    @pytest.mark.parametrize("target", ["ca.crt", f"/etc/docker/certs.d/{HOST}/ca.crt"])
    def test_a_link_to_itself_is_an_error(self, tmp_path: Path, target: str) -> None:
        link(tmp_path / f"root/etc/docker/certs.d/{HOST}/ca.crt", target)
        with pytest.raises(ObservationError, match="leads to itself"):
            files(tmp_path)

    @pytest.mark.parametrize("call", ["iterdir", "read_bytes", "is_symlink"])
    def test_what_may_not_be_read_is_an_error_not_an_absence(
        self, tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(tmp_path / f"root/etc/docker/certs.d/{HOST}/ca.crt", CA.pem)

        def refuse(_self: Path) -> Any:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, call, refuse)
        with pytest.raises(
            ObservationError, match=r"trust folders of node n1: /etc/\S+ cannot be read: Permission denied"
        ):
            files(tmp_path)


class TestStore:
    def test_go_takes_the_first_bundle_only(self, tmp_path: Path) -> None:
        put(tmp_path / "root/etc/ssl/certs/ca-certificates.crt", OTHER.pem)
        put(tmp_path / "root/etc/ssl/cert.pem", CA.pem)
        assert files(tmp_path) == ("/etc/ssl/certs/ca-certificates.crt",)

    def test_go_reads_loose_files_of_the_folder_besides(self, tmp_path: Path) -> None:
        put(tmp_path / "root/etc/ssl/certs/ca-certificates.crt", OTHER.pem)
        put(tmp_path / "root/etc/ssl/certs/same.pem", OTHER.pem)
        put(tmp_path / "root/etc/ssl/certs/mine.pem", CA.pem)
        assert files(tmp_path) == ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/mine.pem")

    def test_a_bundle_in_other_lines_holds_the_same(self, tmp_path: Path) -> None:
        put(tmp_path / "root/etc/ssl/certs/ca-certificates.crt", CA.pem.replace(b"\n", b"\r\n"))
        put(tmp_path / "root/usr/local/share/ca-certificates/ca.crt", CA.pem)
        node = NodeEntry(name="n1", runtime="docker", transport=Transport(kind="local", root="root"))
        assert nodes.anchors(node, HOST, tmp_path).unread_sources == ()


class TestContainerd:
    @pytest.mark.parametrize(
        ("config", "version", "read"),
        [
            (V2.format("/etc/containerd/certs.d"), "containerd://1.7.2", True),
            (V3.format("/etc/containerd/certs.d"), "", True),
            (V3.format("/else:/etc/containerd/certs.d"), "", True),
            (V3.format("/else"), "containerd://2.2.0", False),
            ("version = 2\n", "containerd://1.7.2", False),
            ("version = 3\n", "containerd://2.1.4", False),
            ("version = 3\n", "containerd://2.2.0", True),
            ("version = 3\n", "containerd://2.10.0", True),
            (None, "containerd://2.1.4", False),
            (None, "", True),
        ],
    )
    def test_certs_d_is_read_when_it_is_configured_or_the_default(
        self, tmp_path: Path, config: str | None, version: str, read: bool
    ) -> None:
        put(tmp_path / "root" / CERTS_D, CA.pem)
        if config is not None:
            put(tmp_path / "root/etc/containerd/config.toml", config)
        assert files(tmp_path, "containerd", version) == ((f"/{CERTS_D}",) if read else ())

    def test_what_cannot_be_told_is_an_error(self, tmp_path: Path) -> None:
        put(tmp_path / "root/etc/containerd/config.toml", "version = 2\n")
        assert files(tmp_path, "containerd") == ()  # there is nothing that it could read
        put(tmp_path / "root" / CERTS_D, CA.pem)
        with pytest.raises(ObservationError, match="sets no config_path and containerd's version is not known"):
            files(tmp_path, "containerd")

    def test_an_imported_file_configures_too(self, tmp_path: Path) -> None:
        put(tmp_path / "root" / CERTS_D, CA.pem)
        put(tmp_path / "root/etc/containerd/config.toml", 'imports = ["/etc/containerd/conf.d/*.toml"]\n')
        put(tmp_path / "root/etc/containerd/conf.d/a.toml", V2.format("/etc/containerd/certs.d"))
        assert files(tmp_path, "containerd", "containerd://1.7.2") == (f"/{CERTS_D}",)

    def test_the_defaults_of_2_2_hold_dockers_folder(self, tmp_path: Path) -> None:
        put(tmp_path / f"root/etc/docker/certs.d/{HOST}/ca.crt", CA.pem)
        assert files(tmp_path, "containerd", "containerd://2.2.1") == (f"/etc/docker/certs.d/{HOST}/ca.crt",)

    def test_a_configuration_that_is_no_toml_is_an_error(self, tmp_path: Path) -> None:
        put(tmp_path / "root/etc/containerd/config.toml", "broken = [")
        with pytest.raises(ObservationError, match="is not TOML"):
            files(tmp_path, "containerd")

    @pytest.mark.parametrize("text", ['host = "x"\n', "[host]\na = 1\n", "ca = []\n"])
    def test_an_odd_hosts_toml_is_as_none(self, tmp_path: Path, text: str) -> None:
        put(tmp_path / "root" / CERTS_D, CA.pem)
        put(tmp_path / f"root/etc/containerd/certs.d/{HOST}/hosts.toml", text)
        assert files(tmp_path, "containerd") == (f"/{CERTS_D}",)
