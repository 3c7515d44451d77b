"""moxing against what it stands on: reading in order, copying, and eight ranks that want the same.

Run:  python benchmarks/moxing.py            a quick look: 256 MiB; 2,000 × 16 KiB
      python benchmarks/moxing.py --full     1 GiB; 10,000 × 16 KiB

The server is SeaweedFS on loopback, with authentication; moxing speaks to a gateway as in a job. Each
round takes the contenders in another order.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
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
from trainshed.storage import Buckets, CopyOptions, open_store  # noqa: E402
from trainshed.storage.s3 import S3Store  # noqa: E402

BUCKET = "benchmark"
CHUNK = 1 << 20
RANKS = 8
Contender = Callable[[], None]
RANK = """
import sys, time, moxing as mox
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

        contenders = {"obstore stream": stream, "obstore reader": reader, "mox.file.File": moxing}
        title = f"Reading {self._large >> 20} MiB from front to back, 1 MiB a call"
        self._compare("moxing-read", title, contenders, "obstore stream")

    def _copying(self) -> None:
        import moxing as mox

        source = self._base / "small"
        for i in range(self._many):
            path = source / f"{i // 1000:02}" / f"{i:05}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(16 << 10))
        always = CopyOptions(skip_same=False)
        url = f"s3://{BUCKET}/small"
        up = {
            "trainshed.storage": lambda: _whole(
                self._buckets.upload(source, url, options=always).files, self._many
            ),
            "copy_parallel": lambda: _whole(mox.file.copy_parallel(str(source), url).files, self._many),
        }
        title = f"{self._many:,} × 16 KiB into the bucket"
        self._compare("moxing-upload", title, up, "trainshed.storage")
        target = self._base / "target"
        down = {
            "trainshed.storage": lambda: _whole(self._buckets.download(url, target).files, self._many),
            "copy_parallel": lambda: _whole(mox.file.copy_parallel(url, str(target)).files, self._many),
        }
        title = f"{self._many:,} × 16 KiB out of the bucket"
        self._compare("moxing-download", title, down, "trainshed.storage", before=lambda: _remove(target))

    def _ranks(self) -> None:
        url, target = f"s3://{BUCKET}/small", self._base / "target"
        contenders = {f"{n} {'rank' if n == 1 else 'ranks'}": _Ranks(n, url, target).run for n in (1, RANKS)}
        title = f"Ranks that copy the same {self._many:,} × 16 KiB to the same place, each a process"
        self._compare("moxing-ranks", title, contenders, "1 rank", before=lambda: _remove(target))

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

    def _compare(
        self, name: str, title: str, contenders: dict[str, Contender], base: str,
        before: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        times: dict[str, list[float]] = {contender: [] for contender in contenders}
        for number in range(self._rounds + 1):
            for contender in random.sample(list(contenders), len(contenders)):
                if before is not None:
                    before()
                began = time.perf_counter()
                contenders[contender]()
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
        self._command = [sys.executable, "-c", RANK, url, str(target)]
        self._count = count

    def run(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        ranks = [
            subprocess.Popen(self._command, stdin=subprocess.PIPE, env=environment)
            for _ in range(self._count)
        ]
        for rank in ranks:
            assert rank.stdin is not None
            rank.stdin.write(b"\n")
            rank.stdin.close()
        for rank in ranks:
            _whole(rank.wait(), 0)


def _read_all(stream: Any) -> int:
    total = 0
    while block := stream.read(CHUNK):
        total += len(block)
    return total


def _whole(found: int, expected: int) -> None:
    if found != expected:
        raise RuntimeError(f"{found} instead of {expected}")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
