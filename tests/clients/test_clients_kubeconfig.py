"""Bad kubeconfigs and servers that are none: one clear error with the field, exit code 2, before anything is read."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from apiserver import FakeApi, certificate, kubeconfig, running, serving, status

from runbook.clients.kubernetes import connect
from runbook.errors import ClusterIdentityError, KubeconfigError, UsageError

SERVER = "https://127.0.0.1:1"
SECRET = "hunter2-hunter2"


def script(folder: Path, text: str) -> str:
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def plugin(command: str) -> dict[str, Any]:
    entry = {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "Never"}
    return {"exec": entry}


def with_plugin(text: str) -> Callable[[Path], str]:
    return lambda folder: str(kubeconfig(folder, SERVER, user=plugin(script(folder, text))))


def written(text: str) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        (folder / "kubeconfig").write_text(text)
        return str(folder / "kubeconfig")

    return write


def expired(folder: Path) -> str:
    pem, key = certificate(days=-3, common="alice")
    (folder / "client.crt").write_bytes(pem)
    (folder / "client.key").write_bytes(key)
    user = {"client-certificate": str(folder / "client.crt"), "client-key": str(folder / "client.key")}
    return str(kubeconfig(folder, SERVER, user=user))


def garbled(folder: Path) -> str:
    pem, _ = certificate(common="alice")
    (folder / "client.crt").write_bytes(pem)
    (folder / "client.key").write_text("no key")
    user = {"client-certificate": str(folder / "client.crt"), "client-key": str(folder / "client.key")}
    return str(kubeconfig(folder, SERVER, user=user))


def insecure(folder: Path) -> str:
    return str(kubeconfig(folder, SERVER, cluster={"insecure-skip-tls-verify": True}))


CASES: dict[str, tuple[Callable[[Path], str], str, str]] = {
    "missing file": (lambda folder: str(folder / "nowhere"), "nowhere", "there is no such file"),
    "empty file": (written(""), "kubeconfig", "Invalid kube-config"),
    "bad YAML": (written("clusters: [\n  - {"), "kubeconfig", "is not YAML"),
    "not a mapping": (written("- 1\n- 2\n"), "kubeconfig", "cannot be read|Invalid"),
    "no current context": (lambda f: str(kubeconfig(f, SERVER, current="")), "current-context|kubeconfig", "current"),
    "unknown current context": (lambda f: str(kubeconfig(f, SERVER, current="there")), "kubeconfig", "there"),
    "expired client certificate": (expired, "users\\[\\].user.client-certificate", "alice.* expired on"),
    "client key that is garbage": (garbled, "client-certificate", "cannot be used"),
    "exec plugin missing": (
        lambda f: str(kubeconfig(f, SERVER, user=plugin("no-such-plugin"))),
        "users\\[u\\].user.exec",
        "no-such-plugin",
    ),
    "exec plugin failing": (with_plugin(f"echo {SECRET} >&2; exit 1"), "users\\[u\\].user.exec", "gave no credential"),
    "exec plugin printing garbage": (with_plugin(f"echo {SECRET}"), "users\\[u\\].user.exec", "gave no credential"),
    "exec plugin printing other JSON": (
        with_plugin("""echo '{"kind": "Pod"}'"""),
        "users\\[u\\].user.exec",
        "gave no credential",
    ),
    "insecure-skip-tls-verify": (insecure, "insecure-skip-tls-verify", "insecure-skip-tls-verify is set"),
    "server that is no URL": (
        lambda f: str(kubeconfig(f, "ftp://x")),
        "clusters\\[\\].cluster.server",
        "is not an http",
    ),
    "CA that is not there": (
        lambda f: str(kubeconfig(f, SERVER, cluster={"certificate-authority": "gone.crt"})),
        "kubeconfig",
        "gone.crt",
    ),
    "CA that is garbage": (
        lambda f: str(kubeconfig(f, SERVER, cluster={"certificate-authority-data": "aGVsbG8="})),
        "certificate-authority",
        "certificate",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_kubeconfig_is_one_error_with_its_field(
    tmp_path: Path, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    make, field, words = CASES[case]
    (tmp_path / "ca.crt").write_bytes(certificate()[0])
    path = make(tmp_path)
    with pytest.raises(KubeconfigError) as error:
        connect(kubeconfig=path)
    check(error.value, field, words)
    assert SECRET not in str(error.value)


def check(error: UsageError, field: str, words: str) -> None:
    import re

    assert error.exit_code == 2
    assert re.search(field, error.field or error.message), error.field
    assert re.search(words, error.message, re.DOTALL), error.message
    assert "\n" not in error.message
    assert "Traceback" not in str(error)


def test_no_such_context_names_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(certificate()[0])
    with pytest.raises(KubeconfigError, match="there is no context 'mars'; there are: here") as error:
        connect(kubeconfig=str(kubeconfig(tmp_path, SERVER)), context="mars")
    assert error.value.field.endswith("kubeconfig: contexts")


def test_in_cluster_outside_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubeconfigError) as error:
        connect(kubeconfig="in-cluster")
    assert error.value.exit_code == 2


def test_an_exec_plugin_that_works_gives_its_token(tmp_path: Path) -> None:
    with running(tmp_path) as api:
        from apiserver import TOKEN

        answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": TOKEN}}
        user = plugin(script(tmp_path, f"echo '{json.dumps(answer)}'"))
        client = connect(kubeconfig=str(kubeconfig(tmp_path, api.server, user=user)))
        assert client.identify().uid == "the-uid"
        client.close()


# servers


class Nginx(BaseHTTPRequestHandler):
    """A web server that is something else."""

    def do_GET(self) -> None:
        body = b"<html><h1>Welcome to nginx!</h1></html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Be quiet."""


