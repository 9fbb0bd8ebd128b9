"""The TLS error behind an error of whatever library: what OpenSSL said is the only reason worth telling."""

from __future__ import annotations

import ssl
from collections.abc import Callable

Inside = Callable[[BaseException], BaseException]


def tls_cause(error: BaseException, inside: Inside = lambda error: error) -> ssl.SSLError | None:
    """The TLS error behind an error, if one is. `inside` gives what a library's own error carries in a field of it."""
    current: BaseException | None = error
    while current is not None:
        current = inside(current)
        if isinstance(current, ssl.SSLError):
            return current
        current = current.__cause__ or current.__context__
    return None


def tls_words(error: BaseException, inside: Inside = lambda error: error) -> str:
    """OpenSSL's own reason behind an error, or nothing when it is not about TLS."""
    cause = tls_cause(error, inside)
    if cause is None:
        return ""
    return f"TLS: {cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else cause.reason}"
