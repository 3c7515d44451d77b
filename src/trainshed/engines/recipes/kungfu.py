"""KungFu, built from a source tree or archive that an administrator names: no registry has it.

``TRAINSHED_KUNGFU_SOURCE`` says where the source is (a folder, or a ``.tar.gz`` or ``.zip`` of one).
The build needs cmake and Go, and no network.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from trainshed.core.errors import Code, InvalidInput
from trainshed.engines.builder import Site

SOURCE = "TRAINSHED_KUNGFU_SOURCE"
_BUILD_TOOLS = ("pip==21.3.1", "setuptools==59.6.0", "wheel==0.37.1")
_CXXFLAGS = "-include cstdio -include cstdlib -include cstdint -include stdexcept"


def run(site: Site) -> dict[str, str]:
    """Build and install KungFu and its ``kungfu-run``."""
    source = _unpacked(_source(), site.folder / "build-kungfu")
    site.install(*_BUILD_TOOLS, start=40, end=45)
    env = site.environ(CXXFLAGS=_CXXFLAGS, GOPROXY="off", GOFLAGS="-mod=mod", GOBIN=str(site.folder / "bin"))
    site.say(f"building KungFu from {source}", 46)
    argv = [site.python, "-m", "pip", "install", "--no-index", "--no-build-isolation", "--no-deps", "."]
    site.runner.run(argv, env=env, cwd=source)
    if not (site.folder / "bin" / "kungfu-run").exists():
        go = ["go", "install", "./srcs/go/cmd/kungfu-run"]
        site.runner.run(go, env=env, cwd=source)
    shutil.rmtree(site.folder / "build-kungfu", ignore_errors=True)
    return {}


def check() -> None:
    """Say at once what is missing, before anything is installed.

    Raises:
        InvalidInput: no source is named, or it is not there.
    """
    _source()


def _source() -> Path:
    named = os.environ.get(SOURCE, "")
    if not named:
        raise InvalidInput(
            "KungFu is on no package registry: put its source on this machine and name the folder or "
            f"archive in {SOURCE}, then build the engine again",
            code=Code.ENVIRONMENT_BUILD_FAILED,
        )
    path = Path(named).expanduser()
    if not path.exists():
        raise InvalidInput(
            f"{SOURCE} names {named}, which is not there: name KungFu's source folder or archive",
            code=Code.ENVIRONMENT_BUILD_FAILED,
        )
    return path


def _unpacked(source: Path, work: Path) -> Path:
    """A copy of the source that the build may write to; the folder that holds ``setup.py``."""
    if source.is_dir():
        shutil.copytree(source, work, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    else:
        shutil.unpack_archive(source, work, filter="data" if ".tar" in source.name else None)
    found = sorted(work.glob("setup.py")) or sorted(work.glob("*/setup.py"))
    if not found:
        raise InvalidInput(
            f"{source} is not KungFu's source: it has no setup.py", code=Code.ENVIRONMENT_BUILD_FAILED
        )
    return found[0].parent
