"""What somebody changed between two looks, read from the observed objects: Git moved, a timeout was raised, a CA appeared.

The results say which facts a check thought worth keeping; the observations say all of it, so they are asked where a
run's folder still holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from runbook.domain.flux import Artifact, GitRepository
from runbook.domain.helm import HelmRelease
from runbook.domain.probes import RegistryTrust
from runbook.model import ObjectRef, Snapshot
from runbook.retrospective.acts import change_words
from runbook.retrospective.changes import Act

READ = frozenset((GitRepository.KIND, HelmRelease.KIND, RegistryTrust.KIND))  # the kinds this module looks at
_REVISION = 20


@dataclass
class _Known:
    """What was seen last of each thing; a stage that did not ask about a kind leaves it as it was."""

    artifacts: dict[ObjectRef, Artifact | None] = field(default_factory=dict)
    releases: dict[ObjectRef, HelmRelease] = field(default_factory=dict)
    trust: dict[tuple[str, str], RegistryTrust] = field(default_factory=dict)

    def learn(self, snapshot: Snapshot) -> None:
        self.artifacts |= {g.ref: g.status.artifact for g in snapshot.seen(GitRepository)}
        self.releases |= {r.ref: r for r in snapshot.seen(HelmRelease)}
        self.trust |= {(p.vantage, p.host): p for p in snapshot.seen(RegistryTrust)}


def edits(snapshots: Iterable[Snapshot]) -> tuple[Act, ...]:
    """Changes of desired state between looks, in order, with the time where it is known."""
    known, found = _Known(), list[Act]()
    for snapshot in sorted(snapshots, key=lambda s: s.observed_at):
        git = list(_git(known, snapshot))
        at = min((act.at for act in git if act.at is not None), default=snapshot.observed_at)
        found += [*git, *_releases(known, snapshot, at), *_trust(known, snapshot)]
        known.learn(snapshot)
    return tuple(found)


def _git(known: _Known, now: Snapshot) -> Iterator[Act]:
    for source in now.seen(GitRepository):
        old, new = known.artifacts.get(source.ref), source.status.artifact
        if old is not None and new is not None and old.revision != new.revision:
            at = new.last_update_time or now.observed_at
            yield Act(f"Git: {_short(old.revision)} → {_short(new.revision)} in {source.metadata.name}", at, "commit")


def _short(revision: str) -> str:
    branch, _, commit = revision.partition("@sha1:")
    return f"{branch}@sha1:{commit[:8]}" if commit else revision[:_REVISION]


def _releases(known: _Known, now: Snapshot, at: datetime) -> Iterator[Act]:
    """What Git declares changes when its artifact does, so `at` is that time where Git moved."""
    changed: dict[tuple[str, str, str], set[ObjectRef]] = {}
    for release in now.seen(HelmRelease):
        old = known.releases.get(release.ref)
        if old is None:
            continue
        for fact, was_said, now_says in (
            ("timeout", old.spec.timeout, release.spec.timeout),
            ("suspend", str(bool(old.spec.suspend)), str(bool(release.spec.suspend))),
        ):
            if was_said != now_says:
                changed.setdefault((fact, was_said, now_says), set()).add(release.ref)
    for (fact, was_said, now_says), refs in changed.items():
        yield Act(change_words(fact, was_said, now_says, refs), at, "in the releases")


def _trust(known: _Known, now: Snapshot) -> Iterator[Act]:
    turned: dict[str, set[str]] = {}
    for probe in now.seen(RegistryTrust):
        old = known.trust.get((probe.vantage, probe.host))
        if old is not None and set(probe.anchors) - set(old.anchors):
            turned.setdefault(probe.vantage, set()).add(probe.host)
    for vantage, hosts in sorted(turned.items()):
        what = f"CA installed on {vantage} for {', '.join(sorted(hosts))}"
        yield Act(what, now.observed_at, "seen by the next look")
