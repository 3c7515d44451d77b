"""A follower loses no byte and repeats none, however often the service goes away."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from trainshed.client import Client
from trainshed.client.connection import from_home
from trainshed.client.follow import Follower
from trainshed.core.errors import NotFound, Unavailable

LOG = "".join(f"line {number} 数字 {'x' * (number % 40)}\n" for number in range(400)).encode()


class _Service(ThreadingHTTPServer):
    """Streams a log by offset, and breaks the connection after ``breaks`` more events.

    Args:
        repeats: whether it starts a little before the offset it was asked for.
    """

    daemon_threads = True

    def __init__(self, breaks: Iterator[int], *, repeats: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.breaks = breaks
        self.repeats = repeats
        self.asked: list[int] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Service

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/healthz":
            self.send_response(200)
            self.end_headers()
            return
        if "gone" in url.path:
            body = json.dumps({"error_code": "TrainShed.4001", "error_msg": "there is no job gone"}).encode()
            self.send_response(404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self._stream(int(parse_qs(url.query)["offset"][0]))

    def _stream(self, offset: int) -> None:
        self.server.asked.append(offset)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if self.server.repeats:
            offset = LOG.rfind(b"\n", 0, max(0, offset - 1)) + 1
        for _ in range(next(self.server.breaks, len(LOG))):
            if offset == len(LOG):
                self.wfile.write(b"event: end\ndata: {}\n\n")
                return
            after = LOG.index(b"\n", min(offset + 300, len(LOG) - 1)) + 1
            data = {"offset": offset, "next": after, "text": LOG[offset:after].decode()}
            self.wfile.write(b"event: log\ndata: " + json.dumps(data).encode() + b"\n\n")
            offset = after
        self.wfile.write(b'event: log\ndata: {"offset": ')  # cut in the middle


@contextmanager
def _running(service: _Service) -> Generator[str]:
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{service.server_address[1]}"
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


def _home(folder: Path, endpoint: str) -> Path:
    (folder / "credentials.json").write_text(json.dumps({"project_id": "p", "token": "t"}))
    (folder / "endpoint.json").write_text(json.dumps({"endpoint": endpoint}))
    return folder


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("repeats", [False, True])
def test_breaks_anywhere(tmp_path: Path, seed: int, repeats: bool) -> None:
    chance = random.Random(seed)
    service = _Service(iter([chance.randrange(0, 6) for _ in range(10)]), repeats=repeats)
    with _running(service) as endpoint, Client(from_home(_home(tmp_path, endpoint))) as client:
        followed = "".join(client.jobs.follow_log("j"))
    assert followed.encode() == LOG
    assert len(service.asked) == 11


def test_back_on_another_port(tmp_path: Path) -> None:
    first, second = _Service(iter([3])), _Service(iter([]))
    with _running(second) as new_endpoint:
        with _running(first) as endpoint:
            client = Client(from_home(_home(tmp_path, endpoint)))
            stream = client.jobs.follow_log("j")
            text = next(stream)
            _home(tmp_path, new_endpoint)
        text += "".join(stream)
        client.close()
    assert text.encode() == LOG


def test_from_the_middle(tmp_path: Path) -> None:
    start = LOG.index(b"\n", 5000) + 1
    with _running(_Service(iter([]))) as endpoint, Client(from_home(_home(tmp_path, endpoint))) as client:
        assert "".join(client.jobs.follow_log("j", offset=start)).encode() == LOG[start:]


def test_an_answer_is_no_break(tmp_path: Path) -> None:
    with (
        _running(_Service(iter([]))) as endpoint,
        Client(from_home(_home(tmp_path, endpoint))) as client,
        pytest.raises(NotFound, match="there is no job gone"),
    ):
        list(client.jobs.follow_log("gone"))


def test_gone_for_good(tmp_path: Path) -> None:
    with _running(_Service(iter([1]))) as endpoint:
        pass
    with Client(from_home(_home(tmp_path, endpoint))) as client:
        follower = Follower(client.transport, "/x", offset=0, patience_s=0.2)
        with pytest.raises(Unavailable, match="does not answer"):
            list(follower)
