"""TLS as a kubeconfig asks for it: its CA, its client certificate, and never without verification."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runbook.errors import KubeconfigError

HINT = "Name another file with --kubeconfig, or another context with --context."


def tls_of(configuration: Any, where: str) -> ssl.SSLContext | None:
    """What a connection is verified with, and the client certificate it shows; None where the server speaks plain HTTP.

    `configuration` has the names of the library's Configuration. Raises KubeconfigError.
    """
    if configuration.verify_ssl and str(configuration.host).startswith("http://"):
        return None
    try:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    except (ssl.SSLError, OSError) as error:
        raise KubeconfigError(
            f"the cluster's CA cannot be used: {sentence(error)}",
            field=f"{where}: clusters[].cluster.certificate-authority",
            hint=HINT,
        ) from error
    if not configuration.verify_ssl:
        raise KubeconfigError(
            "insecure-skip-tls-verify is set: a runbook about trust does not look away",
            field=f"{where}: clusters[].cluster.insecure-skip-tls-verify",
            hint="Give the cluster's CA instead (certificate-authority).",
        )
    if configuration.cert_file:
        try:
            _check_dates(Path(configuration.cert_file), where)
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise KubeconfigError(
                f"the client certificate and its key cannot be used: {sentence(error)}",
                field=f"{where}: users[].user.client-certificate",
                hint=HINT,
            ) from error
    return context


def _check_dates(path: Path, where: str) -> None:
    from runbook.domain.certificates import facts, split_pem  # costs as much as a request, and few log in so

    for block in split_pem(path.read_bytes())[:1]:
        found, now = facts(block), datetime.now(UTC)
        if found.not_after < now:
            raise KubeconfigError(
                f"the client certificate of {found.subject} expired on {found.not_after:%Y-%m-%d %H:%M}Z",
                field=f"{where}: users[].user.client-certificate",
                hint="Get a new kubeconfig from whoever runs the cluster.",
            )


def sentence(error: Exception) -> str:
    """The library's own words, one line, without what may hold a credential (an exec plugin's output)."""
    return " ".join(str(error).split())[:200] or type(error).__name__
