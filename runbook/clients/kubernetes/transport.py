"""Requests to the API server: put again where that is safe, and every way one can fail as a named error."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from runbook.clients.kubernetes.answers import Answer, Stream
from runbook.clients.kubernetes.failures import FAULTS, answered, as_named, is_broken, named
from runbook.clients.kubernetes.kubeconfig import Access
from runbook.clients.kubernetes.wire import Request, Wire

HEADERS = {"User-Agent": "runbook", "Accept-Encoding": "gzip"}
RETRIED = (429, 500, 502, 503, 504)
LONGEST_WAIT = 10.0  # seconds between two tries, whatever the server asks for


class _Again(Exception):
    """A passing fault that was answered: the server asks to come back, after so many seconds if it says."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status_code}")
        self.answer = answer


class _Broken(Exception):
    """A connection that did not come about or broke before an answer; TLS that was refused is no such fault."""

    def __init__(self, fault: Exception) -> None:
        super().__init__(str(fault))
        self.fault = fault


def _passing(error: Exception) -> bool | float:
    """Whether to try again, and after how many seconds when the server says so (Retry-After)."""
    if isinstance(error, _Again):
        asked = error.answer.header("retry-after")
        return min(float(asked), LONGEST_WAIT) if asked.isdecimal() else True
    return isinstance(error, _Broken)


class Transport:
    """Sends requests. They are tried again, few times and briefly, or when the server's Retry-After says."""

    def __init__(self, access: Access, resolve: Mapping[str, str], timeout: float) -> None:
        self._access, self._resolve, self._timeout = access, resolve, timeout
        self._wire = self._made()

    def get(self, path: str, what: str, *, accept: str = "application/json", **query: str | int) -> Answer:
        """GET, complete. Raises an ObservationError named `what`."""
        return answered(what, self._tried(what, self._request("GET", path, query, Accept=accept)))

    def post(self, path: str, what: str, body: bytes, *, accepted: tuple[int, ...] = ()) -> Answer:
        """POST of a question; statuses in `accepted` are answers too."""
        answer = self.change("POST", path, what, body, "application/json", {})
        return answer if answer.status_code in accepted else answered(what, answer)

    def change(
        self, method: str, path: str, what: str, body: bytes, content_type: str, query: Mapping[str, str]
    ) -> Answer:
        """A request that changes something: put again on 429 only. Any status is an answer to be judged by the caller.

        Raises an ObservationError when there was none: nobody knows then whether it was carried out.
        """
        given = {"Content-Type": content_type, "Accept": "application/json"}
        return self._tried(what, self._request(method, path, query, body, **given))

    @contextmanager
    def stream(self, path: str, what: str, *, silence: float, **query: str | int) -> Iterator[Stream]:
        """GET, line by line; an answer of 400 and more is raised as an ObservationError."""
        with self.opened(path, what, silence=silence, **query) as stream:
            if stream.status_code >= 400:
                answered(what, stream.whole())
            yield stream

    @contextmanager
    def opened(self, path: str, what: str, *, silence: float, **query: str | int) -> Iterator[Stream]:
        """GET once, not read yet; `silence` is how many seconds may pass without a byte before it is a TimedOutError.

        It has a connection of its own, which nobody but its reader closes. Were it closed while a thread waits in it,
        OpenSSL would write its last alert into whichever file has the connection's number next: a record, say.
        """
        wire = self._made(connections=1)
        try:
            with named(what), wire.open(self._request("GET", path, query), silence) as stream:
                yield stream
        finally:
            wire.close()

    def close(self) -> None:
        """Close the pool; streams end with their readers."""
        self._wire.close()

    def _made(self, *, connections: int = 8) -> Wire:
        access = self._access
        return Wire(
            access.server, access.verify, self._resolve, server_name=access.server_name, connections=connections
        )

    def _request(
        self, method: str, path: str, query: Mapping[str, str | int], body: bytes | None = None, **headers: str
    ) -> Request:
        return Request(method, path, {**HEADERS, **headers, **self._access.headers()}, query, body)

    def _tried(self, what: str, request: Request) -> Answer:
        """A question that is POSTed is put again only when told to."""
        retried = RETRIED if request.method == "GET" else (429,)
        try:
            ask = partial(self._outcome, request)
            first = ask()
            if isinstance(first, Answer) and first.status_code not in retried:
                return first  # as nearly all do, and stamina costs a tenth of a request, and as much as ten to import
            return _again(first, ask, retried)
        except FAULTS as error:
            raise as_named(what, error) from error
        except _Broken as error:
            raise as_named(what, error.fault) from error.fault

    def _outcome(self, request: Request) -> Answer | _Broken:
        try:
            return self._once(request)
        except FAULTS as error:
            if request.method == "GET" and is_broken(error):
                return _Broken(error)
            raise

    def _once(self, request: Request) -> Answer:
        return self._wire.ask(request, self._timeout)


def _again(first: Answer | _Broken, ask: Callable[[], Answer | _Broken], retried: Container[int]) -> Answer:
    """The same again, up to three times in all. Raises _Broken when no try was answered."""
    import stamina

    try:
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
        return error.answer
    raise AssertionError("stamina always runs at least one attempt")
