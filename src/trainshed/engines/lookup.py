"""Finds a built environment: a few file look-ups, with the standard library only.

The agent and the service ask this before every job, so it must cost well under a millisecond.
Layout of the folder of environments::

    <digest>/               one environment: bin/python, lib/…, and its marker
    <digest>/trainshed.json the marker, written last: without it the folder counts for nothing
    engines/<id>.<kind>     link to the environment that was last built for an engine
    locks/  logs/  layers/  see ``environments`` and ``layers``
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trainshed.core.engine import Recipe
from trainshed.core.task import Interpreter

MARKER = "trainshed.json"
USED = "used"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Marker:
    """What is written beside a good environment.

    Attributes:
        python_version: full version, ``3.7.16``.
        variables: for every process; ``{environment}`` stands for the environment's folder.
        contents: fingerprint of the installed packages' names, to see that nobody changed them.
        packages: installed distributions, name → version.
        size: bytes, counting files that are hard-linked to uv's cache.
        note: what a person should know, such as "the CPU build".
    """

    engine_id: str
    python_version: str
    built_at: float
    build_seconds: float
    import_seconds: float
    size: int
    contents: str
    note: str = ""
    variables: dict[str, str] = field(default_factory=dict[str, str])
    packages: dict[str, str] = field(default_factory=dict[str, str])

    def write(self, folder: Path) -> None:
        """Make ``folder`` count as a good environment, in one step."""
        temporary = folder / f".{MARKER}.{os.getpid()}"
        temporary.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        temporary.replace(folder / MARKER)


def digest(recipe: Recipe, python: str, *, gpu: bool, sources: dict[str, str]) -> str:
    """Names the environment that this recipe makes on a machine like this one.

    Args:
        python: version of the interpreter, ``3.7``.
        gpu: whether the GPU build is meant.
        sources: where packages come from (``pip_config.sources``).
    """
    content = {
        "format": _FORMAT,
        "platform": f"{sys.platform}-{platform.machine()}",
        "python": python,
        "requirements": recipe.gpu_requirements if gpu and recipe.gpu_requirements else recipe.requirements,
        "no_deps": recipe.no_deps,
        "cpu_builds": () if gpu else recipe.cpu_builds,
        "build": recipe.build,
        "build_variables": recipe.build_variables,
        "variables": recipe.variables,
        "sources": sources,
    }
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def has_gpu() -> bool:
    """Whether an NVIDIA GPU is here. ``TRAINSHED_GPU`` (0 or 1) overrules."""
    told = os.environ.get("TRAINSHED_GPU")
    if told is not None:
        return told == "1"
    return Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/gpus").is_dir()


def find(folder: Path) -> Interpreter | None:
    """The interpreter of the environment in ``folder``, if that is a good one.

    Good means: its marker is there, its interpreter exists, and its packages are those that
    were verified. Also notes the time of use, for pruning.
    """
    marker = read_marker(folder)
    if marker is None or not (folder / "bin" / "python").exists():
        return None
    if contents(folder) != marker.contents:
        return None
    touch(folder)
    return interpreter(folder, marker)


def by_engine(root: Path, engine_id: str) -> Interpreter | None:
    """The environment that was built last for an engine on a machine of this kind."""
    link = engine_link(root, engine_id, gpu=has_gpu())
    try:
        return find(Path(os.path.realpath(link, strict=True)))
    except OSError:
        return None


def engine_link(root: Path, engine_id: str, *, gpu: bool) -> Path:
    """Where the link to an engine's environment is."""
    return root / "engines" / f"{engine_id}.{'gpu' if gpu else 'cpu'}"


def read_marker(folder: Path) -> Marker | None:
    """The marker of the environment in ``folder``; None where it is missing or unreadable."""
    try:
        return Marker(**json.loads((folder / MARKER).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def interpreter(folder: Path, marker: Marker) -> Interpreter:
    """How to start something in the environment in ``folder``."""
    place = str(folder)
    return Interpreter(
        python=f"{place}/bin/python",
        python_version=".".join(marker.python_version.split(".")[:2]),
        variables={k: v.replace("{environment}", place) for k, v in marker.variables.items()},
    )


def contents(folder: Path) -> str:
    """Fingerprint of the names in the environment's package folder; empty where there is none."""
    for site in (folder / "lib").glob("python3*/site-packages"):
        names = sorted(entry.name for entry in site.iterdir() if entry.name != "__pycache__")
        return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    return ""


def touch(folder: Path) -> None:
    """Note that the environment is used now."""
    try:
        os.utime(folder / USED)
    except FileNotFoundError:
        (folder / USED).touch()
    except OSError:
        pass  # a shared folder that this user may only read
