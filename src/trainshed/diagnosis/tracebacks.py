"""Python tracebacks in a log: which one ended the script, its chain, and the user's own line."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from trainshed.diagnosis.lines import Line, Window

HEADER = b"Traceback (most recent call last)"
_MOST_LINES = 6000  # the deepest recursion that Python allows by itself, three lines a frame
_MOST_MESSAGE = 120

_FRAME = re.compile(r'\s*File "(?P<file>.+?)", line (?P<line>\d+)(?:, in (?P<name>.+))?$')
_EXCEPTION = re.compile(r"(?P<type>[A-Za-z_][\w.]*)(?:: ?(?P<message>.*))?$")
_SYNTAX = (b"SyntaxError: ", b"IndentationError: ", b"TabError: ")
_CAUSE = "The above exception was the direct cause of the following exception"
_DURING = "During handling of the above exception, another exception occurred"
_IGNORED = re.compile(r"Exception ignored in|--- Logging error ---|Exception ignored while|Error in atexit")
_CHILD = re.compile(r"(?:Process \S+:|Exception in (?:thread|Tkinter) )")
_LIBRARY = re.compile(
    r"(?:/(?:site|dist)-packages/|/lib(?:64)?/python\d|<frozen |<__array_function__|<string>$|<stdin>$)"
)


class Link(enum.Enum):
    """How an exception follows the one before it in the log."""

    NONE = "none"
    CAUSE = "cause"
    DURING = "during"
    INNER = "inner"


@dataclass(frozen=True, slots=True)
class Frame:
    """One level of the stack."""

    file: str
    line: int
    name: str
    code: str = ""
    offset: int = -1

    @property
    def own(self) -> bool:
        """Whether it is not of Python itself or of an installed package."""
        return not _LIBRARY.search(self.file)


@dataclass(frozen=True, slots=True)
class Traceback:
    """One traceback.

    Attributes:
        kind: the exception's type as printed, with its module; ``message`` follows it.
        detail: the lines of the message after the first.
        offset, end: byte offsets of its first line and after its exception line.
        ignored: it was printed by somebody who went on.
        child: it ended a thread or a child process, not the script itself.
        link: how it follows the one before.
    """

    kind: str
    message: str
    frames: tuple[Frame, ...]
    offset: int
    end: int
    exception_offset: int
    text: str
    detail: str = ""
    rank: int = -1
    ignored: bool = False
    child: bool = False
    link: Link = Link.NONE

    @property
    def name(self) -> str:
        """The type without its module."""
        return self.kind.rsplit(".", 1)[-1]

    @property
    def own_frame(self) -> Frame | None:
        """The deepest line of the user's own code."""
        return next((frame for frame in reversed(self.frames) if frame.own), None)


def find(window: Window, rank: int | None, most: int = 40) -> list[Traceback]:
    """The first and last tracebacks in ``window``, in order.

    Args:
        rank: only those on lines of this rank (or without a mark); None for all.
    """
    positions = window.find(HEADER, most)
    found = [t for at in positions if (t := _parse(window, at))]
    taken = [(t.offset, t.end) for t in found]
    for literal in _SYNTAX:
        for at in window.find(literal, 8):
            offset = window.base + at
            if not any(start <= offset < end for start, end in taken) and (t := _syntax(window, at)):
                found.append(t)
    if rank is not None:
        found = [t for t in found if t.rank in (-1, rank)]
    return sorted(found, key=lambda t: t.offset)


def chains(tracebacks: Iterable[Traceback]) -> list[tuple[Traceback, ...]]:
    """Tracebacks that belong together, root first; those that were ignored are left out."""
    found: list[list[Traceback]] = []
    for traceback in tracebacks:
        if traceback.ignored:
            continue
        if traceback.link is not Link.NONE and found and found[-1][-1].rank == traceback.rank:
            # what a worker raised is printed inside the message of what its parent raised
            found[-1].insert(0 if traceback.link is Link.INNER else len(found[-1]), traceback)
        else:
            found.append([traceback])
    return [tuple(chain) for chain in found]


