"""Reads refusals.yaml, asks a server, and makes answers comparable. As a script it writes down what a real server says:

    KUBEBUILDER_ASSETS=/folder/with/etcd/and/kube-apiserver python tests/contract/refusals.py

`real_apiserver.py` says how the two programs are had.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

HERE = Path(__file__).parent
TRANSCRIPTS = sorted(HERE.glob("refusals-v*.json"))
MEDIA = {
    "json": "application/json",
    "merge": "application/merge-patch+json",
    "jsonpatch": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
TOKENS = {"admin": "admin-token", "viewer": "viewer-token", "stranger": "stranger-token"}
VARYING = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
    (r"20[1-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r'(?<= is invalid: patch: Invalid value: ")\{.*\}(?=": )', "<object>"),
    (r"(?<=in object meta: )\d+", "<rv>"),
    (r"(?<=in record \()\d+", "<rv>"),
)


@dataclass(frozen=True)
class Case:
    """One request. `answer` is what a server must say, `show` the fields of an object that are compared."""

    name: str
    source: str
    given: tuple[dict[str, Any], ...]
    ask: dict[str, Any]
    answer: dict[str, Any]
    show: tuple[str, ...] = ()

    @property
    def namespace(self) -> str:
        """A namespace nobody else uses."""
        return f"case-{self.name}"


@cache
def cases() -> tuple[Case, ...]:
    """Every case of refusals.yaml."""
    document = YAML(typ="safe").load((HERE / "refusals.yaml").read_text(encoding="utf-8"))
    return tuple(
        Case(
            entry["name"],
            entry.get("source", ""),
            tuple(entry.get("given", ())),
            {key: entry[key] for key in ("ask", "body", "type", "as") if key in entry},
            {key: entry[key] for key in ("code", "reason", "message", "shown") if key in entry},
            tuple(entry.get("show", ())),
        )
        for entry in document["cases"]
    )


def refusal(client: httpx.Client, case: Case) -> dict[str, Any]:
    """What the server answers to a case, in its comparable form."""
    made = _send(client, case, {"ask": "POST /api/v1/namespaces", "body": {"metadata": {"name": case.namespace}}})
    assert made.status_code in (201, 409), made.text
    for step in case.given:
        answer = _send(client, case, step)
        assert answer.status_code < 300, f"{case.name}: {step['ask']}: {answer.status_code} {answer.text}"
    answer = _send(client, case, case.ask)
    return comparable(answer, case)


def comparable(answer: httpx.Response, case: Case) -> dict[str, Any]:
    """Code, reason and message without what differs from run to run."""
    told: dict[str, Any] = {"code": answer.status_code}
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return {**told, "message": answer.text.strip()}
    body = answer.json()
    if case.show and answer.status_code < 300:
        return {**told, "shown": _shown(body, case)}
    assert body.get("kind") == "Status", f"{case.name} was not refused: {answer.status_code} {answer.text[:300]}"
    assert body["code"] == answer.status_code
    message = _steady(str(body["message"]), case)
    return {**told, **({"reason": body["reason"]} if body.get("reason") else {}), "message": message}


def _steady(text: str, case: Case) -> str:
    text = text.replace(case.namespace, "{ns}")
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text


def _shown(body: dict[str, Any], case: Case) -> dict[str, Any]:
    """The fields a case names; of a list, that field of each item. Fields that are not there are left out."""
    found = {}
    for path in case.show:
        value: Any = body
        for key in path.split("."):
            value = [item.get(key) for item in value] if isinstance(value, list) else (value or {}).get(key)
        if isinstance(value, list) and path == "metadata.managedFields":
            value = sorted(value, key=lambda entry: (entry["operation"], entry["manager"]))
        if value is not None:
            found[path] = json.loads(_steady(json.dumps(value), case))
    return found


def _send(client: httpx.Client, case: Case, step: dict[str, Any]) -> httpx.Response:
    method, path = step["ask"].replace("{ns}", case.namespace).split(" ", 1)
    kind = step.get("type", "json")
    headers = {"Accept": "application/json", "Content-Type": MEDIA.get(kind, kind), "User-Agent": "contract/1"}
    token = TOKENS.get(step.get("as", "admin"))
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    body = step.get("body")
    content = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    return client.request(method, path, content=content, headers=headers)


def main() -> int:
    """Write the transcript of a real server."""
    from real_apiserver import running

    sys.path.insert(0, str(HERE.parents[1]))
    with running() as (client, version):
        answers = {case.name: refusal(client, case) for case in cases()}
    path = HERE / f"refusals-{version}.json"
    path.write_text(json.dumps({"server": "kube-apiserver", "version": version, "answers": answers}, indent=1) + "\n")
    print(f"{len(answers)} answers of kube-apiserver {version}: {path.name}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
