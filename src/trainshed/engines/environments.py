"""The environments of the engines: built once, verified, shared by all jobs, found fast.

An environment lives under the hash of everything that decides what is in it (pins, Python,
platform, package sources), is built in place under a lock, and counts for nothing until its
marker is written at the very end. So a build that crashed is simply built again, and two
builders build once: the second one follows the first one's log.
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainshed.core.engine import Engine
from trainshed.core.errors import Code, InvalidInput, TrainshedError
from trainshed.core.task import Interpreter
from trainshed.engines import builder, interpreters, locks, lookup, pip_config
from trainshed.engines.made import FAMILY
from trainshed.engines.runner import BuildLog, CommandFailed, Progress, Runner, Watcher, nobody
from trainshed.engines.shield import Shield

_SOURCES_S = 30.0


class State(enum.StrEnum):
    """What is known of an environment."""

    ABSENT = "absent"
    BUILDING = "building"
    READY = "ready"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """One engine's environment on this machine.

    Attributes:
        digest: names the environment's folder.
        size: bytes; hard links to uv's cache are counted too.
        used_at: seconds since the epoch, 0 if never.
        log: the log of the last build; may not exist.
        percent: of a build that is under way.
        error: why the last build failed, empty where it did not.
        note: such as "CPU build".
    """

    state: State
    digest: str
    folder: str
    log: str
    python_version: str = ""
    size: int = 0
    built_at: float = 0.0
    build_seconds: float = 0.0
    used_at: float = 0.0
    percent: float = 0.0
    error: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pruned:
    """An environment that was (or, in a dry run, would be) removed."""

    folder: str
    engine_id: str
    size: int
    used_at: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of one environment are."""

    root: Path
    digest: str

    @property
    def folder(self) -> Path:
        """The environment itself."""
        return self.root / self.digest

    @property
    def log(self) -> Path:
        """The log of its last build."""
        return self.root / "logs" / f"{self.digest}.log"

    @property
    def failure(self) -> Path:
        """Why its last build failed; missing where it did not."""
        return self.root / "logs" / f"{self.digest}.failed.json"

    @property
    def lock(self) -> Path:
        """Held by whoever builds it."""
        return self.root / "locks" / f"{self.digest}.lock"


@dataclass(frozen=True, slots=True)
class _Request:
    """What :meth:`Environments.ensure` was asked for."""

    engine: Engine
    base: interpreters.BasePython
    uv: str
    progress: Watcher
    wheelhouse: Path | None


