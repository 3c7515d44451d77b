"""Runs a script as ``__main__`` in a process that has imported much already, as a fresh one would.

The last step of a rank that was forked from a warm parent (``warm_parent.py``).
"""

import importlib
import importlib.machinery
import os
import signal
import sys
import time
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any


def run(argv: "list[str]", fresh: "dict[str, Any]", parent: "dict[str, Any]") -> None:
    """Run the script of a command line.

    Args:
        argv: interpreter, script, arguments.
        fresh: what a fresh ``__main__`` holds.
        parent: the names of the program that was ``__main__`` up to now.
    """
    script = argv[1]
    start_anew()
    sys.argv[:] = argv[1:]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = argv
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    if not os.path.isfile(script):
        os.execve(argv[0], argv, dict(os.environ))  # let Python itself say what is wrong
    names = main_of(script, fresh)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        with open(script, "rb") as file:
            source = file.read()
        exec(compile(source, script, "exec", 0, True), names)
    except SystemExit:
        raise
    except BaseException:
        hide_us(names, parent)
        raise
    forget(names)


def start_anew() -> None:
    """What a fresh interpreter has of its own, and a fork would share with its siblings."""
    loaded = sys.modules
    if "random" in loaded:
        loaded["random"].seed()
    if "numpy.random" in loaded:
        loaded["numpy.random"].seed()
    if "torch" in loaded:
        loaded["torch"].default_generator.seed()
    if "multiprocessing.process" in loaded:
        loaded["multiprocessing.process"].current_process().authkey = os.urandom(32)
    if "logging" in loaded:
        logging = vars(loaded["logging"])
        started = logging.get("_startTime")
        logging["_startTime"] = time.time_ns() if isinstance(started, int) else time.time()
    for path, finder in list(sys.path_importer_cache.items()):
        if finder is None:  # it was not there, and may be now
            del sys.path_importer_cache[path]
    importlib.invalidate_caches()


def main_of(script: str, fresh: "dict[str, Any]") -> "dict[str, Any]":
    """The names of a fresh ``__main__`` for this script."""
    module = types.ModuleType("__main__")
    names = vars(module)
    names.clear()
    names.update(fresh, __doc__=None, __file__=script)
    names["__loader__"] = importlib.machinery.SourceFileLoader("__main__", script)
    if "__annotations__" in names:
        names["__annotations__"] = {}
    sys.modules["__main__"] = module
    return names


def hide_us(names: "dict[str, Any]", parent: "dict[str, Any]") -> None:
    """Leave ourselves, and the parent whose names are given, out of the traceback to be printed."""
    hook, ours = sys.excepthook, (globals(), parent)

    def without_us(
        kind: "type[BaseException]", value: BaseException, traceback: "TracebackType | None"
    ) -> None:
        sys.excepthook = hook
        while traceback is not None and any(traceback.tb_frame.f_globals is our for our in ours):
            traceback = traceback.tb_next
        sys.last_traceback = value.__traceback__ = traceback
        hook(kind, value, traceback)
        forget(names)

    sys.excepthook = without_us


def forget(names: "dict[str, Any]") -> None:
    """Python takes these out of ``__main__`` once the script has run, before atexit functions do."""
    names.pop("__file__", None)
    names.pop("__cached__", None)
