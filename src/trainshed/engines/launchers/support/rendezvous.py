"""Horovod's rendezvous: a key-value store over HTTP, for one attempt of one job.

``rendezvous.py HOST PORT``. ``GET /scope/key`` answers 404 while the key is absent, ``PUT`` sets
it, ``DELETE`` removes it. Listens at that one address only.
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
        handler = type("HandlerOfJob", (Handler,), {"values": values, "mutex": threading.Lock()})
        HTTPServer.__init__(self, address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A rank that went away is no news here."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    values: "dict[str, bytes]"
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
        """Remove a key; a second time does nothing."""
        with self.mutex:
            self.values.pop(self.path, None)
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
