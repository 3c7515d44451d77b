"""Where a rank stands, from the stack that py-spy took of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trainshed.diagnosis.tracebacks import Frame

_FRAME = re.compile(r"\s+(?P<name>.+) \((?P<file>.+?):(?P<line>\d+)\)$")
_PYTHON = (".py", "<string>", "<stdin>")


@dataclass(frozen=True, slots=True)
class RankStack:
    """The stack of one rank as it was taken: threads with their frames, the innermost first."""

    rank: int
    text: str
    task: int = 0

    @property
    def main_thread(self) -> str:
        """The part of its main thread: of the one that says so, else of the last."""
        parts = re.split(r"(?m)^(?=Thread )", self.text.split("\n\nProcess ", 1)[0])
        threads = [part.rstrip() for part in parts if part.startswith("Thread ")]
        return next((part for part in threads if "MainThread" in part), threads[-1] if threads else "")

    @property
    def frames(self) -> list[Frame]:
        """The Python frames of its main thread, the innermost first."""
        found = [_FRAME.match(line) for line in self.main_thread.splitlines()[1:]]
        return [
            Frame(match["file"], int(match["line"]), match["name"])
            for match in found
            if match and match["file"].endswith(_PYTHON)
        ]

    @property
    def place(self) -> Frame | None:
        """The innermost frame of the user's own code, else of any Python code.

        >>> text = '''Thread 7 (idle): "MainThread"
        ...     wait (/usr/lib/python3.11/threading.py:327)
        ...     step (/home/ma-user/train.py:6)'''
        >>> RankStack(0, text).place.name
        'step'
        """
        frames = self.frames
        return next((frame for frame in frames if frame.own), frames[0] if frames else None)


def of_rank(stacks: Sequence[RankStack], rank: int) -> RankStack | None:
    """The stack to be looked at first: of this rank where there is one, else the first that says anything."""
    told = [stack for stack in stacks if stack.place]
    return next((stack for stack in told if stack.rank == rank), told[0] if told else None)
