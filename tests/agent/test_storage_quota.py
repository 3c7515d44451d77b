"""A project that stores too much: outputs wait, what was stored stays, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.conftest import Job, eventually
from trainshed.core.errors import Code
from trainshed.core.job import ChannelBinding

FULL = "the project stores 2,000 bytes and its quota is 1,000: delete something, or have the quota raised"
SCRIPT = """
import pathlib, sys, time
out, signs = (pathlib.Path(a.partition("=")[2]) for a in sys.argv[1:3])
for name in ("first", "second"):
    (out / name).write_text(name)
    while not (signs / name).exists():
        time.sleep(0.02)
"""


@pytest.fixture
def signs(job: Job, tmp_path: Path) -> Path:
    """A job with an output in a bucket; its script goes on when a sign is made here."""
    folder = tmp_path / "signs"
    folder.mkdir()
    job.write(SCRIPT.replace("sys.argv[1:3]", f"[sys.argv[1], '={folder}']"))
    (tmp_path / "bucket").mkdir()
    job.set(
        buckets={"mine": {"kind": "folder", "path": str(tmp_path / "bucket")}},
        outputs=(ChannelBinding("train_url", "obs://mine/out/"),),
        look_s=0.25,
    )
    return folder


def held(job: Job) -> list[str]:
    notes = [e["message"] for e in job.record.events if (e["stage"], e["kind"]) == ("outputs", "note")]
    return [text for text in notes if FULL in text]


def test_what_was_stored_stays_and_the_rest_is_kept_on_the_node(
    job: Job, signs: Path, tmp_path: Path
) -> None:
    stored = tmp_path / "bucket" / "out"
    job.start()
    eventually((stored / "first").exists)
    job.record.full = FULL
    beats = len(job.record.beats)
    job.server.wait(lambda: len(job.record.beats) > beats + 1)
    (signs / "first").touch()
    job.server.wait(lambda: held(job))
    (signs / "second").touch()
    outcome = job.server.wait(lambda: job.record.outcome)
    assert (outcome["cause"], outcome["stage"], outcome["code"]) == (
        "user_error",
        "outputs",
        Code.QUOTA_EXCEEDED,
    )
    assert outcome["message"] == FULL
    assert len(held(job)) == 1
    assert (stored / "first").read_text() == "first"
    assert not (stored / "second").exists()
    kept = [e["message"] for e in job.record.events if "kept on the node in" in e["message"]]
    folder = Path(kept[0].partition(" kept on the node in ")[2])
    assert (folder / "train_url_0" / "second").read_text() == "second"


def test_outputs_go_on_once_there_is_room(job: Job, signs: Path, tmp_path: Path) -> None:
    stored = tmp_path / "bucket" / "out"
    job.record.full = FULL
    job.start()
    job.server.wait(lambda: held(job))
    assert not (stored / "first").exists()
    job.record.full = ""
    eventually((stored / "first").exists)
    for name in ("first", "second"):
        (signs / name).touch()
    assert job.server.wait(lambda: job.record.outcome)["cause"] == "success"
    assert (stored / "second").read_text() == "second"
