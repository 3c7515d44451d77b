"""Moves the wall clock of a whole service: ``time.time`` plus what the file ``$CHAOS_CLOCK`` says."""

import os
import time

_FILE = os.environ.get("CHAOS_CLOCK", "")
_real = time.time


def _moved() -> float:
    try:
        with open(_FILE, "rb") as file:  # noqa: PTH123 it runs at every look at the clock
            return _real() + float(file.read() or 0)
    except (OSError, ValueError):
        return _real()


if _FILE:
    time.time = _moved
    time.time_ns = lambda: int(_moved() * 1e9)
