"""One pass over a snapshot: every object by name and uid, its children, its events, its Helm release.

The rest of the diagnosis asks only this; nothing scans the snapshot again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from runbook.domain import helmrecords, owners
from runbook.domain.cluster import Event, Generic, PersistentVolume, Secret
from runbook.domain.helm import HelmRelease, release_storage
from runbook.domain.inquiries import Inquiry, LastWords
from runbook.domain.kinds import called
from runbook.domain.meta import Resource, is_true
from runbook.domain.network import SERVICE_NAME, EndpointSlice, Service
from runbook.domain.probes import EndpointProbe, GitFile, SealingKey, UnsealProbe
from runbook.domain.sealing import SealedSecret
from runbook.domain.workloads import Job
from runbook.model import ObjectRef, Snapshot

ENDPOINT = "Endpoint"
HEADLESS = ("", "None")
# What controllers add to names: a template's hash of up to ten letters, and five for the pod. [apimachinery:pkg/util/rand]
_ADDED = re.compile(r"((.+?)-[bcdfghjklmnpqrstvwxz2456789]{6,10}|.+)-[bcdfghjklmnpqrstvwxz2456789]{5}")


@dataclass(frozen=True)
class Index:
    """What a snapshot holds, by every name that it is asked for."""

    snapshot: Snapshot
    objects: Mapping[ObjectRef, Resource]
    by_uid: Mapping[str, ObjectRef]
    children: Mapping[ObjectRef, tuple[ObjectRef, ...]]
    events: Mapping[ObjectRef, tuple[Event, ...]]
    members: Mapping[ObjectRef, tuple[ObjectRef, ...]]
    slices: Mapping[tuple[str, str], tuple[EndpointSlice, ...]]
    probes: Mapping[ObjectRef, EndpointProbe]
    unseals: Mapping[tuple[str, str], UnsealProbe] = field(default_factory=dict)
    sealed_at: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    sealing_keys: tuple[SealingKey, ...] = ()
    words: Mapping[ObjectRef, tuple[LastWords, ...]] = field(default_factory=dict)
    addresses: Mapping[str, ObjectRef] = field(default_factory=dict)
    kept: Mapping[ObjectRef, tuple[ObjectRef, ...]] = field(default_factory=dict)  # claim → volumes by their claimRef
    records: Mapping[tuple[str, str], Secret] = field(default_factory=dict)  # Helm's newest, by namespace and release

    @cached_property
    def vanished(self) -> Mapping[tuple[str, str], tuple[ObjectRef, ...]]:
        """Pods of which only events are left, by namespace and by the name of the Job, ReplicaSet and Deployment they were of."""
        found: dict[tuple[str, str], list[ObjectRef]] = defaultdict(list)
        for ref in self.events:
            named = _ADDED.fullmatch(ref.name) if ref.kind == "Pod" and ref not in self.objects else None
            for maker in filter(None, named.groups()) if named else ():
                found[ref.namespace, maker].append(ref)
        return {key: tuple(refs) for key, refs in found.items()}

    @cached_property
    def released_by(self) -> Mapping[ObjectRef, ObjectRef]:
        """Object → the HelmRelease that its labels and annotations name."""
        releases = ((ref, members) for ref, members in self.members.items() if ref.kind == HelmRelease.KIND)
        return {member: ref for ref, members in releases for member in members}

    @cached_property
    def resolvers(self) -> tuple[ObjectRef, ...]:
        """The Services of the cluster's DNS, by the label that its add-on has had from the first. [kk:cluster/addons/dns]"""
        found = (s for s in self.snapshot.seen(Service) if s.metadata.namespace == "kube-system")
        return tuple(s.ref for s in found if s.metadata.label("k8s-app") == "kube-dns")

    @cached_property
    def unsealed(self) -> Mapping[str, frozenset[ObjectRef]]:
        """Ciphertexts, each with the SealedSecrets that hold it and are unsealed."""
        found: dict[str, set[ObjectRef]] = defaultdict(set)
        for sealed in self.snapshot.seen(SealedSecret):
            if is_true(sealed.status.conditions, "Synced"):
                for ciphertext in (sealed.spec.encrypted_data or {}).values():
                    found[ciphertext].add(sealed.ref)
        return {ciphertext: frozenset(refs) for ciphertext, refs in found.items()}

    @cached_property
    def runs(self) -> Mapping[str, tuple[Job, ...]]:
        """The Jobs of each CronJob, by its uid: CronJobs themselves are not listed."""
        found: dict[str, list[Job]] = defaultdict(list)
        for job in self.snapshot.seen(Job):
            if (owner := job.metadata.controller) is not None and owner.kind == "CronJob" and owner.uid:
                found[owner.uid].append(job)
        return {uid: tuple(jobs) for uid, jobs in found.items()}

    @cached_property
    def with_secrets(self) -> frozenset[str]:
        """The namespaces of which a Secret was observed: one that is not among them there may well be missing."""
        return frozenset(s.metadata.namespace for s in self.snapshot.seen(Secret))

    @property
    def now(self) -> datetime:
        """The cluster's time of the snapshot."""
        return self.snapshot.observed_at

    def saw(self, kind: str) -> bool:
        """Whether the kind was observed at all, so that an absent object is known to be absent. Of a recording never: it holds what was saved."""
        return self.snapshot.complete and kind in self.snapshot.objects and kind not in self.snapshot.gaps

    def looked(self, kind: str) -> bool:
        """Whether any object of the kind was observed or listed: of an absent one nothing is known where none was."""
        return kind in self.snapshot.objects and kind not in self.snapshot.gaps

    def get(self, ref: ObjectRef) -> Resource | None:
        """The object, or None when it is not in what was observed."""
        return self.objects.get(ref)


