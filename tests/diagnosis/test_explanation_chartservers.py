"""A chart server that cannot be reached: a source, or the registry where images come from the same machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from recorded_worlds import container, flux, kind, pod, saved

from runbook.diagnosis import explain
from runbook.domain.kinds import KINDS
from runbook.model import Explanation

REFUSED = 'failed to fetch Helm repository index: failed to cache index to temporary file: Get "{}/index.yaml": dial tcp 10.0.0.9:443: connect: connection refused'
ANSWERED = "failed to fetch Helm repository index: failed to cache index to temporary file: failed to fetch {}/index.yaml : 503 Service Unavailable"
HOST = "https://harbor.lab:8443/charts"
ONE = "Whether images or OCI artifacts come from harbor.lab:8443 too: then the registry is down."


def repository(said: str = REFUSED, url: str = HOST) -> Any:
    return flux("HelmRepository", "ns", "charts", said.format(url), "Failed", url=url)


def told(*objects: Any, live: bool = False) -> Explanation:
    state = saved(*objects)
    if live:
        state = replace(state, complete=True, gaps={}, objects={**dict.fromkeys(KINDS, ()), **state.objects})
    return explain(state)


def image(name: str) -> Any:
    one = pod("ns", "web-0", container(ready_=True))
    one["spec"]["containers"][0]["image"] = name
    return one


def why(found: Explanation) -> list[tuple[str, str, str]]:
    return [(c.cause, c.proof, c.decides) for c in found.first_causes if str(c.object) == "HelmRepository/ns/charts"]


@pytest.mark.parametrize(
    "other",
    [
        image("harbor.lab/apps/web:1"),
        image("harbor.lab:8443/apps/web:1"),
        flux(
            "OCIRepository", "ns", "web", "stored artifact", "Succeeded", ready="True", url="oci://harbor.lab:5000/web"
        ),
        kind("HelmRepository", "ns", "more", spec={"type": "oci", "url": "oci://harbor.lab/more"}),
    ],
    ids=["an image", "an image, with the port", "an OCI artifact", "an OCI repository of charts"],
)
def test_one_that_images_come_from_is_the_registry(other: Any) -> None:
    assert why(told(repository(), other)) == [("registry-unreachable", "fact", "")]


@pytest.mark.parametrize(
    "other", [[], [image("r.lab/apps/web:1")], [image("web:1")], [image("harbor.lab.example/web:1")]]
)
def test_another_is_a_source_and_in_a_recording_that_is_a_guess(other: list[Any]) -> None:
    """What was not saved may say otherwise: no other cause may become a fact for want of an object."""
    assert why(told(repository(), *other)) == [("source-fetch-failed", "hypothesis", ONE)]
    assert why(told(repository(), *other, live=True)) == [("source-fetch-failed", "fact", "")]


@pytest.mark.parametrize("other", [[], [image("harbor.lab/apps/web:1")]])
def test_one_that_answers_with_an_error_can_be_reached(other: list[Any]) -> None:
    assert why(told(repository(ANSWERED), *other)) == [("source-fetch-failed", "fact", "")]


def test_an_oci_source_is_always_a_registry() -> None:
    said = 'failed to determine artifact digest: Get "https://harbor.lab/v2/": dial tcp 10.0.0.9:443: i/o timeout'
    (cause,) = told(
        flux("OCIRepository", "ns", "web", said, "OCIArtifactPullFailed", url="oci://harbor.lab/web")
    ).first_causes
    assert (cause.cause, cause.proof) == ("registry-unreachable", "fact")
