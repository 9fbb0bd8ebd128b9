"""CreateOptions, UpdateOptions, PatchOptions and DeleteOptions [kapimachinery:pkg/apis/meta/v1/validation]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook.rehearsal import apierrors
from runbook.rehearsal.apierrors import FieldError
from runbook.rehearsal.messages import Request, mapping
from runbook.rehearsal.patches import APPLY

KINDS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
MANAGER_LIMIT = 128
VALIDATIONS = ("", "Ignore", "Strict", "Warn")
POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True)
class WriteOptions:
    """`dry` writes nothing; `manager` is who owns what is written."""

    dry: bool
    manager: str
    force: bool = False


def write_options(request: Request) -> WriteOptions:
    """The options of a create, update or patch. Raises ApiError 422."""
    applies = request.method == "PATCH" and media_type(request) == APPLY
    manager = request.query.get("fieldManager", "")
    errors = [*_manager(manager, required=applies), *_dry([request.query.get("dryRun", "")])]
    if not applies and request.method == "PATCH" and "force" in request.query:
        why = "Forbidden: may not be specified for non-apply patch"
        errors.insert(0, FieldError("force", why, "FieldValueForbidden"))
    validation = request.query.get("fieldValidation", "")
    if validation not in VALIDATIONS:
        errors.append(_unsupported("fieldValidation", validation, VALIDATIONS))
    if errors:
        raise apierrors.invalid_options(KINDS[request.method], errors)
    return WriteOptions(bool(request.query.get("dryRun")), manager or _from_agent(request), request.flag("force"))


def media_type(request: Request) -> str:
    """The body's media type, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip()


def delete_options(request: Request, orphans: bool) -> dict[str, Any]:
    """DeleteOptions from body and query, with a policy always; `orphans` is the kind's own. Raises ApiError 400, 422."""
    options = dict(mapping(request)) if request.body.strip() else {}
    for field in ("propagationPolicy", "orphanDependents"):
        if request.query.get(field):
            options[field] = request.query[field] if field == "propagationPolicy" else request.flag(field)
    if (grace := request.number("gracePeriodSeconds")) is not None:
        options["gracePeriodSeconds"] = grace
    errors, policy = [], options.get("propagationPolicy")
    if policy is not None and options.get("orphanDependents") is not None:
        why = f'Invalid value: "{policy}": orphanDependents and deletionPropagation cannot be both set'
        errors.append(FieldError("propagationPolicy", why))
    if policy is not None and policy not in POLICIES:
        errors.append(_unsupported("propagationPolicy", policy, (*POLICIES, "nil")))
    errors += _dry(_dry_values(request, options))
    if errors:
        raise apierrors.invalid_options("DeleteOptions", errors)
    if policy is None:
        options["propagationPolicy"] = "Orphan" if options.get("orphanDependents", orphans) else "Background"
    return options


def dry_run(request: Request, options: Mapping[str, Any]) -> bool:
    """Whether a delete may write nothing."""
    return any(_dry_values(request, options))


def _dry_values(request: Request, options: Mapping[str, Any]) -> list[str]:
    return [request.query.get("dryRun", ""), *(options.get("dryRun") or ())]


def _dry(values: list[str]) -> list[FieldError]:
    wrong = [value for value in values if value not in ("", "All")]
    return [_unsupported("dryRun", value, ("All",), listed=True) for value in wrong[:1]]


def _unsupported(field: str, value: str, supported: tuple[str, ...], *, listed: bool = False) -> FieldError:
    given = f'["{value}"]' if listed else f'"{value}"'
    known = ", ".join(f'"{one}"' for one in supported)
    return FieldError(field, f"Unsupported value: {given}: supported values: {known}", "FieldValueNotSupported")


def _manager(manager: str, *, required: bool) -> list[FieldError]:
    if required and not manager:
        return [FieldError("fieldManager", "Required value: is required for apply patch", "FieldValueRequired")]
    if len(manager) > MANAGER_LIMIT:
        return [FieldError("fieldManager", "Too long: may not be more than 128 bytes", "FieldValueTooLong")]
    wrong = next((letter for letter in manager if not letter.isprintable()), None)
    if wrong is not None:
        return [FieldError("fieldManager", f'Invalid value: "{manager}": should only contain printable characters')]
    return []


def _from_agent(request: Request) -> str:
    """The manager of a request that names none [kapiserver:pkg/endpoints/handlers/create.go prefixFromUserAgent]."""
    name = request.headers.get("user-agent", "").partition("/")[0]
    return "".join(letter for letter in name if letter.isprintable())[:MANAGER_LIMIT]
