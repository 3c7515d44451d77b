"""Channels of a real agent on a folder bucket and on a real S3 server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.conftest import Job, eventually
from tests.servers.seaweedfs import SECRET_KEY, SeaweedFS
from tests.storage.conftest import BUCKET, Place
from trainshed.core.job import ChannelBinding
from trainshed.storage.sync_marker import committed
from trainshed.testing.agent_server import Server

TRAIN = """
import argparse, os, pathlib, sys, time
p = argparse.ArgumentParser()
p.add_argument("--data_url"); p.add_argument("--train_url")
a = p.parse_args()
data, out = pathlib.Path(a.data_url), pathlib.Path(a.train_url)
(out / "sum.txt").write_text(str(sum(len(f.read_bytes()) for f in data.rglob("*") if f.is_file())))
(out / "ckpt").mkdir()
(out / "ckpt" / "1.pt").write_bytes(b"weights" * 1000)
assert "SECRET" not in repr(sorted(os.environ.items()))
"""


@pytest.fixture
def job(tmp_path: Path, request: pytest.FixtureRequest, place: Place) -> Iterator[Job]:
    server = Server(tmp_path)
    server.start()
    (tmp_path / "job").mkdir()
    job = Job(tmp_path / "job", server)
    for i in range(20):
        place.buckets.write(f"{place.uri}data/d{i % 3}/é {i}", os.urandom(1000))
    settings = {"kind": "folder", "path": str(tmp_path / "the bucket")}
    if place.kind == "s3":
        seaweedfs: SeaweedFS = request.getfixturevalue("seaweedfs")
        settings = seaweedfs.bucket_settings()
    job.set(
        buckets={BUCKET: settings},
        code_dir=place.uri + "code/",
        inputs=(ChannelBinding("data_url", place.uri + "data/"),),
        outputs=(ChannelBinding("train_url", place.uri + "out/"),),
    )
    yield job
    job.close()
    server.stop()


def _code(place: Place, text: str) -> None:
    place.buckets.write(place.uri + "code/train.py", (TRAIN + text).encode())


@pytest.mark.parametrize(("end", "cause"), [("", "success"), ("sys.exit(3)\n", "user_error")])
def test_data_in_and_results_out(job: Job, place: Place, end: str, cause: str) -> None:
    _code(place, end)
    record = job.run()
    assert record.outcome is not None, job.agent_log()
    assert record.outcome["cause"] == cause
    assert place.buckets.read(place.uri + "out/sum.txt") == b"20000"
    assert place.buckets.stat(place.uri + "out/ckpt/1.pt").size == 7000
    assert committed(place.buckets, place.uri + "out/")
    assert SECRET_KEY.encode() not in record.log
    assert SECRET_KEY not in repr(record.events)


def test_checkpoints_appear_and_survive_a_killed_agent(job: Job, place: Place) -> None:
    _code(place, "time.sleep(600)\n")
    agent = job.start()
    eventually(lambda: place.buckets.exists(place.uri + "out/ckpt/1.pt"), timeout=60)
    assert not committed(place.buckets, place.uri + "out/")
    agent.send_signal(signal.SIGKILL)
    agent.wait(10)
    again = job.start()
    job.server.wait(lambda: any("new agent" in e["message"] for e in job.record.events))
    again.send_signal(signal.SIGTERM)
    assert again.wait(60) == 0, job.agent_log()
    record = job.record
    assert record.outcome is not None
    assert record.outcome["cause"] == "stopped"
    assert committed(place.buckets, place.uri + "out/")
    assert place.buckets.read(place.uri + "out/sum.txt") == b"20000"
