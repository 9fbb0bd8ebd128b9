"""One keep-alive connection pool to the API server, and every way a request can fail as a named error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import stamina

from runbook.clients.kubernetes import bodies
from runbook.clients.kubernetes.failures import answered, as_named, named, tls_cause
from runbook.clients.kubernetes.kubeconfig import Access
from runbook.clients.resolving import transport
from runbook.errors import MalformedError

AGENT = "runbook"
HEADERS = {"User-Agent": AGENT, "Accept-Encoding": "gzip"}
RETRIED = (429, 500, 502, 503, 504)
_SAFE = "/%:@!$&'()*+,;=~"  # of a path, beside letters, digits and _.- [RFC 3986 3.3; what is quoted stays so]
LONGEST_WAIT = 10.0  # seconds between two tries, whatever the server asks for


class _Again(Exception):
    """A passing fault that was answered: the server asks to come back, after so many seconds if it says."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


def _passing(error: Exception) -> bool | float:
    """Whether to try again, and after how many seconds when the server says so (Retry-After)."""
    if isinstance(error, _Again):
        asked = error.response.headers.get("Retry-After", "")
        return min(float(asked), LONGEST_WAIT) if asked.isdecimal() else True
    return isinstance(error, _Broken)


class _Broken(Exception):
    """A connection that did not come about or broke before an answer; TLS that was refused is no such fault."""


class Transport:
    """Sends requests. They are tried again, few times and briefly, or when the server's Retry-After says."""

    def __init__(self, access: Access, resolve: Mapping[str, str], timeout: float) -> None:
        self._access = access
        self._extensions: dict[str, Any] = {"sni_hostname": access.server_name} if access.server_name else {}
        self._resolve, self._timeout = resolve, httpx.Timeout(timeout, connect=5.0)
        self._patient = {**self._extensions, "timeout": self._timeout.as_dict()}  # of a request; a stream's is its own
        self._server = httpx.URL(access.server)
        self._root = self._server.raw_path.decode().rstrip("/")  # a server behind a gateway has a path of its own
        self._wire: httpx.BaseTransport = transport(access.verify, resolve)

    def get(self, path: str, what: str, *, accept: str = "application/json", **query: str | int) -> httpx.Response:
        """GET, complete. Raises an ObservationError named `what`."""
        return answered(what, self._tried("GET", path, what, {"Accept": accept}, query, None))

    def post(self, path: str, what: str, body: bytes, *, accepted: tuple[int, ...] = ()) -> httpx.Response:
        """POST of a question; statuses in `accepted` are answers too."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        response = self._tried("POST", path, what, headers, {}, body)
        return response if response.status_code in accepted else answered(what, response)

    def change(
        self, method: str, path: str, what: str, body: bytes, content_type: str, query: Mapping[str, str]
    ) -> httpx.Response:
        """A request that changes something: put again on 429 only. Any status is an answer to be judged by the caller.

        Raises an ObservationError when there was none: nobody knows then whether it was carried out.
        """
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        return self._tried(method, path, what, headers, query, body)

    @contextmanager
    def stream(self, path: str, what: str, *, silence: float, **query: str | int) -> Iterator[httpx.Response]:
        """GET, line by line; an answer of 400 and more is raised as an ObservationError."""
        with self.opened(path, what, silence=silence, **query) as response:
            if response.status_code >= 400:
                response.read()
                answered(what, response)
            yield response

    @contextmanager
    def opened(self, path: str, what: str, *, silence: float, **query: str | int) -> Iterator[httpx.Response]:
        """GET once, not read yet; `silence` is how many seconds may pass without a byte before it is a TimedOutError.

        It has a connection of its own, which nobody but its reader closes. Were it closed while a thread waits in it,
        OpenSSL would write its last alert into whichever file has the connection's number next: a record, say.
        """
        timeout = httpx.Timeout(silence, connect=min(silence, 5.0))
        with named(what), self._made(connections=1) as client:
            request = client.build_request(
                "GET", path, params=query, headers=self._access.headers(), timeout=timeout, extensions=self._extensions
            )
            response = client.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()

    def close(self) -> None:
        """Close the pool; streams end with their readers."""
        self._wire.close()

    def _made(self, *, connections: int) -> httpx.Client:
        return httpx.Client(
            base_url=self._access.server,
            transport=transport(self._access.verify, self._resolve, connections=connections),
            timeout=self._timeout,
            headers=HEADERS,
            trust_env=False,
        )

    def _tried(
        self,
        method: str,
        path: str,
        what: str,
        headers: Mapping[str, str],
        query: Mapping[str, Any],
        body: bytes | None,
    ) -> httpx.Response:
        retried = RETRIED if method == "GET" else (429,)  # a question that was POSTed is put again only when told to
        try:
            ask = partial(self._outcome, method, path, headers, query, body)
            first = ask()
            if isinstance(first, httpx.Response) and first.status_code not in retried:
                return first  # as nearly all do, and stamina's books cost a tenth of a request
            for attempt in stamina.retry_context(
                on=_passing,
                attempts=3,
                wait_initial=0.2,
                wait_max=2.0,
                wait_jitter=0.2,
                timeout=2 * LONGEST_WAIT,
            ):
                with attempt:
                    got = first if attempt.num == 1 else ask()
                    if isinstance(got, _Broken):
                        raise got
                    if got.status_code in retried and attempt.num < 3:
                        raise _Again(got)
                    return got
        except _Again as error:
            return error.response
        except bodies.TooLargeError as error:
            raise MalformedError(what, str(error)) from error
        except _Broken as error:
            cause = error.__cause__
            assert isinstance(cause, httpx.HTTPError)
            raise as_named(what, cause) from cause
        except httpx.HTTPError as error:
            raise as_named(what, error) from error
        raise AssertionError("stamina always runs at least one attempt")

    def _outcome(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any], body: bytes | None
    ) -> httpx.Response | _Broken:
        try:
            return self._once(method, path, headers, query, body)
        except _Broken as error:
            return error

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any], body: bytes | None
    ) -> httpx.Response:
        try:
            return self._sent(method, path, headers, query, body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError, httpx.RemoteProtocolError) as error:
            if method == "GET" and tls_cause(error) is None:
                raise _Broken(str(error)) from error
            raise

    def _sent(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any], body: bytes | None
    ) -> httpx.Response:
        """One request over the pool, below httpx' client: its cookies, redirects and authentication would take half the time."""
        asked = f"?{urlencode(query)}" if query else ""
        request = httpx.Request(
            method,
            self._server,  # parsed once: httpx takes longer for a URL than for the rest of a request
            headers={**HEADERS, **headers, **self._access.headers()},
            content=body,
            extensions={
                **self._patient,
                "target": f"{self._root}{quote(path, safe=_SAFE)}{asked}".encode("ascii"),
            },
        )
        response = self._wire.handle_request(request)
        response.request = request
        try:
            return bodies.read(response)
        finally:
            response.close()
