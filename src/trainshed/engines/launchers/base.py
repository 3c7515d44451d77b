"""What the launchers share: argv of the script, the environment of a process, ranks and ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainshed.core.errors import Internal
from trainshed.core.resources import Chip
from trainshed.core.task import Interpreter, Layout, ProcessSpec, TaskSpec

SUPPORT = Path(__file__).parent / "support"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class World:
    """The ranks of a job and which of them are here."""

    nodes: int
    node: int
    per_node: int

    @staticmethod
    def of(task: TaskSpec) -> World:
        """The world that this task is a part of."""
        return World(nodes=len(task.peers), node=task.index, per_node=max(1, task.processes))

    @property
    def size(self) -> int:
        """All ranks of the job."""
        return self.nodes * self.per_node

    def rank(self, local: int) -> int:
        """Global rank of a local one: contiguous on a node."""
        return self.node * self.per_node + local

    @property
    def distributed(self) -> bool:
        """Whether there is more than one rank."""
        return self.size > 1


def script(task: TaskSpec, layout: Layout, interpreter: Interpreter, **filled: object) -> tuple[str, ...]:
    """The command line of the user's script.

    A job with a command of its own runs that in a shell, and gets its channels and parameters
    as environment variables only.

    Args:
        filled: values for parameters that the job declares and leaves empty (``--rank=``). One
            that is not declared is never added: many scripts parse strictly.
    """
    if task.command:
        return ("/bin/sh", "-c", task.command)
    return (interpreter.python, layout.boot_file, *fill(layout.arguments, filled))


def fill(arguments: tuple[str, ...], values: Mapping[str, object]) -> tuple[str, ...]:
    """Give a value to each ``--name=`` that is empty and that ``values`` knows.

    >>> fill(("--rank=", "--lr=0.1"), {"rank": 3, "world_size": 4})
    ('--rank=3', '--lr=0.1')
    """

    def one(argument: str) -> str:
        name = argument[2:-1]
        known = argument.startswith("--") and argument.endswith("=") and name in values
        return f"{argument}{values[name]}" if known else argument

    return tuple(one(argument) for argument in arguments)


def declares(arguments: tuple[str, ...], name: str) -> bool:
    """Whether the script gets a parameter of this name."""
    return any(argument.startswith(f"--{name}=") for argument in arguments)


def environment(
    task: TaskSpec, layout: Layout, interpreter: Interpreter, forced: Mapping[str, str], **defaults: str
) -> dict[str, str]:
    """The whole environment of a process.

    From weak to strong: defaults of ours and of the launcher, the engine's variables, the
    layout's (the platform's and the user's own), and what the launcher must say.
    """
    variables = {
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **_visible_devices(task),
        **defaults,
        **interpreter.variables,
        **layout.variables,
        **forced,
    }
    variables["PATH"] = _path(layout, interpreter)
    if libraries := interpreter.variables.get("LD_LIBRARY_PATH"):
        rest = layout.variables.get("LD_LIBRARY_PATH", "")
        variables["LD_LIBRARY_PATH"] = f"{libraries}:{rest}" if rest else libraries
    return variables


def port(task: TaskSpec, index: int = 0) -> int:
    """The job's port of this index.

    Raises:
        Internal: the job was given fewer ports than its launcher asked for.
    """
    try:
        return task.ports[index]
    except IndexError:
        raise Internal(
            f"job {task.job_id} has {len(task.ports)} ports and its launcher needs at least {index + 1}"
        ) from None


def threads(task: TaskSpec) -> str:
    """How many threads a process may use for computing: its share of the node's cores."""
    return str(max(1, int(task.cpus // max(1, task.processes))))


def support(interpreter: Interpreter, program: str) -> tuple[str, ...]:
    """The start of a command line that runs one of the programs in ``support``."""
    return (interpreter.python, "-I", "-S", support_file(program))


def support_file(program: str) -> str:
    """Where one of the programs in ``support`` is."""
    return str(SUPPORT / f"{program}.py")


def helper(
    argv: tuple[str, ...], env: dict[str, str], layout: Layout, *, local_rank: int, role: str
) -> ProcessSpec:
    """A process that serves the ranks and ends after them."""
    return ProcessSpec(
        rank=-1, argv=argv, env=env, cwd=layout.working_dir, local_rank=local_rank, role=role, essential=False
    )


def secret(task: TaskSpec) -> str:
    """A word that all tasks of this attempt know and nobody else."""
    text = f"launcher {task.job_id} {task.attempt} {task.reporting.token}"
    import hashlib  # late: it brings OpenSSL along

    return hashlib.sha256(text.encode()).hexdigest()[:32]


def on_loopback(task: TaskSpec) -> bool:
    """Whether all nodes of the job are tasks on this machine."""
    return all(peer.host.startswith("127.") for peer in task.peers)


def devices(task: TaskSpec) -> tuple[str, ...]:
    """Ids of the cards of this task."""
    return task.peers[task.index].devices


def _visible_devices(task: TaskSpec) -> dict[str, str]:
    mine = ",".join(devices(task))
    if task.chip is Chip.GPU and mine:
        return {"CUDA_VISIBLE_DEVICES": mine}
    if task.chip is Chip.CPU:
        return {"CUDA_VISIBLE_DEVICES": ""}
    return {}


def _path(layout: Layout, interpreter: Interpreter) -> str:
    folder = str(PurePosixPath(interpreter.python).parent)
    rest = layout.variables.get("PATH") or interpreter.variables.get("PATH") or DEFAULT_PATH
    return rest if rest.split(":")[0] == folder else f"{folder}:{rest}"
