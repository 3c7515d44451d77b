"""A catalogue of sentences with gaps, and the search for the one that a text was made from."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

GAP = "{}"
_LONGEST = 8192
_SHORT = 300


@dataclass(frozen=True, slots=True)
class Gap:
    """A place in a translation.

    Attributes:
        number: of the gap in the English sentence whose text goes there, from 0.
        said: whether that text is a sentence itself, and translated in its turn.
    """

    number: int
    said: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """A sentence with gaps: the English words between them, and its translation in pieces."""

    words: tuple[str, ...]
    pieces: tuple[str | Gap, ...]

    @property
    def weight(self) -> int:
        return sum(map(len, self.words))


class Catalogue:
    """Sentences and their translations.

    Where a text could be made from several sentences, the one with the most words of its own wins.

    >>> words = Catalogue({"job {} is {} already": "作业 {0} 已是 {1}", "x: {}": "x：{:said}"})
    >>> words.translate("x: job 7 is done already")
    'x：作业 7 已是 done'

    Args:
        sentences: English with ``{}`` for each gap; the translation's ``{:said}`` is a gap whose
            text is translated in its turn.
    """

    def __init__(self, sentences: Mapping[str, str]) -> None:
        self._whole = {english: other for english, other in sentences.items() if GAP not in english}
        entries = [
            _Entry(tuple(english.split(GAP)), pieces_of(other))
            for english, other in sentences.items()
            if GAP in english
        ]
        self._entries = sorted(entries, key=lambda entry: -entry.weight)

    def translate(self, text: str) -> str:
        """``text`` in the catalogue's language; ``text`` itself where no sentence fits."""
        if (whole := self._whole.get(text)) is not None:
            return whole
        if len(text) > _LONGEST:
            return text
        for entry in self._entries:
            if (parts := _parts(entry.words, text)) is not None:
                made = self._fill(entry, parts)
                if made is not None:
                    return made
        return text

    def _fill(self, entry: _Entry, parts: list[str]) -> str | None:
        """The translation with its gaps filled; None for a mere frame around what nobody knows."""
        said = {
            piece.number: self.translate(parts[piece.number])
            for piece in entry.pieces
            if isinstance(piece, Gap) and piece.said
        }
        frame = not any(map(str.isalpha, "".join(entry.words)))
        if frame and all(made == parts[number] for number, made in said.items()):
            return None
        return "".join(
            piece if isinstance(piece, str) else said.get(piece.number, parts[piece.number])
            for piece in entry.pieces
        )


def _parts(words: tuple[str, ...], text: str) -> list[str] | None:
    """What stands between ``words`` in ``text``; None where they are not all there, in order."""
    first, last = words[0], words[-1]
    if not text.startswith(first) or not text.endswith(last):
        return None
    at, end = len(first), len(text) - len(last)
    parts: list[str] = []
    for word in words[1:-1]:
        found = text.find(word, at, end)
        if found < 0:
            return None
        parts.append(text[at:found])
        at = found + len(word)
    return [*parts, text[at:end]] if at <= end else None


def pieces_of(translation: str) -> tuple[str | Gap, ...]:
    """A translation's words and gaps, in order; gaps without a number count on by themselves.

    >>> pieces_of("{1} 在 {0:said}")
    (Gap(number=1, said=False), ' 在 ', Gap(number=0, said=True))
    """
    pieces: list[str | Gap] = []
    for words, name, form, _ in string.Formatter().parse(translation):
        if words:
            pieces.append(words)
        if name is not None:
            number = int(name) if name else sum(isinstance(piece, Gap) for piece in pieces)
            pieces.append(Gap(number, form == "said"))
    return tuple(pieces)


def load(name: str) -> dict[str, str]:
    """The sentences of a file of this package, its tables put together."""
    text = files("trainshed.translation").joinpath(name).read_text(encoding="utf-8")
    return {english: other for table in tomllib.loads(text).values() for english, other in table.items()}


@cache
def _chinese() -> Catalogue:
    return Catalogue(load("zh.toml"))


def chinese(text: str) -> str:
    """What the service says, in Chinese; other text as it is.

    >>> chinese("name or password is wrong")
    '用户名或密码错误'
    """
    return _remembered(text) if len(text) <= _SHORT else _chinese().translate(text)


@lru_cache(maxsize=2048)
def _remembered(text: str) -> str:
    return _chinese().translate(text)
