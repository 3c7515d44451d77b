"""Fixtures of the engines' tests: one shared folder of environments, and the digits as files."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.engines.cluster import SEEN, Cluster
from trainshed.engines import catalogue
from trainshed.engines.environments import Environments

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def presets() -> catalogue.Catalogue:
    return catalogue.load()


@pytest.fixture(scope="session")
def shared_environments() -> Environments:
    """Built once for all test runs of this checkout (or wherever TRAINSHED_ENVIRONMENTS says)."""
    return Environments(Path(os.environ.get("TRAINSHED_ENVIRONMENTS") or ROOT / ".cache" / "environments"))


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``digits.npz``: x_train, y_train (1,500 pictures of 8 by 8), x_test, y_test."""
    folder = tmp_path_factory.mktemp("digits")
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    x = (images[order] / 16.0).astype("float32").reshape(-1, 8, 8, 1)
    y = labels[order].astype("int64")
    np.savez(folder / "digits.npz", x_train=x[:1500], y_train=y[:1500], x_test=x[1500:], y_test=y[1500:])
    return folder


def pytest_sessionfinish() -> None:
    """Where asked to (TRAINSHED_WRITE_SEEN=1), note which engines ran, for docs/engines.md."""
    if os.environ.get("TRAINSHED_WRITE_SEEN") != "1":
        return
    file = ROOT / "docs" / "engines-seen.json"
    with (ROOT / ".cache" / "engines-seen.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = json.loads(file.read_text()) if file.exists() else {}
        for engine_id, shapes in SEEN.items():
            if engine_id:
                before = known.get(engine_id, {}).get("shapes", [])
                today = datetime.now(UTC).date().isoformat()
                known[engine_id] = {"day": today, "shapes": sorted({*before, *shapes})}
        file.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


@pytest.fixture
def cluster(
    tmp_path: Path, presets: catalogue.Catalogue, shared_environments: Environments
) -> Callable[..., Cluster]:
    """Makes a cluster of nodes that run an engine, named by id or alias."""

    def make(name: str, **options: object) -> Cluster:
        engine = presets.newest(name)
        interpreter = shared_environments.ensure(engine)
        folder = tmp_path / engine.id
        folder.mkdir(exist_ok=True)
        return Cluster(folder, engine, interpreter, **options)  # pyright: ignore

    return make


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``tinyframe`` 1.0, the only place that packages may come from."""
    folder = tmp_path / "wheels"
    from tests.engines.test_environments import make_wheel

    make_wheel(folder, "tinyframe", "1.0", "__version__ = '1.0'\n")
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return folder


@pytest.fixture
def environments(tmp_path: Path, wheels: Path) -> Environments:
    return Environments(tmp_path / "environments")
