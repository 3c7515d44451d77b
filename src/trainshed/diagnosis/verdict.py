"""The answer of a diagnosis."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Confidence(enum.StrEnum):
    """How sure the answer is: HIGH was shown by the log, LOW is only the likeliest."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"

    def less(self) -> Confidence:
        """One step less sure."""
        return Confidence.MEDIUM if self is Confidence.HIGH else Confidence.LOW


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """A line that shows it.

    Attributes:
        stream: name of the log.
        offset: byte offset of the line's start in it; -1 for a line of the kernel log.
        text: the line, without escapes and cut to 500 characters.
    """

    stream: str
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What went wrong, as far as that can be told.

    Attributes:
        rule: id of the rule that says so; its first part is the category.
        category: python, script, data, environment, memory, accelerator, communication, numerics,
            storage, limits, stopped, platform.
        cause, advice: sentences; ``…_zh`` in Chinese.
        rank: global rank that failed first of its own, -1 where unknown; ``task`` is its task.
        location: ``train.py:12 in main``, the deepest line of the user's own code, or "".
        traceback: the script's own, cut in the middle if it is long, or "".
        consequences: ranks that failed because that one did.
        evidence: the lines that show it, the telling one first.
        source: the public report that the rule was learned from, or "".
    """

    rule: str
    category: str
    confidence: Confidence
    title: str
    title_zh: str
    cause: str
    cause_zh: str
    advice: str
    advice_zh: str
    rank: int = -1
    task: int = -1
    exit_code: int | None = None
    signal: int = 0
    location: str = ""
    traceback: str = ""
    consequences: tuple[int, ...] = ()
    evidence: tuple[EvidenceLine, ...] = ()
    source: str = ""
