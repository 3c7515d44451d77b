"""Several ranks ask for the same: it is copied once, and nobody misses what they wrote themselves."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import moxing as mox
from tests.moxing.conftest import SOCKET, Where, files_of
from tests.servers.proxy import Proxy
from tests.servers.seaweedfs import SeaweedFS
from trainshed.agent.moxing_gateway import Gateway
from trainshed.storage import Buckets

RANK = """
import sys, moxing as mox
sys.stdin.readline()
report = mox.file.copy_parallel(sys.argv[1], sys.argv[2])
print(report.files, report.skipped, report.shared)
"""


def _ranks(socket: Path, source: str, target: str, count: int) -> list[tuple[int, int, bool]]:
    environment = os.environ | {SOCKET: str(socket), "PYTHONPATH": "src"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, source, target],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )
        for _ in range(count)
    ]  # fmt: skip
    for rank in ranks:
        assert rank.stdin is not None
        rank.stdin.write("go\n")
        rank.stdin.flush()
    found = []
    for rank in ranks:
        files, skipped, shared = rank.communicate(timeout=120)[0].split()
        assert rank.returncode == 0
        found.append((int(files), int(skipped), shared == "True"))
    return found


def test_eight_ranks_cost_one_copy(seaweedfs: SeaweedFS, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    for i in range(200):
        (root / str(i)).write_bytes(os.urandom(2000))
    direct = Buckets({"objects": seaweedfs.bucket_settings()})
    url = f"s3://objects/ranks{os.getpid()}"
    direct.upload(root, url)
    gets: list[str] = []
    with Proxy(seaweedfs.port) as proxy:
        proxy.decide = lambda _, request: gets.append(str(request))
        settings = {"objects": seaweedfs.bucket_settings(endpoint=proxy.endpoint)}
        gateway = Gateway(tmp_path / "s", settings)
        gateway.watch()
        found = _ranks(tmp_path / "s", url, str(tmp_path / "to"), 8)
        gateway.close()
    assert [files for files, _, _ in found] == [200] * 8
    assert sum(files - skipped for files, skipped, shared in found if not shared) == 200
    assert files_of(tmp_path / "to") == files_of(root)
    assert 200 <= len(gets) < 300
    direct.close()


def test_a_rank_that_wrote_does_not_join_an_older_copy(bucket: Where, tmp_path: Path) -> None:
    for i in range(300):
        bucket.put(f"t/{i}", b"old")
    bucket.put("t/model", b"old")
    over = threading.Event()
    stale: list[str] = []

    def other_rank() -> None:
        while not over.is_set():
            mox.file.copy_parallel(bucket / "t", str(tmp_path / "to"))

    thread = threading.Thread(target=other_rank)
    thread.start()
    for i in range(20):
        mox.file.write(bucket / "t/model", f"new {i}")
        mox.file.copy_parallel(bucket / "t", str(tmp_path / "to"))
        found = (tmp_path / "to/model").read_text()
        if found != f"new {i}":
            stale.append(found)
    over.set()
    thread.join()
    assert not stale


def test_uploads_of_the_same_are_made_once_and_of_other_states_each(bucket: Where, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    (root / "model").write_bytes(b"0")
    results: list[str] = []

    def upload() -> None:
        mox.file.copy_parallel(str(root), bucket / "t")
        results.append("done")

    for i in range(5):
        (root / "model").write_bytes(str(i).encode() * 1000)
        threads = [threading.Thread(target=upload) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bucket.content("t/model") == str(i).encode() * 1000
    assert len(results) == 20


def test_a_copy_nobody_waits_for_ends(seaweedfs: SeaweedFS, tmp_path: Path) -> None:
    direct = Buckets({"objects": seaweedfs.bucket_settings()})
    url = f"s3://objects/left{os.getpid()}"
    for i in range(300):
        direct.write(f"{url}/{i:03}", os.urandom(1000))
    begun = threading.Event()

    def slowly(number: int, _head: bytes) -> None:
        if number > 20:
            begun.set()
            threading.Event().wait(0.3)

    with Proxy(seaweedfs.port) as proxy:
        proxy.decide = slowly
        gateway = Gateway(tmp_path / "s", {"objects": seaweedfs.bucket_settings(endpoint=proxy.endpoint)})
        gateway.watch()
        environment = os.environ | {SOCKET: str(tmp_path / "s"), "PYTHONPATH": "src"}
        rank = subprocess.Popen(
            [sys.executable, "-c", RANK, url, str(tmp_path / "to")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )  # fmt: skip
        assert rank.stdin is not None
        rank.stdin.write("go\n")
        rank.stdin.flush()
        assert begun.wait(30)
        rank.kill()
        rank.communicate()
        _until_unchanged(lambda: proxy.requests)
        assert proxy.requests < 300
        gateway.close()
    assert all(len(content) == 1000 for content in files_of(tmp_path / "to").values())
    assert len(files_of(tmp_path / "to")) < 300
    direct.close()


def _until_unchanged(value: Callable[[], int]) -> None:
    """Wait until ``value`` has been the same for a second and a half."""
    seen, since = value(), time.monotonic()
    while time.monotonic() - since < 1.5:
        time.sleep(0.05)
        if value() != seen:
            seen, since = value(), time.monotonic()
