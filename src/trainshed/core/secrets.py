"""Which values must not be shown, and what is shown in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping

MASK = "******"

_NAME = re.compile(
    r"secret|passw|passphrase|credential|private_?key|api_?key|access_?key"
    r"|(?:^|[_-])(?:tokens?|keys?|auth|pwd|pass|dsn|pat)(?:[_-]|\d*$)|token$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?P<scheme>\w[\w+.-]*://)[^/\s:@]*:[^/\s@]+@")


def is_secret(name: str) -> bool:
    """Whether a variable of this name holds what must not be shown.

    >>> [is_secret(name) for name in ("HF_TOKEN", "WANDB_API_KEY", "TOKENIZERS_PARALLELISM", "KEYBOARD")]
    [True, True, False, False]
    """
    return _NAME.search(name) is not None


def masked(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables as they may be shown.

    >>> masked({"HF_TOKEN": "hf_x", "EMPTY_KEY": "", "DB": "postgresql://me:pw@host/x"})
    {'HF_TOKEN': '******', 'EMPTY_KEY': '', 'DB': 'postgresql://******@host/x'}
    """
    return {
        name: MASK if value and is_secret(name) else without_password(value)
        for name, value in variables.items()
    }


def without_password(text: str) -> str:
    """``text`` with the users and passwords of addresses in it masked."""
    return _ADDRESS.sub(rf"\g<scheme>{MASK}@", text) if "://" in text else text
