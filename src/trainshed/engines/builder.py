"""Builds one environment: venv, packages, build steps, verification. No locks, no cache here."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from trainshed.core.engine import Engine, Recipe
from trainshed.core.errors import Code, InvalidInput, TrainshedError, Unavailable
from trainshed.engines import lookup, pip_config, recipes
from trainshed.engines.interpreters import BasePython
from trainshed.engines.runner import CommandFailed, Runner

_NOT_PASSED_ON = (
    *("PYTHONPATH", "PYTHONHOME", "MAKEFLAGS"),
    # what verification imports is compiled into the environment, for all jobs: they cannot write there
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
)
_VERIFY = """
import importlib, json, sys, time
started = time.time()
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    version = getattr(module, "__version__", "")
    print("imported " + name + (" " + version if isinstance(version, str) and version else ""))
print("TRAINSHED " + json.dumps({"seconds": round(time.time() - started, 3)}))
"""


@dataclass(frozen=True, slots=True)
class Site:
    """One build: what to make, where, and with what.

    Attributes:
        folder: the environment's folder; empty or missing when the build starts.
        gpu: whether the GPU build is meant.
        uv: path of uv.
        cache: folder that outlives builds (wheels that were built from source).
        wheelhouse: take packages from this folder alone, and nothing from a network.
    """

    engine: Engine
    folder: Path
    base: BasePython
    gpu: bool
    uv: str
    cache: Path
    runner: Runner
    wheelhouse: Path | None = None

    @property
    def recipe(self) -> Recipe:
        return self.engine.recipe

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        return str(self.folder / "bin" / "python")

    def say(self, line: str, percent: float | None = None) -> None:
        """A line for the build's log."""
        self.runner.log.say(line, percent)

    def environ(self, **more: str) -> dict[str, str]:
        """Variables for the programs of this build: ours, the recipe's, and the environment's PATH."""
        clean = {k: v for k, v in os.environ.items() if k not in _NOT_PASSED_ON}
        path = f"{self.folder / 'bin'}{os.pathsep}{clean.get('PATH', os.defpath)}"
        places = {"PATH": path, "VIRTUAL_ENV": str(self.folder)}
        return {**clean, **pip_config.uv_variables(), **places, **self.recipe.build_variables, **more}

    def install(self, *arguments: str, start: float, end: float, **variables: str) -> list[str]:
        """``uv pip install`` into the environment, moving the progress from ``start`` to ``end``."""
        argv = [
            self.uv,
            "pip",
            "install",
            "--no-progress",
            "--python",
            self.python,
            *self._offline(),
            *arguments,
        ]
        return self.runner.run(argv, env=self.environ(**variables), percent=InstallProgress(start, end))

    def _offline(self) -> list[str]:
        if self.wheelhouse is None:
            return []
        return ["--offline", "--no-index", "--find-links", str(self.wheelhouse)]


class InstallProgress:
    """Reads progress out of what uv prints: resolved, downloads by size, installed."""

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end
        self._wanted: dict[str, float] = {}
        self._done = 0.0

    def __call__(self, line: str) -> float | None:
        text = line.strip()
        if text.startswith("Resolved "):
            return self._at(0.1)
        if found := re.match(r"Downloading (\S+) \(([\d.]+)([KMG])iB\)", text):
            self._wanted[found[1]] = float(found[2]) * {"K": 1e-3, "M": 1.0, "G": 1e3}[found[3]]
            return None
        if found := re.match(r"Downloaded (\S+)", text):
            self._done += self._wanted.get(found[1], 0.0)
            return self._at(0.1 + 0.75 * self._done / max(1e-9, sum(self._wanted.values())))
        if text.startswith("Prepared "):
            return self._at(0.85)
        return self._at(1.0) if text.startswith("Installed ") else None

    def _at(self, part: float) -> float:
        return self.start + part * (self.end - self.start)


def build(site: Site) -> lookup.Marker:
    """Build and verify; the folder is good once the marker that this returns is written there.

    Raises:
        InvalidInput: a package is missing, a build step failed, or the framework does not import.
    """
    began = time.time()
    check_system_packages(site.recipe)
    recipes.check(site.recipe.build)
    try:
        note = _install(site)
        variables = {"VIRTUAL_ENV": "{environment}", **_build_step(site), **site.recipe.variables}
        import_seconds = verify(site, variables)
    except CommandFailed as error:
        raise _failed(site, error) from error
    return lookup.Marker(
        engine_id=site.engine.id,
        python_version=site.base.version,
        built_at=began,
        build_seconds=round(time.time() - began, 1),
        import_seconds=import_seconds,
        size=folder_size(site.folder),
        contents=lookup.contents(site.folder),
        note=note,
        variables=variables,
        packages=installed(site.folder),
    )


def _failed(site: Site, error: CommandFailed) -> TrainshedError:
    if "No space left on device" in error.text:
        return Unavailable(
            f"the disk is full: the environment of {site.engine.id} could not be built; free some "
            f"space ('trainshed engines prune') and try again",
            code=Code.DISK_FULL,
        )
    return InvalidInput(
        f"the environment of {site.engine.id} could not be built: {error.reason} "
        f"(log: {site.runner.log.path})",
        code=Code.ENVIRONMENT_BUILD_FAILED,
    )


