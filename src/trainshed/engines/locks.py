"""Locks around builds, across processes; whoever waits sees the progress of the one who builds."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Generator
from pathlib import Path

from trainshed.engines.runner import Watcher, parse_line

_FOLLOW_S = 0.1


@contextlib.contextmanager
def held(lock: Path, log: Path, watcher: Watcher) -> Generator[int]:
    """Hold ``lock``; while another holds it, show the lines that it writes to ``log``.

    Yields the lock's file descriptor: a program that inherits it keeps the lock if we die.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    shown = 0
    try:
        while not _try(fd, fcntl.LOCK_EX):
            shown = _follow(log, shown, watcher)
            time.sleep(_FOLLOW_S)
        yield fd
    finally:
        os.close(fd)


def is_held(lock: Path) -> bool:
    """Whether somebody holds ``lock`` now."""
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def percent(log: Path) -> float:
    """How far the build that writes ``log`` is."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return 0.0
    parsed = parse_line(lines[-1]) if lines else None
    return parsed.percent if parsed else 0.0


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _follow(log: Path, offset: int, watcher: Watcher) -> int:
    """Pass on the whole lines after ``offset``; returns the offset behind them."""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return 0
    whole = data[: data.rfind(b"\n") + 1]
    for line in whole.decode("utf-8", "replace").splitlines():
        if parsed := parse_line(line):
            watcher(parsed)
    return offset + len(whole)
