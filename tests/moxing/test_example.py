"""``examples/moxing_job``: on old and new Pythons, and as a job of a real service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.moxing.conftest import SOCKET, Where
from tests.moxing.test_interpreters import _python
from trainshed.agent.moxing_gateway import put_library

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples/moxing_job/train.py"
PREPARE = ROOT / "examples/digits/prepare.py"
PYTHON_36 = """
family = "Python"

[[engine]]
id = "python_3.6"
framework = "Python"
framework_version = "3.6"
launcher = "plain"
chips = ["CPU"]
archs = ["x86_64", "aarch64"]
system = "any Linux"

[engine.recipe]
python = "3.6"
requirements = []
imports = ["json"]
"""
ENGINES = ["python_3.6", "tensorflow_2.1.0-cuda_10.1-py_3.7-ubuntu_18.04-x86_64", "python_3.11"]


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    subprocess.run([sys.executable, str(PREPARE), str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def some_digits(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third of them."""

    def others(_folder: str, names: list[str]) -> list[str]:
        return [n for n in names if n.endswith(".pgm") and int(n[:4]) >= 600]

    return shutil.copytree(digits, tmp_path_factory.mktemp("some") / "digits", ignore=others)


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.11", "3.13"])
def test_on_every_python(version: str, bucket: Where, some_digits: Path, tmp_path: Path) -> None:
    assert bucket.served is not None
    bucket.served.buckets.upload(some_digits, bucket / "digits")
    environment = {
        SOCKET: str(bucket.served.gateway.path),
        "PYTHONPATH": str(put_library(tmp_path / "python")),
        "DLS_LOCAL_CACHE_PATH": str(tmp_path / "cache"),
        "PATH": os.environ["PATH"],
    }
    urls = ["--data_url=" + bucket / "digits/", "--train_url=" + bucket / "out/"]
    for epochs in (1, 2):
        done = subprocess.run(
            [_python(version), str(SCRIPT), *urls, f"--epochs={epochs}"],
            env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "going on after epoch 1" in done.stdout
    assert json.loads(bucket.content("out/metric.json"))["accuracy"] > 0.7
    assert len(bucket.content("out/train.log").splitlines()) == 2


@pytest.mark.engine
@pytest.mark.parametrize("engine", ENGINES)
def test_as_a_job(engine: str, digits: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path, tmp_path / "home")
    if engine == "python_3.6":  # the preset engine of that Python is built from KungFu's source
        _python("3.6")
        (tmp_path / "home/engines").mkdir(parents=True)
        (tmp_path / "home/engines/old.toml").write_text(PYTHON_36)
    bucket = tmp_path / "home/buckets/trainshed"
    shutil.copytree(digits, bucket / "digits")
    urls = ["--data_url", "obs://trainshed/digits/", "--train_url", "obs://trainshed/out/"]
    done = shell.run("run", SCRIPT, "--engine", engine, "--", *urls, "--epochs", "1", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "copied 1797 files" in done.stdout
    assert json.loads((bucket / "out/metric.json").read_text())["accuracy"] > 0.85
