"""Where everything of one task is, on the host and as the script sees it.

Layout of a task's root::

    task.json       what to do (core.task.TaskSpec)
    journal.jsonl   what was done
    agent.lock      held by the agent as long as it lives; says which process that is
    stop.json       a stop that was asked for while no agent lived
    agent.log       what the agent itself had to say (empty, normally)
    run/            the supervisor's lock, what it launched and how that ended, spools
    log/            task.log, and rank-N.log where there are several
    ma-user/        /home/ma-user to the script
    cache/ tmp/     /cache and /tmp to the script
    places/         other directories below /home that a job asked for
"""

from __future__ import annotations

import os

from trainshed.core.errors import Code, InvalidInput

HOME = "/home/ma-user"
PRIVATE = (HOME, "/cache", "/tmp")  # noqa: S108 the script's own
"""What every task has for itself."""


class Places:
    """Paths of one task.

    Args:
        scratch: where the script's own directories are, if not in ``root``: the node's own disk.

    Attributes:
        root: the task's directory on the host.
        own: the directory that holds the script's own.
        sandboxed: whether the script sees the private directories under ModelArts' own names;
            otherwise it sees them where they are.
    """

    def __init__(self, root: str, scratch: str = "") -> None:
        self.root = os.path.abspath(root)
        self.own = os.path.abspath(scratch) if scratch else self.root
        self.sandboxed = False
        self.task_file = f"{self.root}/task.json"
        self.journal = f"{self.root}/journal.jsonl"
        self.lock = f"{self.root}/agent.lock"
        self.stop_file = f"{self.root}/stop.json"
        self.run = f"{self.root}/run"
        self.log = f"{self.root}/log"
        self.task_log = f"{self.log}/task.log"

    def make(self) -> None:
        """Make the directories that every task has."""
        if self.own != self.root:
            os.makedirs(self.own, mode=0o700, exist_ok=True)
        own = ("", "/.trainshed", "/modelarts", "/modelarts/user-job-dir", "/modelarts/log")
        for path in (self.run, self.log, *(self.host(HOME + below) for below in own), self.host("/cache")):
            _make(path)
        _make(self.host("/tmp"), 0o1777)  # noqa: S108 the script's own

    def host(self, seen: str) -> str:
        """Where on the host the directory is that ModelArts' contract calls ``seen``.

        Raises:
            InvalidInput: it is no place that a job may have for itself.
        """
        path = os.path.normpath(seen)
        for private in PRIVATE:
            if path == private or path.startswith(private + "/"):
                return f"{self.own}/{private.rpartition('/')[2]}{path[len(private) :]}"
        if path.startswith("/home/"):
            return f"{self.own}/places{path}"
        raise InvalidInput(
            f"the directory {seen!r} cannot be given to a job: choose one below /home, /cache or /tmp",
            code=Code.PATH_INVALID,
        )

    def seen(self, contract: str) -> str:
        """What the script is told for the directory that ModelArts' contract calls ``contract``."""
        return os.path.normpath(contract) if self.sandboxed else self.host(contract)


def _make(path: str, mode: int = 0o755) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    if mode & 0o1000:
        os.chmod(path, mode)
