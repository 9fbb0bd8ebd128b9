"""What the shipped scenarios and inventories say, read as files: counts, agreement with each other, and no keys."""

from __future__ import annotations

import base64
import re
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from runbook.inventory.load import load
from runbook.inventory.model import Inventory

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "runbook" / "rehearsal" / "scenarios"
SHIPPED = ("night", "healthy", "empty", "harbour")
INVENTORIES = [
    *sorted((ROOT / "inventories").glob("*.yaml")),
    *(SCENARIOS / name / "inventory.yaml" for name in SHIPPED),
]
# What one process fills in, or what differs between the shipped file (somebody's cluster) and the rehearsed one.
OWN = ("cluster", "registry", "nodes", "endpoints", "git", "resolve")

TICKET_CRITERIA = 9
SUCCESS_CRITERIA = 6
CHECKLIST_ROWS = 12
INFRASTRUCTURE_ROWS = 9
RELEASES = 27
NAMED_READY = 13


def documents(path: Path) -> list[dict[str, Any]]:
    """Every YAML document of one file."""
    return [d for d in YAML(typ="safe").load_all(path.read_text(encoding="utf-8")) if d]


def inventory(path: Path) -> Inventory:
    return load(path, today=date(2025, 10, 17)).inventory


@cache
def declared(scenario: str) -> dict[tuple[str, str], dict[str, Any]]:
    """HelmReleases of the scenario's Git repositories by (namespace, name)."""
    found = [d for p in sorted((SCENARIOS / scenario / "git").rglob("*.yaml")) for d in documents(p)]
    releases = [d for d in found if d["kind"] == "HelmRelease"]
    keyed = {(d["metadata"]["namespace"], d["metadata"]["name"]): d for d in releases}
    assert len(keyed) == len(releases), "a HelmRelease is declared twice"
    return keyed


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda p: f"{p.parent.name}/{p.name}")
class TestInventories:
    def test_is_an_inventory(self, path: Path) -> None:
        assert inventory(path).cluster.name

    def test_names_are_unique_and_references_resolve(self, path: Path) -> None:
        read = inventory(path)
        releases = [f"{r.namespace}/{r.name}" for r in read.releases]
        endpoints = [e.name for e in read.endpoints]
        for names in (
            releases,
            endpoints,
            [s.id for s in read.services],
            [c.id for c in read.criteria],
            [n.name for n in read.nodes],
            [i.id for i in read.infrastructure],
        ):
            assert [n for n, count in Counter(names).items() if count > 1] == []
        assert {s.release for s in read.services if s.release} <= set(releases)
        assert {s.endpoint for s in read.services if s.endpoint} <= set(endpoints)

    def test_ships_no_active_waiver(self, path: Path) -> None:
        assert inventory(path).waivers == ()


class TestTicket:
    """inventories/beckerkube.yaml is the ticket, counted."""

    @pytest.fixture
    def read(self) -> Inventory:
        return inventory(ROOT / "inventories" / "beckerkube.yaml")

    def test_counts_are_the_tickets(self, read: Inventory) -> None:
        groups = Counter(c.group for c in read.criteria)
        assert (groups["acceptance"], groups["success"]) == (TICKET_CRITERIA, SUCCESS_CRITERIA)
        assert len(read.services) == CHECKLIST_ROWS
        assert len(read.infrastructure) == INFRASTRUCTURE_ROWS
        assert len(read.releases) == RELEASES
        assert [e.url.removeprefix("https://192.168.7.20") for e in read.endpoints] == [
            "/ffl/api/health",
            "/midwestmtg/api/health",
            "/triager/health",
        ]

    def test_seven_names_are_assumed_and_no_others(self, read: Inventory) -> None:
        assumed = {f"{r.namespace}/{r.name}" for r in read.releases if r.assumed}
        workers = {name for name in assumed if name.endswith("-worker")}
        assert len(workers) == 4
        assert assumed - workers == {"midwestmtg/redis", "databases/postgresql", "flux-system/registry"}

    def test_ticks_are_the_tickets(self, read: Inventory) -> None:
        assert {c.ticked for c in read.criteria if c.group == "acceptance"} == {True}
        assert {c.ticked for c in read.criteria if c.group == "success"} == {None}
        assert [s.id for s in read.services if s.ticked] == [
            "registry",
            "chartmuseum",
            "postgresql",
            "ingress",
            "ffl-backend",
        ]
        assert all(i.ticked for i in read.infrastructure)

    def test_four_rows_are_believed_and_declared_by_nothing(self, read: Inventory) -> None:
        undeclared = [s for s in read.services if not s.release and s.workload is None]
        assert len(undeclared) == 4
        assert all(s.text.startswith("MTG Dev Agents") for s in undeclared)

    def test_ccbot_is_believed_newer_than_wanted(self, read: Inventory) -> None:
        believed = next(s.version for s in read.services if s.id == "ccbot")
        wanted = next(r.version for r in read.releases if r.name == "ccbot")
        assert (believed, wanted) == ("2.0.2", "0.2.3")


