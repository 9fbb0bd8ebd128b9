"""What the product observes itself, beside the API's objects: trust, manifests, endpoints, logs, Git, quiet.

Each probe says where it stood (`vantage`): an operator's machine proves nothing about a node. `error` is empty when
the probe got its answer; a probe that could not be made at all is a Gap of the snapshot instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec


class ProbeResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of all probes."""


class CertificateFacts(ProbeResult, frozen=True):
    """Public facts of one certificate. `fingerprint` is lower-case hex SHA-256 of the DER."""

    subject: str
    issuer: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    is_ca: bool = False


class RegistryTrust(ProbeResult, frozen=True):
    """One cell of the trust matrix: one node (or the operator's machine) and one name form of the registry.

    `anchors` is where the CA came from (`/etc/docker/certs.d/<host>/ca.crt`, `system`), as the node's runtime would
    look it up. Each step is `ok`, an error text, or empty when an earlier step failed and it was not reached.
    """

    KIND: ClassVar[str] = "RegistryTrust"

    vantage: str
    runtime: str
    host: str
    resolve: str = ""
    connect: str = ""
    chain: str = ""
    name: str = ""
    expiry: str = ""
    api: str = ""
    manifest: str = ""
    image: str = ""
    anchors: tuple[str, ...] = ()
    served: tuple[CertificateFacts, ...] = ()
    durable: bool | None = None
    node_read: str = ""


class ManifestProbe(ProbeResult, frozen=True):
    """HEAD /v2/<repository>/manifests/<tag> with all four media types. `digest` empty and `error` set when absent."""

    KIND: ClassVar[str] = "ManifestProbe"

    host: str
    repository: str
    reference: str
    digest: str = ""
    platform_digests: tuple[str, ...] = ()
    error: str = ""
    status: int = 0
    vantage: str = ""


class EndpointProbe(ProbeResult, frozen=True):
    """One GET of a declared endpoint. `tls` is verified, unverified (declared so) or none; redirects are not followed."""

    KIND: ClassVar[str] = "EndpointProbe"

    name: str
    url: str
    service: str = ""
    status: int = 0
    tls: str = ""
    body: str = ""
    body_status: str = ""
    body_version: str = ""
    error: str = ""
    layer: str = ""
    seconds: float = 0.0
    vantage: str = "operator"


class UnsealProbe(ProbeResult, frozen=True):
    """POST /v1/verify of one SealedSecret through the service proxy: 200 opens, 409 does not.

    `opens_as` is another scope or name than its own under which the controller opens one that it refuses; empty: under none,
    or nobody asked.
    """

    KIND: ClassVar[str] = "UnsealProbe"

    namespace: str
    name: str
    opens: bool
    status: int = 0
    opens_as: str = ""


class LogGroup(ProbeResult, frozen=True):
    """Equal log lines of one controller in the window, at one level. `sample` is redacted, one line."""

    KIND: ClassVar[str] = "LogGroup"

    namespace: str
    pod: str
    level: str
    message: str
    count: int
    first: datetime | None = None
    last: datetime | None = None
    object: str = ""
    sample: str = ""


class LogWindow(ProbeResult, frozen=True):
    """Which controller's log was read and how far: lines read and the window's start. Zero errors counts only with this.

    `older` says that a log without a line in the window has one from before it: it is quiet, and not empty.
    """

    KIND: ClassVar[str] = "LogWindow"

    namespace: str
    pod: str
    lines: int
    since: datetime
    until: datetime
    error: str = ""
    older: bool = False


class GitFile(ProbeResult, frozen=True):
    """A HelmRelease (or other object) as the Git checkout declares it, with file and line."""

    KIND: ClassVar[str] = "GitFile"

    kind: str
    namespace: str
    name: str
    path: str
    line: int = 0
    chart_version: str = ""
    image_tags: tuple[tuple[str, str], ...] = ()
    committed: datetime | None = None


class GitHead(ProbeResult, frozen=True):
    """HEAD of the checkout named in the inventory."""

    KIND: ClassVar[str] = "GitHead"

    revision: str
    branch: str = ""
    committed: datetime | None = None
    dirty: bool = False


class AccessReview(ProbeResult, frozen=True):
    """SelfSubjectAccessReview: may this identity do that?"""

    KIND: ClassVar[str] = "AccessReview"

    verb: str
    group: str
    resource: str
    namespace: str = ""
    allowed: bool = False
    reason: str = ""


class SoakReset(ProbeResult, frozen=True):
    """Why the quiet ended, and when."""

    at: datetime
    reason: str
    object: str = ""


class SoakWindow(ProbeResult, frozen=True):
    """Measured quiet: from, to, what was wanted, and each reset. `started` False means it never began, and why."""

    KIND: ClassVar[str] = "SoakWindow"

    wanted_seconds: float
    quiet_seconds: float
    started: datetime | None = None
    ended: datetime | None = None
    resets: tuple[SoakReset, ...] = ()
    samples: int = 0
    why_not: str = ""


class ServerInfo(ProbeResult, frozen=True):
    """Which server answered: its version and its readiness checks."""

    KIND: ClassVar[str] = "ServerInfo"

    server: str
    version: str
    uid: str
    user: str = ""
    ready: bool = False
    ready_detail: str = ""


class ServedKind(ProbeResult, frozen=True):
    """A kind the server serves, at the version that was used."""

    KIND: ClassVar[str] = "ServedKind"

    kind: str
    group: str
    version: str
    plural: str


class SealingKey(ProbeResult, frozen=True):
    """One active key of the sealed-secrets controller: its name and its certificate's notBefore, never the key.

    A Secret's creationTimestamp is new after every rebuild, also for a restored key: only the certificate dates it.
    `complete` is whether the keys of a snapshot are known to be all that the controller has.
    """

    KIND: ClassVar[str] = "SealingKey"

    namespace: str
    name: str
    not_before: datetime
    fingerprint: str = ""
    complete: bool = True
