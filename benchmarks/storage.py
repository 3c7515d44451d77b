"""Copies to and from one S3 server: ours against those that people use. Ratios of medians.

Run:  python -m benchmarks.storage            a quick look: 2,000 × 16 KiB and 2 × 256 MiB
      python -m benchmarks.storage --full     10,000 × 16 KiB and 4 × 512 MiB, about five minutes

The server is SeaweedFS on loopback, with authentication. Every tool uses 16 transfers at once and
parts of 16 MiB where it can be told. Each round takes the tools in another order, after one copy that
only warms server and memory up; those that took more than twice the time of the fastest run in the
first round only. On a machine that is not quiet look at the second table: processor time.

Small files that were downloaded stay until the end: ext4 without a journal searches, for each file that
is made, past all inodes that were freed in the last minutes, so that a tool would pay for what was
removed after the tool before it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.table import Table  # noqa: E402
from tests.servers.seaweedfs import ACCESS_KEY, SECRET_KEY, SeaweedFS  # noqa: E402

from trainshed.storage import open_store  # noqa: E402
from trainshed.storage.s3 import S3Store  # noqa: E402

BUCKET = "benchmark"
OWN_ENVIRONMENT = {"s3fs": ["s3fs"], "esdk-obs": ["esdk-obs-python"], "s5cmd": ["s5cmd"]}
TOOLS = ["trainshed", "trainshed cp", "moxing", "obstore", "rclone", "s5cmd", "boto3", "esdk-obs", "s3fs"]
COMMANDS = {"rclone", "s5cmd", "trainshed cp"}
OURS = {"trainshed", "trainshed cp", "moxing"}
SMALL_ONLY = {"s3fs"}
SLOW = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tools", nargs="*", default=TOOLS)
    parser.add_argument("--sets", nargs="*", default=["small", "large"])
    parser.add_argument("--dir", type=Path, help="Where server and data live; /dev/shm leaves the disk out.")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-", dir=options.dir) as base:
        result = _run(options, Path(base))
    for table in (_table, _cpu_table, _s3fs_table):
        table(result).publish(keep=options.full)  # what is promised is about the full sizes
        print()
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


def _run(options: argparse.Namespace, base: Path) -> dict[str, Any]:
    sets = _data_sets(base, full=options.full, wanted=options.sets)
    interpreters = {tool: _interpreter(tool) for tool in options.tools}
    tools = [t for t in options.tools if interpreters[t]]
    times: dict[str, dict[str, list[dict[str, float]]]] = {}
    with ExitStack() as stack:
        server = stack.enter_context(SeaweedFS.start(base / "server", memory="6GiB"))
        settings = _settings(server)
        if "trainshed cp" in tools:
            stack.callback(_end_service, base / "home")
            _service(base / "home", settings)
        measure = _Measured(server, settings, base)
        for source in sets.values():
            measure.both_ways("trainshed", sys.executable, source, "warm")
        for number in range(options.rounds):
            for name, source in sets.items():
                able = [t for t in tools if _goes_on(t, name, times)]
                for tool in random.sample(able, len(able)):
                    one = measure.both_ways(tool, interpreters[tool], source, f"{number}/{name}")
                    for direction, figures in one.items():
                        times.setdefault(f"{name} {direction}", {}).setdefault(tool, []).append(figures)
                    print(f"round {number + 1} {name} {tool}: {one}", file=sys.stderr, flush=True)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "rounds": options.rounds,
        "sets": {name: _described(path) for name, path in sets.items()},
        "times": times,
    }


def _goes_on(tool: str, name: str, times: dict[str, dict[str, list[dict[str, float]]]]) -> bool:
    """Whether a tool takes part in a round: all do in the first, then ours and those that come close."""
    if name != "small" and tool in SMALL_ONLY:
        return False
    before = [found for copy, found in times.items() if copy.startswith(name)]
    return tool in OURS or not before or any(_median(f[tool]) < SLOW * _fastest(f) for f in before)


def _median(runs: list[dict[str, float]]) -> float:
    return statistics.median(r["seconds"] for r in runs)


def _fastest(found: dict[str, list[dict[str, float]]]) -> float:
    """Seconds of the fastest tool that is not ours."""
    medians = {t: _median(runs) for t, runs in found.items()}
    return min((s for t, s in medians.items() if t not in OURS), default=min(medians.values()))


def _settings(server: SeaweedFS) -> dict[str, str]:
    store = open_store(BUCKET, server.bucket_settings())
    assert isinstance(store, S3Store)
    store.make_bucket()
    return {
        "bucket": BUCKET,
        "alias": BUCKET,
        "endpoint": server.endpoint,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "region": "us-east-1",
    }


def _service(home: Path, settings: dict[str, str]) -> None:
    """A service whose ``trainshed cp`` knows the bucket."""
    os.environ["TRAINSHED_HOME"] = str(home)
    command = [str(Path(sys.executable).with_name("trainshed")), "storage", "add", BUCKET]
    command += ["--endpoint", settings["endpoint"], "--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]
    subprocess.run(command, check=True)


def _end_service(home: Path) -> None:
    """The commands left an embedded service behind, which would wait a while for the next one."""
    with suppress(OSError, ValueError, KeyError):
        os.kill(int(json.loads((home / "endpoint.json").read_text())["pid"]), signal.SIGTERM)


def _data_sets(base: Path, *, full: bool, wanted: list[str]) -> dict[str, Path]:
    counts = {
        "small": (10_000 if full else 2_000, 16 << 10),
        "large": (4 if full else 2, (512 if full else 256) << 20),
    }
    made: dict[str, Path] = {}
    for name in wanted:
        count, size = counts[name]
        made[name] = base / "data" / name
        for i in range(count):
            path = made[name] / f"{i // 1000:02}" / f"{i:05}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(size))
    return made


def _interpreter(tool: str) -> str:
    """The Python to run a tool with; empty where it cannot be had."""
    if tool == "rclone":
        return sys.executable if shutil.which("rclone") else ""
    if tool not in OWN_ENVIRONMENT:
        return sys.executable
    home = Path(tempfile.gettempdir()) / "trainshed-bench-environments" / tool
    python = home / "bin/python"
    if not python.exists():
        venv.create(home, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*install, *OWN_ENVIRONMENT[tool]], check=False).returncode:
            shutil.rmtree(home)
            return ""
    return str(python)


class _Measured:
    """Runs tools against one server, and says what each run took."""

    def __init__(self, server: SeaweedFS, settings: dict[str, str], base: Path) -> None:
        self._server = server
        self._settings = settings
        self._back = base / "back"
        self._runs = 0

    def both_ways(self, tool: str, python: str, source: Path, place: str) -> dict[str, dict[str, float]]:
        """Up, down, compared, and removed again."""
        prefix = f"{place}/{tool.replace(' ', '-')}/"
        self._runs += 1
        back = self._back / f"{self._runs}"
        up = self._once(tool, python, ["up", str(source), prefix])
        down = self._once(tool, python, ["down", prefix, str(back)])
        _compare(source, back)
        store = open_store(BUCKET, {"kind": "s3", **self._settings})
        store.delete([i.key for i in store.list(prefix)])
        store.close()
        if source.name == "large":
            shutil.rmtree(back)
            self._reclaim()
        return {"up": up, "down": down}

    def _reclaim(self) -> None:
        """Have the server give the room of deleted objects back now, and not within the hour."""
        time.sleep(2.0)  # it deletes what they were made of a little later
        urllib.request.urlopen(f"http://127.0.0.1:{self._server.port + 1}/vol/vacuum?garbageThreshold=0.01")

    def _once(self, tool: str, python: str, arguments: list[str]) -> dict[str, float]:
        command = [python, str(ROOT / "benchmarks/copiers/tools.py"), tool, *arguments]
        before = self._server_cpu()
        done = subprocess.run(
            command, input=json.dumps(self._settings), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{tool} {arguments[0]} failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1]) | {"server_cpu_s": self._server_cpu() - before}

    def _server_cpu(self) -> float:
        stat = Path(f"/proc/{self._server.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _compare(source: Path, back: Path) -> None:
    """Every tool must have moved every byte."""
    roots = [p for p in (back, *back.glob("*")) if (p / "00").is_dir()]
    assert roots, f"nothing came back to {back}"
    for path in source.rglob("*.bin"):
        with path.open("rb") as ours, (roots[0] / path.relative_to(source)).open("rb") as theirs:
            assert hashlib.file_digest(ours, "md5").digest() == hashlib.file_digest(theirs, "md5").digest()


def _described(path: Path) -> str:
    sizes = [p.stat().st_size for p in path.rglob("*.bin")]
    size = f"{sizes[0] >> 20} MiB" if sizes[0] >= 1 << 20 else f"{sizes[0] >> 10} KiB"
    return f"{len(sizes):,} × {size}"


def _table(result: dict[str, Any]) -> Table:
    table = Table(
        "storage",
        "Copies to and from one S3 server on loopback (SeaweedFS), × the fastest other tool, and seconds",
        (
            "tool",
            *(f"{result['sets'][copy.split()[0]]} {copy.split()[1]}" for copy in result["times"]),
            "peak MiB",
        ),
    )
    for tool in _tools(result):
        memory = max(r["memory_mib"] for found in result["times"].values() for r in found.get(tool, ()))
        table.add(
            tool,
            *(_shown(found, tool) for found in result["times"].values()),
            None if tool in COMMANDS else round(memory),
        )
    table.notes.append(
        f"Medians of {result['rounds']} rounds, the tools in another order each time (those that took more "
        f"than {SLOW:.0f} × the fastest: one round), 16 transfers at once; what came back was compared. "
        "rclone, s5cmd and `trainshed cp` are whole commands, start included; of the others only the copy "
        "is timed. Our own compare objects over 32 MiB by MD5 on machines with four cores or more, small "
        "ones always, and give a file its name only when it is whole; obstore and s5cmd do neither. "
        "Memory of moxing is that of the process that moves the bytes."
    )
    return table


def _tools(result: dict[str, Any]) -> list[str]:
    return [t for t in TOOLS if any(t in found for found in result["times"].values())]


def _shown(found: dict[str, list[dict[str, float]]], tool: str) -> str | None:
    if tool not in found:
        return None
    seconds = _median(found[tool])
    return f"{seconds / _fastest(found):.2f} × ({seconds:.2f} s)"


def _cpu_table(result: dict[str, Any]) -> Table:
    table = Table(
        "storage-cpu",
        "The same copies: processor time of tool and server together, × the least other tool, and seconds",
        ("tool", *(f"{result['sets'][copy.split()[0]]} {copy.split()[1]}" for copy in result["times"])),
    )
    rows: dict[str, list[str | None]] = {tool: [] for tool in _tools(result)}
    for tools in result["times"].values():
        least = {t: min(r["cpu_s"] + r["server_cpu_s"] for r in runs) for t, runs in tools.items()}
        best = min((s for t, s in least.items() if t not in OURS), default=min(least.values()))
        for tool, cells in rows.items():
            cells.append(f"{least[tool] / best:.2f} × ({least[tool]:.2f} s)" if tool in least else None)
    for tool, cells in rows.items():
        table.add(tool, *cells)
    table.notes.append("The least of all rounds.")
    return table


def _s3fs_table(result: dict[str, Any]) -> Table:
    table = Table("storage-s3fs", "How many times as long s3fs took for the small files", ("", "up", "down"))
    found = [result["times"].get(f"small {way}", {}) for way in ("up", "down")]
    if all("s3fs" in each for each in found):
        for tool in [t for t in TOOLS if t in OURS and all(t in each for each in found)]:
            table.add(tool, *(_median(each["s3fs"]) / _median(each[tool]) for each in found))
    return table


if __name__ == "__main__":
    main()
