"""What should be true of one cluster, as strict pydantic models. `inventory/load.py` reads them from YAML.

Unknown keys are refused, numbers are not turned into strings (a version `1.10` must be quoted), and every name that
refers to another one is checked when the file is loaded.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr

Name = Annotated[StrictStr, Field(min_length=1, max_length=253)]
Duration = Annotated[StrictStr, Field(pattern=r"^(\d+h)?(\d+m)?(\d+s)?$", min_length=2)]
Fingerprint = Annotated[StrictStr, Field(pattern=r"^(SHA256:)?([0-9A-Fa-f]{2}:?){32}$")]


class Strict(BaseModel):
    """Base: no unknown keys, no coercion, immutable once read."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Target(Strict):
    """An object by name: `{kind, namespace, name}`."""

    kind: Name
    namespace: StrictStr = ""
    name: Name


class Cluster(Strict):
    """Which cluster this is. `uid` is that of the namespace kube-system; without it nothing can be applied."""

    name: Name
    uid: StrictStr = ""
    context: StrictStr = ""
    clock: Literal["local", "server"] = "local"
    rehearsal: bool = False


class SecretReference(Strict):
    """A Secret's key by name. Only certificate keys are accepted, never `tls.key`."""

    namespace: Name
    name: Name
    key: Literal["ca.crt", "tls.crt"] = "ca.crt"


class Registry(Strict):
    """The registry that was rebuilt: every name form in use, and the CA that signs it."""

    names: Annotated[tuple[Name, ...], Field(min_length=1)]
    ca_file: StrictStr = ""
    ca_secret: SecretReference | None = None
    ca_fingerprint: Fingerprint | None = None
    probe_image: StrictStr = ""


class Transport(Strict):
    """How a node's files are read: `local` is a directory that is the node's root; `none` leaves trust not evaluated."""

    kind: Literal["none", "local"] = "none"
    root: StrictStr = ""


class NodeEntry(Strict):
    """One expected node."""

    name: Name
    runtime: Literal["docker", "containerd", "cri-o"]
    transport: Transport = Transport()
    assumed: bool = False


class ExpectedSource(Strict):
    """A Flux source that must be ready."""

    kind: Literal["GitRepository", "OCIRepository", "HelmRepository", "Bucket"]
    namespace: Name
    name: Name


class ExpectedKustomization(Strict):
    """A Kustomization that must be ready at its source's revision."""

    namespace: Name = "flux-system"
    name: Name


class ExpectedRelease(Strict):
    """A HelmRelease that must be ready. `version` is the chart version wanted; `assumed` marks what no text says."""

    namespace: Name
    name: Name
    version: StrictStr = ""
    assumed: bool = False


class ExpectedService(Strict):
    """One row of the service checklist: what the operator believes runs, and where.

    `version` is the believed image tag; `workload` defaults to the Deployment of the release's name. `release` names
    the HelmRelease (`namespace/name`) that should deploy it; a row that names none and has no workload is one that
    nothing declares.
    """

    id: Name
    text: Name
    namespace: StrictStr = ""
    release: StrictStr = ""
    workload: Target | None = None
    version: StrictStr = ""
    endpoint: StrictStr = ""
    group: StrictStr = "application"
    ticked: bool | None = None


class InfrastructureRow(Strict):
    """One infrastructure service: judged by readiness of its workload and, where given, EndpointSlices of a Service."""

    id: Name
    text: Name
    workload: Target
    service: Target | None = None
    endpoint: StrictStr = ""
    also: tuple[Name, ...] = ()
    ticked: bool | None = None


class Endpoint(Strict):
    """One HTTP endpoint. `tls: unverified` is a recorded downgrade; `expect` is matched in the body's JSON fields."""

    name: Name
    url: Name
    service: StrictStr = ""
    ca: StrictStr = ""
    tls: Literal["verified", "unverified"] = "verified"
    status: tuple[int, ...] = (200,)
    expect: dict[str, StrictStr] = {}
    smoke: bool = False
    via: Literal["direct", "service-proxy"] = "direct"


class CriterionEntry(Strict):
    """One criterion in the operator's own words, bound to checks. `objects` narrows them by glob on Kind/ns/name."""

    id: Name
    text: Name
    checks: Annotated[tuple[Name, ...], Field(min_length=1)]
    objects: tuple[Name, ...] = ("*",)
    group: StrictStr = "acceptance"
    ticked: bool | None = None
    stage: StrictStr = "verify"


class WaiverEntry(Strict):
    """An accepted failure. `check` is a check id, `object` a glob on Kind/namespace/name; `until` is UTC, inclusive."""

    id: Name
    check: Name
    object: Name
    who: Name
    ticket: Name
    until: date
    why: Name


class Logs(Strict):
    """Which controllers' logs count, how far back, and which lines are known to mean nothing (regular expressions)."""

    namespaces: tuple[Name, ...] = ("flux-system",)
    since: Duration = "15m"
    allow: tuple[Name, ...] = ()


class SealedSecrets(Strict):
    """Where the sealed-secrets controller answers."""

    namespace: Name = "kube-system"
    service: Name = "sealed-secrets-controller"
    port: StrictStr = "8080"


class SecretsAccess(Strict):
    """Opt-in to read Secrets' metadata (never their values) in these namespaces."""

    namespaces: tuple[Name, ...] = ()


class Git(Strict):
    """The operator's checkout. `path` is relative to the inventory file; it is only read."""

    path: StrictStr = ""
    source: Target | None = None


class Ticket(Strict):
    """The ticket this run answers."""

    id: StrictStr = ""
    title: StrictStr = ""
    url: StrictStr = ""


class Inventory(Strict):
    """What should be true of one cluster."""

    schema_: Literal["runbook/inventory/v1"] = Field(alias="schema")
    cluster: Cluster
    ticket: Ticket = Ticket()
    resolve: dict[StrictStr, StrictStr] = {}
    registry: Registry | None = None
    nodes: tuple[NodeEntry, ...] = ()
    sources: tuple[ExpectedSource, ...] = ()
    kustomizations: tuple[ExpectedKustomization, ...] = ()
    releases: tuple[ExpectedRelease, ...] = ()
    services: tuple[ExpectedService, ...] = ()
    infrastructure: tuple[InfrastructureRow, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    criteria: tuple[CriterionEntry, ...] = ()
    waivers: tuple[WaiverEntry, ...] = ()
    soak: Duration = "15m"
    logs: Logs = Logs()
    sealed_secrets: SealedSecrets | None = None
    secrets: Literal["none", "metadata"] = "none"
    secrets_access: SecretsAccess = SecretsAccess()
    git: Git = Git()
    causes: tuple[StrictStr, ...] = ()
