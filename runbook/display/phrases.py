"""Causes and checks in people's words, and names made short. An id without words is shown as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook.display.texts import one_line, short
from runbook.model import Finding, ObjectRef, Result

# (name of the cause, what the counted objects do because of it). Ids are those of the catalogue.
_CAUSES = {
    "registry-ca-untrusted": ("Certificate of the registry is not trusted", "registry certificate not trusted"),
    "registry-cert-san-mismatch": ("Registry certificate lacks this name", "registry certificate lacks the name"),
    "registry-cert-expired": ("Registry certificate is out of date", "registry certificate out of date"),
    "registry-unreachable": ("Registry cannot be reached", "registry not reachable"),
    "registry-auth": ("Registry refuses the credentials", "registry refuses credentials"),
    "image-not-found": ("Image is gone upstream", "image gone upstream"),
    "image-pull-failed": ("Image cannot be pulled", "image cannot be pulled"),
    "source-ca-untrusted": ("Source's certificate is not trusted", "source certificate not trusted"),
    "source-auth-failed": ("Source refuses the credentials", "source refuses credentials"),
    "source-fetch-failed": ("Source cannot be fetched", "source cannot be fetched"),
    "source-ref-not-found": ("Branch, tag or digest does not exist", "Git reference does not exist"),
    "chart-not-found": ("Chart is not in its repository", "chart not in its repository"),
    "dependency-missing": ("Depends on something that does not exist", "dependency does not exist"),
    "dependency-not-ready": ("Waits for another object", "waits for another object"),
    "kustomize-build-error": ("Kustomization does not build", "Kustomization does not build"),
    "sealed-secret-key-mismatch": ("Sealing key does not match", "Secrets that no sealing key can open"),
    "sealed-secret-scope-mismatch": ("Sealed for another name or namespace", "sealed for another name"),
    "secret-missing": ("A Secret is missing", "Secret missing"),
    "configmap-missing": ("A ConfigMap is missing", "ConfigMap missing"),
    "helm-hook-timeout": ("Hook did not finish in time", "hook timeout"),
    "helm-wait-timeout": ("Resources were not ready in time", "wait timeout"),
    "helm-values-reference": ("Values come from something missing", "values reference missing"),
    "crash-loop": ("Container exits again and again", "crash loop"),
    "db-connection": ("Database is not reached, or refuses", "database not reached"),
    "rbac-forbidden": ("A permission is missing", "permission missing"),
    "suspended": ("Suspended by somebody", "suspended by somebody"),
    "node-not-ready": ("Node is not ready", "node not ready"),
    "unschedulable": ("No node fits", "no node fits"),
}
_SHORT = {
    "registry-ca-untrusted": "certificate",
    "helm-hook-timeout": "hook timeout",
    "helm-wait-timeout": "wait timeout",
    "sealed-secret-key-mismatch": "sealing key",
    "image-not-found": "missing image",
}
CHECK_WORDS = {"ok": "pass", "": "not evaluated"}


def cause_title(cause: str) -> str:
    """`Sealing key does not match`, or the id with a capital."""
    return _CAUSES[cause][0] if cause in _CAUSES else _plain(cause).capitalize()


def cause_phrase(cause: str) -> str:
    """Few words for a card's line: `Secrets that no sealing key can open`."""
    return _CAUSES[cause][1] if cause in _CAUSES else _plain(cause)


def cause_word(cause: str) -> str:
    """One or two words for a timeline: `certificate`, `hook timeout`, `sealing key`."""
    return _SHORT.get(cause, _plain(cause))


def _plain(cause: str) -> str:
    return short(one_line(cause).replace("-", " "), 80)


def names(refs: Sequence[ObjectRef], *, limit: int = 3) -> str:
    """Few objects by name, many by namespace: `midwestmtg-backend, 7 in triager`."""
    ordered = sorted(refs)
    if len(ordered) <= limit:
        return ", ".join(short(r.name, 80) for r in ordered)
    spaces = sorted({r.namespace for r in ordered})
    parts = []
    for space in spaces:
        here = [r.name for r in ordered if r.namespace == space]
        parts.append(short(here[0], 80) if len(here) == 1 else f"{len(here)} in {short(space, 80) or 'the cluster'}")
    if len(parts) > limit:
        return ", ".join(parts[:limit]) + f" and {len(parts) - limit} more"
    return ", ".join(parts)


def counted(kind: str, number: int) -> str:
    """`8 releases`, `1 Deployment`: releases are what people count."""
    if kind == "HelmRelease":
        return f"{number} release{'' if number == 1 else 's'}"
    if kind == "Ingress":
        return f"{number} Ingress{'' if number == 1 else 'es'}"
    return f"{number} {short(kind, 60)}{'' if number == 1 else 's'}"


def releases_ready(findings: Iterable[Finding]) -> tuple[int, int] | None:
    """How many HelmReleases are ready, of how many expected: from the check that asked most of them; None if none did."""
    by_check: dict[str, dict[ObjectRef, Finding]] = {}
    for finding in findings:
        if finding.object.kind == "HelmRelease":
            by_check.setdefault(finding.check, {})[finding.object] = finding
    if not by_check:
        return None
    check = max(sorted(by_check), key=lambda c: ("release" in c, len(by_check[c])))
    answers = by_check[check].values()
    if all(f.result in (Result.ERROR, Result.SKIP) for f in answers):
        return None
    return sum(_is_ready(f) for f in answers), len(answers)


def _is_ready(finding: Finding) -> bool:
    ready = finding.facts.get("ready")
    return ready if isinstance(ready, bool) else finding.result is Result.PASS
