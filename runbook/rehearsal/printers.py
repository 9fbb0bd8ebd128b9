"""Columns `kubectl get` shows for the built-in kinds [kk:pkg/printers/internalversion/printers.go]."""

from __future__ import annotations

from datetime import datetime

from runbook.rehearsal import cells
from runbook.rehearsal import endpointcells as net
from runbook.rehearsal.cells import Object, joined
from runbook.rehearsal.columns import AGE, CREATED, NAME, Cell, Column, custom, number, text
from runbook.rehearsal.jsonpath import get
from runbook.rehearsal.kinds import Kind
from runbook.rehearsal.workloadcolumns import WORKLOADS, selector


def _size(*fields: str) -> Cell:
    return lambda obj, _now: sum(len(obj.get(field) or ()) for field in fields)


def _keys(path: str) -> Cell:
    return lambda obj, _now: joined(get(obj, path) or ())


def _claim(obj: Object, _now: datetime) -> str:
    reference = get(obj, "spec.claimRef") or {}
    return f"{reference.get('namespace', '')}/{reference.get('name', '')}" if reference else ""


def _modes(path: str) -> Cell:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return lambda obj, _now: ",".join(short.get(mode, mode) for mode in get(obj, path) or ())


def _class_name(obj: Object, _now: datetime) -> str:
    default = (obj["metadata"].get("annotations") or {}).get("storageclass.kubernetes.io/is-default-class") == "true"
    return str(obj["metadata"]["name"]) + (" (default)" if default else "")


def _subjects(kind: str) -> Cell:
    def cell(obj: Object, _now: datetime) -> str:
        found = [s for s in obj.get("subjects") or () if s.get("kind") == kind]
        return ", ".join(f"{s['namespace']}/{s['name']}" if kind == "ServiceAccount" else s["name"] for s in found)

    return cell


def _role(obj: Object, _now: datetime) -> str:
    return f"{get(obj, 'roleRef.kind')}/{get(obj, 'roleRef.name')}"


def _internal(kind: str) -> Cell:
    def cell(node: Object, _now: datetime) -> str:
        return next((str(a["address"]) for a in get(node, "status.addresses") or () if a["type"] == kind), "<none>")

    return cell


