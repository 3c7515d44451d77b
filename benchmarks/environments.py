"""Environments: ours against pip in a fresh venv, cold (nothing cached) and warm.

Run:  python benchmarks/environments.py [--rounds 3] [ENGINE …]     (pytorch and tensorflow)

Cold downloads everything anew; both go to the same indexes, by the machine's own configuration. Both
end by importing the framework, as our verification does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.table import Table  # noqa: E402

from trainshed.core.engine import Engine  # noqa: E402
from trainshed.engines import catalogue, interpreters  # noqa: E402
from trainshed.engines.environments import Environments  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engines", nargs="*", default=["pytorch", "tensorflow"])
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    table = Table(
        "environments",
        "An engine's environment, from nothing to imported",
        ("what", "ours, s", "venv + pip, s", "× pip"),
        [
            "Cold: nothing cached, packages fetched anew. Warm: caches full, the environment made anew. "
            "Ready: the environment is there, as at a job's start."
        ],
    )
    for name in options.engines:
        measure(table, catalogue.load().newest(name), options.rounds)
    table.publish()


def measure(table: Table, engine: Engine, rounds: int) -> None:
    """Add the rows of one engine."""
    with tempfile.TemporaryDirectory(prefix="trainshed-environments-") as folder:
        bench = Bench(engine, Path(folder))
        short = f"{engine.framework} {engine.framework_version}"
        for label, ours, pip in (
            ("cold", bench.ours_cold, bench.pip_cold),
            ("warm", bench.ours_warm, bench.pip_warm),
        ):
            pairs = [(seconds(ours), seconds(pip)) for _ in range(rounds)]
            mine, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
            table.add(f"{short}, {label}", round(mine, 2), round(theirs, 2), round(mine / theirs, 3))
        ready = statistics.median(seconds(bench.ours_ready) for _ in range(50))
        table.add(f"{short}, ready", round(ready, 5), None, None)


class Bench:
    """The contenders on one engine, each with caches of its own below ``folder``."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.environments = Environments(folder / "environments")
        os.environ["UV_CACHE_DIR"] = str(folder / "uv-cache")
        found = interpreters.find([engine.recipe.python, *engine.recipe.other_pythons])
        if found is None:
            raise SystemExit(f"{engine.id} needs Python {engine.recipe.python}")
        self.base = found.path

    def ours_cold(self) -> None:
        """With an empty cache."""
        shutil.rmtree(self.folder / "uv-cache", ignore_errors=True)
        self.ours_warm()

    def ours_warm(self) -> None:
        """With what the last one left in the cache."""
        self.environments.remove(self.engine)
        self.environments.ensure(self.engine)

    def ours_ready(self) -> None:
        """What a job's start costs."""
        if self.environments.lookup(self.engine) is None:
            raise SystemExit(f"{self.engine.id} was not built")

    def pip_cold(self) -> None:
        """With an empty cache."""
        shutil.rmtree(self.folder / "pip-cache", ignore_errors=True)
        self.pip_warm()

    def pip_warm(self) -> None:
        """A fresh venv, then pip, then the import."""
        venv = self.folder / "venv"
        shutil.rmtree(venv, ignore_errors=True)
        python = str(venv / "bin" / "python")
        cache = str(self.folder / "pip-cache")
        recipe = self.engine.recipe
        pip = [python, "-m", "pip", "install", "--quiet", "--cache-dir", cache]
        imports = "; ".join(f"import {name}" for name in recipe.imports)
        steps = [[self.base, "-m", "venv", str(venv)], [*pip, *recipe.requirements]]
        steps += [[*pip, "--no-deps", *recipe.no_deps]] if recipe.no_deps else []
        for step in [*steps, [python, "-c", imports]]:
            subprocess.run(step, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds(what: Callable[[], None]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
