"""Search through a whole log on the server: ``grep`` in a process of its own.

It is several times as fast as a scan in the interpreter, runs beside the service instead of in
it, and a pattern that never ends can be killed.
"""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from trainshed.core.errors import Code, InvalidInput, Unavailable

LONGEST_LINE = 4096
MAX_PATTERN = 1024
MAX_OUTPUT = 8 * 1024 * 1024
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Match:
    """One line that matches.

    Attributes:
        offset: of the line's first byte.
        line: its number, from 1.
        text: the line without its end; its first 4,096 bytes.
    """

    offset: int
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search saw.

    Attributes:
        size: bytes that were looked through.
        truncated: whether there may be more matches than these.
    """

    matches: tuple[Match, ...]
    size: int
    truncated: bool


def search(path: Path, pattern: str, *, limit: int, regex: bool = False, ignore_case: bool = False) -> Found:
    """The first ``limit`` lines that hold ``pattern`` (with ``regex``: a Perl-style expression).

    Raises:
        InvalidInput: the pattern is empty, too long, has a line break or is no regular expression.
        Unavailable: it took longer than 20 seconds, or there is no ``grep``.
    """
    if not pattern or len(pattern) > MAX_PATTERN or "\n" in pattern or "\x00" in pattern:
        raise InvalidInput(
            f"search for 1 to {MAX_PATTERN} characters without a line break", code=Code.FIELD_INVALID
        )
    size = _size(path)
    if not size:
        return Found((), 0, truncated=False)
    options = ["-P" if regex else "-F", *(["-i"] if ignore_case else [])]
    output, complete = _grep([*options, "-m", str(limit + 1), "-e", pattern, "--", str(path)])
    lines = output.split(b"\n")
    lines = lines[:-1] if complete or len(lines) > 1 else lines
    cut = len(lines) > limit or not complete
    return Found(tuple(_parse(line) for line in lines[:limit]), size, truncated=cut)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _grep(arguments: list[str]) -> tuple[bytes, bool]:
    """Standard output of grep, and whether that is all of it."""
    environ = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    pattern = [os.fsencode(a) for a in arguments]
    try:
        process = subprocess.Popen(
            ["grep", "-a", "-b", "-n", *pattern], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
        )
    except FileNotFoundError:
        raise Unavailable("searching logs needs grep: install it on the server") from None
    timed_out = threading.Event()
    timer = threading.Timer(SECONDS, lambda: (timed_out.set(), process.kill()))
    timer.start()
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        output = process.stdout.read(MAX_OUTPUT)
        complete = not process.stdout.read(1)
        process.kill() if not complete else None
        said = process.stderr.read(1000)
    timer.cancel()
    if timed_out.is_set():
        raise Unavailable("the search took too long: use a simpler pattern")
    if complete and process.returncode > 1 and not output:
        reason = said.decode("utf-8", "replace").strip().removeprefix("grep: ").split("\n")[0]
        raise InvalidInput(f"the pattern cannot be searched for: {reason[:200]}", code=Code.FIELD_INVALID)
    return output, complete


def _parse(line: bytes) -> Match:
    number, offset, text = line.split(b":", 2)
    return Match(int(offset), int(number), text[:LONGEST_LINE].rstrip(b"\r").decode("utf-8", "replace"))
