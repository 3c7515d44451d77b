"""What moxing tells the person who reads the job's log: few lines, on standard error."""

import logging
import os
import sys
from typing import Optional

logger = logging.getLogger("moxing")
_handler: Optional[logging.Handler] = None


class _StandardError(logging.StreamHandler):
    """Writes to whatever ``sys.stderr`` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super(_StandardError, self).emit(record)


def reset_logger(level: int = logging.INFO) -> None:
    """Show lines of this level and above. MOX_SILENT_MODE=1 shows warnings only."""
    global _handler
    if _handler is None:
        _handler = _StandardError()
        _handler.setFormatter(logging.Formatter("%(levelname)s:moxing: %(message)s"))
        logger.addHandler(_handler)
        logger.propagate = False
    logger.setLevel(level)


reset_logger(logging.WARNING if os.environ.get("MOX_SILENT_MODE", "0") == "1" else logging.INFO)
