"""Engines that people make of a Python and requirements."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainshed.core.engine import LauncherName
from trainshed.core.errors import InvalidInput
from trainshed.engines import made


def test_the_same_requirements_are_the_same_engine() -> None:
    one = made.make("3.11", "numpy==2.1.0\n# note\nscipy>=1.2  # why\n")
    other = made.make("3.11", "scipy>=1.2\nnumpy==2.1.0 \\\n    --hash=sha256:00ff\n")
    assert one == other
    assert one.recipe.requirements == ("numpy==2.1.0", "scipy>=1.2")
    assert one.id != made.make("3.12", "numpy==2.1.0\nscipy>=1.2").id
    assert one.id != made.make("3.11", "numpy==2.1.1\nscipy>=1.2").id


@pytest.mark.parametrize(
    ("requirements", "launcher"),
    [
        ("", LauncherName.PLAIN),
        ("torch==2.13.0", LauncherName.TORCHRUN),
        ("torchvision", LauncherName.PLAIN),
        ("tensorflow-cpu>=2", LauncherName.TF_CONFIG),
    ],
)
def test_launchers(requirements: str, launcher: LauncherName) -> None:
    assert made.make("3.11", requirements).launcher is launcher


@pytest.mark.parametrize(
    ("python", "requirements"),
    [
        ("2.7", ""),
        ("", "numpy"),
        ("3.11; rm", ""),
        ("3.11", "-r /etc/passwd"),
        ("3.11", "--index-url http://x"),
        ("3.11", "./wheel.whl"),
        ("3.11", "x @ file:///etc"),
    ],
)
def test_what_will_not_do(python: str, requirements: str) -> None:
    with pytest.raises(InvalidInput):
        made.make(python, requirements)


def test_they_are_found_again(tmp_path: Path) -> None:
    engine = made.make("3.11", "numpy")
    made.keep(tmp_path, engine)
    (tmp_path / "made" / "custom-broken.json").write_text("{")
    assert made.load(tmp_path).get(engine.id) == engine
