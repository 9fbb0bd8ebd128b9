"""A real kube-apiserver and its etcd on loopback, for as long as a test asks them.

The programs lie where KUBEBUILDER_ASSETS says, the convention of controller-runtime's envtest; build_apiserver.sh makes
them from their Go modules (about five minutes on two idle cores).
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runbook.rehearsal.crds import builtin_crds

PROGRAMS = ("etcd", "kube-apiserver")
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TOKENS = 'admin-token,admin,1,"system:masters"\nviewer-token,viewer,2,\n'
ADMIN = {"Authorization": "Bearer admin-token"}
NEEDED = "helmreleases.helm.toolkit.fluxcd.io"


def assets() -> Path | None:
    """The folder that holds both programs; None when there is none."""
    folder = Path(os.environ.get("KUBEBUILDER_ASSETS", "/usr/local/kubebuilder/bin"))
    return folder if all(os.access(folder / name, os.X_OK) for name in PROGRAMS) else None


@contextmanager
def running() -> Iterator[tuple[httpx.Client, str]]:
    """A client of a fresh server that serves HelmReleases, and the server's version."""
    folder = assets()
    assert folder is not None, f"KUBEBUILDER_ASSETS names no folder with {' and '.join(PROGRAMS)}"
    with TemporaryDirectory(prefix="contract-") as name:
        state, started = Path(name), list[subprocess.Popen[bytes]]()
        port = _port()
        try:
            etcd = _etcd(folder, state, started)
            _apiserver(folder, state, port, etcd, started)
            # loopback, and a certificate that the server made for itself a moment ago
            with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=False, timeout=20) as client:
                _wait(client, state, started[-1])
                yield client, str(client.get("/version", headers=ADMIN).json()["gitVersion"])
        finally:
            for process in reversed(started):
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _start(state: Path, started: list[subprocess.Popen[bytes]], *argv: str) -> None:
    with (state / f"{Path(argv[0]).name}.log").open("wb") as log:
        started.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=state))


def _etcd(folder: Path, state: Path, started: list[subprocess.Popen[bytes]]) -> str:
    client, peer = (f"http://127.0.0.1:{_port()}" for _ in range(2))
    options = {"--data-dir": str(state / "etcd"), "--listen-client-urls": client, "--advertise-client-urls": client}
    options |= {
        "--listen-peer-urls": peer,
        "--initial-advertise-peer-urls": peer,
        "--initial-cluster": f"default={peer}",
    }
    _start(
        state, started, str(folder / "etcd"), "--unsafe-no-fsync", *(f"{key}={value}" for key, value in options.items())
    )
    return client


def _apiserver(folder: Path, state: Path, port: int, etcd: str, started: list[subprocess.Popen[bytes]]) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    (state / "sa.key").write_bytes(key.private_bytes(*form))
    (state / "tokens.csv").write_text(TOKENS)
    options = {
        "--etcd-servers": etcd,
        "--bind-address": "127.0.0.1",
        "--advertise-address": "127.0.0.1",
        "--secure-port": str(port),
        "--endpoint-reconciler-type": "none",
        "--service-cluster-ip-range": "10.96.0.0/16",
        "--authorization-mode": "RBAC",
        "--cert-dir": str(state / "certs"),
        "--token-auth-file": str(state / "tokens.csv"),
        "--service-account-key-file": str(state / "sa.key"),
        "--service-account-signing-key-file": str(state / "sa.key"),
        "--service-account-issuer": "https://kubernetes.default.svc",
        "--disable-admission-plugins": "ServiceAccount",  # nobody makes the default accounts here
    }
    _start(state, started, str(folder / "kube-apiserver"), *(f"{name}={value}" for name, value in options.items()))


def _wait(client: httpx.Client, state: Path, server: subprocess.Popen[bytes]) -> None:
    """Until it is ready and serves the kinds the cases need."""
    deadline, defined = time.monotonic() + 90, False
    while time.monotonic() < deadline:
        assert server.poll() is None, (state / "kube-apiserver.log").read_text()[-2000:]
        try:
            if client.get("/readyz", headers=ADMIN).status_code == 200:
                defined = defined or _define(client)
                served = client.get("/apis/helm.toolkit.fluxcd.io/v2", headers=ADMIN).status_code == 200
                if served and client.get("/api/v1/namespaces/kube-system", headers=ADMIN).status_code == 200:
                    return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise AssertionError((state / "kube-apiserver.log").read_text()[-2000:])


def _define(client: httpx.Client) -> bool:
    definition = next(crd for crd in builtin_crds() if crd["metadata"]["name"] == NEEDED)
    answer = client.post(DEFINITIONS, json=definition, headers=ADMIN)
    assert answer.status_code in (201, 409), answer.text
    return True