def identify(path: Path) -> ClusterIdentityError:
    client = connect(kubeconfig=str(path), timeout=2.0)
    try:
        with pytest.raises(ClusterIdentityError) as error:
            client.identify()
    finally:
        client.close()
    assert error.value.exit_code == 2
    assert client.server in error.value.message
    assert "\n" not in error.value.message
    return error.value


def test_a_web_page_is_no_kubernetes(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(certificate()[0])
    with serving(Nginx) as port:
        error = identify(kubeconfig(tmp_path, f"http://127.0.0.1:{port}"))
    assert "is not a Kubernetes API server" in error.message


@pytest.mark.parametrize("path", ["/version", "/api/v1/namespaces/kube-system"])
@pytest.mark.parametrize("body", [b"[]", b"{}", b'"x"', b'{"metadata": [], "gitVersion": 1}', b"null"])
def test_an_api_of_something_else_is_no_kubernetes(tmp_path: Path, path: str, body: bytes) -> None:
    with running(tmp_path) as api:
        api.always[path] = (200, body, {})
        if path == "/version" and b"gitVersion" in body:
            api.always["/api/v1/namespaces/kube-system"] = (200, body, {})
        assert "is not a Kubernetes API server" in identify(kubeconfig(tmp_path, api.server)).message


def test_401_asks_to_log_in_again(tmp_path: Path) -> None:
    with running(tmp_path) as api:
        error = identify(kubeconfig(tmp_path, api.server, user={"token": SECRET}))
    assert "401 Unauthorized" in error.message
    assert "Log in again" in error.hint
    assert SECRET not in str(error)


def test_a_self_signed_server_is_not_trusted(tmp_path: Path) -> None:
    with running(tmp_path, certificate()) as api:
        path = kubeconfig(tmp_path, api.server)
        (tmp_path / "ca.crt").write_bytes(certificate()[0])
        error = identify(path)
    assert "TLS: self" in error.message
    assert "certificate-authority-data" in error.hint
    assert api.asked == []


def test_connection_refused_says_so(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(certificate()[0])
    error = identify(kubeconfig(tmp_path, SERVER))
    assert "refused" in error.message
    assert "address" in error.hint


def test_a_namespace_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as api:
        deny(api, "/api/v1/namespaces/kube-system")
        error = identify(kubeconfig(tmp_path, api.server))
    assert "403" in error.message


def deny(api: FakeApi, path: str) -> None:
    api.always[path] = status(403, "forbidden")
