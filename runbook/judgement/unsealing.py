"""Which releases need which Secrets: who will fail when a SealedSecret cannot be opened, told before anything is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from runbook.domain.helm import HelmRelease, release_storage
from runbook.domain.owners import deployed_by
from runbook.domain.references import Reference, of_pod_spec, of_release
from runbook.domain.workloads import DaemonSet, Deployment, Job, StatefulSet
from runbook.model import ObjectRef, Snapshot

Secrets = Mapping[tuple[str, str], tuple[ObjectRef, ...]]


def releases_needing(snapshot: Snapshot) -> Secrets:
    """Namespace and name of each needed Secret → the releases that cannot do without it.

    Told by spec.valuesFrom and by the workloads that are there: of what a chart has not made yet nobody knows.
    """
    found: dict[tuple[str, str], dict[ObjectRef, None]] = defaultdict(dict)
    for release, need in _needs(snapshot):
        if need.kind == "Secret" and not need.optional:
            found[need.namespace, need.name][release] = None
    return {secret: tuple(sorted(releases)) for secret, releases in found.items()}


def _needs(snapshot: Snapshot) -> Iterator[tuple[ObjectRef, Reference]]:
    releases = snapshot.seen(HelmRelease)
    storage = {release_storage(release): release.ref for release in releases}
    for release in releases:
        yield from ((release.ref, need) for need in of_release(release))
    made: list[Deployment | StatefulSet | DaemonSet | Job] = [*snapshot.seen(Deployment), *snapshot.seen(StatefulSet)]
    for workload in (*made, *snapshot.seen(DaemonSet), *snapshot.seen(Job)):
        ref = deployed_by(workload.metadata, storage)
        if ref is not None:
            yield from ((ref, need) for need in of_pod_spec(workload.spec.template.spec, workload.metadata.namespace))
