"""Names that nobody has yet."""

from __future__ import annotations

import uuid


def unique(stem: str) -> str:
    """``stem`` and something new: a test that is run again meets what its first run has made."""
    return f"{stem}-{uuid.uuid4().hex[:8]}"
