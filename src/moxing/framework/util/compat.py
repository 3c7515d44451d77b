"""Text and bytes, whichever is wanted."""

from typing import Any


def as_bytes(value: Any, encoding: str = "utf-8") -> bytes:
    """``value`` as bytes."""
    return value.encode(encoding) if isinstance(value, str) else bytes(value)


def as_text(value: Any, encoding: str = "utf-8") -> str:
    """``value`` as text."""
    return value if isinstance(value, str) else bytes(value).decode(encoding)


as_str = as_text
