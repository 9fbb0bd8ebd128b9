"""What an inventory says that cannot be meant, though each field alone is well formed: names, addresses, measures, files."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from runbook.domain.durations import seconds
from runbook.inventory.check_ids import KNOWN_CHECKS
from runbook.inventory.model import Inventory

ROWS = "infrastructure-ready"
STAGES = ("preflight", "registry-trust", "cleanup", "reconcile", "verify", "diagnose")
Problem = tuple[str, str]  # the field's path, and what is wrong with it


def kept_causes(inventory: Path) -> Path:
    """The folder beside a run's kept inventory that holds the causes it was judged by."""
    return inventory.with_suffix(".causes")


def problems(inventory: Inventory, path: Path, today: date) -> Iterator[Problem]:
    """Each with the path of its field; `path` is the inventory's, `today` (UTC) decides which waivers have expired."""
    yield from _duplicates(inventory)
    yield from _references(inventory)
    yield from _addresses(inventory)
    yield from _measures(inventory)
    yield from _files(inventory, path)
    yield from _expired(inventory, today)


def _duplicates(inventory: Inventory) -> Iterator[Problem]:
    lists: dict[str, list[str]] = {
        "nodes": [n.name for n in inventory.nodes],
        "sources": [f"{s.kind}/{s.namespace}/{s.name}" for s in inventory.sources],
        "kustomizations": [f"{k.namespace}/{k.name}" for k in inventory.kustomizations],
        "releases": [f"{r.namespace}/{r.name}" for r in inventory.releases],
        "services": [s.id for s in inventory.services],
        "infrastructure": [r.id for r in inventory.infrastructure],
        "endpoints": [e.name for e in inventory.endpoints],
        "criteria": [c.id for c in inventory.criteria],
        "waivers": [w.id for w in inventory.waivers],
        "registry.names": list(inventory.registry.names) if inventory.registry else [],
    }
    for name, values in lists.items():
        for value, number in Counter(values).items():
            if number > 1:
                yield name, f"{value!r} stands here {number} times"


def _references(inventory: Inventory) -> Iterator[Problem]:
    releases = {f"{r.namespace}/{r.name}" for r in inventory.releases}
    endpoints = {e.name for e in inventory.endpoints}
    for index, service in enumerate(inventory.services):
        if service.release and service.release not in releases:
            yield f"services[{index}].release", f"{service.release!r} is not among the releases"
        if service.endpoint and service.endpoint not in endpoints:
            yield f"services[{index}].endpoint", f"{service.endpoint!r} is not among the endpoints"
    for index, row in enumerate(inventory.infrastructure):
        if row.endpoint and row.endpoint not in endpoints:
            yield f"infrastructure[{index}].endpoint", f"{row.endpoint!r} is not among the endpoints"
        if ROWS in row.also:
            yield f"infrastructure[{index}].also", f"{ROWS!r} asks this very row: it can never be answered"
        yield from _checks(f"infrastructure[{index}].also", row.also)
    for index, criterion in enumerate(inventory.criteria):
        yield from _checks(f"criteria[{index}].checks", criterion.checks)
        yield from _known(f"criteria[{index}].stage", "stage", criterion.stage, STAGES)
    for index, waiver in enumerate(inventory.waivers):
        yield from _checks(f"waivers[{index}].check", (waiver.check,))


def _checks(where: str, names: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        yield from _known(where, "check", name, KNOWN_CHECKS)


def _known(where: str, what: str, name: str, known: Sequence[str]) -> Iterator[Problem]:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        yield where, f"there is no {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _addresses(inventory: Inventory) -> Iterator[Problem]:
    for host, address in inventory.resolve.items():
        if not all(part.rpartition(":")[2].isdigit() for part in (host, address)):
            yield f"resolve.{host}", f"{host!r}: {address!r} is not host:port: address:port"
    for index, endpoint in enumerate(inventory.endpoints):
        if not _is_web(endpoint.url):
            yield f"endpoints[{index}].url", f"{endpoint.url!r} is not an http or https address"
        if endpoint.service and not re.fullmatch(r"[^/\s]+/[^/\s]+", endpoint.service):
            yield f"endpoints[{index}].service", f"{endpoint.service!r} is not namespace/name"


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _measures(inventory: Inventory) -> Iterator[Problem]:
    for where, text in (("soak", inventory.soak), ("logs.since", inventory.logs.since)):
        if not seconds(text):
            yield where, f"{text!r} is no time at all; nothing could be measured in it"
    for index, pattern in enumerate(inventory.logs.allow):
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"logs.allow[{index}]", f"{pattern!r} is not a regular expression: {error}"


def _files(inventory: Inventory, path: Path) -> Iterator[Problem]:
    """Files of causes must be there. A run keeps them in a folder of its own."""
    folder = path.parent
    if kept_causes(path).is_dir():
        return
    for index, name in enumerate(inventory.causes):
        if not (folder / Path(name).expanduser()).is_file():
            yield f"causes[{index}]", f"there is no file {name!r} (from {folder})"


def _expired(inventory: Inventory, today: date) -> Iterator[Problem]:
    for index, waiver in enumerate(inventory.waivers):
        if waiver.until < today:
            yield f"waivers[{index}].until", f"waiver {waiver.id!r} expired on {waiver.until}: renew it or take it out"
