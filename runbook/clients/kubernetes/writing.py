"""Changes of one cluster's objects. Every method asks for a permit, and none of them is ever tried again unseen.

A request that was not answered may have been carried out: it raises OutcomeUnknownError, and only a look decides. 429 is
the exception: the server says that it did nothing and when to come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from runbook.clients.kubernetes.client import KubeClient
from runbook.clients.kubernetes.failures import status_message
from runbook.clients.permit import Permit
from runbook.domain.legible import decoded
from runbook.errors import ConflictError, ObservationError, OutcomeUnknownError, RefusedError
from runbook.model import ObjectRef

MANAGER = "runbook"
MERGE = "application/merge-patch+json"
JSON = "application/json"
KEEP = "runbook/keep"


@dataclass(frozen=True)
class Written:
    """What the server holds now, as it answered."""

    uid: str
    resource_version: str
    body: Mapping[str, Any]


class Writer:
    """Changes objects of the given namespaces, and no others."""

    def __init__(self, client: KubeClient, namespaces: frozenset[str]) -> None:
        self._client, self._namespaces = client, namespaces

    def patch(self, ref: ObjectRef, uid: str, body: Mapping[str, Any], permit: Permit) -> Written:
        """Merge-patch one object. Its uid goes with the patch, so that a namesake is refused by the server itself.

        Raises ConflictError (409, or another uid), RefusedError, OutcomeUnknownError.
        """
        what = f"patch {ref}"
        self._guard(what, "PATCH", ref, uid, permit)
        given = body.get("metadata")
        metadata = {**(given if isinstance(given, Mapping) else {}), "uid": uid}
        return self._send("PATCH", ref, what, {**body, "metadata": metadata}, MERGE, fieldManager=MANAGER)

    def delete(self, ref: ObjectRef, uid: str, resource_version: str, permit: Permit) -> None:
        """Delete one object as it was seen, its dependants in the background. An object that is gone is not an error."""
        what = f"delete {ref}"
        self._guard(what, "DELETE", ref, uid, permit)
        conditions = {"uid": uid, **({"resourceVersion": resource_version} if resource_version else {})}
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": conditions,
        }
        self._send("DELETE", ref, what, body, JSON)

    def create(self, ref: ObjectRef, body: Mapping[str, Any], permit: Permit) -> Written:
        """Create one object that is not there. Raises ConflictError when it is."""
        what = f"create {ref}"
        self._guard(what, "POST", ref, "", permit)
        path = self._client.path(ref.kind, ref.namespace)
        return self._sent("POST", path, what, body, JSON, fieldManager=MANAGER)

    def replace(self, ref: ObjectRef, uid: str, body: Mapping[str, Any], permit: Permit) -> Written:
        """Replace one object whose resourceVersion stands in `body`. Raises ConflictError when it has moved on."""
        what = f"replace {ref}"
        self._guard(what, "PUT", ref, uid, permit)
        return self._send("PUT", ref, what, body, JSON, fieldManager=MANAGER)

    def _guard(self, what: str, method: str, ref: ObjectRef, uid: str, permit: Permit) -> None:
        if ref.namespace not in self._namespaces:
            raise RefusedError(what, f"the inventory does not speak of the namespace {ref.namespace or '(none)'}")
        permit.spend(what, uid, f"{method} {ref}")

    def _send(
        self, method: str, ref: ObjectRef, what: str, body: Mapping[str, Any], content_type: str, **query: str
    ) -> Written:
        path = f"{self._client.path(ref.kind, ref.namespace)}/{ref.name}"
        return self._sent(method, path, what, body, content_type, **query)

    def _sent(
        self, method: str, path: str, what: str, body: Mapping[str, Any], content_type: str, **query: str
    ) -> Written:
        try:
            response = self._client.transport.change(method, path, what, msgspec.json.encode(body), content_type, query)
        except ObservationError as error:
            raise OutcomeUnknownError(what, f"no answer came: {error.why}") from error
        said = f"{response.status_code} {status_message(response)}"
        if method == "DELETE" and response.status_code == 404:
            return Written("", "", {})
        if response.status_code in (404, 409):
            raise ConflictError(what, said)
        if response.status_code == 422 and "metadata.uid" in said:
            raise ConflictError(what, said)
        if response.status_code >= 500 and not _refused_by_webhook(said):
            raise OutcomeUnknownError(what, said)
        if response.status_code >= 400:
            raise RefusedError(what, said)
        return _written(response.content)


def _refused_by_webhook(said: str) -> bool:
    """An admission webhook that failed or denied: the server stored nothing, whatever its status code."""
    return "admission webhook" in said or "failed calling webhook" in said


def _written(content: bytes) -> Written:
    try:
        body = decoded(content)
    except msgspec.DecodeError:
        body = {}
    body = body if isinstance(body, dict) else {}
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return Written(str(metadata.get("uid", "")), str(metadata.get("resourceVersion", "")), body)
