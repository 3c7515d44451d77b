"""The SDK against a service that really runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.conftest import Service, Shell
from tests.naming import unique
from trainshed.client import (
    Argument,
    Client,
    Connection,
    Estimator,
    InputData,
    JobRequest,
    OutputData,
    TrainingFiles,
    collect,
)
from trainshed.client.connection import from_home
from trainshed.core.errors import Conflict, InvalidInput, NotFound
from trainshed.core.lifecycle import Phase

SCRIPT = """
import pathlib, sys
args = dict(token[2:].split("=", 1) for token in sys.argv[1:])
text = (pathlib.Path(args["data_url"]) / "deep" / "x.txt").read_text()
(pathlib.Path(args["train_url"]) / "deep").mkdir()
(pathlib.Path(args["train_url"]) / "deep" / "y.txt").write_text(text * int(args["times"]))
print("done", args["times"])
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Service]:
    """A service that refuses to name folders of its machine, as one elsewhere would."""
    folder = tmp_path_factory.mktemp("elsewhere")
    service = Service(Shell(folder, folder / "home", {"TRAINSHED_LOCAL_PATHS": "false"}))
    service.start()
    yield service
    service.close()


@pytest.fixture
def client(service: Service) -> Generator[Client]:
    with Client(from_home(service.shell.home)) as opened:
        yield opened


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(SCRIPT)
    return tmp_path / "code"


def _request(client: Client, code: Path, name: str, text: str) -> JobRequest:
    (code / "train.py").write_text(text)
    uri = client.code.upload(collect(code)).uri
    return JobRequest(name=name, code_dir=uri, boot_file="train.py", engine="python")


def test_fit_on_a_service_elsewhere(
    client: Client,
    code: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Local folders are copied there and back."""
    monkeypatch.setattr(Connection, "local", False)
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "deep" / "x.txt").write_text("数字 ")
    estimator = Estimator(
        training_files=TrainingFiles(str(code), "train.py"),
        framework_type="Python",
        outputs=[OutputData(str(tmp_path / "out"))],
        parameters=[{"name": "times", "value": "3"}],
        job_description="a test",
        warm_start=True,
        client=client,
    )
    run = estimator.fit(InputData(str(tmp_path / "data")), job_name=unique("fit"))
    assert run.job.phase is Phase.COMPLETED, run.get_job_log()
    assert "done 3\n" in capsys.readouterr().out
    assert (tmp_path / "out" / "deep" / "y.txt").read_text() == "数字 数字 数字 "
    assert "done 3" in run.get_job_log()
    assert run.get_job_info()["metadata"]["description"] == "a test"
    assert run.get_job_info()["spec"]["warm_start"] is True
    run.update_job_configuration(description="another")
    assert run.get_job_info()["metadata"]["description"] == "another"
    run.delete_job()
    with pytest.raises(NotFound):
        run.get_job_info()


def test_the_way_of_a_job(client: Client, code: Path) -> None:
    way = unique("way")
    request = _request(client, code, way, "import sys; print(sys.argv[1:])")
    assert not client.jobs.name_taken(way)
    job = client.jobs.create(request)
    assert client.jobs.name_taken(way)
    ended = client.jobs.wait(job.id, timeout_s=60)
    assert ended.phase is Phase.COMPLETED
    assert ended.outcome is not None
    assert ended.outcome.exit_code == 0
    assert client.jobs.show(way).id == job.id
    assert b"[]" in client.jobs.log(way)
    assert client.jobs.search_log(way, "script ended")
    assert client.jobs.log(way, offset=-10) == client.jobs.log(way)[-10:]
    assert client.jobs.log_size(way) == len(client.jobs.log(way))
    assert [event.level for event in client.jobs.events(way)]
    assert len(client.jobs.tasks(way)) == 1
    assert client.jobs.why(way)["phase"] == "Completed"
    assert [found.name for found in client.jobs.list(phases=["Completed"], name=way).jobs] == [way]
    with pytest.raises(Conflict, match=way):
        client.jobs.stop(way)
    with pytest.raises(Conflict, match=f"'{way}' exists"):
        client.jobs.create(request)


def test_a_wait_has_an_end(client: Client, code: Path) -> None:
    job = client.jobs.create(_request(client, code, unique("slow"), "import time; time.sleep(600)"))
    with pytest.raises(TimeoutError):
        client.jobs.wait(job.id, timeout_s=0.5)
    client.jobs.stop(job.id)
    assert client.jobs.wait(job.id, timeout_s=60).phase is Phase.TERMINATED


def test_a_dry_run_and_flags(client: Client, code: Path) -> None:
    request = _request(client, code, "dry", "")
    plan = client.jobs.dry_run(
        JobRequest(
            name="dry",
            code_dir=request.code_dir,
            boot_file="train.py",
            engine="python",
            arguments=(Argument("amp"), Argument("lr", "0.1")),
        )
    )
    assert "--amp --lr=0.1" in plan["tasks"][0]["processes"][0]["command"]
    with pytest.raises(NotFound):
        client.jobs.show("dry")


def test_objects_come_back_as_they_were(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(bytes(range(256)) * 1000)
    uri = "obs://trainshed/some folder/数字 %20?#.bin"
    client.objects.upload(source, uri)
    assert [item.key for item in client.objects.list("obs://trainshed/some folder/")] == ["数字 %20?#.bin"]
    assert client.objects.download(uri, tmp_path / "deep" / "target.bin") == 256_000
    assert (tmp_path / "deep" / "target.bin").read_bytes() == source.read_bytes()
    client.objects.delete(uri)
    with pytest.raises(NotFound):
        client.objects.download(uri, tmp_path / "none.bin")
    assert not (tmp_path / "none.bin").exists()


def test_refusals_keep_code_and_sentence(client: Client) -> None:
    with pytest.raises(InvalidInput) as caught:
        client.jobs.create(JobRequest(name="x", code_dir="obs://trainshed/none/", boot_file="train.py"))
    assert caught.value.code.startswith("TrainShed.1")
    assert caught.value.message


def test_engines_and_pools(client: Client) -> None:
    assert client.engines.show("pytorch").family == "PyTorch"
    assert {engine.id for engine in client.engines.list()} >= {"python_3.11"}
    assert client.pools.list()[0].id == "local"
    assert client.pools.flavors()[0].cores >= 1
    assert client.info()["name"] == "trainshed"


def test_python_runs_the_sdk_without_the_service(service: Service) -> None:
    """The SDK imports nothing of the service."""
    code = "import sys, trainshed.client; print([m for m in sys.modules if m.startswith('trainshed.server')])"
    command = [sys.executable, "-c", code]
    environment = service.shell.environment
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"
