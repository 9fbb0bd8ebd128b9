"""Rules for Services and Ingresses."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.k8sgpt.recorded import Failure, Recorded, named
from runbook.domain.cluster import Secret
from runbook.domain.meta import is_true
from runbook.domain.network import SERVICE_NAME, EndpointSlice, Ingress, Service
from runbook.domain.pods import Pod
from runbook.model import Snapshot


def services(recorded: Recorded) -> Iterator[Failure]:
    """service.go: endpoints that are not there or not ready, and each warning about anything of the Service's name.

    It reads Endpoints, which are not recorded: they are those that the API's own controller makes of what is recorded.
    """
    for obj in recorded.state.seen(Service):
        if not obj.spec.selector:
            continue  # nobody makes Endpoints for it
        endpoints = list(_endpoints(recorded.state, obj))
        waiting = [name for name, ready in endpoints if not ready]
        for key, value in obj.spec.selector.items() if not endpoints else ():
            yield Failure(obj.ref, f"Service has no endpoints, expected label {key}={value}")
        if waiting:
            text = (
                f"Service has not ready endpoints, pods: [{' '.join(filter(None, waiting))}], expected {len(waiting)}"
            )
            yield Failure(obj.ref, text)
        for event in recorded.said(obj.metadata.name):
            if event.type != "Normal":
                yield Failure(obj.ref, f"Service {named(obj)} has event {event.message or ''}")


def _endpoints(state: Snapshot, service: Service) -> Iterator[tuple[str, bool]]:
    """Who is behind a Service and whether it is ready: of its EndpointSlices, else of pods that match and have an address.

    A ready pod has one, whether or not it is recorded: some recordings were made on nodes without a network.
    """
    meta = service.metadata
    if EndpointSlice.KIND in state.objects:
        for part in state.seen(EndpointSlice):
            if (part.metadata.namespace, part.metadata.label(SERVICE_NAME)) == (meta.namespace, meta.name):
                for one in part.endpoints or ():
                    yield f"Pod/{one.target_ref.name}" if one.target_ref else "", one.conditions.ready is not False
        return
    wanted = (service.spec.selector or {}).items()
    for pod in state.seen(Pod):
        gone = pod.metadata.deletion_timestamp is not None or pod.status.phase in ("Succeeded", "Failed")
        ready = is_true(pod.status.conditions, "Ready")
        selected = pod.metadata.namespace == meta.namespace and wanted <= (pod.metadata.labels or {}).items()
        if selected and not gone and (ready or pod.status.pod_ip):
            yield f"Pod/{pod.metadata.name}", ready


def ingresses(recorded: Recorded) -> Iterator[Failure]:
    """ingress.go: no class, a Service of a rule or a Secret of TLS that is not there. The default backend is not read."""
    for obj in recorded.state.seen(Ingress):
        namespace = obj.metadata.namespace
        if not obj.spec.ingress_class_name and not obj.metadata.annotation("kubernetes.io/ingress.class"):
            yield Failure(obj.ref, f"Ingress {named(obj)} does not specify an Ingress class.")
        for path in (path for rule in obj.spec.rules or () if rule.http for path in rule.http.paths):
            service = path.backend.service
            if service is not None and not recorded.has(Service, namespace, service.name):
                yield Failure(obj.ref, f"Ingress uses the service {namespace}/{service.name} which does not exist.")
        for name in (tls.secret_name for tls in obj.spec.tls or () if tls.secret_name):
            if not recorded.has(Secret, namespace, name):
                text = f"Ingress uses the secret {namespace}/{name} as a TLS certificate which does not exist."
                yield Failure(obj.ref, text)