def ref_of(obj: Resource) -> ObjectRef:
    """An object's name; a Generic one goes by the kind it was served as, with its group where that is another kind's name."""
    kind = called(obj.kind, obj.api_version) if isinstance(obj, Generic) else obj.KIND
    return ObjectRef(kind, obj.metadata.namespace, obj.metadata.name)


def build(snapshot: Snapshot) -> Index:
    """Index a snapshot. Duplicate objects: the one with the higher generation, else the later in the input, stays."""
    objects: dict[ObjectRef, Resource] = {}
    events: list[Event] = []
    for kind, items in snapshot.objects.items():
        if kind in snapshot.gaps:
            continue
        for item in items:
            if isinstance(item, Event):
                events.append(item)
            elif isinstance(item, Resource):
                objects[ref_of(item)] = item
    by_uid = {obj.metadata.uid: ref for ref, obj in objects.items() if obj.metadata.uid}
    return Index(
        snapshot,
        objects,
        by_uid,
        _children(objects, by_uid),
        _events(events, objects, by_uid),
        _members(objects),
        _slices(snapshot.seen(EndpointSlice)),
        {ObjectRef(ENDPOINT, "", p.name): p for p in snapshot.seen(EndpointProbe)},
        {(p.namespace, p.name): p for p in snapshot.seen(UnsealProbe)},
        _sealed_at(snapshot.seen(GitFile)),
        tuple(snapshot.seen(SealingKey)),
        {ObjectRef.parse(i.pod): i.logs for i in snapshot.seen(Inquiry) if i.pod and any(w.lines for w in i.logs)},
        {s.spec.cluster_ip: s.ref for s in snapshot.seen(Service) if s.spec.cluster_ip not in HEADLESS},
        _kept(snapshot.seen(PersistentVolume)),
        helmrecords.newest(snapshot.seen(Secret)),
    )


def _grouped(pairs: Iterable[tuple[ObjectRef, ObjectRef]]) -> dict[ObjectRef, tuple[ObjectRef, ...]]:
    found: dict[ObjectRef, dict[ObjectRef, None]] = defaultdict(dict)
    for key, value in pairs:
        found[key][value] = None
    return {key: tuple(values) for key, values in found.items()}


