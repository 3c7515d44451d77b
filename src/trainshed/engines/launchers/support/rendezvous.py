"""Horovod's rendezvous: a key-value store over HTTP, for one attempt of one job.

``rendezvous.py HOST PORT``. ``GET /scope/key`` answers 404 while the key is absent, ``PUT`` sets
it. A rank sends ``DELETE`` for its own key when it has met the others, who may still need that
key: a scope is emptied when all of its ranks have said so. Listens at that one address only.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn


class Store(ThreadingMixIn, HTTPServer):
    """The server with what it keeps."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: "tuple[str, int]") -> None:
        values: "dict[str, bytes]" = {}
        finished: "set[str]" = set()
        kept = {"values": values, "finished": finished, "mutex": threading.Lock()}
        handler = type("HandlerOfJob", (Handler,), kept)
        HTTPServer.__init__(self, address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A rank that went away is no news here."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    values: "dict[str, bytes]"
    finished: "set[str]"
    mutex: threading.Lock

    def do_GET(self) -> None:
        """The value of a key, or 404."""
        with self.mutex:
            value = self.values.get(self.path)
        self._answer(404 if value is None else 200, value or b"")

    def do_PUT(self) -> None:
        """Set a key."""
        value = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.mutex:
            self.values[self.path] = value
        self._answer(200, b"")

    def do_DELETE(self) -> None:
        """A rank has met all others in this scope; once all ranks have, the scope is empty again."""
        scope = self.path.rpartition("/")[0] + "/"
        with self.mutex:
            self.finished.add(self.path)
            members = {path for path in self.values if path.startswith(scope)}
            if members <= self.finished:
                for path in members:
                    del self.values[path]
                self.finished.difference_update(members)
        self._answer(200, b"")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the log is the script's."""

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Store((sys.argv[1], int(sys.argv[2]))).serve_forever()
