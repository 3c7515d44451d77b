"""The zygote: has everything imported that an agent needs, and forks one in a millisecond.

A pool starts one zygote and speaks to it in JSON lines over a socket: ``{"start": root}`` forks an
agent for that task and is answered with its process id and start time (with ``"warm": true`` the agent
gets a connection to the node's keeper of warm parents); ``{"end": root}`` ends
all that an agent which cannot be kept alive has left behind. The zygote ends when the socket is
closed; its agents are sessions of their own and go on.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
from dataclasses import asdict
from typing import Any, NoReturn

from trainshed.agent import linux, sandbox, warm_keeper
from trainshed.agent.__main__ import main as agent_main
from trainshed.agent.processes import Identity
from trainshed.agent.ranks import Ending, Exit, Result
from trainshed.agent.remains import end_remains
from trainshed.core.engine import LauncherName
from trainshed.core.job import ChannelBinding, Parameter
from trainshed.core.task import (
    Cause,
    EventKind,
    Interpreter,
    Peer,
    Reporting,
    Stage,
    TaskEvent,
    TaskOutcome,
    TaskSpec,
)
from trainshed.core.wire import from_wire, to_wire
from trainshed.engines import pip_config

_WANTED_LATER = ("trainshed.agent.agent", "trainshed.storage", "trainshed.engines.lookup")
_EXAMPLE = TaskSpec(
    job_id="",
    job_name="",
    attempt=0,
    index=0,
    root="",
    code_dir="",
    boot_file="",
    engine_id="",
    family="",
    launcher=LauncherName.PLAIN,
    reporting=Reporting("", ""),
    peers=(Peer(""),),
    ports=(),
    inputs=(ChannelBinding("", ""),),
    parameters=(Parameter("", ""),),
    interpreter=Interpreter(""),
)
_EXIT = Exit(0, 0, 0, 0, 0.0)
_ANSWERS = (
    Result(Ending.EXITED, [_EXIT], _EXIT, 0.0, 0.0),
    TaskEvent(0, 0.0, Stage.RUN, EventKind.NOTE),
    TaskOutcome(Cause.SUCCESS, Stage.RUN),
)
_TAKEN = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


def serve(connection: socket.socket) -> None:
    """Fork agents until the other side is gone."""
    warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for agents; pools watch them by pidfd
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with connection.makefile("rb") as lines:
        zygote = _Zygote(connection)
        for line in lines:
            answer = zygote.carry_out(json.loads(line))
            connection.sendall(json.dumps(answer).encode() + b"\n")


def warm_up() -> None:
    """Do once what every agent would do again."""
    launchers = (f"trainshed.engines.launchers.{name.value}" for name in LauncherName)
    for module in (*_WANTED_LATER, *launchers):
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(module)
    for value in (_EXAMPLE, *_ANSWERS):
        from_wire(type(value), to_wire(value))
    pip_config.index()  # where pip is configured, that brings a parser along
    with tempfile.TemporaryDirectory() as staging:
        sandbox.probe(staging)
    gc.collect()
    gc.freeze()


class _Zygote:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._keepers: socket.socket | None = None

    def carry_out(self, order: dict[str, Any]) -> dict[str, Any]:
        if root := order.get("end"):
            return {"ended": root, "left": end_remains(root)}
        root = order["start"]
        keeper = self._introduce() if order.get("warm") else None
        signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)  # until the agent has its own handlers
        pid = os.fork()
        if pid == 0:
            self._connection.close()
            if self._keepers:
                self._keepers.close()
            _become_agent(root, keeper)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TAKEN)
        if keeper:
            keeper.close()
        child = Identity.of(pid)
        return {"root": root, **(asdict(child) if child else {"pid": pid, "started": 0})}

    def _introduce(self) -> socket.socket:
        """The connection of a new agent to the node's keeper of warm parents, which is started if need be."""
        if self._keepers:
            with contextlib.suppress(OSError):
                return warm_keeper.introduce(self._keepers)
            self._keepers.close()
        self._keepers = warm_keeper.fork([self._connection.fileno()])
        return warm_keeper.introduce(self._keepers)


def _become_agent(root: str, keeper: socket.socket | None) -> NoReturn:
    code = 70
    try:
        os.setsid()
        linux.set_name("trainshed-agent")
        log = os.open(f"{root}/agent.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for fd in (1, 2):
            os.dup2(log, fd)
        os.close(log)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        code = agent_main([root], keeper)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(code)


def main() -> None:
    """Serve the socket that is our standard input."""
    linux.set_name("trainshed-zygote")
    connection = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    try:
        serve(connection)
    except (ConnectionError, KeyboardInterrupt):
        pass
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
