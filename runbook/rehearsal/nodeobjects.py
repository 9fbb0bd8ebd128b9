"""A scenario's nodes as the Node objects their kubelets would report."""

from __future__ import annotations

from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.worldfile import NodeEntry

RUNTIMES = {"docker": "docker://28.2.2", "containerd": "containerd://2.1.4", "cri-o": "cri-o://1.34.0"}
CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def node_object(entry: NodeEntry, *, kubelet: str, now: str) -> Object:
    """The Node: ready, without pressure, of the scenario's runtime and version."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": entry.name,
            "labels": {"kubernetes.io/hostname": entry.name, "kubernetes.io/arch": "amd64"},
        },
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": entry.ip}, {"type": "Hostname", "address": entry.name}],
            "conditions": [
                {
                    "type": type_,
                    "status": status,
                    "reason": reason,
                    "message": message,
                    "lastTransitionTime": now,
                    "lastHeartbeatTime": now,
                }
                for type_, status, reason, message in CONDITIONS
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "containerRuntimeVersion": RUNTIMES[entry.runtime],
                "kubeletVersion": kubelet,
                "kubeProxyVersion": "",
                "kernelVersion": "6.1.0",
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
            },
        },
    }
