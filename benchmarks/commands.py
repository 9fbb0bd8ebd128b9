"""`runbook plan verify` on a large cluster, the whole command, against the notebook that people write with `kubernetes`.

Both list everything, say which pods, releases, workloads and services are not as they should be, and show tables; ours
also walks each red to its first cause, keeps what it saw, and makes a page. Whole processes, taking turns.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import largecluster, staticserver
from benchmarks.clusters import static_kubeconfig
from benchmarks.measure import Sample, run

_CELLS = (
    "import pandas as pd\nfrom kubernetes import client, config\n"
    "config.load_kube_config(kubeconfig)\n"
    "core, apps, net = client.CoreV1Api(), client.AppsV1Api(), client.DiscoveryV1Api()\n"
    "batch, ingress = client.BatchV1Api(), client.NetworkingV1Api()\ncustom = client.CustomObjectsApi()",
    # a client without paging holds the whole answer as text and as objects; with it, it is not faster
    "def everything(ask, **more):\n    items, token = [], None\n    while token != '':\n"
    "        page = ask(limit=500, _continue=token, **more)\n        items += page.items\n"
    "        token = page.metadata._continue or ''\n    return items",
    "nodes = everything(core.list_node)\npd.DataFrame([{'node': n.metadata.name, 'ready': any(c.type == 'Ready' and c.status == 'True' "
    "for c in n.status.conditions)} for n in nodes])",
    "found = custom.list_cluster_custom_object('helm.toolkit.fluxcd.io', 'v2', 'helmreleases')['items']\n"
    "def ready(item):\n    return next((c for c in item['status'].get('conditions', []) if c['type'] == 'Ready'), {})\n"
    "releases = pd.DataFrame([{'namespace': r['metadata']['namespace'], 'name': r['metadata']['name'], "
    "'ready': ready(r).get('status'), 'message': ready(r).get('message')} for r in found])\n"
    "releases[releases['ready'] != 'True']",
    "pods = everything(core.list_pod_for_all_namespaces)\n"
    "rows = []\nfor p in pods:\n    statuses = p.status.container_statuses or []\n"
    "    waiting = [s.state.waiting.reason for s in statuses if s.state.waiting]\n"
    "    rows.append({'namespace': p.metadata.namespace, 'pod': p.metadata.name, 'phase': p.status.phase, "
    "'ready': all(s.ready for s in statuses), 'waiting': ', '.join(waiting), "
    "'restarts': sum(s.restart_count for s in statuses), 'image': p.spec.containers[0].image})\n"
    "table = pd.DataFrame(rows)\ntable[~table['ready']]",
    "table.groupby(['phase', 'waiting']).size().to_frame('pods')",
    "workloads = everything(apps.list_deployment_for_all_namespaces)\n"
    "pd.DataFrame([{'namespace': d.metadata.namespace, 'name': d.metadata.name, 'wanted': d.spec.replicas, "
    "'ready': d.status.ready_replicas or 0} for d in workloads]).query('ready < wanted')",
    "services, slices = everything(core.list_service_for_all_namespaces), everything(net.list_endpoint_slice_for_all_namespaces)\n"
    "backed = {(s.metadata.namespace, s.metadata.labels['kubernetes.io/service-name']) for s in slices if any(e.conditions.ready for e in s.endpoints)}\n"
    "pd.DataFrame([{'namespace': s.metadata.namespace, 'service': s.metadata.name} for s in services "
    "if (s.metadata.namespace, s.metadata.name) not in backed])",
    "events = everything(core.list_event_for_all_namespaces{selector})\n"
    "pd.DataFrame([{'object': e.involved_object.name, 'reason': e.reason, 'message': e.message} for e in events]).value_counts('reason').to_frame()",
    "rest = [everything(ask) for ask in (apps.list_replica_set_for_all_namespaces, apps.list_stateful_set_for_all_namespaces, "
    "apps.list_daemon_set_for_all_namespaces, batch.list_job_for_all_namespaces, ingress.list_ingress_for_all_namespaces, "
    "core.list_persistent_volume_claim_for_all_namespaces)]\n"
    "pd.DataFrame({'kind': [type(r[0]).__name__ for r in rest if r], 'objects': [len(r) for r in rest if r]})",
    "print(len(pods), int((~table['ready']).sum()))",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Samples of each way, and the size of what ours leaves behind in MB."""

    ours: list[Sample]
    notebook: list[Sample]  # that lists what ours lists
    brief: list[Sample]  # of events only the warnings
    with_endpoints: list[Sample]
    kept_mb: float


