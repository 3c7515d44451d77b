"""Shared by the launchers' tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engines.cluster import make_layout, make_task
from trainshed.core.engine import LauncherName
from trainshed.core.task import Interpreter, ProcessSpec
from trainshed.engines import launchers

PYTHON = Interpreter("/env/bin/python", "3.11", {"VIRTUAL_ENV": "/env"})

Start = Callable[..., list[list[ProcessSpec]]]


@pytest.fixture
def start() -> Start:
    """Starts a job on paper: the processes of each of its nodes."""

    def run(launcher: LauncherName, *arguments: str, **options: Any) -> list[list[ProcessSpec]]:
        layout = make_layout("/home/ma-user", *arguments, **options.pop("variables", {}))
        return [
            launchers.get(launcher).processes(make_task(launcher, index=i, **options), layout, PYTHON)
            for i in range(options.get("nodes", 1))
        ]

    return run
