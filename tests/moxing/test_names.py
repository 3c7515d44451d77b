"""The names that scripts reach for besides ``mox.file``."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import moxing
import moxing.mxnet
import moxing.pytorch
import moxing.tensorflow
from moxing import _flags
from moxing.framework.file import file_io
from moxing.framework.util import compat, runtime
from moxing.framework.util.multiprocessing import Thread
from tests.moxing.conftest import Where


def test_the_file_api_is_one_everywhere() -> None:
    for package in (moxing, moxing.tensorflow, moxing.pytorch, moxing.mxnet):
        assert package.file is moxing.framework.file
    for name in moxing.file.__all__:
        if name not in ("CopyReport", "MoxFilePermissionException"):
            assert getattr(file_io, name) is getattr(moxing.file, name)


@pytest.mark.parametrize("name", ["run", "ModelSpec", "ModeKeys", "get_optimizer_fn", "file.nothing"])
@pytest.mark.parametrize("package", [moxing, moxing.tensorflow, moxing.pytorch, moxing.mxnet])
def test_what_is_not_there_yet_is_said_so(package: object, name: str) -> None:
    *path, last = name.split(".")
    for part in path:
        package = getattr(package, part)
    with pytest.raises(AttributeError, match="not there yet"):
        getattr(package, last)
    assert not hasattr(package, "__wrapped__")


def test_importing_imports_no_framework() -> None:
    script = (
        "import sys, moxing.tensorflow, moxing.pytorch, moxing.mxnet\n"
        "print([m for m in ('tensorflow', 'torch', 'mxnet', 'trainshed', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": "src"},
    )  # fmt: skip
    assert done.stdout == "[]\n"


def test_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_flags, "_values", {})
    monkeypatch.setattr(
        sys, "argv", ["x", "--rank=3", "--init_method", "tcp://h:1", "--lr=0.5", "--on", "--b=true"]
    )
    assert moxing.pytorch.get_flag("rank") == 3
    assert moxing.pytorch.get_flag("init_method") == "tcp://h:1"
    assert moxing.tensorflow.get_flag("lr") == 0.5
    assert moxing.tensorflow.get_flag("on") is True
    assert moxing.tensorflow.get_flag("b") is True
    monkeypatch.setenv("MA_NUM_GPUS", "4")
    monkeypatch.setenv("VC_WORKER_HOSTS", "a,b")
    assert moxing.tensorflow.get_flag("num_gpus") == 4
    assert moxing.tensorflow.get_flag("worker_hosts") == "a,b"
    assert moxing.tensorflow.get_flag("ps_hosts") == ""
    moxing.mxnet.set_hyper_parameter("num_gpus", 8)
    assert moxing.mxnet.get_hyper_parameter("num_gpus") == 8
    with pytest.raises(ValueError, match="set_flag"):
        moxing.tensorflow.get_flag("no such")


def test_knobs_may_be_set(where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_io, "_NUMBER_OF_PROCESSES", 1)
    monkeypatch.setattr(file_io, "_LARGE_FILE_METHOD", 1)
    where.put("x", b"123")
    if where.served is not None:
        key = where.base.partition("://")[2].partition("/")[2] + "/x"
        file_io._download_obs(None, where.served.bucket, key, str(tmp_path / "x"))
        assert (tmp_path / "x").read_bytes() == b"123"
        assert file_io._get_size_obs(None, where.served.bucket, key) == 3


def test_compat_and_thread() -> None:
    assert compat.as_str(b"x") == compat.as_text("x") == "x"
    assert compat.as_bytes("x") == b"x"
    thread = Thread(target=lambda: 1 / 0)
    thread.start()
    with pytest.raises(ZeroDivisionError):
        thread.join()


PATCH = """
from moxing.framework.util.multiprocessing import Thread
from moxing.framework.util import runtime
from moxing.framework.util.runtime import MoxTimeoutError, get_func_name, signal, logging, functools
from moxing.framework.file import file_io
from moxing.framework.file.file_io import os, make_dirs, _get_size_obs, _PARTIAL_MAXIMUM_SIZE
from moxing.framework.file.file_io import _download_obs_with_large_file, _download_obs_by_stream
from moxing.framework.file.src.obs.cloghandler import ConcurrentRotatingFileHandler, randint, sys
file_io._download_obs = file_io._config_obs_log = runtime.mox_timeout = lambda *a: None
ConcurrentRotatingFileHandler.doRollover = lambda self: None
print("patched")
"""


def test_scripts_that_patch_what_is_inside() -> None:
    """What a patch of ModelArts that some scripts carry along imports and replaces."""
    done = subprocess.run(
        [sys.executable, "-c", PATCH], env={"PYTHONPATH": "src"}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "patched\n"


def test_timeouts() -> None:
    waiting = threading.Event()
    with pytest.raises(runtime.MoxTimeoutError, match="wait"):
        runtime.mox_timeout(1)(waiting.wait)(60)
    assert runtime.mox_timeout(1)(lambda x: x)(5) == 5
    assert runtime.get_func_name(os.getcwd) == "getcwd"


def test_the_logger_can_be_quiet(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    runtime.reset_logger(logging.ERROR)
    moxing.file.copy_parallel(str(tmp_path / "nothing"), str(tmp_path / "to"))
    runtime.reset_logger(logging.INFO)
    assert capsys.readouterr().err == ""


def test_a_barrier_for_the_ranks_of_a_node(tmp_path: Path) -> None:
    script = (
        "from moxing.framework.util import runtime as r\n"
        "for _ in range(3): r.mpi_local_sync_barrier('b', timeout_s=30)\nprint('through')"
    )
    environment = os.environ | {"PYTHONPATH": "src", "LOCAL_WORLD_SIZE": "3", "TMPDIR": str(tmp_path)}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", script], env=environment | {"LOCAL_RANK": str(i)}, stdout=subprocess.PIPE
        )
        for i in range(3)
    ]
    assert [rank.communicate(timeout=60)[0] for rank in ranks] == [b"through\n"] * 3


def test_background_sync(where: Where, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_text("1")
    sync = moxing.file.background_sync_copy(str(tmp_path / "out"), where / "t", seconds=0.05)
    deadline = threading.Event()
    for _ in range(500):
        if moxing.file.exists(where / "t/a"):
            break
        deadline.wait(0.02)
    (tmp_path / "out/b").write_text("2")
    sync.stop()
    assert where.content("t/a") == b"1"
    assert where.content("t/b") == b"2"