def measure(folder: Path, pods: int, endpoints: int, rounds: int) -> Measured:
    """Ours, the notebook, the notebook that asks for less, and ours again with endpoints to ask: in turn."""
    found = Measured([], [], [], [], 0.0)
    full, brief = write(folder, "full", ""), write(folder, "brief", ", field_selector='type=Warning'")
    with (
        staticserver.serving(largecluster.objects(pods)) as address,
        staticserver.endpoints(folder, largecluster.DOMAIN) as port,
    ):
        kubeconfig = static_kubeconfig(folder, address)
        plain = largecluster.inventory(folder, pods)
        asking = largecluster.inventory(folder, pods, endpoints, port)
        for turn in range(rounds):
            out, theirs = folder / f"out-{turn}", folder / f"theirs-{turn}.ipynb"
            found.ours.append(run(_ours(plain, kubeconfig, out / "plain")))
            found.notebook.append(run(_papermill(full, theirs, kubeconfig)))
            found.with_endpoints.append(run(_ours(asking, kubeconfig, out / "endpoints")))
            found.brief.append(run(_papermill(brief, folder / "brief-out.ipynb", kubeconfig)))
            _check(pods, endpoints, out, theirs)
    size = sum(p.stat().st_size for p in (folder / "out-0" / "plain").rglob("*") if p.is_file()) / 1e6
    return Measured(found.ours, found.notebook, found.brief, found.with_endpoints, size)


def write(folder: Path, name: str, selector: str) -> Path:
    """The notebook as papermill takes it; `selector` is what else it says when it lists events."""
    import nbformat

    v4: Any = nbformat.v4
    cells = [
        v4.new_code_cell('kubeconfig = ""', metadata={"tags": ["parameters"]}),
        *(v4.new_code_cell(c.replace("{selector}", selector)) for c in _CELLS),
    ]
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps(v4.new_notebook(cells=cells, metadata=spec)))
    return path


def _papermill(source: Path, target: Path, kubeconfig: Path) -> list[str]:
    return [sys.executable, "-m", "papermill", str(source), str(target), "-p", "kubeconfig", str(kubeconfig)]


def _ours(inventory: Path, kubeconfig: Path, outputs: Path) -> list[str]:
    given = ["-i", str(inventory), "--kubeconfig", str(kubeconfig), "--outputs", str(outputs), "--soak", "none"]
    return [sys.executable, "-m", "runbook", "plan", "verify", *given]


def _check(pods: int, endpoints: int, out: Path, theirs: Path) -> None:
    """All three saw the same pods, and as many that are not ready. Raises RuntimeError."""
    red = largecluster.unhealthy(pods)
    said = f"{pods + 4} {red}"  # and Flux's four
    if said not in theirs.read_text():
        raise RuntimeError(f"the notebook does not say {said}: {theirs}")
    for name, asked in (("plain", 0), ("endpoints", endpoints)):
        (path,) = (out / name).glob("*/40-verify/result.json")
        checks = json.loads(path.read_text())["checks"]
        told = sum(c["id"] == "pods-healthy" and c["result"] == "fail" for c in checks)
        answered = sum(c["id"] == "endpoints-answer" and c["result"] == "pass" for c in checks)
        if (told, answered) != (red, asked):
            raise RuntimeError(f"{path}: {told} pods and {answered} endpoints, expected {red} and {asked}")