class Environments:
    """All environments below one folder. Safe to use from many processes and threads.

    Args:
        root: the folder; made when something is built. ``TRAINSHED_ENVIRONMENTS`` is read by
            whoever makes this, see :func:`default_root`.
        hidden: folders that no package may read while it is built for an engine that a person made.
    """

    def __init__(self, root: Path, hidden: Sequence[Path] = ()) -> None:
        self.root = root
        self._hidden = tuple(map(str, hidden))
        self._sources: tuple[float, dict[str, str]] = (-_SOURCES_S, {})

    def lookup(self, engine: Engine) -> Interpreter | None:
        """The engine's interpreter if its environment is ready; well under a millisecond."""
        for place in self._places(engine):
            if found := lookup.find(place.folder):
                return found
        return None

    def state(self, engine: Engine) -> EnvironmentState:
        """What there is of the engine's environment."""
        places = self._places(engine)
        place = next((p for p in places if p.folder.exists() or p.log.exists()), places[0])
        marker = lookup.read_marker(place.folder)
        known = EnvironmentState(State.ABSENT, place.digest, str(place.folder), str(place.log))
        if marker and lookup.find(place.folder):
            return replace(
                known,
                state=State.READY,
                python_version=marker.python_version,
                size=marker.size,
                built_at=marker.built_at,
                build_seconds=marker.build_seconds,
                used_at=_mtime(place.folder / lookup.USED),
                note=marker.note,
                percent=100.0,
            )
        if locks.is_held(place.lock):
            return replace(known, state=State.BUILDING, percent=locks.percent(place.log))
        if marker:
            why = "its packages were changed or its Python is gone"
            return replace(known, state=State.BROKEN, error=why)
        return replace(known, error=_failure(place, since=0.0))

    def ensure(
        self,
        engine: Engine,
        progress: Watcher = nobody,
        *,
        wheelhouse: Path | None = None,
    ) -> Interpreter:
        """The engine's interpreter; builds the environment first where it is not ready.

        Blocks for as long as that takes. May be called by many at once: one builds, the others
        see its progress and get the same environment.

        Args:
            progress: called with every line of the build, from this thread. An exception that it
                raises ends the build.
            wheelhouse: build from the wheels in this folder alone, without any network.

        Raises:
            InvalidInput: the interpreter is missing, or the build failed; says what to do.
        """
        if found := self.lookup(engine):
            progress(Progress(100.0, "the environment is ready"))
            return found
        _refuse_image(engine)
        uv = find_uv()
        recipe = engine.recipe
        base = interpreters.obtain(
            (recipe.python, *recipe.other_pythons), uv, headers=bool(recipe.build or recipe.system_packages)
        )
        place = self.place(engine, base.minor)
        asked = time.time()
        with locks.held(place.lock, place.log, progress) as fd:
            if not (found := lookup.find(place.folder)):
                if why := _failure(place, since=asked):
                    raise InvalidInput(why, code=Code.ENVIRONMENT_BUILD_FAILED)
                found = self._build(place, _Request(engine, base, uv, progress, wheelhouse), fd)
            self.link(engine, place)
        return found

    def verify(self, engine: Engine, progress: Watcher = nobody) -> float:
        """Import the engine's framework in its environment; returns the seconds that it took.

        An environment that does not pass is marked broken, so that its next use builds it anew.

        Raises:
            InvalidInput: there is no environment, or it is broken.
        """
        place = next((p for p in self._places(engine) if lookup.read_marker(p.folder)), None)
        marker = lookup.read_marker(place.folder) if place else None
        if place is None or marker is None:
            raise InvalidInput(
                f"{engine.id} has no environment yet: 'trainshed engines build {engine.id}' makes it",
                code=Code.ENVIRONMENT_BUILD_FAILED,
            )
        with BuildLog(self.root / "logs" / f"{place.digest}.verify.log", progress) as log:
            base = interpreters.BasePython(str(place.folder / "bin" / "python"), marker.python_version, False)
            runner = Runner(log, shield=self._shield(engine, place))
            site = builder.Site(engine, place.folder, base, False, "", self.root, runner)
            try:
                _check_contents(place, marker)
                seconds = builder.verify(site, marker.variables)
            except CommandFailed as error:
                (place.folder / lookup.MARKER).unlink(missing_ok=True)
                raise InvalidInput(
                    f"the environment of {engine.id} is broken ({error.reason}); its next use builds it anew",
                    code=Code.ENVIRONMENT_BUILD_FAILED,
                ) from error
            log.say("good", 100)
        return seconds

    def prune(self, *, unused_s: float, keep: Collection[str] = (), dry_run: bool = False) -> list[Pruned]:
        """Remove environments that were not used for ``unused_s`` seconds, and what crashed builds left.

        Args:
            keep: digests that stay whatever their age.
        """
        removed: list[Pruned] = []
        if not self.root.is_dir():
            return removed
        for folder in sorted(self.root.iterdir()):
            place = Place(self.root, folder.name)
            if not _is_environment(folder) or folder.name in keep or locks.is_held(place.lock):
                continue
            marker = lookup.read_marker(folder)
            used = max(_mtime(folder / lookup.USED), marker.built_at if marker else 0.0)
            if marker and time.time() - used < unused_s:
                continue
            size = marker.size if marker else builder.folder_size(folder)
            removed.append(Pruned(str(folder), marker.engine_id if marker else "", size, used))
            if not dry_run:
                self.discard(folder)
        return removed

    def remove(self, engine: Engine) -> None:
        """Forget the engine's environment; its next use builds it anew."""
        for place in self._places(engine):
            self.discard(place.folder)

    def _build(self, place: Place, request: _Request, fd: int) -> Interpreter:
        engine = request.engine
        self.discard(place.folder)
        place.folder.mkdir(parents=True)
        with BuildLog(place.log, request.progress) as log:
            log.say(f"building the environment of {engine.id} ({place.digest})", 0)
            site = builder.Site(
                engine=engine,
                folder=place.folder,
                base=request.base,
                gpu=lookup.has_gpu(),
                uv=request.uv,
                cache=wheel_cache(),
                runner=Runner(log, (fd,), self._shield(engine, place)),
                wheelhouse=request.wheelhouse,
            )
            try:
                marker = builder.build(site)
            except TrainshedError as error:
                log.say(error.message)
                _write_failure(place, error.message)
                raise
            marker.write(place.folder)
            lookup.touch(place.folder)
            place.failure.unlink(missing_ok=True)
            log.say(f"ready: {marker.size / 1e6:.0f} MB in {marker.build_seconds} s", 100)
        return lookup.interpreter(place.folder, marker)

    def _shield(self, engine: Engine, place: Place) -> Shield:
        """Around what builds an engine whose packages a person has chosen, who may be no administrator."""
        hidden = self._hidden if engine.family == FAMILY else ()
        return Shield(hidden, (str(self.root),), (str(place.folder),))

    def _places(self, engine: Engine) -> list[Place]:
        return [self.place(engine, python) for python in (engine.recipe.python, *engine.recipe.other_pythons)]

    def place(self, engine: Engine, python: str) -> Place:
        """Where the engine's environment on this Python (``3.7``) is, or would be."""
        now = time.monotonic()
        if now - self._sources[0] >= _SOURCES_S:
            self._sources = (now, pip_config.sources())
        name = lookup.digest(engine.recipe, python, gpu=lookup.has_gpu(), sources=self._sources[1])
        return Place(self.root, name)

    def link(self, engine: Engine, place: Place) -> None:
        """Let the engine's id lead to this environment (``lookup.by_engine``)."""
        link = lookup.engine_link(self.root, engine.id, gpu=lookup.has_gpu())
        link.parent.mkdir(parents=True, exist_ok=True)
        temporary = link.with_name(f".{link.name}.{os.getpid()}.{time.monotonic_ns()}")
        temporary.symlink_to(Path("..") / place.digest)
        temporary.replace(link)

    def discard(self, folder: Path) -> None:
        """Take a folder out of sight in one step, then delete it."""
        trash = self.root / f".trash-{folder.name}-{os.getpid()}-{time.monotonic_ns()}"
        with contextlib.suppress(FileNotFoundError):
            folder.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)


