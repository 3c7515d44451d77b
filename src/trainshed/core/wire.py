"""Dataclasses to and from plain JSON values, with nothing but the standard library.

The agent runs from a bare Python on a node, so the nouns it shares with the server are
dataclasses, and this module is their only codec. It checks shapes strictly: an unknown or
missing field or a value of the wrong type raises ``InvalidInput`` that names the field.

A type is looked at once; from then on its values pass through functions made for it.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import operator
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from trainshed.core.errors import Code, InvalidInput

T = TypeVar("T")
Codec = Callable[[Any], Any]

_PLAIN = frozenset({str, int, float, bool, type(None)})


def to_wire(value: Any) -> Any:
    """A JSON-ready copy of ``value``: dataclasses become dicts, enums their values."""
    kind = cast("type[Any]", type(value))
    return value if kind in _PLAIN else _encoder(kind)(value)


def from_wire(cls: type[T], data: Any) -> T:
    """Build a ``cls`` from what :func:`to_wire` (or JSON) gave.

    Raises:
        InvalidInput: a field is unknown, missing or of the wrong type.
    """
    try:
        return cast(T, _decoder(cls)(data))
    except _Wrong as error:
        raise InvalidInput(cls.__name__ + error.path + error.reason, code=Code.FIELD_INVALID) from None


@functools.cache
def _encoder(kind: type) -> Codec:
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return lambda value: {name: to_wire(getattr(value, name)) for name in names}
    if issubclass(kind, enum.Enum):
        return operator.attrgetter("value")
    if issubclass(kind, Mapping):
        return lambda value: {str(k): to_wire(v) for k, v in value.items()}
    if issubclass(kind, (list, tuple, set, frozenset)):
        return lambda value: [to_wire(v) for v in value]
    return lambda value: value


class _Wrong(Exception):  # noqa: N818 it never leaves this module
    """Something is wrong at ``path``, which grows from the inside out."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.path = ""
        self.reason = reason

    def within(self, step: str) -> _Wrong:
        self.path = step + self.path
        return self


def _wrong(wanted: str, data: Any) -> _Wrong:
    return _Wrong(f" must be {wanted}, not {type(data).__name__}")


@functools.cache
def _decoder(kind: Any) -> Codec:
    origin = typing.get_origin(kind)
    if origin is not None:
        return _generic(origin, typing.get_args(kind))
    if kind is Any:
        return lambda data: data
    if dataclasses.is_dataclass(kind):
        return _dataclass(cast(type, kind))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _enum(kind)
    return _scalar(kind)


def _generic(origin: Any, arguments: tuple[Any, ...]) -> Codec:
    if origin in (typing.Union, types.UnionType):
        return _union(arguments)
    if origin in (dict, Mapping):
        return _mapping(arguments[1])
    return _sequence(origin, arguments[0])


def _union(kinds: tuple[Any, ...]) -> Codec:
    exact = frozenset(kinds) & _PLAIN
    rest = _decoder(next(kind for kind in kinds if kind is not type(None)))
    return lambda data: data if type(data) in exact else rest(data)


def _sequence(origin: Any, kind: Any) -> Codec:
    item = _decoder(kind)

    def decode(data: Any) -> Any:
        if not isinstance(data, (list, tuple)):
            raise _wrong("a list", data)
        found: list[Any] = []
        try:
            for value in cast("list[Any]", data):
                found.append(item(value))
        except _Wrong as error:
            raise error.within(f"[{len(found)}]") from None
        return found if origin is list else origin(found)

    return decode


def _mapping(kind: Any) -> Codec:
    item = _decoder(kind)

    def decode(data: Any) -> Any:
        if not isinstance(data, dict):
            raise _wrong("an object", data)
        found: dict[str, Any] = {}
        for name, value in cast("dict[str, Any]", data).items():
            try:
                found[name] = item(value)
            except _Wrong as error:
                raise error.within(f".{name}") from None
        return found

    return decode


def _dataclass(cls: type) -> Codec:
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    decoders = {field.name: _decoder(hints[field.name]) for field in fields}
    missing = dataclasses.MISSING
    needed = [f.name for f in fields if f.default is missing and f.default_factory is missing]

    def decode(data: Any) -> Any:
        if not isinstance(data, dict):
            raise _wrong("an object", data)
        given = cast("dict[str, Any]", data)
        if unknown := given.keys() - decoders.keys():
            raise _Wrong(f" has no field {sorted(unknown)[0]!r}")
        values: dict[str, Any] = {}
        for name, value in given.items():
            try:
                values[name] = decoders[name](value)
            except _Wrong as error:
                raise error.within(f".{name}") from None
        for name in needed:
            if name not in values:
                raise _Wrong(" is missing").within(f".{name}")
        return cls(**values)

    return decode


def _enum(kind: type[enum.Enum]) -> Codec:
    members = {member.value: member for member in kind}

    def decode(data: Any) -> Any:
        try:
            return members[data]
        except (KeyError, TypeError):
            choices = ", ".join(str(value) for value in members)
            raise _Wrong(f" must be one of: {choices}") from None

    return decode


def _scalar(kind: Any) -> Codec:
    wanted = {str: "a string", int: "an integer", bool: "true or false"}.get(kind, "a number")

    def decode(data: Any) -> Any:
        if type(data) is kind and kind in _PLAIN:
            return data
        if kind is float and type(data) is int:
            return float(data)
        raise _wrong(wanted, data)

    return decode
