"""The flags, by the name that scripts import them from."""

from moxing._flags import get_flag, set_flag

__all__ = ["get_flag", "set_flag"]
