"""The gateway's own ways: woken late, killed and back, restricted to what a sandboxed rank may see."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import moxing as mox
from moxing.framework.file import _client
from moxing.framework.file._protocol import Connection
from tests.moxing.conftest import SOCKET, files_of
from trainshed.agent.moxing_gateway import Gateway, library, put_library

Start = Callable[..., Gateway]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts gateways for a folder bucket; the last is the one that moxing speaks to."""
    started: list[Gateway] = []

    def begin(path: Path = tmp_path / "s", **options: Any) -> Gateway:
        (tmp_path / "bucket").mkdir(exist_ok=True)
        settings = {"b": {"kind": "folder", "path": str(tmp_path / "bucket")}}
        started.append(Gateway(path, settings, **options))
        started[-1].watch()
        _client.drop()
        monkeypatch.setenv(SOCKET, str(path))
        return started[-1]

    yield begin
    _client.drop()
    for gateway in started:
        gateway.close()


def _process(gateway: Gateway) -> subprocess.Popen[bytes] | None:
    return gateway._process


def test_nothing_runs_until_somebody_asks(start: Start) -> None:
    gateway = start()
    assert _process(gateway) is None
    assert not mox.file.exists("obs://b/x")
    assert _process(gateway) is not None


def test_only_our_user_may_connect(start: Start, tmp_path: Path) -> None:
    start()
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600


def test_keys_are_in_no_argument_and_no_environment(tmp_path: Path) -> None:
    settings = {
        "b": {"kind": "s3", "endpoint": "http://127.0.0.1:1", "access_key": "AK", "secret_key": "S3CR3T"}
    }
    gateway = Gateway(tmp_path / "s", settings)
    process = gateway.wake()
    assert process is not None
    for name in ("cmdline", "environ"):
        assert b"S3CR3T" not in Path(f"/proc/{process.pid}/{name}").read_bytes()
    gateway.close()


def test_a_killed_gateway_is_started_again(start: Start) -> None:
    gateway = start()
    mox.file.write("obs://b/x", "1")
    for _ in range(3):
        process = _process(gateway)
        assert process is not None
        process.kill()
        process.wait()
        assert mox.file.read("obs://b/x") == "1"


def test_a_read_goes_on_when_the_gateway_was_killed(start: Start, tmp_path: Path) -> None:
    gateway = start()
    data = os.urandom(40 << 20)
    mox.file.write("obs://b/x", data, binary=True)
    process = _process(gateway)
    assert process is not None
    report: list[mox.file.CopyReport] = []
    thread = threading.Thread(
        target=lambda: report.append(mox.file.copy_parallel("obs://b/", str(tmp_path / "to")))
    )
    process.send_signal(signal.SIGSTOP)
    thread.start()
    process.kill()
    thread.join(60)
    assert report[0].files == 1
    assert (tmp_path / "to/x").read_bytes() == data


def test_the_agent_may_be_away_for_a_while(start: Start, tmp_path: Path) -> None:
    gateway = start()
    mox.file.write("obs://b/x", "1")
    gateway.close()
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(mox.file.read("obs://b/x")))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    start()
    thread.join(30)
    assert found == ["1"]


def test_an_agent_that_never_comes_back_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from moxing.framework.file import _auth

    monkeypatch.setenv(SOCKET, str(tmp_path / "nobody"))
    _client.drop()
    try:
        mox.file.set_auth(retry=2, retry_wait=0.1)
        with pytest.raises(mox.file.MoxFileRespException, match="did not answer") as caught:
            mox.file.exists("obs://b/x")
    finally:
        _auth._given.clear()
    assert caught.value.resp.status == 503


