"""May I: one SelfSubjectAccessReview, which every authenticated identity may ask about itself."""

from __future__ import annotations

import msgspec

from runbook.clients.kubernetes.transport import Transport
from runbook.domain.legible import decoded
from runbook.domain.probes import AccessReview
from runbook.errors import MalformedError

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class _Status(msgspec.Struct, rename="camel"):
    allowed: bool = False
    denied: bool = False
    reason: str = ""
    evaluation_error: str = ""


class _Review(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


def review(transport: Transport, verb: str, group: str, resource: str, namespace: str) -> AccessReview:
    """The server's answer; a resource may name its subresource: `pods/log`. Raises ObservationError."""
    name, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": name, "subresource": subresource, "namespace": namespace}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}},
    }
    what = f"access review of {verb} {resource}"
    content = transport.post(PATH, what, msgspec.json.encode(body)).content
    try:
        status = decoded(content, _Review).status
    except msgspec.DecodeError as error:
        raise MalformedError(what, f"the review cannot be read: {error}") from error
    reason = status.reason or status.evaluation_error
    return AccessReview(verb, group, resource, namespace, status.allowed and not status.denied, reason)
