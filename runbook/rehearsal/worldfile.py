"""world.yaml: what exists outside the API, as strict models. docs/scenario-format.md describes every key."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runbook.rehearsal.durations import Duration
from runbook.rehearsal.scenariofiles import Strict


class ClusterEntry(Strict):
    """Which cluster is played."""

    name: str
    uid: str


class UserEntry(Strict):
    """A user that gets a kubeconfig."""

    name: str
    groups: tuple[str, ...] = ()


class NodeEntry(Strict):
    """A node and its container runtime."""

    name: str
    runtime: Literal["docker", "containerd", "cri-o"]
    ip: str = "10.0.0.10"


class TrustEntry(Strict):
    """A CA that is on a node when the scenario starts."""

    node: str
    authority: str
    hosts: tuple[str, ...] = ()
    store: bool = False


class RegistryEntry(Strict):
    """A registry: its names, who signed it, what it holds."""

    id: str
    names: tuple[str, ...]
    authority: str
    sans: tuple[str, ...]
    images: dict[str, tuple[str, ...]] = {}
    days: int = 365


class CASecretEntry(Strict):
    """A Secret that publishes a registry's CA, without its key."""

    namespace: str
    name: str
    registry: str


class ChartRepositoryEntry(Strict):
    """A chart repository; no `charts` means all of the scenario's."""

    url: str
    charts: tuple[str, ...] | None = None


class CommitEntry(Strict):
    """When the first commit was made, and its message."""

    ago: Duration = "72h"
    message: str = "first commit"


class GitRepositoryEntry(Strict):
    """A Git repository by the URL that sources name."""

    url: str
    repo: str
    branch: str = "main"
    commits: tuple[CommitEntry, ...] = (CommitEntry(),)


class SealingEntry(Strict):
    """Where the sealed-secrets controller runs, and how old its key and the lost one are."""

    namespace: str = "kube-system"
    selector: dict[str, str] = {"name": "sealed-secrets-controller"}
    service: str = "sealed-secrets-controller"
    currentKeyAge: Duration = "5h"  # noqa: N815  the file's word
    lostKeyAge: Duration = "2000h"  # noqa: N815  the file's word


class SealedEntry(Strict):
    """A SealedSecret to encrypt at the start, and the file it becomes."""

    namespace: str
    name: str
    key: Literal["lost", "current"]
    data: dict[str, str]
    file: str
    scope: Literal["strict", "namespace-wide", "cluster-wide"] = "strict"


class AnswerEntry(Strict):
    """What a path answers."""

    status: int = 200
    body: str = ""


class ApplicationEntry(Strict):
    """What pods with these labels answer over HTTP."""

    selector: dict[str, str]
    http: dict[str, AnswerEntry]


class IngressEntry(Strict):
    """The address under which Ingress objects answer, on port 443."""

    address: str
    authority: str
    hosts: tuple[str, ...] = ()


class LogEntry(Strict):
    """Lines that pods with these labels have logged since they started."""

    selector: dict[str, str]
    container: str = ""
    lines: tuple[str, ...]


class World(Strict):
    """world.yaml."""

    flux: str = "2.7"
    kubernetes: str = "v1.34.2"
    helmConcurrent: int = Field(default=4, ge=1)  # noqa: N815  helm-controller's --concurrent
    cluster: ClusterEntry
    users: tuple[UserEntry, ...] = ()
    nodes: tuple[NodeEntry, ...]
    authorities: tuple[str, ...] = ()
    systemTrust: tuple[str, ...] = ()  # noqa: N815  the file's word
    trust: tuple[TrustEntry, ...] = ()
    registries: tuple[RegistryEntry, ...] = ()
    caSecrets: tuple[CASecretEntry, ...] = ()  # noqa: N815  the file's word
    chartRepositories: tuple[ChartRepositoryEntry, ...] = ()  # noqa: N815  the file's word
    gitRepositories: tuple[GitRepositoryEntry, ...] = ()  # noqa: N815  the file's word
    sealing: SealingEntry | None = None
    sealed: tuple[SealedEntry, ...] = ()
    applications: tuple[ApplicationEntry, ...] = ()
    ingress: IngressEntry | None = None
    logs: tuple[LogEntry, ...] = ()

    @property
    def helm4(self) -> bool:
        """Whether Flux speaks Helm 4's words: since 2.8."""
        return tuple(int(p) for p in self.flux.split(".")[:2]) >= (2, 8)
