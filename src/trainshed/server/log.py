"""The service's own log: a line for each record, in which nobody else can write lines of their own."""

from __future__ import annotations

import logging
import re
import sys

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.secrets import without_password

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BEARER = re.compile(r"(?i)(bearer|access=|x-auth-token:?)\s*[\w.~+/=-]{8,}")


class LineFormatter(logging.Formatter):
    """Makes control characters visible and masks credentials; a traceback follows, indented."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - overrides
        record.message = clean(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - overrides
        lines = super().formatException(ei).splitlines()  # pyright: ignore[reportArgumentType]
        return "\n".join("    " + clean(line) for line in lines)


def clean(text: str) -> str:
    r"""``text`` on one line, without what steers a terminal and without credentials.

    >>> clean("refused /a\n2026 INFO forged\x1b[2J")
    'refused /a\\x0a2026 INFO forged\\x1b[2J'
    """
    masked = _BEARER.sub(r"\1 ******", without_password(text))
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", masked)


def configure(level: str) -> None:
    """Have the service's records of this level and above, and others' warnings, written to stderr.

    Raises:
        InvalidInput: there is no such level.
    """
    wanted = logging.getLevelNamesMapping().get(level.upper())
    if wanted is None:
        message = f"TRAINSHED_LOG_LEVEL is {level[:40]!r}: use debug, info, warning or error"
        raise InvalidInput(message, code=Code.FIELD_INVALID)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.getLogger().addHandler(handler)
    logging.getLogger("trainshed").setLevel(wanted)
