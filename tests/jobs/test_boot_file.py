"""What is seen in a boot file without running it."""

from __future__ import annotations

import pytest

from trainshed.jobs.boot_file import look

PARSER = "import argparse\np = argparse.ArgumentParser()\np.add_argument('-l', '--learning_rate')\n"


@pytest.mark.parametrize(
    ("script", "unknown"),
    [
        (PARSER + "p.parse_args()", ("data_url",)),
        (PARSER + "p.add_argument('--data_url')\np.parse_args()", ()),
        (PARSER + "p.parse_known_args()", ()),
        (PARSER + "p.parse_args([])", ()),
        (PARSER + "for n in NAMES: p.add_argument('--' + n)\np.parse_args()", ()),
        (PARSER + "q = argparse.ArgumentParser(parents=[p])\nq.parse_args()", ()),
        ("from argparse import ArgumentParser\nArgumentParser().parse_args()", ("learning", "data_url")),
        ("from options import parser\nparser.parse_args()", ()),
        ("import sys\nprint(sys.argv)", ()),
    ],
)
def test_arguments_that_the_parser_refuses(script: str, unknown: tuple[str, ...]) -> None:
    """A beginning of an option is taken by argparse, and so it is here."""
    assert look(script.encode(), ["learning", "data_url"], (3, 11)).unknown == unknown


@pytest.mark.parametrize(
    ("source", "line"),
    [(b"x = 1\nif x\n", 2), (b"print 'python 2'", 1), (b"\x00", 0), (b"def f():\nreturn 1\n", 2)],
)
def test_a_file_that_is_no_python(source: bytes, line: int) -> None:
    mistake = look(source, [], (3, 11)).mistake
    assert mistake is not None
    assert mistake.line in (line, 0)


def test_older_pythons_have_other_words() -> None:
    assert look(b"match x:\n    case 1: pass\n", [], (3, 7)).mistake is not None
    assert look(b"match x:\n    case 1: pass\n", [], (3, 11)).mistake is None
    assert look(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", [], (3, 7)).mistake is None
    assert look(b"x = '\\d'\n", [], (3, 11)).mistake is None


def test_deep_nesting_is_let_pass() -> None:
    assert look(b"(" * 5000 + b")" * 5000, [], (3, 11)).unknown == ()
