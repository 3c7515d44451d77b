"""Records samples of scripts that work and of scripts that hang: ``python -m tests.jobs.hang_record``.

Records what is not in ``hang_samples.jsonl`` yet, one script after the other and politely (nice 19);
names or parts of names as arguments choose.

Runs every script of ``hang_cases.toml`` for some seconds and looks at its processes four times a
second, as an agent would: processor time, bytes read and written, log size, what the main thread does.
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

from trainshed.jobs.hang import RankSample, Wait

HERE = Path(__file__).parent
CASES = HERE / "hang_cases.toml"
SAMPLES = HERE / "hang_samples.jsonl"
ENVIRONMENTS = Path(os.environ.get("TRAINSHED_ENVIRONMENTS", HERE.parents[1] / ".cache" / "environments"))
TORCH = ENVIRONMENTS / "engines" / "pytorch_2.13.0-py_3.11.cpu" / "bin" / "python"

PERIOD_S = 0.25
SECONDS = 8.0
SECONDS_RANKS = 40.0
_TICK = os.sysconf("SC_CLK_TCK")
_SLEEP, _NETWORK = {35, 230}, {0, 7, 23, 44, 45, 47, 232, 270, 271, 281}


def process_ids(session: int) -> list[int]:
    """All processes of a session."""
    found: list[int] = []
    for name in os.listdir("/proc"):  # noqa: PTH208 names are all that is wanted
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[3]) == session:
                    found.append(int(name))
    return sorted(found)


def look(session: int, rank: int, log: Path, seen: dict[int, int]) -> RankSample:
    """One look at a rank. ``seen`` keeps what ended processes had read and written."""
    cpu = 0.0
    pids = process_ids(session)
    for pid in pids:
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            cpu += sum(int(value) for value in fields[11:15]) / _TICK
            lines = Path(f"/proc/{pid}/io").read_text().splitlines()[:2]
            seen[pid] = sum(int(line.split()[1]) for line in lines)
    wait, wakeups = _wait(session), _wakeups(session)
    now, size = round(time.monotonic(), 3), log.stat().st_size
    return RankSample(now, rank, round(cpu, 2), sum(seen.values()), size, -1.0, len(pids), wait, wakeups)


def _wakeups(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/task/{pid}/status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                return int(line.split()[1])
    return 0


def _wait(pid: int) -> Wait:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        call = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    except OSError:
        return Wait.UNKNOWN
    if state in "Tt":
        return Wait.STOPPED
    if state == "R" or call == "running":
        return Wait.RUNNING
    if state == "D":
        return Wait.DISK
    number = int(call)
    return Wait.SLEEP if number in _SLEEP else Wait.NETWORK if number in _NETWORK else Wait.LOCK


def record(script: str, ranks: int, seconds: float) -> list[RankSample]:
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
                python = str(TORCH) if ranks > 1 else sys.executable
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


def _watch(processes: list[subprocess.Popen[bytes]], work: Path, seconds: float) -> list[RankSample]:
    samples: list[RankSample] = []
    seen: list[dict[int, int]] = [{} for _ in processes]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for rank, process in enumerate(processes):
            samples.append(look(process.pid, rank, work / str(rank) / "log", seen[rank]))
        time.sleep(PERIOD_S)
    return samples


def cases() -> list[tuple[str, str, str, int]]:
    """Kind, name, script and number of ranks of everything to be recorded."""
    found: list[tuple[str, str, str, int]] = []
    for kind, scripts in tomllib.loads(CASES.read_text()).items():
        ranks = 2 if kind.endswith("_ranks") else 1
        for name, script in scripts.items():
            for n in range(5 if kind.startswith("healthy") else 1):
                text = script.replace("{n}", str(n)).replace("{{", "{").replace("}}", "}")
                found.append((kind.removesuffix("_ranks"), f"{name}-{n}", text, ranks))
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
    for kind, name, script, ranks in cases():
        if name in have or not (len(sys.argv) == 1 or any(part in f"{kind} {name}" for part in sys.argv[1:])):
            continue
        samples = record(script, ranks, SECONDS_RANKS if ranks > 1 else SECONDS)
        with SAMPLES.open("a") as file:
            file.write(json.dumps(pack(kind, name, samples), separators=(",", ":")) + "\n")
        print(kind, name, len(samples), flush=True)


if __name__ == "__main__":
    main()
