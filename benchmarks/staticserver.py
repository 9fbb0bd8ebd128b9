"""An API server that only copies prepared answers of every kind, and endpoints over TLS: what clients make of them is measured.

It runs in threads of the benchmark's own process, which waits meanwhile. The embedded cluster would itself be the
bottleneck: it makes every answer anew, in Python. Lists of the kinds that `tables` names are answered with a Table where that
is asked for, as `kubectl get` does; other lists with the objects. Answers are packed only where `prepared.Answers.with_gzip`
was served, and then for who asks: the product, kubectl and curl's like do, the `kubernetes` client does not.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.prepared import TABLE, WARNINGS, Answers, prepare
from runbook.rehearsal.pki import authority, server_context
from runbook.rehearsal.tables import wanted_form

_HEALTHY = b'{"status":"healthy","version":"1.0"}'
_SHUT = b"no key could decrypt secret"


@contextmanager
def serving(objects: Iterable[Mapping[str, Any]], *, tables: Collection[str] = ()) -> Iterator[str]:
    """Serve these objects on loopback; gives the address."""
    with answering(prepare(objects, tables=tables)) as address:
        yield address


@contextmanager
def answering(answers: Answers) -> Iterator[str]:
    """Serve answers that are prepared already; gives the address."""
    handler = type("Handler", (_Api,), {"answers": answers})
    with _running(_Server(("127.0.0.1", 0), handler)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def endpoints(folder: Path, domain: str) -> Iterator[int]:
    """Every host below a domain answers `/health` over TLS; the CA is `folder/ca.crt`. Gives the port."""
    issuer = authority("large-ca")
    (folder / "ca.crt").write_bytes(issuer.pem)
    server = _Server(("127.0.0.1", 0), _Health)
    context = server_context(issuer, (f"*.{domain}",), folder, "endpoints")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with _running(server) as port:
        yield port


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has what it wants may hang up."""


@contextmanager
def _running(server: _Server) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self, body: bytes, *, status: int = 200, type_: str = "application/json", packed: bytes = b"") -> None:
        """One whole answer, packed where there is such a form of it."""
        sent = packed or body
        self.send_response(status)
        self.send_header("Content-Type", type_)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_words: Any) -> None:
        """Nothing: a benchmark's own server."""


class _Health(_Quiet):
    def do_GET(self) -> None:
        """Every path is healthy."""
        self.answer(_HEALTHY)


class _Api(_Quiet):
    answers: Answers

    def do_GET(self) -> None:
        """A page by its number, a whole list without a limit, one object, what discovery asks, or a log."""
        asked = urlsplit(self.path)
        query = parse_qs(asked.query)
        path = asked.path + (WARNINGS if query.get("fieldSelector") == ["type=Warning"] else "")
        if path + TABLE in self.answers.whole and wanted_form(self.headers.get("Accept", "")) == "Table":
            path += TABLE
        if path in self.answers.whole:
            pages, number = self.answers.lists[path], int(query.get("continue", ["0"])[0])
            self._listed(pages[number] if "limit" in query else self.answers.whole[path])
        elif asked.path in self.answers.singles:
            self.answer(self.answers.singles[asked.path])
        elif asked.path.endswith("/log"):
            self.answer(b'2025-10-17T11:15:00Z {"level":"info","msg":"starting manager"}\n', type_="text/plain")
        else:
            self.answer(b'{"kind":"Status","code":404,"reason":"NotFound"}', status=404)

    def _listed(self, body: bytes) -> None:
        takes = "gzip" in self.headers.get("Accept-Encoding", "")
        self.answer(body, packed=self.answers.packed.get(body, b"") if takes else b"")

    def do_POST(self) -> None:
        """A SealedSecret that opens with no key."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(_SHUT, status=409, type_="text/plain")
