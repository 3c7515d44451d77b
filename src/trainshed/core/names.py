"""Which names are allowed, and why not.

Limits are those of the ModelArts API, so that a name accepted there is accepted here.
"""

from __future__ import annotations

import re

from trainshed.core.errors import Code, InvalidInput

_NAME = re.compile(r"[\w][\w-]{0,63}", re.UNICODE)
_PARAMETER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

MAX_DESCRIPTION = 256
MAX_VARIABLES = 100
MAX_VARIABLE_VALUE = 4096


def check_name(name: str, what: str = "name") -> str:
    """``name`` itself, if a job, algorithm or bucket may be called so.

    >>> check_name("mnist-1")
    'mnist-1'

    Raises:
        InvalidInput: empty, longer than 64 characters, or with other characters than
            letters (of any script), digits, ``_`` and ``-``.
    """
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= 80 else name[:77] + "..."
        raise InvalidInput(
            f"{what} {shown!r} is not allowed: use 1 to 64 letters, digits, '_' or '-', not '-' first",
            code=Code.NAME_INVALID,
        )
    return name


def check_parameter_name(name: str) -> str:
    """``name`` itself, if a hyperparameter or channel may be called so.

    Raises:
        InvalidInput: not 1 to 64 letters, digits, ``_`` or ``-``.
    """
    if not _PARAMETER.fullmatch(name):
        raise InvalidInput(
            f"parameter name {name[:80]!r} is not allowed: use 1 to 64 letters, digits, '_' or '-'",
            code=Code.PARAMETER_INVALID,
        )
    return name


def check_description(text: str) -> str:
    """``text`` itself, if it is short enough and printable.

    Raises:
        InvalidInput: longer than 256 characters.
    """
    if len(text) > MAX_DESCRIPTION:
        raise InvalidInput(
            f"description has {len(text)} characters; {MAX_DESCRIPTION} at most", code=Code.FIELD_INVALID
        )
    if "\x00" in text:
        raise InvalidInput("description holds a NUL character", code=Code.FIELD_INVALID)
    return text


def check_environments(variables: dict[str, str]) -> dict[str, str]:
    """``variables`` itself, if they may be given to a job.

    Raises:
        InvalidInput: over 100 of them, a name that is no identifier, or a value over 4,096
            characters or with ``$`` or NUL in it.
    """
    if len(variables) > MAX_VARIABLES:
        raise _variable(f"{len(variables)} environment variables; {MAX_VARIABLES} at most")
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise _variable(f"environment variable {name[:80]!r} is not a name: use letters, digits and '_'")
        if len(value) > MAX_VARIABLE_VALUE:
            raise _variable(f"environment variable {name} has a value over {MAX_VARIABLE_VALUE} characters")
        if "$" in value or "\x00" in value:
            raise _variable(f"environment variable {name} has a '$' or NUL in its value: leave it out")
    return variables


def _variable(message: str) -> InvalidInput:
    return InvalidInput(message, code=Code.ENVIRONMENT_VARIABLE_INVALID)
