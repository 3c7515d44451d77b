"""A log line from the script to a follower; a large log through the service; a search over all of it.

Run:  python -m benchmarks.logs [--lines 300] [--megabytes 1024]

The script prints the time, a line every 20 ms; the follower reads server-sent events in this process.
Then a job prints the large log as fast as it can: every byte is counted and checksummed at the end.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.harness import parser_of, request, service
from benchmarks.table import Table

from trainshed.client import Argument, Client

TICKS = """
import sys, time
for i in range(int(sys.argv[1].partition("=")[2])):
    print("tick", time.time(), flush=True)
    time.sleep(0.02)
"""
LARGE = """
import sys
block = "".join(f"line {i:06d} of a large log, with some text on it\\n" for i in range(20000)).encode()
left = int(sys.argv[1].partition("=")[2]) << 20
while left > 0:
    left -= sys.stdout.buffer.write(block)
sys.stdout.buffer.write(b"the needle\\n")
"""


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--lines", type=int, default=300)
    parser.add_argument("--megabytes", type=int, default=1024)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder:
        code = Path(folder, "code")
        code.mkdir()
        (code / "ticks.py").write_text(TICKS)
        (code / "large.py").write_text(LARGE)
        with service(Path(folder, "home")) as client:
            delays = _follow(client, code / "ticks.py", options.lines)
            megabytes, seconds, search = _large(client, code / "large.py", options.megabytes)
    table = Table("logs", "Logs through the service", ("what", "measured", "budget"))
    table.add("log line → follower, p50", f"{statistics.median(delays) * 1000:.1f} ms", "20 ms")
    table.add("log line → follower, p99", f"{_p99(delays) * 1000:.1f} ms", None)
    table.add(f"log of {megabytes:,.0f} MB, job included, no byte lost", f"{seconds:.1f} s", None)
    table.add("search over all of it", f"{search:.2f} s", "1 s")
    table.publish()


def _follow(client: Client, script: Path, lines: int) -> list[float]:
    """Seconds from the print of each line to its arrival here."""
    asked = request(f"ticks-{os.urandom(6).hex()}", script, "python", arguments=(Argument("n", str(lines)),))
    job = client.jobs.create(asked)
    delays: list[float] = []
    for text in client.jobs.follow_log(job.id):
        now = time.time()
        delays += [now - float(line.split()[1]) for line in text.splitlines() if line.startswith("tick ")]
    if len(delays) != lines:
        raise RuntimeError(f"{len(delays)} lines of {lines} arrived")
    return delays


def _large(client: Client, script: Path, megabytes: int) -> tuple[float, float, float]:
    """Size in MB, seconds from submit to done, seconds of a search for its last line."""
    block = "".join(f"line {i:06d} of a large log, with some text on it\n" for i in range(20000)).encode()
    count = -(-(megabytes << 20) // len(block))
    asked = request(
        f"large-{os.urandom(6).hex()}", script, "python", arguments=(Argument("n", str(megabytes)),)
    )
    start = time.perf_counter()
    job = client.jobs.wait(client.jobs.create(asked).id)
    seconds = time.perf_counter() - start
    expected, found = hashlib.sha256(block), hashlib.sha256()
    for _ in range(count - 1):
        expected.update(block)
    size = client.jobs.log_size(job.id)
    first = client.jobs.log(job.id, limit=4096).index(b"line 000000")
    at, end = first, first + count * len(block)
    while at < end:
        piece = client.jobs.log(job.id, offset=at, limit=min(8 << 20, end - at))
        found.update(piece)
        at += len(piece)
    if found.digest() != expected.digest():
        raise RuntimeError("the log is not what the script printed")
    start = time.perf_counter()
    hits = client.jobs.search_log(job.id, "the needle")
    search = time.perf_counter() - start
    if len(hits) != 1:
        raise RuntimeError(f"the search found {len(hits)} lines, not 1")
    return size / 1e6, seconds, search


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]


if __name__ == "__main__":
    main()
