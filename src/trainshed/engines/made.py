"""Engines that a person makes by naming a Python and their requirements, kept beside the admin's.

Such an engine is named after what is in it, so that the same requirements mean the same engine and
its environment is built once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from pathlib import Path

from trainshed.core.engine import Engine, LauncherName, Recipe
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.resources import Arch, Chip
from trainshed.core.wire import from_wire, to_wire
from trainshed.engines import catalogue

FAMILY = "Custom"
PREFIX = "custom-"
_MADE = "made"
_MOST_LINES = 2000
_HASH = re.compile(r"\s--hash=\S+")
_PYTHON = re.compile(r"3\.\d{1,2}")
_LAUNCHERS = {
    "torch": LauncherName.TORCHRUN,
    "tensorflow": LauncherName.TF_CONFIG,
    "tensorflow-cpu": LauncherName.TF_CONFIG,
}


def make(python: str, requirements: str) -> Engine:
    """The engine of this Python with these requirements, in the form of ``requirements.txt``.

    Its launcher is torchrun where torch is required, TF_CONFIG where TensorFlow is, else plain.

    Raises:
        InvalidInput: the version or a line will not do; says which.
    """
    if not _PYTHON.fullmatch(python):
        raise InvalidInput(f"python {python[:20]!r} must be a version such as 3.11", code=Code.FIELD_INVALID)
    lines = _lines(requirements)
    names = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower() for line in lines]
    launcher = next((_LAUNCHERS[name] for name in names if name in _LAUNCHERS), LauncherName.PLAIN)
    digest = hashlib.sha256(json.dumps([python, lines]).encode()).hexdigest()[:12]
    shown = ", ".join(lines[:4]) + (f" and {len(lines) - 4} more" if len(lines) > 4 else "")
    return Engine(
        id=f"{PREFIX}py_{python}-{digest}",
        family=FAMILY,
        version=f"{PREFIX}py_{python}-{digest}",
        framework="Python",
        framework_version=python,
        launcher=launcher,
        recipe=Recipe(python=python, requirements=tuple(lines), imports=("json",)),
        chips=tuple(Chip),
        archs=tuple(Arch),
        system="any Linux",
        note=f"Made from requirements: {shown or 'none'}.",
    )


def _lines(requirements: str) -> list[str]:
    """The requirements, one each, sorted; comments, hashes and line continuations are gone."""
    joined = re.sub(r"\\\r?\n", " ", requirements)
    found = [_HASH.sub("", re.sub(r"(^|\s)#.*", "", line)).strip() for line in joined.splitlines()]
    lines = sorted({line for line in found if line})
    if len(lines) > _MOST_LINES:
        raise InvalidInput(f"{len(lines)} requirements; {_MOST_LINES} at most", code=Code.FIELD_INVALID)
    for line in lines:
        if not catalogue.REQUIREMENT.fullmatch(line) or "file:" in line:
            raise InvalidInput(
                f"requirement {line[:100]!r} will not do: name packages such as 'torch==2.13.0'; "
                "options and files belong into a requirements.txt beside the boot file",
                code=Code.FIELD_INVALID,
            )
    return lines


def load(folder: Path) -> catalogue.Catalogue:
    """The preset engines, the admin's own in ``folder``, and those that people made.

    Raises:
        InvalidInput: a file of the admin's is wrong.
    """
    found = catalogue.load(folder)
    for engine in _kept(folder / _MADE):
        found.add(engine)
    return found


def keep(folder: Path, engine: Engine) -> None:
    """Write an engine down, so that the next start of the service knows it."""
    made = folder / _MADE
    made.mkdir(parents=True, exist_ok=True)
    temporary = made / f".{engine.id}.{os.getpid()}.{threading.get_ident()}"
    temporary.write_text(json.dumps(to_wire(engine), indent=1) + "\n", encoding="utf-8")
    temporary.replace(_file(folder, engine.id))


def unused(folder: Path, seconds: float) -> list[Engine]:
    """Engines that nobody has asked for in so many seconds."""
    until = time.time() - seconds
    return [engine for engine in _kept(folder / _MADE) if _file(folder, engine.id).stat().st_mtime <= until]


def forget(folder: Path, engine_id: str) -> None:
    """Remove an engine; whoever asks for it again makes it again."""
    _file(folder, engine_id).unlink(missing_ok=True)


def _file(folder: Path, engine_id: str) -> Path:
    return folder / _MADE / f"{engine_id}.json"


def _kept(folder: Path) -> list[Engine]:
    """All engines that were written down; a file that is broken is passed over."""
    found: list[Engine] = []
    for file in sorted(folder.glob(f"{PREFIX}*.json")):
        try:
            found.append(from_wire(Engine, json.loads(file.read_bytes())))
        except (OSError, ValueError, InvalidInput):
            continue
    return found
