"""What a real server refuses and answers is refused and answered here alike: refusals.yaml, against both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from api_server import serving
from real_apiserver import assets, running
from refusals import TRANSCRIPTS, Case, cases, refusal

AT_LEAST = 40


@pytest.fixture(scope="module")
def embedded() -> Iterator[httpx.Client]:
    with serving() as served:
        yield served.client


def transcript() -> dict[str, Any]:
    assert len(TRANSCRIPTS) == 1, "one transcript of one real server"
    return dict(json.loads(TRANSCRIPTS[0].read_text(encoding="utf-8")))


def test_there_are_enough_cases_each_with_its_source_and_a_real_servers_answer() -> None:
    real = transcript()
    assert re.fullmatch(r"v1\.\d+\.\d+", real["version"])
    assert len({case.name for case in cases()}) == len(cases()) >= AT_LEAST
    assert [case.name for case in cases() if not re.match(r"((kk|kas|kam|kax|smd):|gopkg\.in/)\S", case.source)] == []
    assert {case.name: case.answer for case in cases()} == real["answers"]
    refused = [name for name, answer in real["answers"].items() if answer["code"] >= 400]
    assert len(refused) >= AT_LEAST
    assert [case.name for case in cases() if case.name not in refused and not case.answer["shown"]] == []


@pytest.mark.parametrize("case", cases(), ids=[case.name for case in cases()])
def test_the_embedded_cluster_answers_in_the_same_words(embedded: httpx.Client, case: Case) -> None:
    assert refusal(embedded, case) == case.answer


@pytest.mark.tier2
@pytest.mark.skipif(assets() is None, reason="KUBEBUILDER_ASSETS names no etcd and kube-apiserver: build_apiserver.sh")
def test_a_real_kube_apiserver_answers_in_these_words() -> None:
    with running() as (client, version):
        assert version == transcript()["version"], "another version: write its transcript with refusals.py"
        answers = {case.name: refusal(client, case) for case in cases()}
    assert answers == {case.name: case.answer for case in cases()}
