"""Refusals as a Kubernetes API server words them: one exception that renders as a `Status` object.

Messages follow apimachinery's `pkg/api/errors` so that kubectl and client libraries recognise them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.rehearsal.kinds import Kind

NO_RESOURCE = "the server could not find the requested resource"


class ApiError(Exception):
    """One refusal: HTTP status `code`, machine-readable `reason`, human `message`, optional `details` and headers."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self.headers = dict(headers or {})
        self.metadata = dict(metadata or {})

    def status(self) -> dict[str, Any]:
        """The `Status` object that goes over the wire."""
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": self.metadata}
        body["status"] = "Failure"
        body |= {"message": self.message, "reason": self.reason}
        if self.details:
            body["details"] = self.details
        body["code"] = self.code
        return body


def details_of(kind: Kind, name: str) -> dict[str, Any]:
    """`Status.details` of a named object."""
    return {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.plural}


def not_found(kind: Kind, name: str) -> ApiError:
    """404 for one object."""
    return ApiError(404, "NotFound", f'{kind.qualified} "{name}" not found', details_of(kind, name))


def no_resource() -> ApiError:
    """404 for a path that no kind serves."""
    return ApiError(404, "NotFound", NO_RESOURCE)


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 on create."""
    return ApiError(409, "AlreadyExists", f'{kind.qualified} "{name}" already exists', details_of(kind, name))


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    """409 on update or delete: a stale resourceVersion or a failed precondition."""
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, details_of(kind, name))


def unversioned(kind: Kind, name: str) -> ApiError:
    """422 on an update that does not say which version it is based on. The server names the plural here, not the kind."""
    field, why = "metadata.resourceVersion", "Invalid value: 0: must be specified for an update"
    details: dict[str, Any] = {"name": name, "group": kind.group, "kind": kind.plural}
    details["causes"] = [{"reason": "FieldValueInvalid", "message": why, "field": field}]
    return ApiError(422, "Invalid", f'{kind.qualified} "{name}" is invalid: {field}: {why}', details)


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    """403 by admission, not by RBAC."""
    return ApiError(403, "Forbidden", f'{kind.qualified} "{name}" is forbidden: {why}', details_of(kind, name))


def invalid(kind: Kind, name: str, field: str, why: str, cause: str = "FieldValueInvalid") -> ApiError:
    """422 for one field; `why` starts with Kubernetes' words, such as `Required value: …`."""
    details: dict[str, Any] = {"name": name, "group": kind.group, "kind": kind.kind}
    details["causes"] = [{"reason": cause, "message": why, "field": field}]
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {field}: {why}', details)


def unsupported_media(accepted: str) -> ApiError:
    """415 naming what is accepted."""
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError(415, "UnsupportedMediaType", message)


def not_allowed(what: str = "") -> ApiError:
    """405; `what` names the thing this cluster does not serve."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(
        405, "MethodNotAllowed", f"{message}: the embedded cluster does not serve {what}" if what else message
    )
