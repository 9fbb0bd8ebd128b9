"""What can become of a request, as errors of the tree: no answer, a refused TLS handshake, a status that says no."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import msgspec

from runbook.errors import (
    ClusterIdentityError,
    DeniedError,
    MalformedError,
    MissingError,
    ObservationError,
    TimedOutError,
    UnreachableError,
)


def answered(what: str, response: httpx.Response) -> httpx.Response:
    """The answer itself. Raises an ObservationError named `what` when its status is 400 or more."""
    if response.status_code < 400:
        return response
    why = f"{response.status_code} {status_message(response)}"
    if response.status_code in (401, 403):
        raise DeniedError(what, why)
    if response.status_code == 404:
        raise MissingError(what, why)
    if response.status_code in (408, 504):
        raise TimedOutError(what, why)
    raise ObservationError(what, why)


def status_message(response: httpx.Response) -> str:
    """The message of a Kubernetes Status, else the beginning of the body, one line."""
    try:
        message = msgspec.json.decode(response.content).get("message", "")
    except (msgspec.DecodeError, AttributeError):
        message = response.text
    return " ".join(str(message or response.reason_phrase).split())[:300]


@contextmanager
def named(what: str) -> Iterator[None]:
    """Turn httpx' errors into the tree's."""
    try:
        yield
    except httpx.HTTPError as error:
        raise as_named(what, error) from error


def as_named(what: str, error: httpx.HTTPError) -> ObservationError | ClusterIdentityError:
    """What kept a request from being answered, by its name in the tree."""
    if isinstance(error, httpx.TimeoutException):
        return TimedOutError(what, "no answer within the time allowed")
    if isinstance(error, httpx.DecodingError):
        return MalformedError(what, "the answer cannot be decoded")
    cause = tls_cause(error)
    if cause is not None:
        return UnreachableError(
            what, f"TLS: {cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else cause.reason}"
        )
    return UnreachableError(what, " ".join(str(error).split())[:200] or type(error).__name__)


def tls_cause(error: BaseException) -> ssl.SSLError | None:
    """The TLS error behind an error, if one is."""
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, ssl.SSLError):
            return current
        current = current.__cause__ or current.__context__
    return None
