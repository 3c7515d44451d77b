"""The script's contract, golden: every argument, variable and path."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainshed.agent import contract
from trainshed.agent.places import Places
from trainshed.core.algorithm import Access
from trainshed.core.engine import LauncherName
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.job import ChannelBinding, Parameter
from trainshed.core.resources import Chip
from trainshed.core.task import Interpreter, Layout, Peer, Reporting, TaskSpec

TASK = TaskSpec(
    job_id="0b7c",
    job_name="digits",
    attempt=2,
    index=1,
    root="/srv/jobs/0b7c/2/worker-1",
    code_dir="obs://bucket/projects/digits/",
    boot_file="src/train.py",
    engine_id="pytorch",
    family="PyTorch",
    launcher=LauncherName.TORCHRUN,
    reporting=Reporting("http://127.0.0.1:1", "secret"),
    peers=(Peer("10.0.0.1", ("0", "1")), Peer("10.0.0.2", ("2", "3"))),
    ports=(29500, 29501),
    chip=Chip.GPU,
    processes=2,
    cpus=8,
    inputs=(
        ChannelBinding("data_url", "obs://bucket/data/"),
        ChannelBinding("val", "obs://b/v.zip", Access.ENV),
    ),
    outputs=(ChannelBinding("train_url", "obs://bucket/out/"), ChannelBinding("logs", "obs://bucket/tb/")),
    parameters=(Parameter("lr", "0.1"), Parameter("rank", ""), Parameter("amp", "", flag=True)),
    environments={"MINE": "1"},
    buckets={
        "bucket": {
            "kind": "s3",
            "endpoint": "https://obs.example.com",
            "access_key": "AKID9",
            "secret_key": "PRIVATE9",
        }
    },
    grace_s=20,
)
INTERPRETER = Interpreter("/env/bin/python", "3.11", {"PYTHONPATH": "/env/extra"})


def layout(task: TaskSpec = TASK, *, sandboxed: bool = True, **more: object) -> Layout:
    places = Places(task.root)
    places.sandboxed = sandboxed
    given = {"files": {"val": "v.zip"}, "exported": {}, "node": {"PATH": "/bin", "USER": "me", "SECRET": "x"}}
    return contract.layout(task, places, INTERPRETER, **(given | more))  # type: ignore[arg-type]


def test_arguments_are_single_tokens_channels_first() -> None:
    assert layout().arguments == (
        "--data_url=/home/ma-user/modelarts/inputs/data_url_0/",
        "--train_url=/home/ma-user/modelarts/outputs/train_url_0/",
        "--logs=/home/ma-user/modelarts/outputs/logs_1/",
        "--lr=0.1",
        "--rank=",
        "--amp",
    )


def test_endpoints_are_there_for_those_who_ask() -> None:
    names = ("S3_ENDPOINT", "S3_USE_HTTPS", "S3_VERIFY_SSL")
    for asked, there in (("1", True), ("true", True), ("0", False), ("", False)):
        task = replace(TASK, environments={"TRAINSHED_DIRECT_STORAGE": asked})
        variables = layout(task).variables
        assert [variables.get(name) for name in names] == (
            ["https://obs.example.com", "1", "1"] if there else [None] * 3
        )
        assert "PRIVATE9" not in str(variables)


def test_paths() -> None:
    found = layout()
    assert found.code_dir == "/home/ma-user/modelarts/user-job-dir/digits/"
    assert found.boot_file == "/home/ma-user/modelarts/user-job-dir/digits/src/train.py"
    assert found.working_dir == "/home/ma-user/modelarts/user-job-dir/digits"
    assert found.log_dir == "/home/ma-user/modelarts/log"


def test_variables() -> None:
    assert layout(index="https://packages.example:8443/simple").variables == {
        "PATH": "/env/bin:/bin",
        "HOME": "/home/ma-user",
        "USER": "me",
        "LOGNAME": "me",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": "/env/extra:/home/ma-user/.trainshed/python",
        "OMP_NUM_THREADS": "4",
        "MA_HOME": "/home/ma-user",
        "MA_JOB_DIR": "/home/ma-user/modelarts/user-job-dir",
        "MA_MOUNT_PATH": "/home/ma-user/modelarts",
        "MA_LOG_DIR": "/home/ma-user/modelarts/log",
        "MA_SCRIPT_INTERPRETER": "/env/bin/python",
        "MA_ENGINE_TYPE": "PyTorch",
        "WORKSPACE": "/home/ma-user/modelarts/user-job-dir/digits",
        "CUDA_VISIBLE_DEVICES": "2,3",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "MA_CURRENT_IP": "10.0.0.2",
        "MA_CURRENT_HOST_IP": "10.0.0.2",
        "MA_NUM_GPUS": "2",
        "MA_TASK_NAME": "worker",
        "MA_NUM_HOSTS": "2",
        "MA_CURRENT_INSTANCE_NAME": "modelarts-job-0b7c-worker-1",
        "MA_JOB_ID": "0b7c",
        "VC_TASK_INDEX": "1",
        "VC_WORKER_NUM": "2",
        "VC_WORKER_HOSTS": "10.0.0.1,10.0.0.2",
        "JOB_ID": "0b7c",
        "DLS_TASK_INDEX": "1",
        "DLS_TASK_NUMBER": "2",
        "DLS_APP_URL": "obs://bucket/projects/digits/",
        "DLS_DATA_URL": "obs://bucket/data/",
        "DLS_TRAIN_URL": "obs://bucket/out/",
        "DLS_LOCAL_CACHE_PATH": "/cache",
        "BATCH_CUSTOM0_HOSTS": "10.0.0.1:29500",
        "BATCH_CUSTOM1_HOSTS": "10.0.0.2:29500",
        "MA_PIP_URL": "https://packages.example:8443/simple",
        "MA_PIP_HOST": "packages.example",
        "MA_APIGW_ENDPOINT": "http://127.0.0.1:1",
        "MA_DETECT_TRAIN_INJECT_CODE": "1",
        "TRAINSHED_JOB_ID": "0b7c",
        "TRAINSHED_JOB_NAME": "digits",
        "TRAINSHED_ATTEMPT": "2",
        "TRAINSHED_GRACE_S": "20",
        "TRAINSHED_MOXING_SOCKET": "/home/ma-user/.trainshed/moxing.sock",
        "val": "/home/ma-user/modelarts/inputs/val_1/v.zip",
        "MINE": "1",
    }


def test_without_a_sandbox_everything_is_below_the_task() -> None:
    found = layout(sandboxed=False)
    home = "/srv/jobs/0b7c/2/worker-1/ma-user"
    assert found.arguments[0] == f"--data_url={home}/modelarts/inputs/data_url_0/"
    assert found.variables["MA_HOME"] == found.variables["HOME"] == home
    assert found.variables["DLS_LOCAL_CACHE_PATH"] == "/srv/jobs/0b7c/2/worker-1/cache"
    assert found.variables["TMPDIR"] == "/srv/jobs/0b7c/2/worker-1/tmp"


def test_nothing_secret_reaches_the_script() -> None:
    found = layout()
    text = repr(found)
    assert "secret" not in text
    assert "AKID9" not in text
    assert "PRIVATE9" not in text
    assert "SECRET" not in found.variables


def test_the_users_own_variables_win_and_paths_add_up() -> None:
    task = replace(TASK, environments={"PYTHONPATH": "/mine", "OMP_NUM_THREADS": "1", "A": "user"})
    found = layout(task, exported={"A": "hook", "B": "hook"}, layer="/layers/x")
    assert found.variables["PYTHONPATH"] == "/mine:/layers/x:/env/extra:/home/ma-user/.trainshed/python"
    assert found.variables["PATH"] == "/layers/x/bin:/env/bin:/bin"
    assert found.variables["OMP_NUM_THREADS"] == "1"
    assert (found.variables["A"], found.variables["B"]) == ("user", "hook")


def test_directories_of_the_jobs_own_choice() -> None:
    task = replace(
        TASK,
        local_code_dir="/home/work/code",
        working_dir="/home/ma-user/here",
        inputs=(ChannelBinding("data_url", "obs://b/d/", local_dir="/cache/data"),),
    )
    found = layout(task, files={})
    assert found.boot_file == "/home/work/code/src/train.py"
    assert found.working_dir == "/home/ma-user/here"
    assert found.arguments[0] == "--data_url=/cache/data/"
    assert Places("/r").host("/home/work/code") == "/r/places/home/work/code"
    assert Places("/r").host("/cache/data/../x") == "/r/cache/x"


@pytest.mark.parametrize("path", ["/etc", "/", "/home", "/home/ma-user/../../etc", "/cachet", "relative"])
def test_directories_that_no_job_may_have(path: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Places("/r").host(path)
    assert raised.value.code == Code.PATH_INVALID


@pytest.mark.parametrize("boot", ["../train.py", "a/../../train.py", ".", ""])
def test_a_boot_file_outside_the_code(boot: str) -> None:
    task = replace(TASK, boot_file=boot)
    if not boot:
        assert contract.boot_file(task) == ""
        return
    with pytest.raises(InvalidInput) as raised:
        contract.boot_file(task)
    assert raised.value.code == Code.BOOT_FILE_OUTSIDE_CODE


def test_the_chips() -> None:
    ascend = layout(replace(TASK, chip=Chip.ASCEND)).variables
    assert ascend["ASCEND_RT_VISIBLE_DEVICES"] == "2,3"
    assert "CUDA_VISIBLE_DEVICES" not in ascend
    assert layout(replace(TASK, chip=Chip.CPU)).variables["CUDA_VISIBLE_DEVICES"] == ""


def test_a_command_gets_everything_as_variables() -> None:
    found = layout(replace(TASK, command="run.sh", boot_file=""))
    assert found.variables["lr"] == "0.1"
    assert found.variables["data_url"] == "/home/ma-user/modelarts/inputs/data_url_0/"
    assert found.boot_file == ""
