"""Whether somebody still has a file open for writing."""

from __future__ import annotations

import errno
import fcntl
import os


def open_for_writing(path: str) -> bool | None:
    """Whether any process may still write to ``path``; None where the system does not tell.

    A read lease is granted only when nobody has the file open for writing, and is given back at once.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno in (errno.EAGAIN, errno.EBUSY) else None
    finally:
        os.close(fd)
    return False
