"""Gives a task its own ``/cache``, ``/tmp`` and ``/home/ma-user``, and hides the service's files from it.

The host's root is seen through a fresh tmpfs into which every entry of it is bound; over that go
the task's own directories. Nothing is made on the host, and the script may make what it likes.
Network, processes and ``/dev/shm`` are the host's.

Two ways lead there. Where the kernel lets us, we make the mount namespace ourselves, as
bubblewrap does (a millisecond, and no process more). Where only bubblewrap is allowed to
(AppArmor on some distributions), bubblewrap makes it and we enter it. Elsewhere the script
runs in plain folders.
"""

from __future__ import annotations

import contextlib
import enum
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from trainshed.agent import bubblewrap, linux
from trainshed.agent.places import HOME, PRIVATE, Places
from trainshed.core.task import TaskSpec
from trainshed.engines.launchers.base import SUPPORT

_CODE = "modelarts/user-job-dir"
_NOT_SHOWN = ("/home", *PRIVATE)
_KEPT_FLAGS = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME


class Mode(enum.StrEnum):
    """Which sandbox is in use."""

    NAMESPACES = "namespaces"
    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Bind:
    """A directory of the host that is seen at ``target`` inside."""

    source: str
    target: str
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What the script is to see, other than the host's own root.

    Attributes:
        binds: in the order in which they are made.
        hidden: directories that are empty inside, but for what is bound into them.
        links: symbolic links, place → target.
        staging: a directory on the host to build the new root over; nothing that is bound is below it.
    """

    binds: tuple[Bind, ...]
    hidden: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    staging: str


def plan(task: TaskSpec, places: Places) -> Plan:
    """What the script of ``task`` is to see."""
    more = [Bind(f"{places.own}/places/{top}", f"/{top}") for top in _more_homes(task)]
    return _arranged(places, more, task)


_PARENT = "/parent"


def plan_of_parent(task: TaskSpec) -> Plan:
    """What a warm parent for ``task`` is to see: as its script, but with directories of its own.

    :func:`rooted` says where those are.
    """
    return _arranged(Places(_PARENT), [], task)


def rooted(plan: Plan, folder: str) -> Plan:
    """A plan of a warm parent, with its own directories in ``folder``."""

    def moved(path: str) -> str:
        return folder + path[len(_PARENT) :] if path.startswith(_PARENT + "/") else path

    binds = tuple(replace(bind, source=moved(bind.source)) for bind in plan.binds)
    return replace(plan, binds=binds, staging=moved(plan.staging))


def _arranged(places: Places, more: list[Bind], task: TaskSpec) -> Plan:
    own = [*(Bind(places.host(seen), seen) for seen in PRIVATE), *more]
    hidden = tuple(os.path.realpath(path) for path in task.hidden if os.path.isdir(path))
    covers = (*(bind.target for bind in own), *hidden)
    shown = [Bind(path, path, writable=False) for path in _shown(task, covers)]
    links = () if os.path.lexists("/home/work") else (("/home/work/user-job-dir", f"{HOME}/{_CODE}"),)
    return Plan((*own, *shown), hidden, links, places.run)


def _more_homes(task: TaskSpec) -> list[str]:
    """Directories directly below /home, other than ModelArts' own, that the job asked for."""
    asked = [task.local_code_dir, task.working_dir, *(c.local_dir for c in (*task.inputs, *task.outputs))]
    tops = {"/".join(os.path.normpath(p).split("/")[1:3]) for p in asked if p.startswith("/home/")}
    return sorted(top for top in tops if f"/{top}" != HOME and not os.path.lexists(f"/{top}"))


def _shown(task: TaskSpec, covers: tuple[str, ...]) -> list[str]:
    """What interpreter and launcher need and ``covers`` would hide."""
    wanted = [os.path.realpath(SUPPORT)]
    wanted += [os.path.realpath(task.environments_dir)] if task.environments_dir else []
    if task.interpreter:
        python = task.interpreter.python
        prefix = os.path.dirname(os.path.dirname(python))
        wanted += [os.path.realpath(prefix), os.path.dirname(os.path.dirname(os.path.realpath(python)))]
    found: list[str] = []
    for path in wanted:
        if _below(path, covers) and not _below(path, found) and os.path.isdir(path):
            found.append(path)
    return found


