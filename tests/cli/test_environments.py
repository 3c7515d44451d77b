"""``trainshed engines verify, prune, export, import, check``: on this machine, without the service."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from tests.engines.test_environments import make_wheel
from trainshed.cli.app import assemble
from trainshed.engines import made

ENGINE = """
family = "Tiny"

[[engine]]
id = "tiny_1.0"
framework = "Tiny"
framework_version = "1.0"
launcher = "plain"

[engine.recipe]
python = "3.11"
other_pythons = ["3.12", "3.13"]
requirements = ["tinyframe==1.0"]
imports = ["tinyframe"]
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with one engine of its own, whose environment is built."""
    from trainshed.engines import catalogue
    from trainshed.engines.environments import Environments, default_root

    make_wheel(tmp_path / "wheels", "tinyframe", "1.0", "__version__ = '1.0'\n")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.delenv("TRAINSHED_ENVIRONMENTS", raising=False)
    folder = tmp_path / "home"
    (folder / "engines").mkdir(parents=True)
    (folder / "engines" / "tiny.toml").write_text(ENGINE)
    engine = catalogue.load(folder / "engines").get("tiny_1.0")
    Environments(default_root(folder)).ensure(engine)
    return folder


def run(*words: str) -> str:
    done = CliRunner().invoke(assemble(), ["engines", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_verify(home: Path) -> None:
    found = json.loads(run("verify", "tiny", "--json", "--home", str(home)))
    assert found["engine_id"] == "tiny_1.0"
    assert found["good"] is True


def test_export_and_import(home: Path, tmp_path: Path) -> None:
    archive = tmp_path / "tiny.tar.gz"
    written = json.loads(run("export", "tiny", str(archive), "--json", "--home", str(home)))
    assert written["size"] == archive.stat().st_size
    other = tmp_path / "other"
    (other / "engines").mkdir(parents=True)
    (other / "engines" / "tiny.toml").write_text(ENGINE)
    found = json.loads(run("import", str(archive), "--json", "--home", str(other)))
    assert found["python"].startswith(str(other))


def test_prune(home: Path) -> None:
    assert json.loads(run("prune", "--json", "--home", str(home))) == []
    [planned] = json.loads(run("prune", "--unused-days", "0", "--dry-run", "--json", "--home", str(home)))
    assert planned["engine_id"] == "tiny_1.0"
    assert Path(planned["folder"]).exists()
    run("prune", "--unused-days", "0", "--home", str(home))
    assert not Path(planned["folder"]).exists()


def test_prune_forgets_engines_that_runs_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = made.make("3.11", "tinyframe==1.0")
    made.keep(home / "engines", engine)
    used = list[str]()

    @contextmanager
    def service(_: Path | None) -> Generator[SimpleNamespace]:
        """A service with jobs that use some engines."""
        jobs = [SimpleNamespace(engine=engine_id) for engine_id in used]
        yield SimpleNamespace(jobs=SimpleNamespace(list=lambda **_: SimpleNamespace(jobs=jobs)))

    monkeypatch.setattr("trainshed.cli.service.client", service)

    def prune(*words: str) -> list[str]:
        found = json.loads(run("prune", "--json", "--home", str(home), *words))
        return [one["engine_id"] for one in found if one.get("made")]

    file = home / "engines" / "made" / f"{engine.id}.json"
    assert prune() == []
    used.append(engine.id)
    assert prune("--unused-days", "0") == []
    used.clear()
    assert prune("--unused-days", "0", "--dry-run") == [engine.id]
    assert file.exists()
    assert prune("--unused-days", "0") == [engine.id]
    assert not file.exists()


def test_check(home: Path, tmp_path: Path) -> None:
    good = home / "engines" / "tiny.toml"
    assert json.loads(run("check", str(good), "--json"))["engines"] == ["tiny_1.0"]
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(ENGINE.replace('"plain"', '"rocket"'))
    done = CliRunner().invoke(assemble(), ["engines", "check", str(wrong)])
    assert done.exit_code != 0


def test_build_offline(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheelhouse = tmp_path / "wheels"
    monkeypatch.delenv("UV_FIND_LINKS")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "engines").mkdir(parents=True)
    (elsewhere / "engines" / "tiny.toml").write_text(ENGINE)
    options = ("--offline", str(wheelhouse), "--home", str(elsewhere))
    found = json.loads(run("build", "tiny", "--json", *options))
    assert found["state"] == "ready"
    assert Path(found["folder"]).is_relative_to(elsewhere)
    assert Path(found["log"]).is_file()
    assert (
        "tiny_1.0 is ready" in CliRunner().invoke(assemble(), ["engines", "build", "tiny", *options]).output
    )


def test_build_offline_without_the_wheels(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_ENVIRONMENTS", str(tmp_path / "environments"))
    (tmp_path / "empty").mkdir()
    words = ["engines", "build", "tiny", "--home", str(home), "--offline"]
    done = CliRunner().invoke(assemble(), [*words, str(tmp_path / "empty")])
    assert done.exit_code != 0
    done = CliRunner().invoke(assemble(), [*words, str(tmp_path / "nowhere")])
    assert done.exit_code != 0
