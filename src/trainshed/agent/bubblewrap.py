"""The sandbox by bubblewrap: it makes the mount namespace, and the supervisor enters it.

bubblewrap starts a ``cat`` in the new namespace; once that answers, everything is mounted, and
``/proc/PID/ns`` of it is all we need. So the ranks remain children of the supervisor, with their
own exit statuses and signals.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from typing import TYPE_CHECKING

from trainshed.agent import linux

if TYPE_CHECKING:
    from trainshed.agent.sandbox import Plan


def enter(plan: Plan) -> None:
    """Put this (single-threaded) process into the sandbox that ``plan`` describes.

    Raises:
        OSError: bubblewrap is not here, or may not do it.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise FileNotFoundError(errno.ENOENT, "bubblewrap (bwrap) is not installed")
    info, ask, answer = os.pipe(), os.pipe(), os.pipe()
    os.set_inheritable(info[1], True)
    argv = [program, "--info-fd", str(info[1]), *arguments(plan), "--", "/bin/cat"]
    try:
        os.posix_spawn(
            program,
            argv,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, ask[0], 0), (os.POSIX_SPAWN_DUP2, answer[1], 1)],
        )
        for fd in (info[1], ask[0], answer[1]):
            os.close(fd)
        os.write(ask[1], b"?")
        if os.read(answer[0], 1) != b"?":
            raise PermissionError(errno.EPERM, "bubblewrap could not make the sandbox")
        _join(int(json.loads(os.read(info[0], 4096))["child-pid"]))
    finally:
        for fd in (info[0], ask[1], answer[0]):
            os.close(fd)


def _join(pid: int) -> None:
    """Enter the namespaces of ``pid``."""
    spaces = [("user", linux.CLONE_NEWUSER), ("mnt", linux.CLONE_NEWNS)]
    fds = [
        (os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), kind)
        for name, kind in spaces
        if os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
    ]
    for fd, kind in fds:
        linux.setns(fd, kind)
        os.close(fd)
    os.chdir("/")


def arguments(plan: Plan) -> list[str]:
    """bubblewrap's arguments for ``plan``."""
    from trainshed.agent.sandbox import host_entries

    result: list[str] = []
    for source, target in host_entries():
        if os.path.islink(source):
            result += ["--symlink", os.readlink(source), target]
        elif source == "/dev":
            result += ["--dev-bind", source, target]
        elif os.path.isdir(source) or os.path.isfile(source):
            result += ["--bind", source, target]
    for path in plan.hidden:
        result += ["--tmpfs", path]
    for bind in plan.binds:
        result += ["--bind" if bind.writable else "--ro-bind", bind.source, bind.target]
    for place, target in plan.links:
        result += ["--symlink", target, place]
    return result