def check_system_packages(recipe: Recipe) -> None:
    """Say which Debian packages are missing before a long build starts, not after.

    A package counts as there when its main program or header is (see ``_SHOWN_BY``).

    Raises:
        InvalidInput: names what to install.
    """
    missing = [name for name in recipe.system_packages if not _is_there(name)]
    if missing:
        raise InvalidInput(
            f"this engine is built from source and needs {', '.join(missing)}: "
            f"install with 'apt-get install -y {' '.join(missing)}', then try again",
            code=Code.ENVIRONMENT_BUILD_FAILED,
        )


def verify(site: Site, variables: dict[str, str]) -> float:
    """Import the recipe's modules in the environment's interpreter; returns the seconds it took.

    Raises:
        CommandFailed: one does not import.
    """
    site.say("verifying: " + ", ".join(site.recipe.imports), 90)
    place = str(site.folder)
    resolved = {k: v.replace("{environment}", place) for k, v in variables.items()}
    lines = site.runner.run(
        [site.python, "-s", "-c", _VERIFY, *site.recipe.imports],
        env=site.environ(**resolved),
        cwd=site.folder,
    )
    facts = json.loads(lines[-1].removeprefix("TRAINSHED "))
    return float(facts["seconds"])


def installed(folder: Path) -> dict[str, str]:
    """Distributions in the environment, name → version."""
    found: dict[str, str] = {}
    for info in sorted(folder.glob("lib/python3*/site-packages/*.dist-info")):
        name, _, version = info.name.removesuffix(".dist-info").partition("-")
        found[name.lower().replace("_", "-")] = version
    return found


def folder_size(folder: Path) -> int:
    """Bytes of all files below ``folder``; links count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(f"{place}/{name}").st_size
            except OSError:
                continue
    return total


def _install(site: Site) -> str:
    recipe = site.recipe
    site.say(f"Python {site.base.version} from {site.base.path}", 1)
    venv = [
        site.uv,
        "venv",
        "--quiet",
        "--relocatable",
        "--no-project",
        "--python",
        site.base.path,
        str(site.folder),
    ]
    site.runner.run(venv, env=site.environ())
    end = 40.0 if recipe.build else 85.0
    gpu_lines = site.gpu and bool(recipe.gpu_requirements)
    lines = recipe.gpu_requirements if gpu_lines else recipe.requirements
    note = ""
    if recipe.cpu_builds and not site.gpu:
        note = _install_cpu(site, list(lines), end)
    elif lines:
        site.install(*lines, start=2, end=end)
    if recipe.no_deps:
        site.install("--no-deps", *recipe.no_deps, start=end, end=end + 2)
    return note


def _install_cpu(site: Site, lines: list[str], end: float) -> str:
    """Install ``lines`` with the CPU builds of some packages; else with whatever there is.

    First from the machine's own indexes and wheel folders, by the local version ``+cpu``; then
    from PyTorch's index of CPU builds, where it can be reached; at last the plain packages.
    """
    named = ", ".join(site.recipe.cpu_builds)
    if _try_local_cpu(site, lines, end):
        return "CPU build"
    if site.wheelhouse is None:
        site.say(f"the machine's indexes have no CPU build of {named}; asking PyTorch's own")
        if _try_pytorch_index(site, lines, end):
            return "CPU build"
    note = f"the full build of {named}, with its GPU packages, because no CPU build could be reached"
    site.say("taking " + note)
    site.install(*lines, start=2, end=end)
    return note


def _try_local_cpu(site: Site, lines: list[str], end: float) -> bool:
    wanted = [_cpu_line(line, site.recipe.cpu_builds) for line in lines]
    try:
        site.install(*wanted, start=2, end=end)
    except CommandFailed as error:
        if re.search(r"no solution|no version|not found", error.text, re.IGNORECASE):
            return False
        raise
    return True


def _try_pytorch_index(site: Site, lines: list[str], end: float) -> bool:
    impatient = {"UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1"}
    try:
        site.install("--torch-backend", "cpu", *lines, start=2, end=end, **impatient)
    except CommandFailed:
        return False
    versions = installed(site.folder)
    return all("+cpu" in versions.get(name, "") for name in site.recipe.cpu_builds)


def _cpu_line(line: str, names: tuple[str, ...]) -> str:
    """The requirement with the local version ``+cpu``.

    >>> _cpu_line("torch==2.13.0", ("torch",))
    'torch==2.13.0+cpu'
    """
    found = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][0-9a-z.]*)", line.replace(" ", ""))
    return f"{found[1]}=={found[2]}+cpu" if found and found[1] in names else line


def _build_step(site: Site) -> dict[str, str]:
    """Run the recipe's own build step; returns variables that its product needs at run time."""
    if not site.recipe.build:
        return {}
    return recipes.get(site.recipe.build)(site)


_SHOWN_BY = {
    "g++": "g++",
    "gcc": "gcc",
    "make": "make",
    "cmake": "cmake",
    "golang-go": "go",
    "patchelf": "patchelf",
}


def _is_there(package: str) -> bool:
    program = _SHOWN_BY.get(package, package)
    return shutil.which(program) is not None
