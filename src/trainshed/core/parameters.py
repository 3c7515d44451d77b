"""Which values a hyperparameter may take: type, range, choice, required, editable.

A ``valid_range`` whose meaning is left open (``valid_type`` None or missing) still binds: two bounds of
a number are a Range, anything else is a Choice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace

from trainshed.core.algorithm import Hyperparameter, ParameterType
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.names import check_parameter_name

MAX_PARAMETERS = 200
MAX_VALUE = 16_384

_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBERS = (ParameterType.INTEGER, ParameterType.FLOAT)


def check_declared(parameters: Iterable[Hyperparameter]) -> tuple[Hyperparameter, ...]:
    """The parameters, if an algorithm may declare them, with what their ``valid_range`` means spelt out.

    Raises:
        InvalidInput: a bad name, a name twice, a constraint that makes no sense, or a default
            that breaks its own constraint.
    """
    declared = tuple(_spelt_out(parameter) for parameter in parameters)
    if len(declared) > MAX_PARAMETERS:
        raise _wrong(f"{len(declared)} hyperparameters; {MAX_PARAMETERS} at most")
    seen: set[str] = set()
    for parameter in declared:
        check_parameter_name(parameter.name)
        if parameter.name in seen:
            raise _wrong(f"hyperparameter {parameter.name!r} is declared twice")
        seen.add(parameter.name)
        _check_constraint(parameter)
        if parameter.default:
            check_value(parameter, parameter.default)
    return declared


def check_value(parameter: Hyperparameter, value: str) -> str:
    """``value`` itself, if this parameter may have it.

    >>> lr = Hyperparameter("lr", ParameterType.FLOAT, valid_type="Range", valid_range=("0", "1"))
    >>> check_value(lr, "0.1")
    '0.1'

    Raises:
        InvalidInput: empty though required, or against type, range or choice.
    """
    check_text(parameter.name, value)
    if not value:
        if parameter.required:
            raise InvalidInput(
                f"hyperparameter {parameter.name!r} is required: give it a value",
                code=Code.PARAMETER_REQUIRED,
            )
        return value
    number = _number(parameter, value)
    kind = _kind(parameter)
    if kind == "Range" and number is not None:
        _check_range(parameter, value, number)
    if kind == "Choice" and not _chosen(parameter, value, number):
        choices = ", ".join(parameter.valid_range[:20])
        raise _wrong(f"hyperparameter {parameter.name!r} is {_shown(value)}; it must be one of: {choices}")
    return value


def check_text(name: str, value: str) -> str:
    """``value`` itself, if it can be one argument of a process.

    Raises:
        InvalidInput: a NUL character, or over 16,384 characters.
    """
    if "\x00" in value:
        raise _wrong(f"hyperparameter {name!r} holds a NUL character")
    if len(value) > MAX_VALUE:
        raise _wrong(f"hyperparameter {name!r} has {len(value)} characters; {MAX_VALUE} at most")
    return value


def _kind(parameter: Hyperparameter) -> str:
    """What ``valid_range`` means, also where the declaration leaves it open."""
    if parameter.valid_type != "None" or not parameter.valid_range:
        return parameter.valid_type
    return "Range" if parameter.type in _NUMBERS and len(parameter.valid_range) == 2 else "Choice"


def _spelt_out(parameter: Hyperparameter) -> Hyperparameter:
    kind, bounds = _kind(parameter), parameter.valid_range
    guessed = kind != parameter.valid_type
    if guessed and parameter.type is ParameterType.STRING and len(bounds) == 2 and all(map(_numeric, bounds)):
        raise _wrong(
            f"hyperparameter {parameter.name!r} is a String with {bounds[0]} and {bounds[1]} in valid_range: "
            "give it type Integer or Float, or valid_type Choice"
        )
    return replace(parameter, valid_type=kind)


def _numeric(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _check_constraint(parameter: Hyperparameter) -> None:
    name = parameter.name
    match parameter.valid_type:
        case "Range":
            _check_bounds(parameter)
        case "Choice":
            _check_choices(parameter)
        case "None":
            pass
        case other:
            raise _wrong(f"hyperparameter {name!r} has valid_type {_shown(other)}; use None, Range or Choice")
    if parameter.required and not parameter.editable and not parameter.default:
        raise _wrong(
            f"hyperparameter {name!r} is required, has no value and cannot be edited: "
            "give it a value, or make it editable"
        )


def _check_bounds(parameter: Hyperparameter) -> None:
    name, bounds = parameter.name, parameter.valid_range
    if parameter.type not in _NUMBERS:
        raise _wrong(f"hyperparameter {name!r} has a Range, which only an Integer or Float can have")
    if len(bounds) != 2:
        raise _wrong(f"hyperparameter {name!r} has {len(bounds)} values in valid_range; a Range needs two")
    if not any(bounds):
        raise _wrong(f"hyperparameter {name!r} has a Range without any bound: give one, or no valid_range")
    low, high = (_number(parameter, bound) if bound else None for bound in bounds)
    if low is not None and high is not None and low > high:
        raise _wrong(f"hyperparameter {name!r} has a Range from {bounds[0]} to {bounds[1]}, which is empty")


def _check_choices(parameter: Hyperparameter) -> None:
    if not parameter.valid_range:
        raise _wrong(f"hyperparameter {parameter.name!r} is a Choice without any choice in valid_range")
    for choice in parameter.valid_range:
        _number(parameter, choice)


def _number(parameter: Hyperparameter, value: str) -> float | int | None:
    """The value as a number (None for text), or an error if it is not of the parameter's type."""
    text = value.strip()
    match parameter.type:
        case ParameterType.STRING:
            return None
        case ParameterType.BOOLEAN:
            if text.lower() not in ("true", "false"):
                raise _type(parameter, value, "true or false")
            return None
        case ParameterType.INTEGER:
            if not _INTEGER.fullmatch(text):
                raise _type(parameter, value, "a whole number")
            return int(text)
        case ParameterType.FLOAT:
            try:
                number = float(text)
            except ValueError:
                number = math.nan
            if not math.isfinite(number):
                raise _type(parameter, value, "a number")
            return number


def _check_range(parameter: Hyperparameter, value: str, number: float) -> None:
    low, high = parameter.valid_range
    if low and number < (_number(parameter, low) or 0):
        raise _wrong(f"hyperparameter {parameter.name!r} is {_shown(value)}; it must be at least {low}")
    if high and number > (_number(parameter, high) or 0):
        raise _wrong(f"hyperparameter {parameter.name!r} is {_shown(value)}; it must be at most {high}")


def _chosen(parameter: Hyperparameter, value: str, number: float | None) -> bool:
    if value in parameter.valid_range:
        return True
    if parameter.type is ParameterType.BOOLEAN:
        return value.lower() in (choice.lower() for choice in parameter.valid_range)
    return number is not None and any(_same(number, choice) for choice in parameter.valid_range)


def _same(number: float, choice: str) -> bool:
    try:
        return float(choice) == float(number)
    except (ValueError, OverflowError):
        return False


def _type(parameter: Hyperparameter, value: str, wanted: str) -> InvalidInput:
    return _wrong(f"hyperparameter {parameter.name!r} is {_shown(value)}; it must be {wanted}")


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:77] + "...")


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, code=Code.PARAMETER_INVALID)