def _children(
    objects: Mapping[ObjectRef, Resource], by_uid: Mapping[str, ObjectRef]
) -> dict[ObjectRef, tuple[ObjectRef, ...]]:
    def pairs() -> Iterable[tuple[ObjectRef, ObjectRef]]:
        for ref, obj in objects.items():
            for owner in obj.metadata.owner_references or ():
                named = ObjectRef(owner.kind, ref.namespace, owner.name)
                known = by_uid.get(owner.uid)
                # An owner of the same name and another uid is a successor: it does not own this one.
                if known is not None:
                    yield known, ref
                elif not owner.uid and named in objects:
                    yield named, ref
            job = owners.job_of_pod(obj.metadata) if ref.kind == "Pod" and not obj.metadata.owner_references else None
            if job is not None and job in objects:
                yield job, ref

    return _grouped(pairs())


def _events(
    events: Iterable[Event], objects: Mapping[ObjectRef, Resource], by_uid: Mapping[str, ObjectRef]
) -> dict[ObjectRef, tuple[Event, ...]]:
    """Events by object, newest first. An event of another uid speaks of a predecessor and is left out."""
    found: dict[tuple[str, str, str], list[Event]] = defaultdict(list)
    for event in events:
        about = event.involved_object
        kind = called(about.kind, about.api_version)
        found[kind, about.namespace or event.metadata.namespace, about.name].append(event)
    kept = {}
    for named, items in found.items():
        ref = ObjectRef(*named)
        obj = objects.get(ref)
        uid = obj.metadata.uid if obj is not None else ""
        mine = [e for e in items if _speaks_of(e.involved_object.uid, uid, ref, by_uid)]
        if mine:
            kept[ref] = tuple(sorted(mine, key=_when, reverse=True)) if len(mine) > 1 else tuple(mine)
    return kept


def _speaks_of(said: str, uid: str, ref: ObjectRef, by_uid: Mapping[str, ObjectRef]) -> bool:
    """Whether an event's uid is the object's, or none that is known to be another's."""
    if not said or said == uid:
        return True
    return not uid and by_uid.get(said, ref) == ref


def _when(event: Event) -> float:
    return event.when.timestamp() if event.when else 0.0


def _members(objects: Mapping[ObjectRef, Resource]) -> dict[ObjectRef, tuple[ObjectRef, ...]]:
    """HelmRelease or Kustomization → what its labels and annotations say it deployed."""
    storage = {}
    for ref, obj in objects.items():
        if isinstance(obj, HelmRelease):
            storage[release_storage(obj)] = ref

    def pairs() -> Iterable[tuple[ObjectRef, ObjectRef]]:
        for ref, obj in objects.items():
            release = owners.deployed_by(obj.metadata, storage)
            for parent in (release, owners.kustomization(obj.metadata)):
                if parent is not None and parent != ref:
                    yield parent, ref

    return _grouped(pairs())


def _slices(slices: Iterable[EndpointSlice]) -> dict[tuple[str, str], tuple[EndpointSlice, ...]]:
    found: dict[tuple[str, str], list[EndpointSlice]] = defaultdict(list)
    for item in slices:
        found[item.metadata.namespace, item.metadata.label(SERVICE_NAME)].append(item)
    return {key: tuple(items) for key, items in found.items()}


def _kept(volumes: Iterable[PersistentVolume]) -> dict[ObjectRef, tuple[ObjectRef, ...]]:
    claims = ((v.spec.claim_ref, v.ref) for v in volumes)
    return _grouped((ObjectRef("PersistentVolumeClaim", c.namespace, c.name), ref) for c, ref in claims if c)


def _sealed_at(files: Iterable[GitFile]) -> dict[tuple[str, str], datetime]:
    return {(f.namespace, f.name): f.committed for f in files if f.kind == "SealedSecret" and f.committed is not None}