def test_a_gateway_without_its_agent_finishes_what_was_asked(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    gateway = Gateway(tmp_path / "s", {"b": {"kind": "folder", "path": str(tmp_path / "bucket")}})
    process = gateway.wake()
    assert process is not None
    assert process.stdin is not None
    connection = Connection(str(tmp_path / "s"))
    body = b"x" * 100_000
    request = json.dumps({"v": 1, "op": "write", "uri": "obs://b/x"}).encode()
    connection._socket.sendall(struct.pack(">IQ", len(request), len(body)) + request + body[:10])
    _until(lambda: _unread(connection._socket) == 0)
    process.stdin.close()
    connection._socket.sendall(body[10:])
    assert connection.receive()[0] == {"result": {}}
    assert process.wait(30) == 0
    assert (tmp_path / "bucket/x").read_bytes() == body
    connection.close()
    gateway.close()


def _unread(connection: socket.socket) -> int:
    """Bytes that were sent and that the other end has not read."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]


def _until(true: Callable[[], bool]) -> None:
    deadline = threading.Event()
    for _ in range(6000):
        if true():
            return
        deadline.wait(0.01)
    raise AssertionError("it did not become true")


def test_a_path_longer_than_a_socket_address(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    start(folder / "moxing.sock")
    mox.file.write("obs://b/x", "1")
    assert mox.file.read("obs://b/x") == "1"


@pytest.fixture
def sandboxed(start: Start, tmp_path: Path) -> Path:
    """A gateway for a rank that sees ``host`` at ``seen``."""
    for name in ("seen", "host", "other"):
        (tmp_path / name).mkdir()
    start(mounts={str(tmp_path / "seen"): str(tmp_path / "host")})
    return tmp_path


def test_paths_of_a_mount_are_translated(sandboxed: Path) -> None:
    mox.file.write("obs://b/t/x", "1")
    mox.file.copy_parallel("obs://b/t", str(sandboxed / "seen/to"))
    assert files_of(sandboxed / "host") == {"to/x": b"1"}


def test_other_paths_go_through_the_socket(sandboxed: Path) -> None:
    root = sandboxed / "other/tree"
    for name in ("a", "d/b", "d/empty/"):
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(3_000_000))
    assert mox.file.copy_parallel(str(root), "obs://b/t").files == 2
    report = mox.file.copy_parallel("obs://b/t", str(sandboxed / "other/back"))
    assert report.files == 2
    assert files_of(sandboxed / "other/back") == files_of(root)
    assert (sandboxed / "other/back/d/empty").is_dir()
    mox.file.copy("obs://b/t/a", str(sandboxed / "other/a"))
    assert (sandboxed / "other/a").read_bytes() == (root / "a").read_bytes()
    mox.file.copy_parallel("obs://b/t", str(sandboxed / "other/some"), file_list=["d/b"])
    assert list(files_of(sandboxed / "other/some")) == ["d/b"]
    with mox.file.File("obs://b/large", "wb") as f:
        f.write(b"x" * 9_000_000)
    assert mox.file.get_size("obs://b/large") == 9_000_000
    for target in (sandboxed / "other/x", sandboxed / "seen/x"):
        with pytest.raises(mox.file.MoxFileNotExistsException):
            mox.file.copy("obs://b/nothing", str(target))


def _ask(**request: Any) -> dict[str, Any]:
    connection = Connection(os.environ[SOCKET])
    connection.send({"v": 1, **request}, request.pop("body", b""))
    found, length = connection.receive()
    connection.body(length)
    connection.close()
    return found


def test_no_link_leads_out_of_a_mount(sandboxed: Path) -> None:
    (sandboxed / "secret").mkdir()
    (sandboxed / "secret/key").write_text("secret")
    (sandboxed / "host/link").symlink_to(sandboxed / "secret")
    (sandboxed / "host/key").symlink_to(sandboxed / "secret/key")
    seen = sandboxed / "seen"
    mox.file.write("obs://b/t/key", "overwritten")
    for path in (seen / "link/key", seen / "key", sandboxed / "secret/key", seen / "../secret/key"):
        assert "error" in _ask(op="put", uri="obs://b/stolen", path=str(path)), path
    listed = [["x", 6, 0, str(seen / "link/key")]]
    connection = Connection(os.environ[SOCKET])
    body = json.dumps({"files": listed, "directories": []}).encode()
    connection.send({"v": 1, "op": "upload", "uri": "obs://b/stolen"}, body)
    assert "error" in connection.receive()[0]
    connection.close()
    assert "error" in _ask(op="download", uri="obs://b/t", path=str(seen / "link"))
    assert (sandboxed / "secret/key").read_text() == "secret"
    assert mox.file.list_directory("obs://b") == ["t"]


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "nonsense"},
        {"op": "stat"},
        {"op": "stat", "uri": 7},
        {"op": "stat", "uri": "/etc/passwd"},
        {"op": "stat", "uri": "file:///etc/passwd"},
        {"op": "open", "uri": "obs://b/"},
        {"op": "read", "uri": "obs://b/x", "offset": "a", "length": 1},
        {"op": "download", "uri": "obs://b/x"},
        {"op": "download", "uri": "obs://b/x", "path": "relative"},
        {"op": "upload", "uri": "obs://b/x", "body": b"[1]"},
        {"op": "upload", "uri": "obs://b/x", "body": b"not json"},
        {"op": "stat", "uri": "obs://b/x", "v": 99},
    ],
)
def test_bad_requests_are_refused_and_the_next_is_answered(start: Start, request_: dict[str, Any]) -> None:
    start()
    body = request_.pop("body", b"")
    connection = Connection(os.environ[SOCKET])
    connection.send({"v": 1, **request_}, body)
    found, length = connection.receive()
    connection.body(length)
    assert set(found) == {"error"}
    assert found["error"]["message"]
    connection.send({"v": 1, "op": "ping"})
    assert connection.receive() == ({"result": {}}, 0)
    connection.close()


def test_garbage_closes_the_connection_and_nothing_else(start: Start) -> None:
    start()
    for garbage in (b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 100, struct.pack(">IQ", 2, 0) + b"[]"):
        raw = Connection(os.environ[SOCKET])
        raw._socket.sendall(garbage)
        raw._socket.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match=r"closed|reset"):
            raw.receive()
        raw.close()
    assert not mox.file.exists("obs://b/x")


def test_the_library_is_put_alone(tmp_path: Path) -> None:
    folder = put_library(tmp_path / "python")
    put_library(tmp_path / "python")
    assert [p.name for p in folder.iterdir()] == ["moxing"]
    assert (library() / "__init__.py").is_file()
    script = f"import sys; sys.path[:0]=[{str(folder)!r}]; import moxing; print(moxing.file.File)"
    found = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert "File" in found.stdout
