"""``import moxing.pytorch as mox``: the file API and the flags. PyTorch itself is not imported.

MoXing's training API (``mox.run`` and what belongs to it) is not there yet; asking for it says so.
"""

from moxing._flags import get_flag, set_flag
from moxing._lazy import explain_missing
from moxing.framework import file

__all__ = ["file", "get_flag", "set_flag"]

explain_missing(__name__)
