"""Precheck: whether this node can run the task at all, before anything is fetched.

What makes the task impossible ends it here. What may yet go well is told as a warning, with what to do.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from trainshed.agent.cgroup import Cgroup
from trainshed.agent.stages.base import Work, size
from trainshed.core.errors import Code, TrainshedError, Unavailable
from trainshed.core.resources import Chip
from trainshed.core.task import Stage

SHM = "/dev/shm"  # noqa: S108 the kernel's, not ours
_LEAST_BYTES = 64 << 20
_LEAST_INODES = 1000
_LEAST_SHM = 256 << 20
_LEAST_OPEN_FILES = 4096
_LEAST_PROCESSES = 1024
_LEAST_LOCKED = 64 << 20
_COUNTED = 1000
"""So many files of an input are looked at: what those take is known at once."""
_CARDS = {Chip.GPU: "/dev/nvidia", Chip.ASCEND: "/dev/davinci"}
_MANAGERS = {
    Chip.GPU: ("/dev/nvidiactl",),
    Chip.ASCEND: ("/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the node that may become a trouble.

    Attributes:
        check: what was looked at, such as ``shm``.
        text: what was found, what may come of it, and what to do.
    """

    check: str
    text: str


def run(work: Work) -> str:
    """Look at disk, cards, names, memory for sharing, limits, stores and the size of inputs.

    Raises:
        Unavailable: the node is not fit for the task.
    """
    _disk(work.places.root)
    _cards(work)
    _names(work)
    found = [*_shm(), *_limits(work), *_stores(work), *_inputs(work)]
    for each in found:
        work.note(Stage.PRECHECK, each.text, level="Warning", check=each.check)
    return ""


def _disk(root: str) -> None:
    disk = os.statvfs(root)
    free = disk.f_bavail * disk.f_frsize
    if free < _LEAST_BYTES:
        raise Unavailable(
            f"the disk of {root} has only {size(free)} left; free some space on the node", code=Code.DISK_FULL
        )
    if disk.f_files and disk.f_favail < _LEAST_INODES:
        raise Unavailable(
            f"the disk of {root} can hold only {disk.f_favail} more files; delete some on the node",
            code=Code.INODES_EXHAUSTED,
        )


def _cards(work: Work) -> None:
    stem = _CARDS.get(work.task.chip)
    devices = work.task.peers[work.task.index].devices
    if stem is None or not devices:
        return
    cards = [f"{stem}{d}" for d in devices if d.isdigit()]
    for path in (*cards, *(_MANAGERS[work.task.chip] if cards else ())):
        if not os.path.exists(path):
            raise Unavailable(f"the card {path} is not there; check the driver of the node")
        if not os.access(path, os.R_OK | os.W_OK):
            raise Unavailable(
                f"the card {path} may not be opened by the user {os.geteuid()}; "
                "add the user to the group that owns it on the node"
            )


def _names(work: Work) -> None:
    """Peers must be found by name, or the ranks would hang."""
    for peer in work.task.peers:
        if _is_address(peer.host):
            continue
        try:
            socket.getaddrinfo(peer.host, None)
        except OSError as error:
            raise Unavailable(f"the node {peer.host} is not found by name: {error}") from error


def _is_address(host: str) -> bool:
    return host.replace(".", "").isdigit() or ":" in host


def _shm(path: str = SHM) -> Iterator[Finding]:
    """Workers of data loaders, NCCL and others pass their data through it."""
    try:
        disk = os.statvfs(path)
    except OSError:
        yield Finding("shm", f"there is no {path}: whatever shares memory between processes will fail")
        return
    free = disk.f_bavail * disk.f_frsize
    if free < _LEAST_SHM:
        yield Finding(
            "shm",
            f"{path} has only {size(free)} left: data loaders with workers may end with a bus error; "
            "make it larger (docker run --shm-size) or use no workers",
        )


def _limits(work: Work) -> Iterator[Finding]:
    """What the script would run into without a word of why."""
    files = _limit(resource.RLIMIT_NOFILE)
    if files is not None and files < _LEAST_OPEN_FILES:
        yield Finding("ulimit", f"only {files} files may be open at once; raise ulimit -n on the node")
    processes = _least(_limit(resource.RLIMIT_NPROC) if os.geteuid() else None, Cgroup().pids())
    if processes is not None and processes < _LEAST_PROCESSES:
        yield Finding(
            "ulimit",
            f"only {processes} processes and threads may run; raise ulimit -u or pids.max on the node",
        )
    if (largest := _limit(resource.RLIMIT_FSIZE)) is not None:
        yield Finding("ulimit", f"no file may be larger than {size(largest)}; raise ulimit -f on the node")
    if (seconds := _limit(resource.RLIMIT_CPU)) is not None:
        yield Finding(
            "ulimit", f"a process is killed after {seconds} s of CPU time; raise ulimit -t on the node"
        )
    memory = _least(_limit(resource.RLIMIT_AS), _limit(resource.RLIMIT_DATA))
    if memory is not None:
        yield Finding(
            "ulimit",
            f"a process may reserve only {size(memory)} of memory, and frameworks reserve more than that; "
            "raise ulimit -v and -d on the node",
        )
    locked = _limit(resource.RLIMIT_MEMLOCK)
    far = work.task.chip is not Chip.CPU and len(work.task.peers) > 1
    if far and locked is not None and locked < _LEAST_LOCKED:
        yield Finding(
            "ulimit", f"only {size(locked)} may be locked for RDMA between nodes; raise ulimit -l on the node"
        )


def _limit(kind: int) -> int | None:
    """What this process, and so the script, is limited to; None for nothing."""
    soft, _ = resource.getrlimit(kind)
    return None if soft == resource.RLIM_INFINITY else soft


def _least(*limits: int | None) -> int | None:
    return min((each for each in limits if each is not None), default=None)


def _stores(work: Work) -> Iterator[Finding]:
    """Servers of buckets must be found by name, unless a proxy finds them."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")):
        return
    named = {urlsplit(str(settings.get("endpoint", ""))).hostname for settings in work.task.buckets.values()}
    for host in sorted(name for name in named if name and not _is_address(name)):
        try:
            socket.getaddrinfo(host, None)
        except OSError as error:
            yield Finding("dns", f"the object store {host} is not found by name: {error}")


def _inputs(work: Work) -> Iterator[Finding]:
    """Whether the inputs fit, as far as a short look tells.

    Raises:
        Unavailable: they are more than the flavor's disk.
    """
    need = sum(_size_of(work, channel.uri) for channel in work.task.inputs)
    if work.task.disk_gb and need > work.task.disk_gb << 30:
        raise Unavailable(
            f"the inputs take {size(need)} or more, and the flavor has a disk of {work.task.disk_gb} GiB; "
            "choose one with more",
            code=Code.DISK_FULL,
        )
    disk = os.statvfs(work.places.root)
    free = disk.f_bavail * disk.f_frsize
    if need > free:
        yield Finding(
            "disk",
            f"the inputs take {size(need)} or more, and the disk of {work.places.root} has {size(free)} left"
            "; free some space on the node",
        )


def _size_of(work: Work, uri: str) -> int:
    """Bytes of the first files of an input; 0 where they cannot be listed, as its own stage will say."""
    try:
        sizes = [info.size for info in islice(work.buckets.list(uri), _COUNTED)]
        return sum(sizes) if sizes else work.buckets.stat(uri).size
    except TrainshedError:
        return 0
