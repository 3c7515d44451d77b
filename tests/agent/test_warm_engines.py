"""Warm start of each framework: like a fresh start, fit to be forked from, with random states of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.agent.conftest import Job
from tests.agent.test_warm import same, script_log, start, warm_notes
from trainshed.engines import catalogue
from trainshed.engines.environments import Environments

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]

TORCH = "import torch; print('DRAW', torch.rand(1).item(), torch.nn.Linear(2, 1).weight[0, 0].item())"
TENSORFLOW = "import tensorflow as tf; print('DRAW', float(tf.random.uniform([1])[0]))"
MINDSPORE = "from mindspore import nn; print('DRAW', nn.Dense(3, 1).weight.asnumpy()[0, 0])"
DRAWS = {
    "pytorch": TORCH,
    "pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64": TORCH,
    "tensorflow": TENSORFLOW,
    "tensorflow_2.1.0-cuda_10.1-py_3.7-ubuntu_18.04-x86_64": TENSORFLOW,
    "mindspore_2.10.0-mpich_5.0.2-py_3.11": MINDSPORE,
}


@pytest.mark.parametrize("name", DRAWS)
def test_framework(job: Job, name: str) -> None:
    root = os.environ.get("TRAINSHED_ENVIRONMENTS") or ROOT / ".cache" / "environments"
    engine = catalogue.load().newest(name)
    interpreter = Environments(Path(root)).ensure(engine)
    same(job, interpreter, "namespaces", "error", *engine.warm)
    job.write(f"import random, numpy\n{DRAWS[name]}\nprint('DRAW', random.random(), numpy.random.rand())")
    seen = set[str]()
    for attempt in (2, 3):
        record = start(
            job,
            attempt,
            warm=True,
            warm_modules=engine.warm,
            sandbox="namespaces",
            interpreter=interpreter,
            parameters=(),
            environments={},
        )
        assert warm_notes(record)[0].startswith("warm start: ")
        lines = [line for line in script_log(record, attempt).splitlines() if line.startswith("DRAW")]
        assert len(lines) == 2, record.log
        seen.update(lines)
    assert len(seen) == 4
