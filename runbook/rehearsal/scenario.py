"""Reads a scenario folder: what docs/scenario-format.md describes, as strict models. Bad files are named with the field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from runbook.errors import ScenarioError

SHIPPED = Path(__file__).parent / "scenarios"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|m|s)")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClusterEntry(_Strict):
    """Which cluster is played."""

    name: str
    uid: str


class UserEntry(_Strict):
    """A user that gets a kubeconfig."""

    name: str
    groups: tuple[str, ...] = ()


class NodeEntry(_Strict):
    """A node and its container runtime."""

    name: str
    runtime: Literal["docker", "containerd", "cri-o"]
    ip: str = "10.0.0.10"


class TrustEntry(_Strict):
    """A CA that is on a node when the scenario starts."""

    node: str
    authority: str
    hosts: tuple[str, ...] = ()
    store: bool = False


class RegistryEntry(_Strict):
    """A registry: its names, who signed it, what it holds."""

    id: str
    names: tuple[str, ...]
    authority: str
    sans: tuple[str, ...]
    images: dict[str, tuple[str, ...]] = {}
    days: int = 365


class CASecretEntry(_Strict):
    """A Secret that publishes a registry's CA, without its key."""

    namespace: str
    name: str
    registry: str


class ChartRepositoryEntry(_Strict):
    """A chart repository; no `charts` means all of the scenario's."""

    url: str
    charts: tuple[str, ...] | None = None


class CommitEntry(_Strict):
    """When the first commit was made, and its message."""

    ago: str = "72h"
    message: str = "first commit"


class GitRepositoryEntry(_Strict):
    """A Git repository by the URL that sources name."""

    url: str
    repo: str
    branch: str = "main"
    commits: tuple[CommitEntry, ...] = (CommitEntry(),)


class SealingEntry(_Strict):
    """Where the sealed-secrets controller runs, and how old its key and the lost one are."""

    namespace: str = "kube-system"
    selector: dict[str, str] = {"name": "sealed-secrets-controller"}
    service: str = "sealed-secrets-controller"
    currentKeyAge: str = "5h"  # noqa: N815  the file's word
    lostKeyAge: str = "2000h"  # noqa: N815  the file's word


class SealedEntry(_Strict):
    """A SealedSecret to encrypt at the start, and the file it becomes."""

    namespace: str
    name: str
    key: Literal["lost", "current"]
    data: dict[str, str]
    file: str
    scope: Literal["strict", "namespace-wide", "cluster-wide"] = "strict"


class AnswerEntry(_Strict):
    """What a path answers."""

    status: int = 200
    body: str = ""


class ApplicationEntry(_Strict):
    """What pods with these labels answer over HTTP."""

    selector: dict[str, str]
    http: dict[str, AnswerEntry]


class IngressEntry(_Strict):
    """The address under which Ingress objects answer, on port 443."""

    address: str
    authority: str
    hosts: tuple[str, ...] = ()


class LogEntry(_Strict):
    """Lines that pods with these labels have logged since they started."""

    selector: dict[str, str]
    container: str = ""
    lines: tuple[str, ...]


class World(_Strict):
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


class FrameEntry(_Strict):
    """One frame: the stages a person runs there, when it has come, and what the person does after it."""

    name: str
    stages: tuple[str, ...] = ()
    until: tuple[dict[str, Any], ...] = Field(min_length=1)
    person: tuple[dict[str, Any], ...] = ()


class Person(_Strict):
    """person.yaml."""

    frames: tuple[FrameEntry, ...] = ()


class Scenario:
    """A scenario folder that was read and makes sense."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = _model(World, folder / "world.yaml")
        self.person = _model(Person, folder / "person.yaml") if (folder / "person.yaml").is_file() else Person()
        self.manifests = [
            document for path in sorted((folder / "manifests").glob("*.yaml")) for document in documents(path)
        ]
        self._check()

    def _check(self) -> None:
        known = set(self.world.authorities)
        used = {r.authority for r in self.world.registries} | set(self.world.systemTrust)
        used |= {t.authority for t in self.world.trust} | (
            {self.world.ingress.authority} if self.world.ingress else set()
        )
        for name in sorted(used - known):
            raise ScenarioError(
                f"{name!r} is not among the authorities", field=f"{self.folder}/world.yaml: authorities"
            )
        for entry in self.world.gitRepositories:
            if not (self.folder / "git" / entry.repo).is_dir():
                raise ScenarioError(
                    f"there is no folder git/{entry.repo}", field=f"{self.folder}/world.yaml: gitRepositories"
                )
        for sealed in self.world.sealed:
            if sealed.file.split("/")[0] not in {g.repo for g in self.world.gitRepositories}:
                raise ScenarioError(
                    f"{sealed.file!r} lies in no Git repository of this scenario",
                    field=f"{self.folder}/world.yaml: sealed",
                )


def names() -> list[str]:
    """The shipped scenarios."""
    return sorted(p.parent.name for p in SHIPPED.glob("*/world.yaml"))


def find(name: str) -> Scenario:
    """A shipped scenario by name, or a folder. Raises ScenarioError."""
    folder = SHIPPED / name if (SHIPPED / name / "world.yaml").is_file() else Path(name)
    if not (folder / "world.yaml").is_file():
        raise ScenarioError(
            f"{name!r} is neither a shipped scenario ({', '.join(names())}) nor a folder with a world.yaml",
            field="--scenario",
        )
    return Scenario(folder.resolve())


def documents(path: Path) -> list[dict[str, Any]]:
    """The YAML documents of a file; a List becomes its items. Raises ScenarioError naming file, line and column."""
    try:
        found = [d for d in YAML(typ="safe").load_all(path.read_text(encoding="utf-8")) if d]
    except MarkedYAMLError as error:
        raise ScenarioError(_yaml_words(path, error), field=str(path)) from error
    items = [i for d in found for i in (d.get("items") or () if d.get("kind") == "List" else (d,))]
    return [_plain(item) for item in items]


def seconds(text: str) -> float:
    """A duration such as `1h30m` in seconds. Raises ValueError."""
    parts = _DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"{text!r} is not a duration")
    return sum(float(n) * {"h": 3600, "m": 60, "s": 1}[u] for n, u in parts)


def _model(model: type[Any], path: Path) -> Any:
    try:
        return model.model_validate(_plain(YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}))
    except MarkedYAMLError as error:
        raise ScenarioError(_yaml_words(path, error), field=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        raise ScenarioError(f"{first['msg']}", field=f"{path}: {where}") from error


def _plain(value: Any) -> Any:
    """Dates that YAML read are written back as the strings Kubernetes uses."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z") + ("" if value.tzinfo else "Z")
    return value


def _yaml_words(path: Path, error: MarkedYAMLError) -> str:
    mark = error.problem_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{path.name} is not YAML: {where}{error.problem}"
