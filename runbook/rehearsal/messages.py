"""Requests and answers, free of any web framework."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from runbook.rehearsal import apierrors, protobuf
from runbook.rehearsal.changes import encode

JSON = "application/json"


@dataclass(frozen=True)
class User:
    """Who asks: name and groups as RBAC subjects name them."""

    name: str
    groups: tuple[str, ...] = ()


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Request:
    """One HTTP request. Header names are lower case; of repeated query parameters the last counts."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User = ANONYMOUS

    def flag(self, name: str) -> bool:
        """A boolean query parameter, as Go's `strconv.ParseBool` reads it."""
        return self.query.get(name, "").lower() in ("1", "t", "true")

    def number(self, name: str) -> int | None:
        """An integer query parameter. Raises ApiError 400."""
        text = self.query.get(name, "")
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise apierrors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


@dataclass(frozen=True)
class Response:
    """One answer: a body, or a stream of chunks."""

    status: int = 200
    body: bytes | AsyncGenerator[bytes, None] = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(obj: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(status, encode(obj).encode(), JSON, headers or {})


def document(request: Request, content_type: str = "", wanted: str = "") -> Any:
    """The decoded body: JSON, YAML, or the few protobuf messages kubectl sends. Raises ApiError 400 or 415.

    `wanted` is the kind that a refusal names.
    """
    media = (content_type or request.headers.get("content-type") or JSON).partition(";")[0].strip()
    try:
        if media == protobuf.MEDIA_TYPE:
            return protobuf.loads(request.body)
        if media.endswith("yaml"):
            return _plain(YAML(typ="safe").load(BytesIO(request.body)))
        if media == JSON or media.endswith("+json"):
            return json.loads(request.body)
    except protobuf.UnknownMessageError as error:
        raise apierrors.unsupported_media(f"{JSON}, application/yaml (for {error})") from error
    except (ValueError, YAMLError, IndexError, KeyError) as error:
        why = (
            f"json parse error: {error}" if request.body else "json parse error: unexpected end of JSON input (<empty>)"
        )
        raise apierrors.bad_request(
            f"the object provided is unrecognized (must be of type {wanted or media}): couldn't get version/kind; {why}"
        ) from error
    raise apierrors.unsupported_media(f"{JSON}, application/yaml, {protobuf.MEDIA_TYPE}")


def _plain(value: Any) -> Any:
    """YAML's value as JSON has it: a timestamp is a string."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else value


def mapping(request: Request, wanted: str = "") -> dict[str, Any]:
    """The decoded body, which must be an object. Raises ApiError 400."""
    found = document(request, wanted=wanted)
    if not isinstance(found, dict):
        raise apierrors.bad_request("the object provided is unrecognized: it is not an object")
    return found
