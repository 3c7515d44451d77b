"""MoXing's file API, for training scripts written for ModelArts.

>>> import moxing as mox                                               # doctest: +SKIP
>>> mox.file.copy_parallel("obs://bucket/data/", "/cache/data")        # doctest: +SKIP

Inside a trainshed job the bytes are moved by the job's agent, which holds the keys. Elsewhere a
helper process of the installed ``trainshed`` moves them. Local paths need neither. Nothing but the
standard library is imported, of Python 3.6 and every later version.
"""

from moxing._lazy import explain_missing
from moxing.framework import file

__version__ = "0.1.0"

__all__ = ["file"]

explain_missing(__name__)
