"""The packages of an engine that a person makes, from a ``requirements.txt`` or a ``uv.lock``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from trainshed.core.errors import Code, InvalidInput


def requirements_of(python: str, file: Path | None) -> str:
    """The text of the requirements; a lock is exported by uv, as the project beside it has it.

    Raises:
        InvalidInput: one of the two options is missing, or the file cannot be read.
    """
    if file is None and not python:
        return ""
    if file is None or not python:
        raise InvalidInput(
            "--python and --requirements go together: a version such as 3.11, "
            "and a requirements.txt or uv.lock",
            code=Code.FIELD_INVALID,
        )
    if not file.is_file():
        raise InvalidInput(f"{file}: there is no such file", code=Code.FIELD_INVALID)
    return _exported(file) if file.name == "uv.lock" else file.read_text(encoding="utf-8")


def _exported(lock: Path) -> str:
    if not (lock.parent / "pyproject.toml").is_file():
        raise InvalidInput(
            f"{lock} needs the pyproject.toml that it was made from beside it", code=Code.FIELD_INVALID
        )
    argv = [sys.executable, "-m", "uv", "export", "--frozen", "--offline", "--no-hashes", "--no-annotate"]
    argv += ["--no-header", "--no-emit-project", "--quiet", "--project", str(lock.parent)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InvalidInput(f"{lock}: {done.stderr.strip()[-500:]}", code=Code.FIELD_INVALID)
    return done.stdout
