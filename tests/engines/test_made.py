"""Engines that people make of a Python and requirements."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from trainshed.core.engine import LauncherName
from trainshed.core.errors import InvalidInput
from trainshed.engines import made, shield
from trainshed.engines.environments import Environments


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


def test_what_its_packages_run_sees_nothing_of_the_service(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member chooses the packages, and each of them can run at every start of the interpreter."""
    if shield.way() is None:
        pytest.skip("bubblewrap does not work here")
    home = tmp_path / "home"
    home.mkdir()
    secret = home / "secret.key"
    secret.write_text("s3cret")
    look = f"import os, sys; print('SEEN', os.path.exists({str(secret)!r}), 'TRAINSHED_SMTP' in os.environ)"
    with zipfile.ZipFile(wheels / "nosy-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("nosy.pth", f"{look}\n")
        wheel.writestr("nosy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: nosy\nVersion: 1.0\n")
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr("nosy-1.0.dist-info/WHEEL", tags)
        wheel.writestr("nosy-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("TRAINSHED_SMTP", "smtp://me:s3cret@mail")
    environments = Environments(home / "environments", hidden=[home])
    engine = made.make("3.11", "nosy==1.0")
    environments.ensure(engine)
    environments.verify(engine)
    logs = "".join(path.read_text() for path in (home / "environments" / "logs").glob("*.log"))
    assert "SEEN False False" in logs
    assert "SEEN True" not in logs
