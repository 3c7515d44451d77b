"""A look at the boot file before anything scarce is used: does it parse, does it know its arguments?

Nothing is run. What cannot be told for sure is not told: a script that builds its parser elsewhere, or
that takes unknown arguments, gets no warning.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Mistake:
    """The boot file is no Python: where, and what the parser says."""

    line: int
    message: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Attributes:
        mistake: why it cannot be parsed; None where it can.
        unknown: names that the job passes as ``--name`` and the script's parser will refuse.
        known: the options of the script's parser.
    """

    mistake: Mistake | None = None
    unknown: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


def look(source: bytes, passed: Iterable[str], python: tuple[int, int]) -> Look:
    """Look at the source of a boot file.

    Args:
        passed: names of all that reaches it as ``--name=value``.
        python: the version that will run it, such as (3, 7).

    >>> text = b"import argparse\\np = argparse.ArgumentParser()\\np.add_argument('--lr')\\np.parse_args()"
    >>> look(text, ["lr", "data_url"], (3, 11)).unknown
    ('data_url',)
    >>> look(b"def f(:", [], (3, 11)).mistake.line
    1
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, feature_version=python)
    except SyntaxError as error:
        return Look(Mistake(error.lineno or 0, error.msg, (error.text or "").strip()))
    except ValueError as error:  # null bytes
        return Look(Mistake(0, str(error)))
    except (RecursionError, MemoryError):
        return Look()
    options = _options(tree)
    if options is None:
        return Look()
    return Look(unknown=tuple(name for name in passed if not _takes(options, name)), known=options)


def _takes(options: Sequence[str], name: str) -> bool:
    """argparse takes a beginning of an option for the whole."""
    return any(option.startswith(f"--{name}") for option in options)


def _options(tree: ast.AST) -> tuple[str, ...] | None:
    """The options of the one parser that the file makes and parses strictly; None where that is not so."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [(_name(call.func), call) for call in calls]
    names = {name for name, _ in named}
    made = sum(name in ("ArgumentParser", "argparse.ArgumentParser") for name, _ in named)
    strict = any(name.endswith(".parse_args") and not call.args for name, call in named)
    loose = any(name.rpartition(".")[2] in _LOOSE for name in names)
    if made != 1 or not strict or loose:
        return None
    found: list[str] = []
    for name, call in named:
        if not name.endswith("add_argument"):
            continue
        for argument in call.args:
            if not isinstance(argument, ast.Constant):
                return None  # made up while it runs
            found.append(str(argument.value))
    return tuple(option for option in found if option.startswith("--"))


_LOOSE = frozenset(
    {"parse_known_args", "parse_intermixed_args", "parse_known_intermixed_args", "add_subparsers"}
)


def _name(node: ast.expr) -> str:
    """``parser.parse_args`` of a call's function, as far as it is plain names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return ""
