"""Makes engines' environments ready for jobs, a few at a time, each only once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from trainshed.core.engine import Engine
from trainshed.core.errors import Code, TrainshedError
from trainshed.core.task import Interpreter
from trainshed.engines.environments import Environments
from trainshed.engines.runner import Progress

BUILDERS = 2
PROGRESS_EVERY_S = 0.25

_log = logging.getLogger("trainshed.server")


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far an environment is."""

    engine_id: str
    percent: float
    line: str


@dataclass(frozen=True, slots=True)
class Built:
    """An environment is ready, or could not be made (then ``error`` says why)."""

    engine_id: str
    seconds: float
    interpreter: Interpreter | None = None
    error: str = ""
    code: str = ""


class _ServiceEndsError(Exception):
    """Raised into a build to end it."""


class Preparation:
    """Builds environments beside the dispatcher, and tells it how far they are."""

    def __init__(self, environments: Environments, tell: Callable[[BuildProgress | Built], None]) -> None:
        self._environments = environments
        self._tell = tell
        self._workers = ThreadPoolExecutor(BUILDERS, thread_name_prefix="environment")
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._ending = False

    def ready(self, engine: Engine) -> Interpreter | None:
        """The interpreter, if the environment is there already."""
        return self._environments.lookup(engine)

    def request(self, engine: Engine) -> None:
        """Have the environment made; an engine that is under way is not begun again."""
        with self._lock:
            if engine.id in self._busy or self._ending:
                return
            self._busy.add(engine.id)
        self._workers.submit(self._build, engine)

    def building(self, engine_id: str) -> bool:
        """Whether this service has the environment made just now, or will in a moment."""
        with self._lock:
            return engine_id in self._busy

    def close(self) -> None:
        """End the builds that are under way; the next start of the service begins them anew."""
        self._ending = True
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _build(self, engine: Engine) -> None:
        began = time.monotonic()
        built = Built(engine.id, 0.0, error="the service ends")
        try:
            interpreter = self._environments.ensure(engine, self._watcher(engine.id))
            built = Built(engine.id, time.monotonic() - began, interpreter)
        except _ServiceEndsError:
            return
        except TrainshedError as error:
            built = Built(engine.id, time.monotonic() - began, error=error.message, code=error.code)
        except Exception as error:
            _log.exception("the environment of %s could not be made", engine.id)
            reason = f"{type(error).__name__}: {error}"
            built = Built(
                engine.id, time.monotonic() - began, error=reason, code=Code.ENVIRONMENT_BUILD_FAILED
            )
        finally:
            with self._lock:
                self._busy.discard(engine.id)
        self._tell(built)

    def _watcher(self, engine_id: str) -> Callable[[Progress], None]:
        last = 0.0

        def watch(progress: Progress) -> None:
            nonlocal last
            if self._ending:
                raise _ServiceEndsError
            now = time.monotonic()
            if now - last >= PROGRESS_EVERY_S or progress.percent >= 100:
                last = now
                self._tell(BuildProgress(engine_id, progress.percent, progress.line[:500]))

        return watch
