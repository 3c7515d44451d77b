"""Flags of a training run: set by the script, given on its command line, or known from the job."""

import ast
import os
import sys
from typing import Any, Callable, Dict, Optional

_values: Dict[str, Any] = {}


def _number(*names: str) -> Callable[[], Optional[int]]:
    def read() -> Optional[int]:
        found = next((os.environ[n] for n in names if os.environ.get(n)), None)
        return int(found) if found is not None else None

    return read


def _text(name: str) -> Callable[[], Optional[str]]:
    return lambda: os.environ.get(name)


_FROM_JOB: Dict[str, Callable[[], Any]] = {
    "job_name": _text("MA_TASK_NAME"),
    "num_gpus": _number("MA_NUM_GPUS"),
    "rank": _number("RANK", "VC_TASK_INDEX", "DLS_TASK_INDEX"),
    "task_index": _number("VC_TASK_INDEX", "DLS_TASK_INDEX"),
    "worker_hosts": _text("VC_WORKER_HOSTS"),
    "world_size": _number("WORLD_SIZE", "VC_WORKER_NUM", "DLS_TASK_NUMBER"),
}
_DEFAULTS: Dict[str, Any] = {
    "data_url": None,
    "init_method": None,
    "job_name": "worker",
    "num_gpus": 1,
    "ps_hosts": "",
    "rank": 0,
    "sync_replicas": False,
    "task_index": 0,
    "train_url": None,
    "worker_hosts": "",
    "world_size": 1,
}


def get_flag(name: str) -> Any:
    """The value of the flag ``name``: as set, as on the command line, as the job has it, or its default.

    Raises:
        ValueError: nobody gave it and it has no default.
    """
    if name in _values:
        return _values[name]
    given = _from_command_line(name)
    if given is not None:
        return given
    of_job = _FROM_JOB.get(name, lambda: None)()
    if of_job is not None:
        return of_job
    if name in _DEFAULTS:
        return _DEFAULTS[name]
    raise ValueError("no flag {0!r}: set it with set_flag, or give --{0}=… on the command line".format(name))


def set_flag(name: str, value: Any) -> None:
    """Give the flag ``name`` a value from now on."""
    _values[name] = value


def _from_command_line(name: str) -> Any:
    option = "--" + name
    for i, argument in enumerate(sys.argv[1:], 1):
        if argument.startswith(option + "="):
            return _typed(argument[len(option) + 1 :])
        if argument == option:
            following = sys.argv[i + 1 : i + 2]
            return _typed(following[0]) if following and not following[0].startswith("--") else True
    return None


def _typed(text: str) -> Any:
    """``text`` as the number or truth value that it spells, or itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
    return value if isinstance(value, (int, float)) else text
