"""What can become of a request, as errors of the tree: no answer, a refused TLS handshake, a status that says no."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpcore
import msgspec

from runbook.clients.kubernetes.answers import Answer
from runbook.clients.kubernetes.bodies import TooLargeError, TooSlowError, UnpackingError
from runbook.clients.tlscause import tls_cause, tls_words
from runbook.domain.legible import decoded
from runbook.errors import (
    DeniedError,
    MalformedError,
    MissingError,
    ObservationError,
    TimedOutError,
    UnreachableError,
)

_UNREACHED = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
FAULTS = (*_UNREACHED, TooLargeError, TooSlowError, UnpackingError)  # all that may keep an answer from being whole
_BROKEN = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.ReadError, httpcore.RemoteProtocolError)
_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError)  # the other end hung up without a word about TLS


def answered(what: str, response: Answer) -> Answer:
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


def status_message(response: Answer) -> str:
    """The message of a Kubernetes Status, else the beginning of the body, one line."""
    try:
        message = decoded(response.content).get("message", "")
    except (msgspec.DecodeError, AttributeError):
        message = response.text
    return " ".join(str(message or _phrase(response.status_code)).split())[:300]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@contextmanager
def named(what: str) -> Iterator[None]:
    """Turn what went wrong on the wire into the tree's errors."""
    try:
        yield
    except FAULTS as error:
        raise as_named(what, error) from error


def as_named(what: str, error: Exception) -> ObservationError:
    """What kept a request from being answered, by its name in the tree."""
    if isinstance(error, httpcore.TimeoutException):
        return TimedOutError(what, "no answer within the time allowed")
    if isinstance(error, TooSlowError):
        return TimedOutError(what, str(error))
    if isinstance(error, TooLargeError | UnpackingError):
        return MalformedError(what, str(error))
    if said := tls_words(error):
        return UnreachableError(what, said)
    return UnreachableError(what, " ".join(str(error).split())[:200] or type(error).__name__)


def is_broken(error: Exception) -> bool:
    """Whether a connection did not come about, or broke, in the middle of its handshake too; TLS that was refused does not pass."""
    cause = tls_cause(error)
    return isinstance(error, _BROKEN) and (cause is None or isinstance(cause, _CUT))
