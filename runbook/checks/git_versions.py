"""Do the tags in Git match what the ticket wants? Equal is not applicable with proof; different shows file and line."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.domain.images import bare
from runbook.domain.probes import GitFile
from runbook.inventory.model import Inventory
from runbook.judgement.answers import Answers
from runbook.model import Finding, ObjectRef, Snapshot

QUESTION = "Do the tags in Git match the versions the ticket wants?"
NEEDS = ("GitFile",)
STAGES = ("preflight", "verify")
answer = Answers("git-versions")


def check(snapshot: Snapshot, inventory: Inventory) -> Iterator[Finding]:
    """One answer for each service with a wanted version, and one for each release Git and inventory disagree about."""
    files = {f"{f.namespace}/{f.name}": f for f in snapshot.of(GitFile) if f.kind == "HelmRelease"}
    wanted = [row for row in inventory.services if row.version]
    if not wanted:
        yield answer.expected(snapshot.cluster, "versions")
    for row in wanted:
        ref, file = ObjectRef("Checklist", "", row.id), files.get(row.release)
        tag = file.image_tags[0][1] if file and file.image_tags else ""
        version = bare(row.version)
        if file is None:
            yield answer.failed(
                ref, f"NOT-DECLARED: Git has no HelmRelease {row.release or 'for it'}", believed=version
            )
        elif bare(tag) == version:
            yield answer.inapplicable(
                ref, f"no edit needed: {file.path}:{file.line} declares {tag}", believed=version, declared=tag
            )
        else:
            reason = f"{file.path}:{file.line} declares {tag or 'no tag'}, wanted {version}"
            yield answer.failed(ref, reason, believed=version, declared=tag)
    for release in inventory.releases:
        if f"{release.namespace}/{release.name}" not in files:
            ref = ObjectRef("HelmRelease", release.namespace, release.name)
            yield answer.failed(ref, "the inventory expects it, Git does not declare it")
    expected = {f"{r.namespace}/{r.name}" for r in inventory.releases}
    for name, file in sorted(files.items()):
        if name not in expected:
            ref = ObjectRef("HelmRelease", file.namespace, file.name)
            yield answer.warned(ref, f"{file.path}:{file.line} declares it, the inventory does not expect it")