def _parse(window: Window, position: int) -> Traceback | None:
    head = window.line(position)
    indent = len(head.text) - len(head.text.lstrip(" |+"))
    start = head.offset - window.base
    lines = _same_rank(window.forward(start, _MOST_LINES), head.rank)
    frames: list[Frame] = []
    kept: list[Line] = []
    for line in lines:
        kept.append(line)
        if len(kept) == 1:
            continue
        text = line.text[indent:] if not line.text[:indent].strip(" |") else line.text
        if frame := _FRAME.match(text):
            frames.append(Frame(frame["file"], int(frame["line"]), frame["name"] or "", offset=line.offset))
        elif text.startswith(" ") or not text:
            _add_code(frames, text)
        elif text.startswith("[Previous line repeated"):
            continue
        else:
            return _finish(window, kept, frames, text, head)
    return None


def _finish(window: Window, kept: list[Line], frames: list[Frame], text: str, head: Line) -> Traceback | None:
    exception = _EXCEPTION.match(text)
    if exception is None or not frames:
        return None
    last = kept[-1]
    link, ignored, child = _before(window, head)
    return Traceback(
        kind=exception["type"],
        message=exception["message"] or "",
        frames=tuple(frames),
        offset=head.offset,
        end=last.end,
        exception_offset=last.offset,
        text="\n".join(line.text for line in kept),
        detail=_detail(window, last),
        rank=head.rank,
        ignored=ignored,
        child=child,
        link=link,
    )


def _detail(window: Window, last: Line) -> str:
    """The rest of a message of several lines, as far as one can tell."""
    rest: list[str] = []
    for line in _same_rank(window.forward(last.end - window.base, _MOST_MESSAGE), last.rank):
        if HEADER.decode() in line.text or line.text.startswith((_CAUSE, _DURING, "Exception ignored in")):
            break
        rest.append(line.text)
    return "\n".join(rest).rstrip()


def _before(window: Window, head: Line) -> tuple[Link, bool, bool]:
    """What the lines above a traceback say of it."""
    if head.text.lstrip().startswith("Original Traceback"):
        return Link.INNER, False, False
    above = _same_rank(window.backward(head.offset - window.base, 8), head.rank)
    filled = [line.text.strip() for line in above if line.text.strip()]
    if not filled:
        return Link.NONE, False, False
    if _CAUSE in filled[0]:
        return Link.CAUSE, False, False
    if _DURING in filled[0]:
        return Link.DURING, False, False
    return Link.NONE, bool(_IGNORED.search(filled[0])), bool(_CHILD.match(filled[0]))


def _syntax(window: Window, position: int) -> Traceback | None:
    """A syntax error in the boot file itself, which has no header."""
    last = window.line(position)
    exception = _EXCEPTION.match(last.text)
    if exception is None:
        return None
    kept = [last]
    for line in window.backward(last.offset - window.base, 5):
        kept.insert(0, line)
        if frame := _FRAME.match(line.text):
            code = kept[1].text.strip() if len(kept) > 2 else ""
            return Traceback(
                kind=exception["type"],
                message=exception["message"] or "",
                frames=(Frame(frame["file"], int(frame["line"]), frame["name"] or "", code, line.offset),),
                offset=line.offset,
                end=last.end,
                exception_offset=last.offset,
                text="\n".join(each.text for each in kept),
                rank=last.rank,
            )
    return None


def _add_code(frames: list[Frame], text: str) -> None:
    if frames and not frames[-1].code and text.strip(" ^~"):
        frames[-1] = replace(frames[-1], code=text.strip())


def _same_rank(lines: Iterable[Line], rank: int) -> Iterable[Line]:
    return (line for line in lines if line.rank == rank)
