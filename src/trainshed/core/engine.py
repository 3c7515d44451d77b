"""The engine: a preset training environment, as data."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from trainshed.core.resources import Arch, Chip


class LauncherName(enum.StrEnum):
    """How an engine starts the script; one module each under ``engines/launchers``."""

    PLAIN = "plain"
    TORCHRUN = "torchrun"
    TF_CONFIG = "tf_config"
    MPI = "mpi"
    HOROVOD = "horovod"
    KUNGFU = "kungfu"
    ASCEND = "ascend"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an engine's environment is made.

    Attributes:
        python: the interpreter's version, ``3.7``.
        other_pythons: versions that will do where that one is missing, best first.
        requirements: pins that were seen to install and run together.
        no_deps: pins installed after those, without their dependencies.
        gpu_requirements: replaces ``requirements`` on a machine with the GPU that it needs.
        cpu_builds: packages whose ``+cpu`` build is wanted on a machine without a GPU.
        imports: modules that must import for the environment to count as good.
        system_packages: Debian packages that a build from source needs.
        build: name of a build step of our own (``horovod``, ``kungfu``, …), or empty.
        build_variables: environment variables of the installation.
        variables: environment variables of every process that runs in it.
    """

    python: str
    other_pythons: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    no_deps: tuple[str, ...] = ()
    gpu_requirements: tuple[str, ...] = ()
    cpu_builds: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    system_packages: tuple[str, ...] = ()
    build: str = ""
    build_variables: dict[str, str] = field(default_factory=dict[str, str])
    variables: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Engine:
    """One row of the catalogue.

    Attributes:
        id: published id where ModelArts has the row, else ours in the same form.
        family: ``engine_name`` on the wire: TensorFlow, PyTorch, Horovod, …
        version: ``engine_version`` on the wire: the id less the family where published so.
        framework, framework_version: what it runs, for people and for "newest of a family".
        chips: where it computes; a pool offers it if it has one of them.
        system: operating system the row was published for, for people.
        cuda: CUDA or CANN version, empty where neither.
        image: container image, for container pools.
        note: a sentence for people, such as what differs from the published row.
        published: whether it is a row of ModelArts' own table.
        aliases: short names that it answers to beside its family and framework.
        warm: modules that a warm parent of it imports, see ``agent.warm``; without any it has none.
    """

    id: str
    family: str
    version: str
    framework: str
    framework_version: str
    launcher: LauncherName
    recipe: Recipe
    chips: tuple[Chip, ...] = (Chip.CPU,)
    archs: tuple[Arch, ...] = (Arch.X86_64,)
    system: str = ""
    cuda: str = ""
    image: str = ""
    note: str = ""
    published: bool = False
    aliases: tuple[str, ...] = ()
    warm: tuple[str, ...] = ()
