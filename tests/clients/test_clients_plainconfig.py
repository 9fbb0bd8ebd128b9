"""Plain kubeconfigs are read without the `kubernetes` library, to the same access; every other is left to it."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from apiserver import certificate, kubeconfig
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runbook.clients.kubernetes import kubeconfig as read
from runbook.clients.kubernetes.plainconfig import plain
from runbook.errors import KubeconfigError

SERVER = "https://api.example:6443"
PEM, KEY = certificate(common="alice")


def authority(name: str) -> bytes:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    names = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(names).issuer_name(names).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


NAMED = {"certificate-authority": "ca.crt"}
CA, OTHER_CA = authority("the CA"), authority("another CA")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def files(folder: Path) -> dict[str, Any]:
    (folder / "client.crt").write_bytes(PEM)
    (folder / "client.key").write_bytes(KEY)
    return {"user": {"client-certificate": "client.crt", "client-key": str(folder / "client.key")}}


def many(folder: Path) -> dict[str, Any]:
    """Another context is in another way, and that does not concern this one."""
    path = kubeconfig(folder, SERVER)
    text = yaml.safe_load(path.read_text())
    text["users"].append({"name": "other", "user": {"exec": {"command": "no-such-plugin"}}})
    text["clusters"].append({"name": "other", "cluster": {"server": SERVER, "proxy-url": "http://proxy"}})
    text["contexts"].append({"name": "other", "context": {"cluster": "other", "user": "other"}})
    path.write_text(yaml.safe_dump(text))
    return {}


PLAIN: dict[str, Callable[[Path], dict[str, Any]]] = {
    "a token": lambda _: {},
    "a server behind a gateway": lambda _: {"server": f"{SERVER}/k8s/clusters/c-1/"},
    "plain HTTP": lambda _: {"server": "http://127.0.0.1:8001"},
    "a CA as data": lambda _: {"cluster": {"certificate-authority-data": b64(OTHER_CA)}},
    "data beside a file": lambda _: {"cluster": {**NAMED, "certificate-authority-data": b64(OTHER_CA)}},
    "another name in the certificate": lambda _: {"cluster": {**NAMED, "tls-server-name": "kubernetes"}},
    "what minikube adds": lambda _: {"cluster": {**NAMED, "extensions": [{"name": "cluster_info"}]}},
    "a client certificate as files": files,
    "a client certificate as data": lambda _: {
        "user": {"client-certificate-data": b64(PEM), "client-key-data": b64(KEY)}
    },
    "another context in another way": many,
}


def written(folder: Path, server: str = SERVER, **given: Any) -> Path:
    (folder / "ca.crt").write_bytes(CA)
    if not given and server == SERVER and (folder / "kubeconfig").exists():
        return folder / "kubeconfig"
    return kubeconfig(folder, server, **given)


@pytest.mark.parametrize("case", PLAIN)
def test_a_plain_one_gives_what_the_library_gives(tmp_path: Path, case: str) -> None:
    path = written(tmp_path, **PLAIN[case](tmp_path))
    (tmp_path / "private").mkdir()
    assert plain(str(path), None, tmp_path / "private") is not None
    ours, theirs = read.access(str(path), None), read._by_library(str(path), None)
    for field in ("server", "context", "user", "server_name"):
        assert getattr(ours, field) == getattr(theirs, field), field
    assert ours.headers() == theirs.headers()
    if ours.server.startswith("http:"):
        assert ours.verify is None
        assert theirs.verify is None
        return
    assert ours.verify is not None
    assert theirs.verify is not None
    assert len(ours.verify.get_ca_certs()) == 1
    assert ours.verify.get_ca_certs() == theirs.verify.get_ca_certs()
    assert ours.verify.verify_mode == theirs.verify.verify_mode


OTHER: dict[str, dict[str, Any]] = {
    "an exec plugin": {"user": {"exec": {"command": "aws"}}},
    "a token beside a plugin": {"user": {"token": "t", "exec": {"command": "aws"}}},
    "a token file": {"user": {"tokenFile": "token"}},
    "a password": {"user": {"username": "a", "password": "b"}},
    "impersonation": {"user": {"token": "t", "as": "root"}},
    "nobody": {"user": {}},
    "a number for a token": {"user": {"token": 12345}},
    "a proxy": {"cluster": {"proxy-url": "http://proxy:3128"}},
    "no verification": {"cluster": {"insecure-skip-tls-verify": True}},
    "another scheme": {"server": "unix:///run/api"},
    "a CA that is not there": {"cluster": {"certificate-authority": "gone.crt"}},
    "data that is not base64": {"cluster": {"certificate-authority-data": "!!!"}},
    "another context than there is": {"current": "there"},
}


@pytest.mark.parametrize("case", OTHER)
def test_any_other_is_left_to_the_library(tmp_path: Path, case: str) -> None:
    path = written(tmp_path, **OTHER[case])
    assert plain(str(path), None, tmp_path) is None


def test_another_context_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = yaml.safe_load(path.read_text())
    text["users"].append({"name": "v", "user": {"token": "another"}})
    text["contexts"].append({"name": "there", "context": {"cluster": "c", "user": "v"}})
    path.write_text(yaml.safe_dump(text))
    found = plain(str(path), "there", tmp_path)
    assert found is not None
    assert (found.context, found.user, found.token) == ("there", "v", "another")
    assert plain(str(path), "nowhere", tmp_path) is None


def test_two_files_and_two_users_of_a_name_are_left_to_the_library(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert plain(f"{path}:{path}", None, tmp_path) is None
    text = yaml.safe_load(path.read_text())
    text["users"] *= 2
    path.write_text(yaml.safe_dump(text))
    assert plain(str(path), None, tmp_path) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_left_to_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "")
    assert plain(str(written(tmp_path)), None, tmp_path) is not None
    monkeypatch.setenv(name, "http://proxy:3128")
    assert plain(str(written(tmp_path)), None, tmp_path) is None


@pytest.mark.parametrize(
    "server", ["https://:6443", "https://?x", "https://kube:99999999", "https://[fd00::1", "https://kube:x"]
)
def test_a_server_that_cannot_be_asked_is_named_with_its_field(tmp_path: Path, server: str) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().replace(SERVER, server))
    with pytest.raises(KubeconfigError, match=r"has no host or port to ask") as error:
        read.access(str(path), None)
    assert error.value.field.endswith("clusters[].cluster.server")


def test_plain_http_loads_no_authority(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().replace("https://", "http://"))
    assert read.access(str(path), None).verify is None


def test_no_key_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, user={"client-certificate-data": b64(PEM), "client-key-data": b64(KEY)})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    read.access(str(path), None)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_library_is_not_even_imported(tmp_path: Path) -> None:
    path = written(tmp_path)
    code = f"import sys; from runbook.clients.kubernetes import connect; connect(kubeconfig={str(path)!r}).close(); print('kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
