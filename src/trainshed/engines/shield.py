"""A shield around installers: what packages bring along runs while they are built.

Behind it the service's own folder is not there, nor are the processes and variables of the service. It
is made by bubblewrap; where that does not work, installers run as they are.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_S = 20.0
_ALL = ("--dev-bind", "/", "/", "--die-with-parent")
_PROCESSES = ("--unshare-pid", "--proc", "/proc")
_OURS = "TRAINSHED_"


@dataclass(frozen=True, slots=True)
class Shield:
    """What an installer sees of this machine.

    Attributes:
        hidden: folders that are empty for it; with none there is no shield.
        shown: folders inside those that it sees nevertheless.
        writable: folders inside those that it may also write to.
    """

    hidden: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()

    def argv(self, argv: Sequence[str], cwd: str = "") -> list[str]:
        """The command line that runs ``argv`` behind it."""
        hidden = [path for path in self.hidden if Path(path).is_dir()]
        ways = way() if hidden else None
        if ways is None:
            return list(argv)
        command = [*ways, *(part for path in hidden for part in ("--tmpfs", path))]
        for option, paths in (("--ro-bind", self.shown), ("--bind", self.writable)):
            inside = (path for path in paths if Path(path).exists() and _below(path, hidden))
            command += [part for path in inside for part in (option, path, path)]
        return [*command, *(["--chdir", cwd] if cwd else []), "--", *argv]

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """``variables`` without those that are the service's own."""
        if not self.hidden:
            return dict(variables)
        # what is shown is a mount of its own, into which nothing can be linked
        return {"UV_LINK_MODE": "copy"} | {k: v for k, v in variables.items() if not k.startswith(_OURS)}


OPEN = Shield()
"""Hides nothing."""


def _below(path: str, tops: Sequence[str]) -> bool:
    return any(os.path.commonpath((path, top)) == top for top in tops)


@functools.cache
def way() -> tuple[str, ...] | None:
    """bubblewrap's command line as far as it works here; None where it does not work at all."""
    program = shutil.which("bwrap")
    for more in (_PROCESSES, ()):
        command = (program or "", *_ALL, *more)
        if program and _works([*command, "--tmpfs", "/mnt", "--", "/bin/true"]):
            return command
    return None


def _works(argv: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
