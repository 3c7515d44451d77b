"""Environments: built once, verified, found again; crashed, changed and broken ones are rebuilt.

The recipes here install tiny wheels made on the spot, from a folder, so nothing needs a network.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from trainshed.core.engine import Engine, LauncherName, Recipe
from trainshed.core.errors import Code, InvalidInput
from trainshed.engines import lookup, pip_config
from trainshed.engines.environments import Environments, State
from trainshed.engines.runner import BuildLog, CommandFailed, Progress, Runner

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_wheel(
    folder: Path, name: str, version: str, code: str, scripts: Mapping[str, str] = MappingProxyType({})
) -> Path:
    """A wheel of one module, and perhaps scripts (name → text that begins with ``#!python``)."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    file = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        for script, text in scripts.items():
            wheel.writestr(f"{name}-{version}.data/scripts/{script}", text)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return file


def make_engine(requirement: str = "tinyframe==1.0", **recipe: object) -> Engine:
    made = Recipe(python=MINOR, requirements=(requirement,), imports=("tinyframe",), **recipe)  # type: ignore[arg-type]
    return Engine("tiny_1.0", "Tiny", "tiny_1.0", "Tiny", "1.0", LauncherName.PLAIN, made)


def test_what_is_verified_is_compiled(environments: Environments, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where whoever builds wants no bytecode: jobs cannot write it into an environment."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(environments.root / "elsewhere"))
    folder = Path(environments.ensure(make_engine()).python).parents[1]
    assert list(folder.glob("lib/python*/site-packages/__pycache__/tinyframe.*.pyc"))


def test_builds_verifies_and_finds(environments: Environments) -> None:
    engine = make_engine(variables={"HERE": "{environment}/x"})
    assert environments.lookup(engine) is None
    assert environments.state(engine).state is State.ABSENT
    seen: list[Progress] = []
    interpreter = environments.ensure(engine, seen.append)
    percents = [p.percent for p in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert any("imported tinyframe 1.0" in p.line for p in seen)
    state = environments.state(engine)
    assert state.state is State.READY
    assert state.size > 0
    assert interpreter.python == f"{state.folder}/bin/python"
    assert interpreter.python_version == MINOR
    assert interpreter.variables["HERE"] == f"{state.folder}/x"
    assert environments.lookup(engine) == interpreter
    assert Path(state.log).read_text().splitlines()[-1].startswith("[100%] ready")
    assert environments.verify(engine) >= 0
    assert lookup.by_engine(environments.root, engine.id) == interpreter


def test_a_second_call_builds_nothing(environments: Environments) -> None:
    engine = make_engine()
    environments.ensure(engine)
    seen: list[Progress] = []
    environments.ensure(engine, seen.append)
    assert [p.line for p in seen] == ["the environment is ready"]


def test_two_builders_build_once_and_both_see_it(environments: Environments) -> None:
    engine = make_engine()
    seen: dict[int, list[str]] = {0: [], 1: []}
    inside = threading.Barrier(2)

    def build(number: int) -> None:
        inside.wait()
        environments.ensure(engine, lambda p: seen[number].append(p.line))

    threads = [threading.Thread(target=build, args=(n,)) for n in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    log = Path(environments.state(engine).log).read_text()
    assert log.count("building the environment") == 1
    assert all(lines for lines in seen.values())
    assert environments.lookup(engine)


def test_who_waits_follows_the_build(environments: Environments, wheels: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    make_wheel(wheels, "tinyframe", "1.0", f"open({str(gate)!r}).read()\n")
    engine = make_engine()
    verifying, followed = threading.Event(), threading.Event()

    def first(progress: Progress) -> None:
        if progress.line.startswith("verifying"):
            verifying.set()

    def second(progress: Progress) -> None:
        if progress.line.startswith("verifying"):
            followed.set()

    builder = threading.Thread(target=environments.ensure, args=(engine, first))
    builder.start()
    assert verifying.wait(60)
    waiter = threading.Thread(target=environments.ensure, args=(engine, second))
    waiter.start()
    assert followed.wait(60)
    state = environments.state(engine)
    assert state.state is State.BUILDING
    assert state.percent >= 85
    gate.write_text("go")
    builder.join(60)
    waiter.join(60)
    assert environments.state(engine).state is State.READY


def _build_in_child(root: Path, engine: Engine, ready: str) -> None:
    def progress(seen: Progress) -> None:
        if seen.line.startswith("verifying"):
            Path(ready).touch()

    Environments(root).ensure(engine, progress)


def test_a_killed_build_is_never_taken_for_good(
    environments: Environments, wheels: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    make_wheel(wheels, "tinyframe", "1.0", f"open({str(gate)!r}).read()\n")
    engine = make_engine()
    ready = tmp_path / "ready"
    child = multiprocessing.get_context("spawn").Process(
        target=_build_in_child, args=(environments.root, engine, str(ready))
    )
    child.start()
    deadline = time.monotonic() + 60
    while not ready.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    assert environments.lookup(engine) is None
    assert environments.state(engine).state is State.BUILDING  # its verifier still holds the lock
    gate.write_text("go")
    make_wheel(wheels, "tinyframe", "1.0", "__version__ = '1.0'\n")
    shutil.rmtree(tmp_path / "uv-cache")
    assert environments.ensure(engine)


def test_a_failed_build_says_why_and_is_tried_again(environments: Environments, wheels: Path) -> None:
    make_wheel(wheels, "tinyframe", "1.0", "raise RuntimeError('cannot work here')\n")
    engine = make_engine()
    for _ in range(2):
        with pytest.raises(InvalidInput, match="cannot work here") as caught:
            environments.ensure(engine)
        assert caught.value.code == Code.ENVIRONMENT_BUILD_FAILED
        state = environments.state(engine)
        assert state.state is State.ABSENT
        assert "cannot work here" in state.error
        assert environments.lookup(engine) is None


def test_a_missing_package_is_named(environments: Environments) -> None:
    with pytest.raises(InvalidInput, match="tinyframe") as caught:
        environments.ensure(make_engine("tinyframe==9.9"))
    assert "No solution found" in caught.value.message


def test_a_missing_interpreter_is_asked_for(
    environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    engine = make_engine()
    engine = dataclasses.replace(engine, recipe=dataclasses.replace(engine.recipe, python="3.2"))
    with pytest.raises(InvalidInput, match=r"needs Python 3\.2 .*TRAINSHED_PYTHON_3_2") as caught:
        environments.ensure(engine)
    assert caught.value.code == Code.INTERPRETER_MISSING


def test_another_python_will_do(environments: Environments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    engine = make_engine(other_pythons=(MINOR,))
    engine = dataclasses.replace(engine, recipe=dataclasses.replace(engine.recipe, python="3.2"))
    assert environments.ensure(engine).python_version == MINOR
    assert environments.lookup(engine)


def test_a_lost_interpreter_is_seen_and_rebuilt(environments: Environments) -> None:
    engine = make_engine()
    interpreter = environments.ensure(engine)
    link = Path(interpreter.python)
    link.unlink()
    link.symlink_to("/nowhere/python")
    assert environments.lookup(engine) is None
    assert environments.state(engine).state is State.BROKEN
    assert environments.ensure(engine) == interpreter
    assert environments.state(engine).state is State.READY


def test_a_changed_environment_is_seen_and_rebuilt(environments: Environments) -> None:
    engine = make_engine()
    environments.ensure(engine)
    site = Path(environments.state(engine).folder) / "lib" / f"python{MINOR}" / "site-packages"
    (site / "intruder.py").touch()
    assert environments.state(engine).state is State.BROKEN
    environments.ensure(engine)
    assert not (site / "intruder.py").exists()


def test_verify_finds_what_the_look_does_not(environments: Environments) -> None:
    engine = make_engine()
    environments.ensure(engine)
    site = Path(environments.state(engine).folder) / "lib" / f"python{MINOR}" / "site-packages"
    (site / "tinyframe.py").unlink()
    (site / "tinyframe.py").write_text("import nothing_of_the_kind\n")
    assert environments.lookup(engine)
    with pytest.raises(InvalidInput, match=r"nothing_of_the_kind.*builds it anew"):
        environments.verify(engine)
    assert environments.lookup(engine) is None
    environments.ensure(engine)
    assert environments.verify(engine) >= 0


def test_what_decides_the_content_decides_the_folder(
    environments: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = environments.state(make_engine()).digest
    assert environments.state(make_engine("tinyframe==1.1")).digest != plain
    assert environments.state(make_engine(variables={"A": "1"})).digest != plain
    assert environments.state(make_engine()).digest == plain
    monkeypatch.setenv("PIP_FIND_LINKS", "/elsewhere")
    assert Environments(environments.root).state(make_engine()).digest != plain


def test_a_gpu_gets_the_gpu_build(
    environments: Environments, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(wheels, "tinyframe", "1.0+gpu", "__version__ = '1.0+gpu'\n")
    engine = make_engine("tinyframe==1.0,!=1.0+gpu", gpu_requirements=("tinyframe==1.0+gpu",))
    cpu = environments.ensure(engine)
    monkeypatch.setenv("TRAINSHED_GPU", "1")
    gpu = environments.ensure(engine)
    assert cpu.python != gpu.python


def test_a_cpu_build_is_preferred_without_a_gpu(environments: Environments, wheels: Path) -> None:
    make_wheel(wheels, "tinyframe", "1.0+cpu", "__version__ = '1.0+cpu'\n")
    engine = make_engine(cpu_builds=("tinyframe",))
    environments.ensure(engine)
    assert environments.state(engine).note == "CPU build"
    assert "imported tinyframe 1.0+cpu" in Path(environments.state(engine).log).read_text()


def test_without_a_cpu_build_the_full_one_is_taken_and_said(environments: Environments) -> None:
    engine = make_engine(cpu_builds=("tinyframe",))
    environments.ensure(engine)
    assert environments.state(engine).note.startswith("the full build of tinyframe")


def test_prune_removes_what_is_unused_and_what_crashed(environments: Environments) -> None:
    engine, other = make_engine(), make_engine(variables={"A": "1"})
    environments.ensure(engine)
    environments.ensure(other)
    old = Path(environments.state(other).folder)
    crashed = environments.root / ("0" * 16)
    (crashed / "bin").mkdir(parents=True)
    yesterday = time.time() - 86_400
    marker = lookup.read_marker(old)
    assert marker
    dataclasses.replace(marker, built_at=yesterday).write(old)
    os.utime(old / lookup.USED, (yesterday, yesterday))
    planned = environments.prune(unused_s=3600, dry_run=True)
    assert {p.folder for p in planned} == {str(old), str(crashed)}
    assert old.exists()
    assert environments.prune(unused_s=3600, keep=[old.name]) == [
        p for p in planned if p.folder == str(crashed)
    ]
    assert environments.prune(unused_s=3600)[0].engine_id == other.id
    assert not old.exists()
    assert environments.lookup(engine)


def test_a_wheelhouse_is_enough(
    environments: Environments, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    assert environments.ensure(make_engine(), wheelhouse=wheels)


def test_pip_configuration_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheels: Path) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = file:///main\nextra-index-url =\n    file:///a\n    file:///b\n"
        "find-links = /one /two\n[install]\nindex_url = file:///other\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    variables = pip_config.uv_variables()
    assert variables["UV_DEFAULT_INDEX"] == "file:///other"
    assert variables["UV_INDEX"] == "file:///a file:///b"
    assert variables["UV_FIND_LINKS"] == "/one,/two"
    config.write_text("[global]\nindex-url = file:///changed-meanwhile\n")
    assert pip_config.uv_variables()["UV_DEFAULT_INDEX"] == "file:///changed-meanwhile"
    monkeypatch.setenv("PIP_INDEX_URL", "file:///strongest")
    assert pip_config.uv_variables()["UV_DEFAULT_INDEX"] == "file:///strongest"
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:word@packages.example:8443/simple")
    assert pip_config.index() == "https://packages.example:8443/simple"
    monkeypatch.setenv("UV_INDEX", "file:///own")
    assert "UV_INDEX" not in pip_config.uv_variables()
    assert pip_config.sources()["UV_INDEX"] == "file:///own"


def test_a_watcher_that_raises_ends_the_program(tmp_path: Path) -> None:
    class StopNow(Exception):  # noqa: N818
        pass

    def watcher(progress: Progress) -> None:
        if progress.line == "started":
            raise StopNow

    began = time.monotonic()
    with BuildLog(tmp_path / "log", watcher) as log, pytest.raises(StopNow):
        Runner(log).run(["/bin/sh", "-c", "echo started; sleep 60"])
    assert time.monotonic() - began < 30


def test_a_program_that_fails_shows_its_telling_line(tmp_path: Path) -> None:
    script = "echo one; echo 'error: no such thing'; echo bye; exit 3"
    with BuildLog(tmp_path / "log") as log, pytest.raises(CommandFailed) as caught:
        Runner(log).run(["/bin/sh", "-c", script])
    assert caught.value.code == 3
    assert caught.value.reason == "error: no such thing"
