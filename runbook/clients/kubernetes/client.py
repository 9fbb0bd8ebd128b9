"""One API server, asked: who are you, what do you serve, what is there, may I."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from runbook.clients.kubernetes import discovery, glimpsing, listing, reviewing, serverclock, watching
from runbook.clients.kubernetes.answers import Answer
from runbook.clients.kubernetes.kubeconfig import access
from runbook.clients.kubernetes.listing import Listing, Progress
from runbook.clients.kubernetes.pages import single
from runbook.clients.kubernetes.serverclock import ServerClock
from runbook.clients.kubernetes.transport import Transport
from runbook.domain.kinds import KINDS, METADATA_ONLY
from runbook.domain.legible import decoded
from runbook.domain.probes import AccessReview, ServedKind, ServerInfo, UnsealProbe
from runbook.errors import ClusterIdentityError, DeniedError, MalformedError, MissingError, ObservationError

if TYPE_CHECKING:
    from runbook.inventory.model import SealedSecrets


def connect(
    *,
    kubeconfig: str | None = None,
    context: str | None = None,
    resolve: Mapping[str, str] | None = None,
    timeout: float = 15.0,
) -> KubeClient:
    """A client for the cluster a kubeconfig names. Nothing is sent yet. Raises KubeconfigError."""
    found = access(kubeconfig, context)
    return KubeClient(
        Transport(found, resolve or {}, timeout), server=found.server, context=found.context, user=found.user
    )


class KubeClient:
    """Reads one cluster. It has no method that writes."""

    def __init__(self, transport: Transport, *, server: str, context: str, user: str) -> None:
        self.transport = transport
        self.server, self.context, self.user = server, context, user

    def identify(self) -> ServerInfo:
        """Version, readiness and the UID of kube-system. Raises ClusterIdentityError when this is no usable cluster."""
        try:
            version = decoded(self.transport.get("/version", "the server's version").content)
            uid = self._uid()
        except DeniedError as error:
            hint = "Log in again, or choose another context with --context."
            raise ClusterIdentityError(
                f"{self.server} refuses {self.user or 'this identity'}: {error.why}", hint=hint
            ) from error
        except (MissingError, MalformedError, msgspec.DecodeError) as error:
            raise ClusterIdentityError(f"{self.server} is not a Kubernetes API server: {error}") from error
        except ObservationError as error:
            raise ClusterIdentityError(
                f"{self.server} cannot be asked: {error.why}", hint=_advice(error.why)
            ) from error
        if not isinstance(version, dict) or "gitVersion" not in version or not uid:
            raise ClusterIdentityError(
                f"{self.server} is not a Kubernetes API server: /version and kube-system say nothing"
            )
        ready, detail = self._readiness()
        return ServerInfo(self.server, str(version["gitVersion"]), uid, self.user, ready, detail)

    def _uid(self) -> str:
        answer = decoded(self.transport.get("/api/v1/namespaces/kube-system", "namespace kube-system").content)
        metadata = answer.get("metadata") if isinstance(answer, dict) else None
        return str(metadata.get("uid", "")) if isinstance(metadata, dict) else ""

    def _readiness(self) -> tuple[bool, str]:
        try:
            self.transport.get("/readyz", "the server's readiness", accept="text/plain")
        except ObservationError as error:
            return False, error.why
        return True, ""

    def clock(self) -> ServerClock:
        """The server's own clock, which only the embedded cluster has."""
        return serverclock.ask(self.transport)

    @cached_property
    def _found(self) -> discovery.Discovered | ObservationError:
        """Asked once, also when the server does not answer: two dozen kinds must not each wait for that."""
        try:
            return discovery.discover(self.transport)
        except ObservationError as error:
            return error

    def discover(self) -> Mapping[str, ServedKind]:
        """Kind → the version this server serves; a kind it does not serve, or whose group is silent, is absent."""
        if isinstance(self._found, ObservationError):
            raise _anew(self._found)
        return self._found.served

    def lacks(self, kind: str) -> bool:
        """Whether the server answered for all groups that could serve this kind, and does not."""
        found = self._found
        return not isinstance(found, ObservationError) and kind not in found.served and kind not in found.failed

    def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        progress: Progress | None = None,
        metadata_only: bool = False,
        as_served: bool = False,
        page: int = listing.PAGE,
    ) -> Listing:
        """Every object of a kind, in one namespace or all. Raises an ObservationError; never an empty list instead.

        `as_served` keeps each item's bytes too, as evidence does, less managedFields: of a pod they are twice its fields.
        Of Secrets and ConfigMaps never more than metadata is asked for, and nothing else is accepted.
        """
        accept = listing.METADATA_ONLY if metadata_only or kind in METADATA_ONLY else listing.PLAIN
        return listing.fetch(
            self.transport,
            kind,
            self.path(kind, namespace),
            listing.what_of(kind, namespace),
            progress=progress,
            accept=accept,
            as_served=as_served,
            page=page,
        )

    def get(self, kind: str, namespace: str, name: str) -> bytes:
        """One object as it is served. Raises MissingError when it is not there, or another ObservationError.

        Of a Secret only metadata is asked for.
        """
        accept = listing.METADATA_ONE if kind == "Secret" else listing.PLAIN
        what = f"{kind}/{namespace}/{name}" if namespace else f"{kind}/{name}"
        return single(self.transport.get(f"{self.path(kind, namespace)}/{name}", what, accept=accept).content, what)

    def events_of(self, namespace: str, uid: str) -> bytes:
        """The events about one object, as an EventList. Raises an ObservationError."""
        path, what = f"/api/v1/namespaces/{namespace}/events", f"events in namespace {namespace}"
        return single(self.transport.get(path, what, fieldSelector=f"involvedObject.uid={uid}").content, what)

    def watch(
        self,
        kind: str,
        resource_version: str,
        *,
        until: Callable[[], bool],
        namespace: str = "",
        silence: float = watching.SILENCE,
    ) -> Iterator[watching.WatchEvent]:
        """Changes since a list's revision, until told to stop."""
        watcher = watching.Watcher(
            self.transport,
            kind,
            self.path(kind, namespace),
            resource_version,
            lambda: self.list(kind, namespace=namespace),
            silence=silence,
        )
        return watcher.events(until)

    def review(self, verb: str, group: str, resource: str, namespace: str = "") -> AccessReview:
        """SelfSubjectAccessReview: may this identity do that? Namespace "" means all of them."""
        return reviewing.review(self.transport, verb, group, resource, namespace)

    def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str = "",
        since_seconds: int | None = None,
        tail: int | None = None,
        previous: bool = False,
    ) -> Iterator[str]:
        """A container's log, line by line, over a connection of its own."""
        query: dict[str, str | int] = {"container": container} if container else {}
        query |= {"sinceSeconds": max(1, since_seconds)} if since_seconds is not None else {}
        query |= {"tailLines": tail} if tail is not None else {}
        query |= {"previous": "true"} if previous else {}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        with self.transport.stream(path, f"log of pod {namespace}/{pod}", silence=20.0, **query) as stream:
            yield from stream.lines()

    def log(self, namespace: str, pod: str, container: str, *, tail: int, previous: bool) -> str:
        """The last lines of a container's log, in one answer. Raises an ObservationError."""
        query: dict[str, str | int] = {"container": container, "tailLines": tail}
        query |= {"previous": "true"} if previous else {}
        path, what = f"/api/v1/namespaces/{namespace}/pods/{pod}/log", f"log of pod {namespace}/{pod}"
        return self.transport.get(path, what, accept="*/*", **query).text

    def verify_sealed(self, entry: SealedSecrets, namespace: str, name: str, raw: bytes) -> UnsealProbe:
        """Would this SealedSecret open? The controller's /v1/verify, through the service proxy; nothing is decrypted."""
        path = f"/api/v1/namespaces/{entry.namespace}/services/http:{entry.service}:{entry.port}/proxy/v1/verify"
        what = f"/v1/verify of SealedSecret {namespace}/{name}"
        response = self.transport.post(path, what, raw, accepted=(409, 429))
        return UnsealProbe(namespace, name, response.status_code == 200, response.status_code)

    def tail(
        self, namespace: str, pod: str, container: str, *, lines: int, previous: bool, seconds: float
    ) -> tuple[str, ...]:
        """The last lines of a container's log, within so many seconds. Raises an ObservationError."""
        query = {"container": container, "tailLines": str(lines), **({"previous": "true"} if previous else {})}
        path, what = f"/api/v1/namespaces/{namespace}/pods/{pod}/log", f"log of pod {namespace}/{pod}"
        read = glimpsing.end(self.transport, path, what, seconds=seconds, **query)
        return tuple(read.decode("utf-8", errors="replace").splitlines()[-lines:])

    def proxy_ask(self, namespace: str, service: str, port: str, path: str, *, seconds: float) -> Answer:
        """GET a Service's path through the API server, within so many seconds; any status is an answer."""
        where = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/{path.lstrip('/')}"
        return glimpsing.beginning(self.transport, where, f"service proxy of {namespace}/{service}", seconds=seconds)

    def proxy_get(self, namespace: str, service: str, port: str, path: str) -> Answer:
        """GET a Service's path through the API server. Raises an ObservationError for any status of 400 and more."""
        where = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/{path.lstrip('/')}"
        return self.transport.get(where, f"service proxy of {namespace}/{service}")

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def path(self, kind: str, namespace: str) -> str:
        """The path of a kind's collection, at the version this server serves. Raises an ObservationError."""
        served = self.discover().get(kind)
        if served is None:
            entry = KINDS[kind]
            assert not isinstance(self._found, ObservationError)
            if kind in self._found.failed:
                raise _anew(self._found.failed[kind])
            raise MissingError(listing.what_of(kind, namespace), f"404 the server does not serve {entry.qualified}")
        return listing.collection(kind, served.version, namespace)


def _anew(error: ObservationError) -> ObservationError:
    """The same error, to be raised again: several threads raise what was found once."""
    return type(error)(error.what, error.why, hint=error.hint)


def _advice(why: str) -> str:
    if why.startswith("TLS"):
        return "Put the CA of this API server in the kubeconfig (certificate-authority-data)."
    return "Check the server's address, the network, and whether the API server runs."
