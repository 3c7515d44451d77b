"""Records samples of scripts that work and of scripts that hang: ``python -m tests.jobs.hang_record``.

Records what is not in ``hang_samples.jsonl`` yet, one script after the other and politely (nice 19);
names or parts of names as arguments choose.

Runs every script of ``hang_cases.toml`` for some seconds and looks at its processes four times a
second, with the agent's own eyes (``agent.looks``).
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
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from trainshed.agent import linux, processes
from trainshed.agent.looks import Rank
from trainshed.jobs.hang import RankSample, Wait

HERE = Path(__file__).parent
CASES = HERE / "hang_cases.toml"
SAMPLES = HERE / "hang_samples.jsonl"
ENVIRONMENTS = Path(os.environ.get("TRAINSHED_ENVIRONMENTS", HERE.parents[1] / ".cache" / "environments"))
TORCH = ENVIRONMENTS / "engines" / "pytorch_2.13.0-py_3.11.cpu" / "bin" / "python"
OLD = ENVIRONMENTS / "engines" / "pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64.cpu" / "bin" / "python"

PERIOD_S = 0.25
SECONDS = 8.0
SECONDS_RANKS = 40.0


def record(script: str, ranks: int, seconds: float, python: str) -> list[RankSample]:
    """Run a script as so many ranks and look at them until the time is over."""
    work = Path(tempfile.mkdtemp(prefix="hang-"))
    (work / "train.py").write_text(script)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(ranks):
            env = os.environ | {"RANK": str(rank), "WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1"}
            env |= {"MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            place = work / str(rank)
            place.mkdir()
            with (place / "log").open("wb") as log:
                command = ["nice", "-n", "19", python, str(work / "train.py")]
                processes.append(
                    subprocess.Popen(
                        command,
                        cwd=place,
                        env=env,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        return _watch(processes, work, seconds)
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(work, ignore_errors=True)


def _watch(running: list[subprocess.Popen[bytes]], work: Path, seconds: float) -> list[RankSample]:
    samples: list[RankSample] = []
    ranks = [Rank(n, process.pid, str(work / str(n) / "log")) for n, process in enumerate(running)]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        families = processes.families(os.getpid(), [rank.pid for rank in ranks])
        samples += [rank.look(families.get(rank.pid, []), -1.0) for rank in ranks]
        time.sleep(PERIOD_S)
    return samples


def python_of(kind: str) -> str:
    """The interpreter for scripts of a kind."""
    if kind.endswith("_ranks"):
        return str(TORCH)
    return str(OLD) if kind.endswith("_old") else sys.executable


def cases() -> list[tuple[str, str, str, int, str]]:
    """Kind, name, script, number of ranks and interpreter of everything to be recorded."""
    found: list[tuple[str, str, str, int, str]] = []
    for kind, scripts in tomllib.loads(CASES.read_text()).items():
        ranks = 2 if kind.endswith("_ranks") else 1
        for name, script in scripts.items():
            for n in range(5 if kind.startswith("healthy") else 1):
                text = script.replace("{n}", str(n)).replace("{{", "{").replace("}}", "}")
                found.append((kind.partition("_")[0], f"{name}-{n}", text, ranks, python_of(kind)))
    return found


def pack(kind: str, name: str, samples: list[RankSample]) -> dict[str, Any]:
    """One line of the file."""
    start = samples[0].time
    rows = [
        [
            *(round(s.time - start, 2), s.rank, s.cpu_s, s.io_bytes, s.log_bytes),
            *(s.processes, s.wait.value, s.wakeups),
        ]
        for s in samples
    ]
    return {"kind": kind, "name": name, "samples": rows}


def unpack(line: dict[str, Any]) -> list[RankSample]:
    """The samples of one line."""
    rows = line["samples"]
    return [RankSample(t, r, c, i, g, -1.0, p, Wait(w), k) for t, r, c, i, g, p, w, k in rows]


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    have = (
        {json.loads(line)["name"] for line in SAMPLES.read_text().splitlines()} if SAMPLES.exists() else set()
    )
    linux.become_subreaper()
    for kind, name, script, ranks, python in cases():
        if name in have or not (len(sys.argv) == 1 or any(part in f"{kind} {name}" for part in sys.argv[1:])):
            continue
        samples = record(script, ranks, SECONDS_RANKS if ranks > 1 else SECONDS, python)
        with SAMPLES.open("a") as file:
            file.write(json.dumps(pack(kind, name, samples), separators=(",", ":")) + "\n")
        print(kind, name, len(samples), flush=True)


if __name__ == "__main__":
    main()
