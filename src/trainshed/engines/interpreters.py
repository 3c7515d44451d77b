"""Finds the Python that an engine needs: pyenv, the system, uv's own, or a clear "not here"."""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trainshed.core.errors import Code, InvalidInput

_PROBE = """
import json, os, platform, sys, sysconfig
import ctypes, hashlib, zlib, ssl
print(json.dumps({
    "version": platform.python_version(),
    "prefix": sys.base_prefix,
    "headers": os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")),
}))
"""


@dataclass(frozen=True, slots=True)
class BasePython:
    """A Python on this machine that environments can be made from.

    Attributes:
        path: absolute path of the executable.
        version: full version, ``3.7.16``.
        headers: whether C extensions can be built for it.
    """

    path: str
    version: str
    headers: bool

    @property
    def minor(self) -> str:
        """``3.7``."""
        return ".".join(self.version.split(".")[:2])


def find(versions: Iterable[str], *, headers: bool = False) -> BasePython | None:
    """The first usable Python of the first of ``versions`` that is here.

    Args:
        versions: such as ``3.7``, best first.
        headers: only one that C extensions can be built for.
    """
    for version in versions:
        for path in _candidates(version):
            python = _probe(path)
            if python and python.minor == version and (python.headers or not headers):
                return python
    return None


def obtain(versions: Iterable[str], uv: str, *, headers: bool = False) -> BasePython:
    """Like :func:`find`; where none is here, lets uv fetch one if it can.

    Raises:
        InvalidInput: none is here and none could be fetched; says what to do.
    """
    wanted = list(versions)
    found = find(wanted, headers=headers)
    if found:
        return found
    for version in wanted:
        if _fetch(uv, version) and (found := find([version], headers=headers)):
            return found
    purpose = " with its C headers" if headers else ""
    raise InvalidInput(
        f"this engine needs Python {' or '.join(wanted)}{purpose} and none was found: install it "
        f"('pyenv install {wanted[0]}', or a python{wanted[0]} on the PATH), or name one in "
        f"TRAINSHED_PYTHON_{wanted[0].replace('.', '_')}",
        code=Code.INTERPRETER_MISSING,
    )


def _candidates(version: str) -> Iterator[str]:
    """Paths where a Python of this version may be, best first, each once."""
    seen: set[str] = set()
    for path in _places(version):
        if path and os.access(path, os.X_OK):
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                yield path


def _places(version: str) -> Iterator[str | None]:
    yield os.environ.get(f"TRAINSHED_PYTHON_{version.replace('.', '_')}")
    pyenv = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    yield from _newest_first(f"{pyenv}/versions/{version}.*/bin/python{version}")
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield getattr(sys, "_base_executable", None)
    shims = f"{pyenv}/shims"
    path = os.pathsep.join(p for p in os.environ.get("PATH", os.defpath).split(os.pathsep) if p != shims)
    yield shutil.which(f"python{version}", path=path)
    for folder in ("/usr/bin", "/usr/local/bin", f"/opt/python/{version}/bin", f"/opt/python{version}/bin"):
        yield f"{folder}/python{version}"
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    managed = os.environ.get("UV_PYTHON_INSTALL_DIR") or f"{data}/uv/python"
    yield from _newest_first(f"{managed}/cpython-{version}.*/bin/python{version}")


def _newest_first(pattern: str) -> list[str]:
    def patch(path: str) -> tuple[int, ...]:
        found = re.search(r"(\d+(?:\.\d+)+)[^/]*/bin/", path)
        return tuple(int(n) for n in found[1].split(".")) if found else ()

    return sorted(glob.glob(pattern), key=patch, reverse=True)  # noqa: PTH207  (an absolute pattern)


_probed: dict[str, BasePython] = {}


def _probe(path: str) -> BasePython | None:
    """What this Python is; None where it does not run or lacks what installing needs."""
    if path in _probed:
        return _probed[path]
    try:
        done = subprocess.run(
            [path, "-I", "-c", _PROBE], capture_output=True, text=True, check=True, timeout=30
        )
        facts = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    _probed[path] = BasePython(path=path, version=facts["version"], headers=facts["headers"])
    return _probed[path]


def _fetch(uv: str, version: str) -> bool:
    variables = {**os.environ, "UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "0"}
    try:
        done = subprocess.run(
            [uv, "python", "install", "--no-progress", version],
            env=variables,
            capture_output=True,
            check=False,
            timeout=600,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
