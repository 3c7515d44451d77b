"""Precheck: whether this node can run the task at all, before anything is fetched."""

from __future__ import annotations

import os
import socket

from trainshed.agent.stages.base import Work, size
from trainshed.core.errors import Code, Unavailable
from trainshed.core.resources import Chip

_LEAST_BYTES = 64 << 20
_LEAST_INODES = 1000
_CARDS = {Chip.GPU: "/dev/nvidia", Chip.ASCEND: "/dev/davinci"}


def run(work: Work) -> str:
    """Look at disk, cards and names.

    Raises:
        Unavailable: the node is not fit for the task.
    """
    _disk(work.places.root)
    _cards(work)
    _names(work)
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
    missing = [d for d in devices if stem and d.isdigit() and not os.path.exists(f"{stem}{d}")]
    if missing:
        raise Unavailable(f"the card {stem}{missing[0]} is not there; check the driver of the node")


def _names(work: Work) -> None:
    """Peers must be found by name, or the ranks would hang."""
    for peer in work.task.peers:
        if peer.host.replace(".", "").isdigit() or ":" in peer.host:
            continue
        try:
            socket.getaddrinfo(peer.host, None)
        except OSError as error:
            raise Unavailable(f"the node {peer.host} is not found by name: {error}") from error
