"""What flows in the console need behind it: scripts, jobs, and how they end."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.server.running import Running

DEADLINE_S = 90
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"

FAILING = f"""
import time
for i in range(5):
    print(f"epoch {{i}} loss={{1 / (i + 1):.3f}}", flush=True)
print('''{HOSTILE}''', flush=True)
raise ValueError("no such label: 11")
"""

# A script that waits at the gate: it reads from the port until the test lets it through.
WAITING = """
import socket, sys
print("started", flush=True)
port = int(sys.argv[1].partition("=")[2])
socket.create_connection(("127.0.0.1", port)).recv(1)
print("the last line", flush=True)
"""

# Waits in the middle: what is seen until then was seen live.
TRAINING = """
import argparse, pathlib, socket
parser = argparse.ArgumentParser()
for name in ("--lr", "--gate", "--train_url"):
    parser.add_argument(name)
given, _ = parser.parse_known_args()
for epoch in range(4):
    print(f"epoch {epoch} loss={1 / (epoch + 1):.3f} accuracy={epoch / 8:.3f}", flush=True)
socket.create_connection(("127.0.0.1", int(given.gate))).recv(1)
for epoch in range(4, 8):
    print(f"epoch {epoch} loss={1 / (epoch + 1):.3f} accuracy={epoch / 8:.3f}", flush=True)
out = pathlib.Path(given.train_url)
(out / "model.bin").write_bytes(bytes(range(256)))
(out / "<b>notes.txt").write_text("lr " + given.lr + " <img src=x onerror=alert(1)>")
"""


class Gate:
    """Scripts wait at it, wherever they run: a job does not see the test's files."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._passing: list[socket.socket] = []
        self._thread = threading.Thread(target=self._keep, name="gate")
        self._thread.start()

    @property
    def port(self) -> str:
        return str(self._socket.getsockname()[1])

    def open(self) -> None:
        """Let all scripts through, those too that come later."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for passing in self._passing:
            passing.close()

    def _keep(self) -> None:
        with self._socket:
            while True:
                try:
                    self._passing.append(self._socket.accept()[0])
                except OSError:
                    return


def write_code(folder: Path, source: str) -> Path:
    """A code directory with ``train.py``."""
    folder.mkdir(parents=True)
    (folder / "train.py").write_text(source)
    return folder


def submit(
    service: Running,
    code: Path,
    source: str,
    name: str,
    annotations: dict[str, str] | None = None,
    nodes: int = 1,
    **parameters: str,
) -> str:
    """Create a job of plain Python; its id."""
    write_code(code, source)
    body: dict[str, Any] = {
        "kind": "job",
        "metadata": {"name": name, "annotations": annotations or {}},
        "algorithm": {
            "code_dir": code.as_uri() + "/",
            "boot_file": "train.py",
            "engine": {"engine_id": "python_3.11"},
            "parameters": [{"name": key, "value": value} for key, value in parameters.items()],
        },
        "spec": {"resource": {"flavor_id": "cpu-1", "node_count": nodes}},
    }
    answer = service.api.post(service.v2("training-jobs"), json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["metadata"]["id"]


def wait_for_phase(service: Running, job_id: str, *phases: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    path = service.v2(f"training-jobs/{job_id}")
    while (phase := service.api.get(path).json()["status"]["phase"]) not in phases:
        assert time.monotonic() < deadline, f"still {phase}"
        time.sleep(0.05)
