"""What a task uses of disk and, where it has a control group of its own, of memory and CPU."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest

from trainshed.agent.cgroup import MOUNT, Cgroup
from trainshed.agent.disk import DiskUse

MB = 1 << 20


def test_disk_counts_what_lies_there(tmp_path: Path) -> None:
    use = DiskUse(str(tmp_path))
    before = use.mb()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "data").write_bytes(os.urandom(3 * MB))
    os.link(tmp_path / "deep" / "er" / "data", tmp_path / "again")
    (tmp_path / "link").symlink_to("/usr")
    assert 3 <= use.mb() - before < 3.5


def test_disk_is_counted_a_little_at_a_time(tmp_path: Path) -> None:
    for number in range(25):
        (tmp_path / f"{number}").write_bytes(b"x" * 4096)
    use = DiskUse(str(tmp_path), entries=10)
    assert [use.mb() for _ in range(2)] == [-1, -1]
    whole = use.mb()
    assert whole >= 25 * 4096 / MB
    assert [use.mb() for _ in range(3)] == [whole] * 3


def test_a_folder_that_is_gone_takes_nothing(tmp_path: Path) -> None:
    assert DiskUse(str(tmp_path / "none")).mb() == 0


def version_2(folder: Path, pids: list[int]) -> Cgroup:
    """A tree of files as the kernel shows version 2."""
    group = folder / "job"
    (group / "below").mkdir(parents=True)
    (folder / "cgroup.controllers").write_text("cpu memory\n")
    (group / "cgroup.procs").write_text("")
    (group / "below" / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
    (group / "memory.current").write_text(f"{300 * MB}\n")
    (group / "memory.stat").write_text(f"anon {100 * MB}\ninactive_file {50 * MB}\n")
    (group / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (group / "memory.events").write_text("oom 2\noom_kill 1\n")
    return Cgroup(str(folder), "0::/job\n")


def test_version_2_is_read(tmp_path: Path) -> None:
    group = version_2(tmp_path, [os.getpid(), 7777777])
    assert (group.memory_mb(), group.cpu_seconds(), group.oom_kills()) == (250, 2.5, 1)
    assert group.only({7777777})
    assert not group.only({7777778})


def test_where_nothing_is_counted(tmp_path: Path) -> None:
    group = Cgroup(str(tmp_path), "")
    assert (group.memory_mb(), group.cpu_seconds(), group.oom_kills()) == (-1, -1, -1)
    assert not group.only({os.getpid()})


@pytest.fixture
def real() -> Generator[Path]:
    """A control group below ours, made for the test."""
    name = next((line for line in Path("/proc/self/cgroup").read_text().split() if ":memory:" in line), "")
    folder = Path(f"{MOUNT}/memory{name.rpartition(':')[2]}", f"trainshed-{uuid.uuid4().hex[:8]}")
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group of version 1 can be made here: {error}")
    yield folder
    folder.rmdir()


SCRIPT = """
import os, sys
sys.path.insert(0, sys.argv[2])
open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
from trainshed.agent.cgroup import Cgroup
data = os.urandom(64 << 20)
group = Cgroup()
print(group.only({os.getpid()}), group.only(set()), group.memory_mb(), group.cpu_seconds())
"""


def test_a_real_group_of_version_1(real: Path) -> None:
    source = str(Path(__file__).parents[2] / "src")
    command = [sys.executable, "-c", SCRIPT, str(real), source]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    mine, any_other, memory_mb, cpu = done.stdout.split()
    assert (mine, any_other) == ("True", "True")
    assert 64 <= float(memory_mb) < 200
    assert float(cpu) == -1  # CPU is counted for another group
