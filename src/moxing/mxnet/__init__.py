"""``import moxing.mxnet as mox``: the file API and the hyperparameters. MXNet itself is not imported.

MoXing's training API (``mox.run`` and what belongs to it) is not there yet; asking for it says so.
"""

from moxing._flags import get_flag as get_hyper_parameter
from moxing._flags import set_flag as set_hyper_parameter
from moxing._lazy import explain_missing
from moxing.framework import file

__all__ = ["file", "get_hyper_parameter", "set_hyper_parameter"]

explain_missing(__name__)