def default_root(home: Path) -> Path:
    """``TRAINSHED_ENVIRONMENTS`` where it is set, else ``environments`` in the service's home."""
    return Path(os.environ.get("TRAINSHED_ENVIRONMENTS") or home / "environments").expanduser().resolve()


def wheel_cache() -> Path:
    """Where wheels that were built from source are kept: in the user's cache, for all services of theirs."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "trainshed" / "wheels"


def find_uv() -> str:
    """Path of uv: what ``TRAINSHED_UV`` says, the one of our own environment, or one on the PATH.

    Raises:
        InvalidInput: there is none.
    """
    if told := os.environ.get("TRAINSHED_UV"):
        return told
    try:
        from uv import find_uv_bin

        return os.fspath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if not found:
        raise InvalidInput(
            "uv is not installed here and environments are built with it: 'pip install uv', then try again",
            code=Code.ENVIRONMENT_BUILD_FAILED,
        )
    return found


def _check_contents(place: Place, marker: lookup.Marker) -> None:
    if lookup.contents(place.folder) != marker.contents:
        raise CommandFailed(["verify"], 1, ["its packages were changed after it was built"])


def _write_failure(place: Place, message: str) -> None:
    place.failure.write_text(json.dumps({"time": time.time(), "message": message}), encoding="utf-8")


def _failure(place: Place, since: float) -> str:
    """Why the last build failed, if that was after ``since``."""
    try:
        facts = json.loads(place.failure.read_bytes())
        return str(facts["message"]) if facts["time"] >= since else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _refuse_image(engine: Engine) -> None:
    if engine.image and not engine.recipe.imports:
        raise InvalidInput(
            f"{engine.id} is a container image and has no environment to build; run it on a container pool",
            code=Code.ENGINE_NOT_OFFERED,
        )


def _is_environment(folder: Path) -> bool:
    if folder.name.startswith(".trash-"):
        return True
    return len(folder.name) == 16 and folder.is_dir() and all(c in "0123456789abcdef" for c in folder.name)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
