"""moxing against what it stands on: reading in order, copying, and eight ranks that want the same.

Run:  python -m benchmarks.moxing            256 MiB; 2,000 × 16 KiB; under a minute
      python -m benchmarks.moxing --full     1 GiB; 10,000 × 16 KiB; about three minutes

The server is SeaweedFS on loopback, with authentication; moxing speaks to a gateway as in a job. Each
round takes the contenders in another order, and each copy goes to a new place: what is removed before
makes the next files dearer on some file systems (see benchmarks/storage.py). Copies of large files, and
the memory that they take, are in benchmarks/storage.py.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.table import Table  # noqa: E402
from tests.servers.seaweedfs import SeaweedFS  # noqa: E402

from trainshed.agent.moxing_gateway import SOCKET_VARIABLE, Gateway  # noqa: E402
from trainshed.storage import Buckets, open_store  # noqa: E402
from trainshed.storage.s3 import S3Store  # noqa: E402

BUCKET = "benchmark"
CHUNK = 1 << 20
RANKS = 8
Run = Callable[[], None]
Contender = Callable[[], Run]  # makes ready, and gives what is timed
RANK = """
import sys, moxing as mox
mox.file.exists(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
mox.file.copy_parallel(sys.argv[1], sys.argv[2])
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder,
        SeaweedFS.start(Path(folder) / "server") as server,
    ):
        _Bench(Path(folder), server, full=options.full, rounds=options.rounds).run()


class _Bench:
    def __init__(self, base: Path, server: SeaweedFS, *, full: bool, rounds: int) -> None:
        self._base = base
        self._rounds = rounds
        self._settings: dict[str, Any] = server.bucket_settings()
        store = open_store(BUCKET, self._settings)
        assert isinstance(store, S3Store)
        store.make_bucket()
        self._buckets = Buckets({BUCKET: self._settings})
        self._gateway = Gateway(base / "moxing.sock", {BUCKET: self._settings})
        self._gateway.watch()
        os.environ[SOCKET_VARIABLE] = str(base / "moxing.sock")
        os.environ["MOX_SILENT_MODE"] = "1"
        self._large = (1024 if full else 256) << 20
        self._many = 10_000 if full else 2_000
        self._places = 0

    def run(self) -> None:
        self._reading()
        self._copying()
        self._ranks()
        self._memory()
        self._gateway.close()
        self._buckets.close()

    def _reading(self) -> None:
        import obstore
        from obstore.store import S3Store as Obstore

        import moxing as mox

        path = self._base / "large"
        path.write_bytes(os.urandom(self._large))
        self._buckets.upload(path, f"s3://{BUCKET}/large")
        store = Obstore(
            BUCKET,
            endpoint=self._settings["endpoint"],
            access_key_id=self._settings["access_key"],
            secret_access_key=self._settings["secret_key"],
            region="us-east-1",
            client_options={"allow_http": True},
        )

        def stream() -> None:
            assert (
                sum(len(c) for c in obstore.get(store, "large").stream(min_chunk_size=CHUNK)) == self._large
            )

        def reader() -> None:
            assert _read_all(obstore.open_reader(store, "large", buffer_size=8 * CHUNK)) == self._large

        def moxing() -> None:
            with mox.file.File(f"s3://{BUCKET}/large", "rb") as f:
                assert _read_all(f) == self._large

        contenders = {
            "obstore stream": lambda: stream,
            "obstore reader": lambda: reader,
            "mox.file.File": lambda: moxing,
        }
        title = f"Reading {self._large >> 20} MiB from front to back, 1 MiB a call"
        self._compare("moxing-read", title, contenders, "obstore stream")

    def _copying(self) -> None:
        import moxing as mox

        source = self._base / "small"
        for i in range(self._many):
            path = source / f"{i // 1000:02}" / f"{i:05}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(16 << 10))
        url = f"s3://{BUCKET}/small"
        self._buckets.upload(source, url)

        def ours_up() -> Run:
            place = f"s3://{BUCKET}/{self._place()}"
            return lambda: _whole(self._buckets.upload(source, place).files, self._many)

        def moxing_up() -> Run:
            place = f"s3://{BUCKET}/{self._place()}"
            return lambda: _whole(mox.file.copy_parallel(str(source), place).files, self._many)

        def ours_down() -> Run:
            target = self._base / self._place()
            return lambda: _whole(self._buckets.download(url, target).files, self._many)

        def moxing_down() -> Run:
            target = self._base / self._place()
            return lambda: _whole(mox.file.copy_parallel(url, str(target)).files, self._many)

        up = {"trainshed.storage": ours_up, "copy_parallel": moxing_up}
        self._compare("moxing-upload", f"{self._many:,} × 16 KiB into the bucket", up, "trainshed.storage")
        down = {"trainshed.storage": ours_down, "copy_parallel": moxing_down}
        title = f"{self._many:,} × 16 KiB out of the bucket"
        self._compare("moxing-download", title, down, "trainshed.storage")

    def _place(self) -> str:
        """A place where nothing was before."""
        self._places += 1
        return f"place/{self._places}"

    def _ranks(self) -> None:
        url = f"s3://{BUCKET}/small"

        def contender(count: int) -> Contender:
            return lambda: _Ranks(count, url, self._base / self._place()).run

        contenders = {f"{n} {'rank' if n == 1 else 'ranks'}": contender(n) for n in (1, RANKS)}
        title = f"Ranks that copy the same {self._many:,} × 16 KiB to the same place, each a process"
        self._compare("moxing-ranks", title, contenders, "1 rank")

    def _memory(self) -> None:
        """What the gateway, which did all of the above, took at most."""
        process = self._gateway.wake()
        assert process is not None
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        table = Table("moxing-memory", "Memory of the process that moves the bytes", ("", "MiB"))
        table.add("gateway, at most, after all of the above", peak / 1024)
        table.publish()
        print()

    def _compare(self, name: str, title: str, contenders: dict[str, Contender], base: str) -> None:
        times: dict[str, list[float]] = {contender: [] for contender in contenders}
        for number in range(self._rounds + 1):
            for contender in random.sample(list(contenders), len(contenders)):
                run = contenders[contender]()
                began = time.perf_counter()
                run()
                if number:  # the first round warms up
                    times[contender].append(time.perf_counter() - began)
        table = Table(name, title, ("", "median, s", f"× {base}"))
        medians = {contender: statistics.median(found) for contender, found in times.items()}
        for contender, median in medians.items():
            table.add(contender, median, median / medians[base])
        table.notes.append(f"Medians of {self._rounds} rounds.")
        table.publish()
        print()


class _Ranks:
    """So many processes, started beforehand, that begin at the same moment."""

    def __init__(self, count: int, url: str, target: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        self._ranks = [
            subprocess.Popen(
                [sys.executable, "-c", RANK, url, str(target)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
            for _ in range(count)
        ]
        for rank in self._ranks:
            assert rank.stdout is not None
            rank.stdout.readline()

    def run(self) -> None:
        for rank in self._ranks:
            assert rank.stdin is not None
            rank.stdin.write(b"\n")
            rank.stdin.close()
        for rank in self._ranks:
            _whole(rank.wait(), 0)


def _read_all(stream: Any) -> int:
    total = 0
    while block := stream.read(CHUNK):
        total += len(block)
    return total


def _whole(found: int, expected: int) -> None:
    if found != expected:
        raise RuntimeError(f"{found} instead of {expected}")


if __name__ == "__main__":
    main()