BINDING = (
    NAME,
    text("Role", _role),
    AGE,
    text("Users", _subjects("User"), 1),
    text("Groups", _subjects("Group"), 1),
    text("ServiceAccounts", _subjects("ServiceAccount"), 1),
)
WEBHOOKS = (NAME, number("Webhooks", _size("webhooks")), AGE)
COLUMNS: dict[str, tuple[Column, ...]] = {
    **WORKLOADS,
    "Node": (
        NAME,
        text("Status", cells.node_status),
        text("Roles", cells.node_roles),
        AGE,
        text("Version", "status.nodeInfo.kubeletVersion", empty=""),
        text("Internal-IP", _internal("InternalIP"), 1),
        text("External-IP", _internal("ExternalIP"), 1),
        text("OS-Image", "status.nodeInfo.osImage", 1, "<unknown>"),
        text("Kernel-Version", "status.nodeInfo.kernelVersion", 1, "<unknown>"),
        text("Container-Runtime", "status.nodeInfo.containerRuntimeVersion", 1, "<unknown>"),
    ),
    "Namespace": (NAME, text("Status", "status.phase", empty=""), AGE),
    "Service": (
        NAME,
        text("Type", "spec.type", empty="ClusterIP"),
        text("Cluster-IP", "spec.clusterIP"),
        text("External-IP", net.service_external),
        text("Port(s)", net.service_ports),
        AGE,
        text("Selector", selector("spec.selector"), 1),
    ),
    "Endpoints": (NAME, text("Endpoints", net.endpoints), AGE),
    "EndpointSlice": (
        NAME,
        text("AddressType", "addressType"),
        text("Ports", net.slice_ports),
        text("Endpoints", net.slice_endpoints),
        AGE,
    ),
    "Ingress": (
        NAME,
        text("Class", "spec.ingressClassName"),
        text("Hosts", net.ingress_hosts),
        text("Address", lambda obj, _now: ",".join(net.balancer(obj))),
        text("Ports", lambda obj, _now: "80, 443" if get(obj, "spec.tls") else "80"),
        AGE,
    ),
    "IngressClass": (NAME, text("Controller", "spec.controller"), text("Parameters", "spec.parameters.name"), AGE),
    "NetworkPolicy": (NAME, text("Pod-Selector", selector("spec.podSelector.matchLabels")), AGE),
    "Event": (
        text("Last Seen", net.event_last),
        text("Type", "type", empty=""),
        text("Reason", "reason", empty=""),
        text("Object", net.event_object),
        text("Subobject", "involvedObject.fieldPath", 1, ""),
        text("Source", net.event_source, 1),
        text("Message", lambda obj, _now: str(obj.get("message", "")).strip()),
        text("First Seen", net.event_first, 1),
        number("Count", "count", 1, 1),
        text("Name", "metadata.name", 1),
    ),
    "Secret": (NAME, text("Type", "type"), number("Data", _size("data")), AGE),
    "ConfigMap": (NAME, number("Data", _size("data", "binaryData")), AGE),
    "ServiceAccount": (NAME, number("Secrets", _size("secrets")), AGE),
    "PersistentVolume": (
        NAME,
        text("Capacity", "spec.capacity.storage", empty=""),
        text("Access Modes", _modes("spec.accessModes")),
        text("Reclaim Policy", "spec.persistentVolumeReclaimPolicy", empty=""),
        text("Status", "status.phase", empty=""),
        text("Claim", _claim),
        text("StorageClass", "spec.storageClassName", empty=""),
        AGE,
    ),
    "PersistentVolumeClaim": (
        NAME,
        text("Status", "status.phase", empty=""),
        text("Volume", "spec.volumeName", empty=""),
        text("Capacity", "status.capacity.storage", empty=""),
        text("Access Modes", _modes("status.accessModes")),
        text("StorageClass", "spec.storageClassName", empty=""),
        AGE,
        text("VolumeMode", "spec.volumeMode", 1, "Filesystem"),
    ),
    "StorageClass": (
        Column("Name", "string", _class_name, format="name"),
        text("Provisioner", "provisioner"),
        text("ReclaimPolicy", "reclaimPolicy", empty="Delete"),
        text("VolumeBindingMode", "volumeBindingMode", empty="Immediate"),
        text("AllowVolumeExpansion", lambda obj, _now: str(bool(obj.get("allowVolumeExpansion"))).lower()),
        AGE,
    ),
    "PodDisruptionBudget": (
        NAME,
        text("Min Available", "spec.minAvailable", empty="N/A"),
        text("Max Unavailable", "spec.maxUnavailable", empty="N/A"),
        number("Allowed Disruptions", "status.disruptionsAllowed"),
        AGE,
    ),
    "ResourceQuota": (NAME, text("Request", _keys("spec.hard")), AGE),
    "LimitRange": (NAME, CREATED),
    "Lease": (NAME, text("Holder", "spec.holderIdentity", empty=""), AGE),
    "PriorityClass": (NAME, number("Value", "value"), text("Global-Default", "globalDefault", empty=False), AGE),
    "Role": (NAME, CREATED),
    "ClusterRole": (NAME, CREATED),
    "RoleBinding": BINDING,
    "ClusterRoleBinding": BINDING,
    "CustomResourceDefinition": (NAME, CREATED),
    "MutatingWebhookConfiguration": WEBHOOKS,
    "ValidatingWebhookConfiguration": WEBHOOKS,
}


def columns_of(kind: Kind) -> tuple[Column, ...]:
    """The columns of a kind: its own, those of its CustomResourceDefinition, or name and age."""
    if kind.crd:
        return (NAME, *map(custom, kind.columns)) if kind.columns else (NAME, AGE)
    return COLUMNS.get(kind.kind, (NAME, AGE))
