"""Wheels that are built from source: once a recipe, then kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from pathlib import Path

from trainshed.core.errors import Code, InvalidInput
from trainshed.engines.builder import Site


def built_wheel(site: Site, requirement: str, env: dict[str, str]) -> Path:
    """The wheel of ``requirement`` (``name==version``), built with ``env`` unless it was before.

    Needs pip, and what the build itself needs, in the environment already.
    """
    name = requirement.partition("==")[0].replace("-", "_")
    if site.wheelhouse is not None:
        return _from_wheelhouse(site.wheelhouse, name, requirement)
    folder = site.cache / _key(site, requirement)
    if found := sorted(folder.glob(f"{name}-*.whl")):
        site.say(f"{requirement} was built before: {found[0].name}", 85)
        return found[0]
    site.say(f"building {requirement} from its source; this takes some minutes", 46)
    work = site.folder / "build-wheel"
    argv = [site.python, "-m", "pip", "wheel", "--verbose", "--no-deps", "--no-build-isolation"]
    argv += ["--no-binary", ":all:", "--no-cache-dir", "--wheel-dir", str(work), requirement]
    site.runner.run(argv, env=env, percent=_Compiling(46, 85))
    built = sorted(work.glob(f"{name}-*.whl"))[0]
    return _keep(built, folder)


def write_program(path: Path, text: str) -> Path:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


class _Compiling:
    """Progress of a build that prints make's percentages, or else a step a line."""

    def __init__(self, start: float, end: float) -> None:
        self._start, self._end = start, end

    def __call__(self, line: str) -> float | None:
        text = line.strip()
        if text.startswith("[") and text[1:5].strip(" %]").isdigit():
            return self._start + int(text[1:5].strip(" %]")) / 100 * (self._end - self._start)
        return None


def _key(site: Site, requirement: str) -> str:
    """A wheel is good for the same requirement, recipe, Python and machine."""
    recipe = site.recipe
    content = {
        "requirement": requirement,
        "pins": recipe.gpu_requirements if site.gpu and recipe.gpu_requirements else recipe.requirements,
        "variables": recipe.build_variables,
        "python": site.base.minor,
        "machine": [platform.machine(), *platform.libc_ver()],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    return f"{requirement.replace('==', '-')}-{digest}"


def _keep(built: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{built.name}.{built.stat().st_mtime_ns}"
    shutil.copyfile(built, temporary)
    return temporary.rename(folder / built.name)


def _from_wheelhouse(wheelhouse: Path, name: str, requirement: str) -> Path:
    if found := sorted(wheelhouse.glob(f"{name}-*.whl")):
        return found[0]
    raise InvalidInput(
        f"the wheelhouse {wheelhouse} has no wheel of {requirement}: put there the one that a build with a "
        "network left in ~/.cache/trainshed/wheels",
        code=Code.ENVIRONMENT_BUILD_FAILED,
    )
