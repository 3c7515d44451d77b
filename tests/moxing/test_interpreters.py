"""The same script on every Python that jobs run on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.moxing.conftest import SOCKET, Served, Where
from trainshed.agent.moxing_gateway import put_library

SCRIPT = Path(__file__).with_name("core_script.py")
VERSIONS = ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]


def _python(version: str) -> str:
    """An interpreter of that version.

    Skips the test where there is none.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    found = sorted(root.glob(f"versions/{version}.*/bin/python"))
    python = str(found[-1]) if found else shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"no Python {version} here")
    return python


@pytest.mark.parametrize("version", VERSIONS)
def test_core_script(version: str, bucket: Where, tmp_path: Path) -> None:
    served: Served | None = bucket.served
    assert served is not None
    (tmp_path / "work").mkdir()
    environment = {
        SOCKET: str(served.gateway.path),
        "PYTHONPATH": str(put_library(tmp_path / "python")),
        "PYTHONWARNINGS": "error,default::DeprecationWarning",  # fork and threads, from 3.12 on
        "PATH": os.environ["PATH"],
        "LC_ALL": "C",
    }
    done = subprocess.run(
        [_python(version), "-X", "utf8=0", str(SCRIPT), bucket.base, str(tmp_path / "work")],
        env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "all well" in done.stdout
    assert "ResourceWarning" not in done.stderr, done.stderr
