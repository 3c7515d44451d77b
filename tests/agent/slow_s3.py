"""An S3 server with one object that never comes to its end."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SIZE = 1 << 34
LISTED = f"""<?xml version="1.0"?><ListBucketResult><Name>slow</Name><Prefix>data/</Prefix>
<KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>data/big</Key>
<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"0-1"</ETag><Size>{SIZE}</Size>
<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>""".encode()


class SlowS3:
    """Trickles, until it is let go.

    Attributes:
        asked: set once bytes of the object were asked for.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def do_HEAD(self) -> None:
                known = self.path.endswith("/data/big")
                self._head(200 if known else 404, SIZE if known else 0)

            def do_GET(self) -> None:
                if "/data/big" not in self.path:
                    self._head(200, len(LISTED))
                    self.wfile.write(LISTED)
                    return
                first, _, last = self.headers.get("Range", "bytes=0-")[6:].partition("-")
                end = int(last) if last else SIZE - 1
                ranged = (("Content-Range", f"bytes {first}-{end}/{SIZE}"),)
                self._head(206, end - int(first) + 1, *ranged)
                owner.asked.set()
                with suppress(OSError):
                    while not owner.let_go.wait(0.01):
                        self.wfile.write(b"x" * 4096)
                self.close_connection = True

            def _head(self, status: int, length: int, *more: tuple[str, str]) -> None:
                self.send_response(status)
                for name, value in (("Content-Length", str(length)), ("ETag", '"0-1"'), *more):
                    self.send_header(name, value)
                self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
                self.end_headers()

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True

    @property
    def bucket(self) -> dict[str, Any]:
        """The settings of a bucket here."""
        endpoint = f"http://127.0.0.1:{self.http.server_address[1]}"
        return {"kind": "s3", "endpoint": endpoint, "access_key": "key", "secret_key": "secret"}


@contextmanager
def slow_s3() -> Generator[SlowS3]:
    """One that serves until the end of the block."""
    server = SlowS3()
    threading.Thread(target=server.http.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.let_go.set()
        server.http.shutdown()
        server.http.server_close()
