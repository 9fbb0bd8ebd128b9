"""The cluster that kubectl is driven against: the one `RUNBOOK_CONTRACT_KUBECONFIG` names, else an embedded one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "rehearsal"))

from api_server import Served, serving  # noqa: E402

from runbook.rehearsal.messages import Request, Response  # noqa: E402

KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"
LOGS = {False: "Ready to accept connections", True: "out of memory"}
FIRST = "jsonpath={.items[0].metadata.name}"
EMBEDDED = {
    "namespace": "ffl",
    "pod": "ffl-backend-6d9f7c-abcde",
    "service": "ffl-backend",
    "ingress": "ffl",
    "release": "ffl-backend",
    "node": "beckerbox",
}


@dataclass(frozen=True)
class Cluster:
    """What kubectl is pointed at. `names` fill the commands' placeholders; one that is missing skips its commands."""

    kubeconfig: Path
    cache: Path
    embedded: bool
    names: Mapping[str, str]

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it. Its own flags come first so that a command's flags win."""
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "HOME": str(self.cache),
            "NO_PROXY": "127.0.0.1",
        }
        command = [str(KUBECTL), f"--cache-dir={self.cache}", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


async def _healthy(request: Request) -> Response:
    assert request.path == "/health"
    return Response(200, b'{"status":"healthy","version":"1.0.0"}')


def _lines(pod: Mapping, _container: str, previous: bool) -> list[tuple[datetime, str]]:
    when = datetime(2025, 10, 17, 10, 30, 1, tzinfo=UTC)
    return [(when, LOGS[previous])] if pod["metadata"]["name"] == "redis-0" else []


def _load(served: Served) -> None:
    store = served.store
    for obj in YAML(typ="safe").load((HERE / "objects.yaml").read_text())["items"]:
        store.create(store.kind_of(obj), obj["metadata"].get("namespace"), obj, trusted=True)


def _kubeconfig(served: Served) -> Path:
    cluster = {"server": served.url, "certificate-authority": str(served.ca)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "embedded", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": "admin-token"}}],
        "contexts": [{"name": "embedded", "context": {"cluster": "embedded", "user": "admin"}}],
        "current-context": "embedded",
    }
    path = served.folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def _foreign(kubeconfig: Path, cache: Path) -> Cluster:
    """Choose objects to ask about on a cluster that is not ours: the first of each, in the first pod's namespace."""
    bare = Cluster(kubeconfig, cache, False, {})
    namespace = bare.kubectl("get", "pods", "-A", "-o", "jsonpath={.items[0].metadata.namespace}").stdout
    found = {"namespace": namespace}
    for key, kind in (("pod", "pods"), ("service", "services"), ("ingress", "ingresses"), ("release", "helmreleases")):
        found[key] = bare.kubectl("get", kind, "-n", namespace, "-o", FIRST).stdout
    found["node"] = bare.kubectl("get", "nodes", "-o", FIRST).stdout
    return Cluster(kubeconfig, cache, False, {key: name for key, name in found.items() if name})


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cache = tmp_path_factory.mktemp("kubectl")
    if named := os.environ.get("RUNBOOK_CONTRACT_KUBECONFIG"):
        yield _foreign(Path(named), cache)
        return
    with serving(logs=_lines, backends={("ffl", "ffl-backend"): _healthy}) as served:
        served.call(_load, served)
        yield Cluster(_kubeconfig(served), cache, True, EMBEDDED)
