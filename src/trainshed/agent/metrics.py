"""Picks training metrics from a log as it passes, by regular expressions.

Cheap where there is nothing: a piece of log without any of the usual words costs a few searches
for bytes. Bounded where there is much: of every piece only so many lines are looked at.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from trainshed.core.task import TrainingMetric

LINES_PER_PIECE = 4000
_LONGEST_LINE = 16 * 1024
_WORDS = (b"loss", b"acc", b"epoch", b"step", b"iter", b"error", b"score", b"reward", b"auc", b"ppl")
_NAMES = (
    r"loss|accuracy|acc|epoch|global[ _]?step|step|iter(?:ation)?|(?:samples?|imgs?|images?|tokens?)/s(?:ec)?"
    r"|top-?[15]|learning[ _]?rate|lr|m?ap(?:50)?|auc|f1(?:[ _]score)?|precision|recall|perplexity|ppl|bleu"
    r"|mse|mae|rmse|psnr|ssim|error|reward|score"
)
_PREFIX = r"train(?:ing)?|val(?:id(?:ation)?)?|test(?:ing)?|eval(?:uation)?|average|avg|mean|total|best"
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|nan|[-+]?inf(?:inity)?"
_METRIC = re.compile(
    rf"(?<![\w./-])((?:(?:{_PREFIX})(?:[ _/-](?:set)?|[ ]set:?[ ]))*(?:{_NAMES})(?:_\d+)?)[\"']?"
    rf"(?:\s*[:=]\s*|\s+is\s+|\s+)[\[(]?\s*({_NUMBER})(?:\s*/\s*(\d+))?(?![\w])",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SHARE = ("acc", "accuracy")


class Picker:
    """Reads a log from the beginning and gives the metrics in it.

    Args:
        regexes: name → regular expression whose first group is the number; it is looked for in
            every line. A name that is here is not picked in any other way.
        state: what :meth:`state` gave, to go on from there.

    Attributes:
        offset: how far into the log everything was read.
    """

    def __init__(self, regexes: Mapping[str, str], state: Mapping[str, Any] | None = None) -> None:
        self._own = {name: re.compile(text, re.MULTILINE) for name, text in regexes.items()}
        state = state or {}
        self.offset: int = state.get("offset", 0)
        self._seq: int = state.get("seq", 0)
        self._steps: dict[str, int] = dict(state.get("steps", {}))

    def state(self) -> dict[str, Any]:
        """What a later picker needs to go on; JSON-ready."""
        return {"offset": self.offset, "seq": self._seq, "steps": self._steps}

    def feed(
        self, data: bytes | memoryview, *, end: bool = False, hurry: bool = False
    ) -> list[TrainingMetric]:
        """The metrics in the bytes of the log from :attr:`offset` on.

        Only whole lines are read; the rest must be given again.

        Args:
            end: no more will come, so an unfinished last line counts.
            hurry: the log grows faster than it is read: look at a sixteenth of it only.
        """
        data = bytes(data)
        cut = len(data) if end else data.rfind(b"\n") + 1
        if not cut and len(data) > 1 << 20:
            cut = len(data)  # a line without end; nothing to be found in it
        self.offset += cut
        if hurry:
            cut = data.rfind(b"\n", 0, cut // 16) + 1
        data = data[:cut]
        found = [self._metric(name, value) for name, value in self._own_values(data)]
        for line in _lines(data):
            found += [self._metric(name, value) for name, value in self._usual_values(line)]
        return found

    def _own_values(self, data: bytes) -> Iterator[tuple[str, float]]:
        if not self._own:
            return
        text = data.decode("utf-8", "replace")
        for name, regex in self._own.items():
            for match in regex.finditer(text):
                value = _number(match[1] if regex.groups else match[0])
                if value is not None:
                    yield name, value

    def _usual_values(self, line: bytes) -> Iterator[tuple[str, float]]:
        seen = set(self._own)
        for match in _METRIC.finditer(_text(line)):
            name = re.sub(r"[ /_-]+(?:set:?[ ])?", "_", match[1].lower()).strip("_")
            value = _number(match[2])
            if value is not None and name not in seen:
                seen.add(name)
                share = match[3] and name.rpartition("_")[2] in _SHARE
                yield name, value / max(1, int(match[3])) if share else value

    def _metric(self, name: str, value: float) -> TrainingMetric:
        step = self._steps.get(name, 0)
        metric = TrainingMetric(self._seq, time.time(), name, step, value)
        self._steps[name] = step + 1
        self._seq += 1
        return metric


def _lines(data: bytes) -> Iterator[bytes]:
    """Lines that hold one of the usual words, in order; not more than are looked at."""
    lower = data.lower()
    following = {word: at for word in _WORDS if (at := lower.find(word)) >= 0}
    for _ in range(LINES_PER_PIECE):
        if not following:
            return
        first = min(following.values())
        start = lower.rfind(b"\n", 0, first) + 1
        end = lower.find(b"\n", first)
        yield data[start : end if end >= 0 else len(data)][-_LONGEST_LINE:]
        if end < 0:
            return
        for word in [word for word, at in following.items() if at < end]:
            following[word] = lower.find(word, end)
            if following[word] < 0:
                del following[word]


def _text(line: bytes) -> str:
    """A line as a person sees it: what stands after the last carriage return, without colours."""
    shown = line.rstrip(b"\r").rpartition(b"\r")[2]
    text = shown.decode("utf-8", "replace")
    return _COLOUR.sub("", text) if "\x1b" in text else text


def _number(text: str) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
