"""The Chinese sentences are said with the same values, and none is left over."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import trainshed.cli
from trainshed.cli.words import _CHINESE

SOURCE = "".join(path.read_text() for path in Path(trainshed.cli.__file__).parent.glob("*.py"))


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("english", _CHINESE)
def test_pair(english: str) -> None:
    assert _fields(_CHINESE[english]) <= _fields(english)
    assert re.search("[\u4e00-\u9fff]", _CHINESE[english])
    said = SOURCE.count(english) + SOURCE.count(english.rpartition(", ")[0] + ", ")
    assert said >= 2, "translated, but said nowhere"
