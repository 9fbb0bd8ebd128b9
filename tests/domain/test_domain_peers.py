"""Who a container is told to talk to, and for which registries a pull Secret is: names only, and never a value."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from runbook.domain.peers import peers_of, service_of
from runbook.domain.pods import PodSpec
from runbook.domain.pullsecrets import registries, registry_of
from runbook.model import ObjectRef


def spec(**env: str) -> PodSpec:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return msgspec.convert({"containers": [{"name": "app", "image": "i", "env": variables}]}, PodSpec)


@pytest.mark.parametrize(
    ("name", "value", "service", "port"),
    [
        ("DATABASE_URL", "postgresql://app:xxx@db:5432/app?sslmode=require", "db", 5432),
        ("DATABASE_URL", "postgres://db.data.svc.cluster.local/app", "data/db", 0),
        ("REDIS_URL", "redis://:[REDACTED]@cache.data:6379/0", "data/cache", 6379),
        ("PGHOST", "db.data.svc", "data/db", 0),
        ("POSTGRES_HOST", "db:5433", "db", 5433),
        ("API_SERVER", "api", "api", 0),
    ],
)
def test_a_variable_that_names_a_service(name: str, value: str, service: str, port: int) -> None:
    namespace, _, short = service.rpartition("/")
    (peer,) = peers_of(spec(**{name: value}), "shop")
    assert (peer.service, peer.port) == (ObjectRef("Service", namespace or "shop", short), port)
    assert peer.where == f"containers[app].env[{name}]"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://db.prod.example.com/app"),
        ("PGHOST", "10.0.0.7"),
        ("PGHOST", "localhost"),
        ("PGHOST", ""),
        ("GREETING", "db"),
        ("PGHOST", "/var/run/postgresql"),
    ],
    ids=["outside", "address", "itself", "empty", "no host", "a socket"],
)
def test_what_names_none(name: str, value: str) -> None:
    assert peers_of(spec(**{name: value}), "shop") == ()


def test_a_name_with_more_parts_than_a_service_has_is_none() -> None:
    assert service_of("a.b.c.svc.cluster.local", "ns") is None
    assert service_of("db.data.svc.cluster.local.", "ns") == ObjectRef("Service", "data", "db")


def data(key: str, content: Any) -> dict[str, msgspec.Raw]:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return {key: msgspec.Raw(json.dumps(base64.b64encode(text).decode()).encode())}


def test_registries_of_both_kinds_of_pull_secrets() -> None:
    entries = {"https://index.docker.io/v1/": {"auth": "c2VjcmV0"}, "reg.example:5000": {"password": "secret"}}
    assert registries(data(".dockerconfigjson", {"auths": entries})) == ("docker.io", "reg.example:5000")
    assert registries(data(".dockercfg", entries)) == ("docker.io", "reg.example:5000")


@pytest.mark.parametrize(
    "held",
    [None, {}, data("tls.crt", {}), data(".dockerconfigjson", b"no JSON"), data(".dockerconfigjson", {"no": "auths"})],
    ids=["not read", "no keys", "another key", "no JSON", "no auths"],
)
def test_contents_that_cannot_be_read_are_not_known(held: Any) -> None:
    assert registries(held) is None
    assert registries({".dockerconfigjson": msgspec.Raw(b'"***"')}) is None


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx:1", "docker.io"),
        ("bitnami/kubectl:1", "docker.io"),
        ("reg.example:5000/a/b:1", "reg.example:5000"),
        ("ghcr.io/a/b@sha256:0", "ghcr.io"),
        ("localhost/a", "localhost"),
    ],
)
def test_the_registry_of_an_image(image: str, registry: str) -> None:
    assert registry_of(image) == registry
