"""A running job's outputs: complete files soon, everything at the end, never half of one."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.servers.proxy import Fault, Proxy
from tests.servers.seaweedfs import SeaweedFS
from tests.storage.conftest import BUCKET, Place
from trainshed.core.errors import Conflict, NotFound, Unavailable
from trainshed.storage import Buckets
from trainshed.storage.sync import OutputSync, SyncNote
from trainshed.storage.sync_growing import snapshot
from trainshed.storage.sync_marker import committed


def until(condition: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.01)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def sync(place: Place, out: Path, tmp_path: Path) -> Iterator[OutputSync]:
    sync = OutputSync(out, place.uri, place.buckets, state_file=tmp_path / "state.jsonl", settle_s=0.1)
    yield sync
    sync.close()


def _there(place: Place) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for info in place.buckets.list(place.uri):
        if not info.is_directory:
            with contextlib.suppress(NotFound, Conflict):  # gone, or another, since the listing
                found[info.key] = place.buckets.read(place.uri + info.key)
    return found


def _here(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_checkpoint_appears_while_the_job_runs(sync: OutputSync, place: Place, out: Path) -> None:
    sync.start()
    (out / "ckpt").mkdir()
    (out / "ckpt/1.pt").write_bytes(b"weights")
    until(lambda: place.buckets.exists(place.uri + "ckpt/1.pt"), "the checkpoint is stored")
    assert not committed(place.buckets, place.uri)


def test_a_rename_into_place_is_noticed(sync: OutputSync, place: Place, out: Path) -> None:
    sync.start()
    (out / "model.tmp").write_bytes(b"weights")
    (out / "model.tmp").replace(out / "model.pt")
    until(lambda: place.buckets.exists(place.uri + "model.pt"), "the model is stored")
    until(lambda: not place.buckets.exists(place.uri + "model.tmp"), "its first name is gone")


def test_a_file_held_open_is_never_stored_half(sync: OutputSync, place: Place, out: Path) -> None:
    sync.start()
    with (out / "slow.pt").open("wb") as half:
        half.write(b"first half")
        half.flush()
        (out / "other").write_bytes(b"x")
        until(lambda: place.buckets.exists(place.uri + "other"), "the other file is stored")
        old = time.time() - 100
        os.utime(out / "slow.pt", (old, old))  # it has rested long enough, but somebody still writes
        (out / "third").write_bytes(b"x")
        until(lambda: place.buckets.exists(place.uri + "third"), "the third file is stored")
        assert not place.buckets.exists(place.uri + "slow.pt")
        half.write(b" and second")
    until(lambda: place.buckets.exists(place.uri + "slow.pt"), "the file is stored after it is closed")
    assert place.buckets.read(place.uri + "slow.pt") == b"first half and second"


@pytest.mark.parametrize("name", ["train.log", "run/events.out.tfevents.1700000000.host"])
def test_a_log_that_stays_open_is_stored_as_far_as_it_is(
    name: str, sync: OutputSync, place: Place, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainshed.storage.sync_growing._FIRST_S", 0.1)
    monkeypatch.setattr("trainshed.storage.sync_growing._PAUSE_S", 0.2)
    (out / "run").mkdir()
    sync.start()
    with (out / name).open("wb") as log, (out / "model.pt").open("wb") as model:
        model.write(b"half")
        model.flush()
        for count in (3, 30):
            for i in range(count):
                log.write(b"line %d\n" % i)
                log.flush()  # it never rests for long
            log.write(b"half a li")
            log.flush()
            written = (out / name).read_bytes()
            whole = written if "tfevents" in name else written.removesuffix(b"half a li")
            until(lambda want=whole: _there(place).get(name) == want, "what there is so far is stored")
        assert "model.pt" not in _there(place)
        assert not committed(place.buckets, place.uri)
    sync.finish()
    assert _there(place) == _here(out)


def test_a_log_that_goes_away_while_open_is_removed(
    sync: OutputSync, place: Place, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainshed.storage.sync_growing._FIRST_S", 0.1)
    sync.start()
    with (out / "train.log").open("wb") as log:
        log.write(b"line\n")
        log.flush()
        until(lambda: "train.log" in _there(place), "stored")
        (out / "train.log").unlink()
    sync.finish()
    assert _there(place) == {}


def test_how_far_a_file_is_whole(tmp_path: Path) -> None:
    for content, whole in ((b"", 0), (b"a\nb", 2), (b"a", 0), (b"x" * 100_000, 100_000), (b"\n", 1)):
        (tmp_path / "x.log").write_bytes(content)
        with snapshot(str(tmp_path / "x.log"), "") as (copy, size):
            assert size == whole
            assert Path(copy).read_bytes() == content[:whole]


def test_the_end_stores_all_and_says_so(sync: OutputSync, place: Place, out: Path) -> None:
    sync.start()
    for i in range(30):
        (out / f"{i}").write_bytes(os.urandom(1000))
    with (out / "still open").open("wb") as handle:
        handle.write(b"log")
        handle.flush()
        report = sync.finish()
    assert report.files == 31
    assert report.verified
    assert [e.path for e in report.manifest] == sorted(_here(out))
    assert _there(place) == _here(out)
    assert committed(place.buckets, place.uri)
    lines = place.buckets.read(place.uri + ".trainshed/worker-0.manifest.jsonl").decode().splitlines()
    assert {json.loads(line)["path"] for line in lines} == set(_here(out))


def test_a_new_attempt_takes_the_marker_back(sync: OutputSync, place: Place, out: Path) -> None:
    (out / "x").write_bytes(b"1")
    sync.finish()
    assert committed(place.buckets, place.uri)
    again = OutputSync(out, place.uri, place.buckets)
    again.start()
    until(lambda: not committed(place.buckets, place.uri), "the marker is taken back")
    again.close()


def test_a_destination_that_is_not_there_yet(tmp_path: Path, out: Path) -> None:
    """It is made with the first file; the script is not disturbed by it."""
    (out / "x").write_bytes(b"1")
    sync = OutputSync(out, f"file://{tmp_path}/not there yet/", Buckets({}))
    sync.start()
    until((tmp_path / "not there yet" / "x").exists, "it is stored")
    sync.close()


def test_what_others_put_there_stays(sync: OutputSync, place: Place, out: Path) -> None:
    place.buckets.write(place.uri + "from another node", b"1")
    (out / "mine").write_bytes(b"2")
    sync.start()
    until(lambda: place.buckets.exists(place.uri + "mine"), "stored")
    (out / "mine").unlink()
    sync.finish()
    assert _there(place) == {"from another node": b"1"}


def test_what_was_downloaded_first_is_not_stored_again(place: Place, out: Path) -> None:
    place.buckets.write(place.uri + "old.pt", b"resumed from")
    place.buckets.download(place.uri, out)
    notes: list[SyncNote] = []
    sync = OutputSync(out, place.uri, place.buckets, settle_s=0.1, on_note=notes.append)
    sync.start()
    (out / "new.pt").write_bytes(b"1")
    until(lambda: sum(n.files for n in notes) > 0, "the new file is stored")
    report = sync.finish()
    assert sum(n.files for n in notes) == 1
    assert report.files == 2
    sync.close()


def test_an_agent_that_died_is_followed(place: Place, out: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.jsonl"
    first = OutputSync(out, place.uri, place.buckets, state_file=state, settle_s=0.1)
    first.start()
    for name in ("kept", "changed", "deleted"):
        (out / name).write_bytes(name.encode())
    until(lambda: len(_there(place)) == 3, "stored")
    first.stop()  # no finish, no close: as if killed
    with state.open("a") as journal:
        journal.write('{"path": "cut sho')
    (out / "changed").write_bytes(b"now different")
    (out / "deleted").unlink()
    before = place.buckets.stat(place.uri + "kept").etag
    second = OutputSync(out, place.uri, place.buckets, state_file=state)
    report = second.finish()
    assert _there(place) == {"kept": b"kept", "changed": b"now different"}
    assert place.buckets.stat(place.uri + "kept").etag == before
    assert report.files == 2
    second.close()
    first.close()


def test_links_and_odd_names(sync: OutputSync, place: Place, out: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("other job's")
    (out / "escape").symlink_to(tmp_path / "secret")
    (out / "loop").symlink_to(out)
    (out / "100.pt").write_bytes(b"w")
    (out / "latest.pt").symlink_to("100.pt")
    (out / "中文 名").write_bytes(b"1")
    os.mkfifo(out / "pipe")
    (out / os.fsdecode(b"bad\xff")).write_bytes(b"2")
    report = sync.finish()
    assert _there(place) == {"100.pt": b"w", "latest.pt": b"w", "中文 名": b"1"}
    assert len(report.warnings) == 4


def test_a_file_becomes_a_directory_and_back(sync: OutputSync, place: Place, out: Path) -> None:
    sync.start()
    (out / "x").write_bytes(b"file")
    until(lambda: _there(place) == {"x": b"file"}, "stored as a file")
    (out / "x").unlink()
    (out / "x").mkdir()
    (out / "x/y").write_bytes(b"inside")
    until(lambda: _there(place) == {"x/y": b"inside"}, "stored as a directory")
    shutil.rmtree(out / "x")
    (out / "x").write_bytes(b"again")
    sync.finish()
    assert _there(place) == {"x": b"again"}


def test_an_outage_does_not_end_the_sync(seaweedfs: SeaweedFS, out: Path, tmp_path: Path) -> None:
    notes: list[SyncNote] = []
    with Proxy(seaweedfs.port) as proxy:
        config = seaweedfs.bucket_settings(endpoint=proxy.endpoint) | {"patience_s": 0.5}
        buckets = Buckets({BUCKET: config})
        uri = f"s3://{BUCKET}/outage-{tmp_path.name}-{os.getpid()}/"
        sync = OutputSync(out, uri, buckets, settle_s=0.1, on_note=notes.append)
        sync.start()
        proxy.outage()
        (out / "x").write_bytes(b"1")
        until(lambda: any(n.failed for n in notes), "the failure is told")
        with pytest.raises(Unavailable):
            sync.finish()
        proxy.restore()
        proxy.decide = lambda number, _: Fault(503, "SlowDown") if number % 2 else None
        assert sync.finish().files == 1
        assert buckets.read(uri + "x") == b"1"
        sync.close()
        buckets.close()


NAMES = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/f"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, st.binary(max_size=20)),
        st.tuples(st.just("rename"), NAMES, NAMES),
        st.tuples(st.just("delete"), NAMES, st.just(b"")),
        st.tuples(st.just("drop directory"), st.just("d"), st.just(b"")),
        st.tuples(st.just("pause"), st.just(""), st.just(b"")),
    ),
    max_size=25,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(steps=STEPS)
def test_any_order_of_changes_ends_with_equal_trees(
    steps: list[tuple[str, str, str | bytes]], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path)
    out = tmp_path / "out"
    out.mkdir(parents=True)
    buckets = Buckets({BUCKET: {"kind": "folder", "path": str(tmp_path / "bucket")}})
    sync = OutputSync(out, f"obs://{BUCKET}/o/", buckets, settle_s=0.0)
    sync.start()
    for step in steps:
        _apply(out, *step)
    sync.finish()
    sync.close()
    bucket = tmp_path / "bucket/o"
    stored = {k: v for k, v in _here(bucket).items() if not k.startswith(".trainshed/")}
    assert stored == _here(out)


def _apply(out: Path, what: str, name: str, extra: str | bytes) -> None:
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "write":
        assert isinstance(extra, bytes)
        path.write_bytes(extra)
    elif what == "rename" and path.exists():
        target = out / str(extra)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    elif what == "delete":
        path.unlink(missing_ok=True)
    elif what == "drop directory":
        shutil.rmtree(path, ignore_errors=True)
    elif what == "pause":
        time.sleep(0.02)  # lets the sync come in between; nothing depends on it
