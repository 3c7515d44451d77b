"""Modules that say what is not there, instead of ``module has no attribute``.

``mox.run`` and the rest of MoXing's training API belong to a later version. A script that asks for
them should read so in one sentence. Python 3.6 has no module-level ``__getattr__``; a module's class
can be changed in all versions.
"""

import sys
import types
from typing import Any


class SaysWhatIsMissing(types.ModuleType):
    """A module of ours; see :func:`explain_missing`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError("module {!r} has no attribute {!r}".format(self.__name__, name))
        raise AttributeError(
            "{}.{} is not there yet: this moxing has the file API (mox.file) and the flags; train with the "
            "framework's own API, or run the script where the original MoXing is installed".format(
                self.__name__, name
            )
        )


def explain_missing(name: str) -> None:
    """Let the module ``name`` answer for attributes that it does not have."""
    sys.modules[name].__class__ = SaysWhatIsMissing
