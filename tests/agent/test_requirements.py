"""A job's own packages: a layer over the environment, cached, and never a change in the environment."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.agent.conftest import Job
from trainshed.engines import shield

OFFLINE = {"UV_NO_INDEX": "1", "UV_OFFLINE": "1"}


def wheel(folder: Path, name: str, version: str, *, needs: str = "") -> str:
    """A wheel of one module that says its version."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    file = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / file, "w") as made:
        made.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        made.writestr(f"{info}/METADATA", metadata + (f"Requires-Dist: {needs}\n" if needs else ""))
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{info}/RECORD", "")
    return file


@pytest.fixture
def wanting(job: Job) -> Job:
    """A job that wants a package of its own, which lies beside it."""
    wheel(job.code, "trainshed_toy", "1.0", needs="trainshed_toy_base")
    wheel(job.code, "trainshed_toy_base", "2.0")
    job.write("trainshed_toy==1.0\n", "requirements.txt")
    job.write(
        "import trainshed_toy, trainshed_toy_base\nprint(trainshed_toy.VERSION, trainshed_toy_base.VERSION)"
    )
    return job


@pytest.mark.parametrize("sandbox", ["none", "namespaces"])
def test_packages_are_there_for_the_script(wanting: Job, sandbox: str) -> None:
    wanting.set(sandbox=sandbox)
    record = wanting.run(**OFFLINE)
    assert b"1.0 2.0\n" in wanting.script_log(), wanting.script_log()
    assert ("requirements", "done") in record.kinds()
    [done] = [e for e in record.events if (e["stage"], e["kind"]) == ("requirements", "done")]
    assert done["message"] == "installed"


def test_a_second_job_finds_them_installed(wanting: Job) -> None:
    wanting.run(**OFFLINE)
    wanting.set(job_id="job-2", root=str(wanting.root.parents[2] / "job-2" / "0" / "worker-0"))
    wanting.root = Path(wanting.spec.root)
    wanting.run(**OFFLINE)
    record = wanting.server.task("job-2")
    [done] = [e for e in record.events if (e["stage"], e["kind"]) == ("requirements", "done")]
    assert done["message"] == "as cached"
    assert b"1.0 2.0\n" in record.log


def test_a_package_in_the_code_is_the_jobs_alone(wanting: Job) -> None:
    wanting.write("./trainshed_toy-1.0-py3-none-any.whl\n", "requirements.txt")
    wanting.run(**OFFLINE)
    assert b"1.0 2.0\n" in wanting.script_log(), wanting.script_log()
    assert not (Path(wanting.spec.environments_dir) / "layers").exists()


def test_what_cannot_be_installed_ends_the_task(wanting: Job) -> None:
    wanting.write("trainshed_toy==9.9\n", "pip-requirements.txt")
    (wanting.code / "requirements.txt").unlink()
    record = wanting.run(**OFFLINE)
    assert record.outcome is not None
    assert (record.outcome["cause"], record.outcome["stage"]) == ("user_error", "requirements")
    assert "pip-requirements.txt could not be resolved" in record.outcome["message"]
    assert b"trainshed" in wanting.script_log()


def test_a_file_that_asks_for_nothing_is_no_stage(job: Job) -> None:
    job.write("# nothing\n\n", "requirements.txt")
    job.write("print('hello')")
    record = job.run()
    assert "requirements" not in {stage for stage, _ in record.kinds()}


BACKEND = """
import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    seen = {
        "secret": os.path.exists(SECRET),
        "ours": [name for name in os.environ if name.startswith("TRAINSHED_")],
        "home": sorted(os.listdir(os.path.dirname(SECRET))),
    }
    info = "nosy-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(folder, "nosy-1.0-py3-none-any.whl"), "w") as made:
        made.writestr("nosy.py", f"SEEN = {seen!r}")
        made.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: nosy\\nVersion: 1.0\\n")
        wheel = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        made.writestr(f"{info}/WHEEL", wheel)
        made.writestr(f"{info}/RECORD", "")
    return "nosy-1.0-py3-none-any.whl"
"""
PROJECT = """
[project]
name = "nosy"
version = "1.0"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


@pytest.mark.parametrize("sandbox", ["namespaces", "bubblewrap"])
def test_a_package_that_is_built_sees_nothing_of_the_service(job: Job, tmp_path: Path, sandbox: str) -> None:
    """What a package runs while it is built comes from a member, as the script does."""
    if shield.way() is None:
        pytest.skip("bubblewrap does not work here")
    home = tmp_path / "home"
    (home / "environments").mkdir(parents=True)
    (home / "secret.key").write_text("s3cret")
    job.write(BACKEND.replace("SECRET", repr(str(home / "secret.key"))), "nosy/backend.py")
    job.write(PROJECT, "nosy/pyproject.toml")
    job.write("./nosy\n", "requirements.txt")
    job.write("import nosy\nprint(nosy.SEEN)")
    job.set(sandbox=sandbox, hidden=(str(home),), environments_dir=str(home / "environments"))
    job.run(**OFFLINE, TRAINSHED_SMTP="smtp://me:s3cret@mail")
    wanted = {"secret": False, "ours": [], "home": ["environments"]}
    assert f"{wanted}\n".encode() in job.script_log(), job.script_log()


def test_shared_packages_are_installed_behind_it_too(wanting: Job, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "environments").mkdir(parents=True)
    wanting.set(sandbox="namespaces", hidden=(str(home),), environments_dir=str(home / "environments"))
    wanting.run(**OFFLINE)
    assert b"1.0 2.0\n" in wanting.script_log(), wanting.script_log()
    assert (home / "environments" / "layers").exists()
