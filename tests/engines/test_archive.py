"""Environments that travel: exported here, imported there, without any network."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.engines.test_environments import make_engine, make_wheel
from trainshed.core.errors import InvalidInput
from trainshed.engines import archive, lookup
from trainshed.engines.catalogue import Catalogue
from trainshed.engines.environments import Environments, State


@pytest.fixture
def there(tmp_path: Path) -> Environments:
    """Another machine's folder of environments."""
    return Environments(tmp_path / "there")


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_travels(
    environments: Environments,
    there: Environments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
) -> None:
    engine = make_engine(variables={"HERE": "{environment}/x"})
    here = environments.ensure(engine)
    target = tmp_path / f"tiny{suffix}"
    assert archive.export(environments, engine, target) == target.stat().st_size
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    imported, interpreter = archive.import_(there, Catalogue([engine]), target)
    assert imported is engine
    assert interpreter.python != here.python
    assert interpreter.variables["HERE"].startswith(str(there.root))
    assert there.lookup(engine) == interpreter
    assert there.state(engine).state is State.READY
    assert there.state(engine).note == "imported"
    assert lookup.by_engine(there.root, engine.id) == interpreter
    asked = "import sys, tinyframe; print(tinyframe.__version__, sys.prefix)"
    done = subprocess.run([interpreter.python, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1.0", str(there.state(engine).folder)]


def test_what_is_not_built_cannot_be_exported(environments: Environments, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="engines build tiny"):
        archive.export(environments, make_engine(), tmp_path / "x.tar")
    assert not list(tmp_path.glob("*.tar"))


def test_another_recipe_is_refused(environments: Environments, there: Environments, tmp_path: Path) -> None:
    environments.ensure(make_engine())
    archive.export(environments, make_engine(), tmp_path / "x.tar")
    with pytest.raises(InvalidInput, match="another recipe"):
        archive.import_(there, Catalogue([make_engine("tinyframe==1.1")]), tmp_path / "x.tar")
    assert not there.root.exists()


def test_what_does_not_import_is_not_filed(
    environments: Environments, there: Environments, wheels: Path, tmp_path: Path
) -> None:
    make_wheel(
        wheels, "tinyframe", "1.0", f"import os\nif {str(there.root)!r} in __file__: raise OSError('no')\n"
    )
    engine = make_engine()
    environments.ensure(engine)
    archive.export(environments, engine, tmp_path / "x.tar")
    with pytest.raises(InvalidInput, match="does not work here: OSError: no"):
        archive.import_(there, Catalogue([engine]), tmp_path / "x.tar")
    assert there.lookup(engine) is None


@pytest.mark.parametrize("content", [b"", b"not a tar file"])
def test_rubbish_is_refused(there: Environments, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.tar"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"x\.tar"):
        archive.import_(there, Catalogue([make_engine()]), file)


def test_another_tar_file_is_refused(there: Environments, tmp_path: Path) -> None:
    (tmp_path / "hello").write_text("hello")
    with tarfile.open(tmp_path / "x.tar", "w") as made:
        made.add(tmp_path / "hello", "hello")
    with pytest.raises(InvalidInput, match="no exported environment"):
        archive.import_(there, Catalogue([make_engine()]), tmp_path / "x.tar")