def _below(path: str, tops: Sequence[str]) -> bool:
    return any(path == top or path.startswith(top + "/") for top in tops)


def ways(wanted: str) -> list[Mode]:
    """The modes to try, best first, for what a task asks for (``auto`` or a mode)."""
    if wanted == "auto":
        return [mode for mode in Mode if mode not in closed]
    return [Mode(wanted), Mode.NONE] if wanted != Mode.NONE else [Mode.NONE]


closed: dict[Mode, str] = {}
"""Modes that were seen not to work on this machine, with the reason; the zygote fills it once."""


def probe(staging: str) -> None:
    """Find out, in children that end at once, which modes do not work here."""
    nothing = Plan((), (), (), staging)
    for mode in (Mode.NAMESPACES, Mode.BUBBLEWRAP):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                enter(mode, nothing)
            except BaseException as error:
                os.write(write, str(error).encode()[:4000] or b"?")
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as answer:
            reason = answer.read().decode()
        os.waitpid(child, 0)
        if not reason:
            return
        closed[mode] = reason


def enter(mode: Mode, plan: Plan) -> None:
    """Put this (single-threaded) process, and all that it will start, into a sandbox.

    Raises:
        OSError: it does not work here; the process may be left half inside and should end.
    """
    if mode is Mode.NONE:
        return
    os.makedirs(plan.staging, exist_ok=True)
    if mode is Mode.NAMESPACES:
        _leave_namespaces()
        _build(plan)
    else:
        bubblewrap.enter(plan)


def _leave_namespaces() -> None:
    """A mount namespace of our own; with a user namespace of our own where we may not else."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        with contextlib.suppress(PermissionError):
            linux.unshare(linux.CLONE_NEWNS)
            return
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _build(plan: Plan) -> None:
    """Build the new root in ``plan.staging`` and move there."""
    root = plan.staging
    linux.mount("none", "/", "", linux.MS_REC | linux.MS_SLAVE)
    linux.mount("tmpfs", root, "tmpfs", 0, "mode=755,size=10%")
    for source, target in host_entries():
        _put(source, root + target)
    for path in plan.hidden:
        if os.path.isdir(root + path):
            linux.mount("tmpfs", root + path, "tmpfs", 0, "mode=755,size=1m")
    for bind in plan.binds:
        os.makedirs(root + bind.target, exist_ok=True)
        linux.mount(bind.source, root + bind.target, "", linux.MS_BIND | linux.MS_REC)
        if not bind.writable:
            _make_read_only(root + bind.target)
    for place, target in plan.links:
        os.makedirs(os.path.dirname(root + place), exist_ok=True)
        os.symlink(target, root + place)
    os.chdir(root)
    linux.pivot_root(".", ".")
    linux.unmount(".", linux.MNT_DETACH)
    os.chdir("/")


def host_entries() -> Iterator[tuple[str, str]]:
    """What of the host's root is seen inside: every entry but those that a task has of its own."""
    for top in ("/", "/home/"):
        with contextlib.suppress(FileNotFoundError):
            for name in sorted(os.listdir(top)):
                if f"{top}{name}" not in _NOT_SHOWN:
                    yield f"{top}{name}", f"{top}{name}"


def _put(source: str, target: str) -> None:
    """Have ``target`` show ``source``: a link as a link, a directory or file by a bind."""
    kind = os.lstat(source).st_mode
    if stat.S_ISLNK(kind):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.readlink(source), target)
        return
    if stat.S_ISDIR(kind):
        os.makedirs(target, exist_ok=True)
    elif stat.S_ISREG(kind):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC))
    else:
        return
    linux.mount(source, target, "", linux.MS_BIND | linux.MS_REC)


def _make_read_only(path: str) -> None:
    """Remount the bind at ``path``, keeping the flags that a user namespace may not drop."""
    kept = os.statvfs(path).f_flag & _KEPT_FLAGS
    linux.mount("none", path, "", linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | kept)
