"""KungFu's configuration server: tells the runners and workers of one job which cluster it has.

``kungfu_config.py HOST PORT CLUSTER``. ``GET`` answers the cluster as JSON, ``PUT`` replaces it
(the job resizes where its script supports that), ``DELETE`` clears it, and then ``GET`` answers 404,
which means: no change.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """One request; the class keeps the cluster."""

    cluster: bytes = b""

    def do_GET(self) -> None:
        """The cluster, or 404."""
        self._answer(200 if self.cluster else 404, self.cluster)

    def do_PUT(self) -> None:
        """Replace the cluster, if it is one."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not is_cluster(body):
            self._answer(400, b'a cluster is {"Runners": [...], "Workers": [...]}\n')
            return
        type(self).cluster = body
        self._answer(200, b"")

    def do_POST(self) -> None:
        """As PUT."""
        self.do_PUT()

    def do_DELETE(self) -> None:
        """Say nothing from now on."""
        type(self).cluster = b""
        self._answer(200, b"")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the log is the script's."""

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def is_cluster(body: bytes) -> bool:
    """Whether this is a cluster with at least one worker."""
    try:
        found = json.loads(body.decode())
        peers = found["Runners"] + found["Workers"]
        return bool(found["Workers"]) and all(p["IPv4"] > 0 and 0 < p["Port"] < 65536 for p in peers)
    except (ValueError, KeyError, TypeError):
        return False


if __name__ == "__main__":
    host, port, cluster = sys.argv[1:]
    Handler.cluster = cluster.encode()
    HTTPServer((host, int(port)), Handler).serve_forever()
