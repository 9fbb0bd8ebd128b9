"""Refusals as a Kubernetes API server words them: one exception that renders as a `Status` object.

Messages follow apimachinery's `pkg/api/errors` so that kubectl and client libraries recognise them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbook.rehearsal.kinds import Kind

NO_RESOURCE = "the server could not find the requested resource"


class ApiError(Exception):
    """One refusal: HTTP status `code`, machine-readable `reason`, human `message`, optional `details` and headers.

    `plain` is one that the server writes as text, before any API machinery has been asked.
    """

    plain = False

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
        self._detailed = details is not None
        self.headers = dict(headers or {})
        self.metadata = dict(metadata or {})

    def status(self) -> dict[str, Any]:
        """The `Status` object that goes over the wire."""
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": self.metadata}
        body["status"] = "Failure"
        body |= {"message": self.message, **({"reason": self.reason} if self.reason else {})}
        if self.details or self._detailed:
            body["details"] = self.details
        body["code"] = self.code
        return body


def details_of(kind: Kind, name: str) -> dict[str, Any]:
    """`Status.details` of a named object."""
    return {
        **({"name": name} if name else {}),
        **({"group": kind.group} if kind.group else {}),
        "kind": kind.plural,
    }


def not_found(kind: Kind, name: str) -> ApiError:
    """404 for one object."""
    return ApiError(404, "NotFound", f'{kind.qualified} "{name}" not found', details_of(kind, name))


def no_resource() -> ApiError:
    """404 for a path that no kind of a served group and version has."""
    return ApiError(404, "NotFound", NO_RESOURCE, {})


class NoPathError(ApiError):
    """404 for a path that nobody handles, in the words of Go's own server."""

    plain = True

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "404 page not found")


def rejected() -> ApiError:
    """422 for a patch that does not apply; the server does not say why."""
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 on create."""
    return ApiError(409, "AlreadyExists", f'{kind.qualified} "{name}" already exists', details_of(kind, name))


def conflict(kind: Kind, name: str, why: str, sub: str = "") -> ApiError:
    """409 on update or delete: a stale resourceVersion or a failed precondition."""
    plural = f"{kind.plural}/{sub}" if sub else kind.plural
    message = f'Operation cannot be fulfilled on {f"{plural}.{kind.group}" if kind.group else plural} "{name}": {why}'
    return ApiError(409, "Conflict", message, {**details_of(kind, name), "kind": plural})


@dataclass(frozen=True)
class FieldError:
    """One wrong field: `why` starts with Kubernetes' words, such as `Required value: …`."""

    field: str
    why: str
    cause: str = "FieldValueInvalid"


def invalid_fields(kind: Kind, name: str, errors: Sequence[FieldError]) -> ApiError:
    """422 for an object, all that is wrong at once; what is said twice is told once."""
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    causes = [{"reason": error.cause, "message": error.why, "field": error.field} for error in errors]
    details: dict[str, Any] = {**details_of(kind, name), "kind": kind.kind, "causes": causes}
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {_together(errors)}', details)


def _together(errors: Sequence[FieldError]) -> str:
    told = list(dict.fromkeys(f"{error.field}: {error.why}" for error in errors))
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"


def go_word(value: Any) -> str:
    """How Go's decoder names a JSON value."""
    words = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
    return words.get(type(value), "null")


def mismatch(kind: Kind, path: str, value: Any, wanted: str) -> ApiError:
    """400 for a JSON value of the wrong type."""
    got, top = go_word(value), path.partition(".")[0]
    owner = {"metadata": "ObjectMeta", "spec": f"{kind.kind}Spec"}.get(top if "." in path else "", kind.kind)
    return bad_request(
        f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: json: '
        f"cannot unmarshal {got} into Go struct field {owner}.{path} of type {wanted}"
    )


def invalid_patch(error: FieldError) -> ApiError:
    """422 for what a patch would make of an object; the server names neither kind nor object."""
    causes = [{"reason": error.cause, "message": error.why, "field": error.field}]
    return ApiError(422, "Invalid", f' "" is invalid: {_together([error])}', {"causes": causes})


def invalid_options(kind: str, errors: Sequence[FieldError]) -> ApiError:
    """422 for the options of a request, all that is wrong at once."""
    causes = [{"reason": error.cause, "message": error.why, "field": error.field} for error in errors]
    details = {"group": "meta.k8s.io", "kind": kind, "causes": causes}
    return ApiError(422, "Invalid", f'{kind}.meta.k8s.io "" is invalid: {_together(errors)}', details)


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


def terminating(kind: Kind, name: str, namespace: str) -> ApiError:
    """403 for a create in a namespace that is going [kapiserver:pkg/admission/plugin/namespace/lifecycle]."""
    error = forbidden(
        kind, name, f"unable to create new content in namespace {namespace} because it is being terminated"
    )
    text = f"namespace {namespace} is being terminated"
    error.details["causes"] = [{"reason": "NamespaceTerminating", "message": text, "field": "metadata.namespace"}]
    return error


def invalid(kind: Kind, name: str, field: str, why: str, cause: str = "FieldValueInvalid") -> ApiError:
    """422 for one field; `why` starts with Kubernetes' words, such as `Required value: …`."""
    return invalid_fields(kind, name, [FieldError(field, why, cause)])


def unsupported_media(accepted: str) -> ApiError:
    """415 naming what is accepted."""
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError(415, "UnsupportedMediaType", message)


def not_allowed(what: str = "") -> ApiError:
    """405; `what` names the thing this cluster does not serve."""
    message = "the server does not allow this method on the requested resource"
    more = f": the embedded cluster does not serve {what}" if what else ""
    return ApiError(405, "MethodNotAllowed", message + more, {})
