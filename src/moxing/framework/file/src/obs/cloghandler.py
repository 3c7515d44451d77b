"""The log handler of MoXing's storage client, which scripts patch; nothing of ours writes through it."""

import sys  # noqa: F401
from logging.handlers import RotatingFileHandler
from random import randint  # noqa: F401


class ConcurrentRotatingFileHandler(RotatingFileHandler):
    """See :class:`logging.handlers.RotatingFileHandler`."""