@pytest.mark.parametrize("name", ["beckerkube", "harbour"])
def test_the_rehearsed_inventory_says_what_the_shipped_one_says(name: str) -> None:
    """Two copies, because a wheel's scenario must stand alone: they may differ only in what one process fills in."""
    scenario = {"beckerkube": "night", "harbour": "harbour"}[name]
    shipped = inventory(ROOT / "inventories" / f"{name}.yaml").model_dump(exclude=set(OWN))
    rehearsed = inventory(SCENARIOS / scenario / "inventory.yaml").model_dump(exclude=set(OWN))
    assert rehearsed == shipped


@pytest.mark.parametrize("scenario", ["night", "healthy", "harbour"])
class TestGitTree:
    def test_declares_exactly_the_releases_the_inventory_expects(self, scenario: str) -> None:
        read = inventory(SCENARIOS / scenario / "inventory.yaml")
        expected = {(r.namespace, r.name): r.version for r in read.releases}
        versions = {k: d["spec"]["chart"]["spec"]["version"] for k, d in declared(scenario).items()}
        assert versions == expected

    def test_every_chart_wanted_is_there_but_for_the_planted_fault(self, scenario: str) -> None:
        charts = {(p.parent.parent.name, p.parent.name) for p in (SCENARIOS / scenario).glob("charts/*/*/values.yaml")}
        wanted = {
            (d["spec"]["chart"]["spec"]["chart"], d["spec"]["chart"]["spec"]["version"])
            for d in declared(scenario).values()
        }
        assert wanted - charts == ({("crane-planner", "1.8.0")} if scenario == "harbour" else set())
        assert {c for c, _ in charts} == {c for c, _ in wanted}

    def test_only_what_is_declared_can_be_waited_for(self, scenario: str) -> None:
        for (namespace, _), release in declared(scenario).items():
            for dependency in release["spec"].get("dependsOn") or ():
                assert (dependency.get("namespace", namespace), dependency["name"]) in declared(scenario)


class TestNight:
    """The ticket's facts as the Git tree and the world have them, before anything runs."""

    def test_manifests_that_say_ten_minutes_already(self) -> None:
        said = {k: d["spec"]["timeout"] for k, d in declared("night").items() if "timeout" in d["spec"]}
        assert said == {("midwestmtg", "midwestmtg-frontend"): "10m"}

    def test_eight_releases_each_have_a_secret_of_their_own_sealed_for_the_lost_key(self) -> None:
        sealed = documents(SCENARIOS / "night" / "world.yaml")[0]["sealed"]
        lost = {(s["namespace"], s["name"]) for s in sealed if s["key"] == "lost"}
        assert Counter(namespace for namespace, _ in lost) == {"triager": 7, "midwestmtg": 1}
        users = {
            (namespace, values.get("existingSecret") or (values.get("auth") or {}).get("existingSecret"))
            for (namespace, _), d in declared("night").items()
            if (values := d["spec"].get("values") or {})
        }
        assert {u for u in users if u[1]} == lost

    def test_those_eight_wait_for_nobody_and_only_the_bot_waits_for_the_backend(self) -> None:
        waits = {k: d["spec"]["dependsOn"] for k, d in declared("night").items() if d["spec"].get("dependsOn")}
        own = {k: v for k, v in waits.items() if k[0] in ("triager", "midwestmtg")}
        assert own == {("midwestmtg", "midwestmtg-discord-bot"): [{"name": "midwestmtg-backend"}]}

    def test_versions_git_declares(self) -> None:
        tags = {
            n: d["spec"]["values"]["image"]["tag"]
            for (_, n), d in declared("night").items()
            if "bot" in n or "ffl" in n
        }
        assert tags["ccbot"] == "0.2.3"
        assert tags["ffl-backend"] == "0.1.18"
        assert tags["ffl-frontend"] == "0.1.9"


PRIVATE = re.compile(rb"BEGIN (?:[A-Z]+ )*PRIVATE KEY")
ENCODED = re.compile(rb"LS0tLS1CRUdJTi[A-Za-z0-9+/]{14,40}")


def holds_private_key(data: bytes) -> bool:
    """A PEM private key, plain or in base64 as Secrets hold it."""
    decoded = (base64.b64decode(m[0][: len(m[0]) // 4 * 4]) for m in ENCODED.finditer(data))
    return bool(PRIVATE.search(data)) or any(PRIVATE.search(d) for d in decoded)


@pytest.mark.parametrize("kind", [b"", b"RSA ", b"EC ", b"ENCRYPTED "])
def test_the_search_for_private_keys_finds_one(kind: bytes) -> None:
    pem = b"-----BEGIN " + kind + b"PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ"
    assert holds_private_key(pem)
    assert holds_private_key(b"tls.key: " + base64.b64encode(pem))
    assert not holds_private_key(base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQ"))


@pytest.mark.parametrize("folder", ["runbook", "inventories", "tests", "notebooks", "docs", "outputs"])
def test_no_private_key_is_committed(folder: str) -> None:
    files = [p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert [str(p.relative_to(ROOT)) for p in files if holds_private_key(p.read_bytes())] == []
