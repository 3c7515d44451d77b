"""Dataclasses to and from plain JSON values, with nothing but the standard library.

The agent runs from a bare Python on a node, so the nouns it shares with the server are
dataclasses, and this module is their only codec. It checks shapes strictly: an unknown or
missing field or a value of the wrong type raises ``InvalidInput`` that names the field.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from trainshed.core.errors import Code, InvalidInput

T = TypeVar("T")
_WANTED: dict[Any, str] = {str: "a string", int: "an integer", bool: "true or false"}


def to_wire(value: Any) -> Any:
    """A JSON-ready copy of ``value``: dataclasses become dicts, enums their values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_wire(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        mapping = cast("Mapping[Any, Any]", value)
        return {str(k): to_wire(v) for k, v in mapping.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_wire(v) for v in cast("list[Any]", value)]
    return value


def from_wire(cls: type[T], data: Any) -> T:
    """Build a ``cls`` from what :func:`to_wire` (or JSON) gave.

    Raises:
        InvalidInput: a field is unknown, missing or of the wrong type.
    """
    return cast(T, _decode(cls, data, cls.__name__))


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _wrong(path: str, wanted: str, data: Any) -> InvalidInput:
    return InvalidInput(f"{path} must be {wanted}, not {type(data).__name__}", code=Code.FIELD_INVALID)


def _decode(kind: Any, data: Any, path: str) -> Any:
    if kind is Any:
        return data
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), data, path)
    if origin in (list, tuple, frozenset):
        return _decode_sequence(origin, typing.get_args(kind)[0], data, path)
    if origin in (dict, Mapping):
        value_kind = typing.get_args(kind)[1]
        if not isinstance(data, dict):
            raise _wrong(path, "an object", data)
        items = cast("dict[str, Any]", data).items()
        return {k: _decode(value_kind, v, f"{path}.{k}") for k, v in items}
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(cast(type, kind), data, path)
    return _decode_scalar(kind, data, path)


def _decode_union(kinds: tuple[Any, ...], data: Any, path: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    rest = [k for k in kinds if k is not type(None)]
    for kind in rest:
        if kind in (str, int, float, bool) and type(data) is kind:
            return data
    return _decode(rest[0], data, path)


def _decode_sequence(origin: Any, kind: Any, data: Any, path: str) -> Any:
    if not isinstance(data, (list, tuple)):
        raise _wrong(path, "a list", data)
    items = cast("list[Any]", data)
    return origin(_decode(kind, v, f"{path}[{i}]") for i, v in enumerate(items))


def _decode_dataclass(cls: type, data: Any, path: str) -> Any:
    if not isinstance(data, dict):
        raise _wrong(path, "an object", data)
    given = cast("dict[str, Any]", data)
    hints = _hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    if unknown := given.keys() - fields.keys():
        raise InvalidInput(f"{path} has no field {sorted(unknown)[0]!r}", code=Code.FIELD_INVALID)
    values = {k: _decode(hints[k], v, f"{path}.{k}") for k, v in given.items()}
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in values and not optional:
            raise InvalidInput(f"{path}.{name} is missing", code=Code.FIELD_INVALID)
    return cls(**values)


def _decode_scalar(kind: Any, data: Any, path: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        try:
            return kind(data)
        except ValueError:
            choices = ", ".join(str(m.value) for m in kind)
            raise InvalidInput(f"{path} must be one of: {choices}", code=Code.FIELD_INVALID) from None
    if kind is float and type(data) is int:
        return float(data)
    if kind in (str, int, float, bool) and type(data) is kind:
        return data
    raise _wrong(path, _WANTED.get(kind, "a number"), data)
