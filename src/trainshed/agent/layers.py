"""A job's own packages, as a thin layer over its engine's environment.

What the environment has already, in a version that fits, is not installed again; nothing in the
environment is ever changed. A layer is named by the hash of all that decides what is in it, built
once, and shared by the jobs that ask for the same; one that counts on files of the code directory
(``./my.whl``, ``-e .``) belongs to its job alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trainshed.agent.halt import Halt
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.task import Interpreter
from trainshed.engines.shield import OPEN, Shield

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_LOCAL = re.compile(
    r"^\s*(?:-e\b|--editable\b|\.{0,2}/|file:|[^#=<>]*@\s*file:|[^#\s]+\.(?:whl|tar\.gz|zip)\b)", re.M
)
_INCLUDE = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)", re.M)
_WHEELS = (".whl", ".tar.gz", ".zip")
_LOCK_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be installed.

    Attributes:
        file: the requirements file; wheels may lie beside it.
        interpreter: of the environment that the layer goes on.
        uv: path of uv.
        log: open for appending; the programs write there.
        shield: what the programs see: packages that are built run what they bring along.
    """

    file: str
    interpreter: Interpreter
    uv: str
    log: int
    halt: Halt
    shield: Shield = OPEN

    @property
    def folder(self) -> str:
        """Where the requirements file is."""
        return os.path.dirname(self.file)

    @property
    def wheels(self) -> list[str]:
        """Packages that lie beside it."""
        return sorted(name for name in os.listdir(self.folder) if name.endswith(_WHEELS))


def is_private(file: str) -> bool:
    """Whether the requirements count on files beside them, other than wheels to choose from."""
    return any(_LOCAL.search(text) for text in _texts(file))


def name_of(order: Order) -> str:
    """The hash that names the layer."""
    import hashlib  # late: it brings OpenSSL along, 4 MB for every agent

    from trainshed.engines import pip_config

    digest = hashlib.sha256()
    for part in (os.uname().machine, os.path.realpath(order.interpreter.python), order.interpreter.python):
        digest.update(part.encode() + b"\0")
    digest.update(repr(sorted(pip_config.sources().items())).encode())
    for text in _texts(order.file):
        digest.update(text.encode() + b"\0")
    for name in order.wheels:
        with open(f"{order.folder}/{name}", "rb") as file:
            digest.update(name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _texts(file: str, seen: frozenset[str] = frozenset()) -> list[str]:
    """The requirements file and those that it includes."""
    path = os.path.realpath(file)
    if path in seen:
        return []
    with open(path, encoding="utf-8", errors="replace") as opened:
        text = opened.read()
    found = [text]
    for name in _INCLUDE.findall(text):
        included = os.path.join(os.path.dirname(path), name)
        if os.path.isfile(included):
            found += _texts(included, seen | {path})
    return found


def obtain(root: str, order: Order) -> tuple[str, bool]:
    """The shared layer for ``order`` below ``root``; built now unless it is there.

    Returns:
        Its directory of packages, and whether it was there already.

    Raises:
        InvalidInput: the packages cannot be installed.
        Halted: the task was told to stop meanwhile.
    """
    import fcntl

    place = f"{root}/{name_of(order)}"
    if os.path.isdir(place):
        os.utime(place)
        return place, True
    os.makedirs(root, exist_ok=True)
    lock = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:  # another job builds the same
                order.halt.check()
                time.sleep(_LOCK_PAUSE_S)
        if os.path.isdir(place):
            return place, True
        building = f"{root}/.building-{os.getpid()}-{os.path.basename(place)}"
        shutil.rmtree(building, ignore_errors=True)
        install(order, building)
        os.rename(building, place)
        return place, False
    finally:
        os.close(lock)


def install(order: Order, target: str) -> None:
    """Install into the directory ``target`` what the environment does not have.

    Raises:
        InvalidInput: it does not work; the log says more.
        Halted: the task was told to stop meanwhile.
    """
    os.makedirs(target, exist_ok=True)
    writable = (*order.shield.writable, target)
    order = replace(order, shield=replace(order.shield, writable=writable))
    python = ["--python", order.interpreter.python]
    links = ["--find-links", order.folder] if order.wheels else []
    there = _pins(_output(order, "pip", "freeze", *python))
    constraints = f"{target}/.constraints.txt"
    with open(constraints, "w") as file:
        file.writelines(f"{name}=={version}\n" for name, version in there.items())
    try:
        for fixed in (["--constraint", constraints], []):
            resolved = _output(order, "pip", "compile", *_COMPILE, *python, *links, *fixed, order.file)
            if resolved is not None:
                break
            _say(order, "these requirements do not go with the engine's own packages; trying without those")
        else:
            raise _cannot(order, "could not be resolved")
        wanted = f"{target}/.requirements.txt"
        missing = [line for line in resolved.splitlines() if not _is_there(line, there)]
        with open(wanted, "w") as file:
            file.write("\n".join(missing) + "\n")
        if any(line and not line.startswith("-") for line in missing):
            options = ["--no-deps", "--no-progress", "--target", target]
            if _call(order, [order.uv, "pip", "install", *options, *python, *links, "-r", wanted], order.log):
                raise _cannot(order, "could not be installed")
    finally:
        for name in (".constraints.txt", ".requirements.txt"):
            if os.path.exists(f"{target}/{name}"):
                os.unlink(f"{target}/{name}")


_COMPILE = ("--no-header", "--no-annotate", "--quiet", "--emit-index-url", "--emit-find-links")


def _pins(text: str | None) -> dict[str, str]:
    return {_fold(name): version for name, version in _PIN.findall(text or "")}


def _is_there(line: str, there: dict[str, str]) -> bool:
    pin = _PIN.match(line)
    return bool(pin) and there.get(_fold(pin[1])) == pin[2] if pin else False


def _fold(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _cannot(order: Order, what: str) -> InvalidInput:
    name = os.path.basename(order.file)
    return InvalidInput(
        f"the packages of {name} {what}; the log above says why", code=Code.ENVIRONMENT_BUILD_FAILED
    )


def _say(order: Order, text: str) -> None:
    os.write(order.log, text.encode() + b"\n")


def _output(order: Order, *arguments: str) -> str | None:
    """What uv prints; None if it fails (then the log says why)."""
    with os.fdopen(os.memfd_create("uv"), "w+b") as out:
        if _call(order, [order.uv, *arguments], out.fileno()):
            return None
        out.seek(0)
        return out.read().decode("utf-8", "replace")


def _call(order: Order, argv: Sequence[str], out: int) -> int:
    """Run a program in the requirements' folder; its exit code. A wish to stop ends it."""
    from trainshed.engines import pip_config

    process = subprocess.Popen(
        order.shield.argv(argv, order.folder),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=order.log,
        cwd=order.folder,
        env=order.shield.environment({**os.environ, **pip_config.uv_variables()}),
    )
    try:
        order.halt.wait_for(process.pid)
    except BaseException:
        process.kill()
        raise
    finally:
        code = process.wait()
    return code
