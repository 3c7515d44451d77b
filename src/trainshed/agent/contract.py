"""The script's contract with the service: its arguments, variables and paths, as ModelArts has them.

Pure: the same task on the same node gives the same layout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from trainshed.agent.places import HOME, Places
from trainshed.core.algorithm import Access
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.job import ChannelBinding
from trainshed.core.resources import Chip
from trainshed.core.task import Interpreter, Layout, TaskSpec

MODELARTS = f"{HOME}/modelarts"
JOB_DIR = f"{MODELARTS}/user-job-dir"
LOG_DIR = f"{MODELARTS}/log"
CACHE = "/cache"
OWN = f"{HOME}/.trainshed"
"""What we put beside the script: the moxing library and its socket."""
DIRECT_STORAGE = "TRAINSHED_DIRECT_STORAGE"
"""Variable of a job whose script reads its buckets by itself, with keys of its own."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSED_ON = (
    "TZ",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "CUDA_HOME",
    "CUDA_PATH",
    "TOOLCHAIN_HOME",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
_PASSED_ON_PREFIXES = ("ASCEND_", "NVIDIA_", "NCCL_", "HCCL_", "PIP_", "UV_")


def mark(task: TaskSpec) -> str:
    """What every process of the task carries in its environment."""
    return f"{task.job_id}/{task.attempt}/{task.index}"


def code_dir(task: TaskSpec) -> str:
    """The code directory by the contract, such as ``/home/ma-user/modelarts/user-job-dir/src``."""
    if task.local_code_dir:
        return os.path.normpath(task.local_code_dir)
    name = task.code_dir.rstrip("/").rpartition("/")[2]
    return f"{JOB_DIR}/{name}"


def boot_file(task: TaskSpec) -> str:
    """The boot file by the contract; empty for a job that has a command instead.

    Raises:
        InvalidInput: it lies outside the code directory.
    """
    if not task.boot_file:
        return ""
    folder = code_dir(task)
    path = os.path.normpath(f"{folder}/{task.boot_file}")
    if not path.startswith(folder + "/"):
        raise InvalidInput(
            f"the boot file {task.boot_file!r} is outside of the code directory: name a file inside it",
            code=Code.BOOT_FILE_OUTSIDE_CODE,
        )
    return path


def input_dir(task: TaskSpec, index: int) -> str:
    """Local directory of an input channel by the contract."""
    return _channel_dir(task.inputs[index], index, "inputs")


def output_dir(task: TaskSpec, index: int) -> str:
    """Local directory of an output channel by the contract."""
    return _channel_dir(task.outputs[index], index, "outputs")


def _channel_dir(channel: ChannelBinding, index: int, kind: str) -> str:
    return channel.local_dir or f"{MODELARTS}/{kind}/{channel.name}_{index}"


def layout(
    task: TaskSpec,
    places: Places,
    interpreter: Interpreter,
    *,
    files: Mapping[str, str],
    exported: Mapping[str, str],
    node: Mapping[str, str],
    layer: str = "",
    index: str = "",
) -> Layout:
    """What the script of ``task`` gets.

    Args:
        files: input channels whose URI is a file: channel name → the file's name.
        exported: variables that the pre-start hook exported.
        node: the environment of this node, of which some variables are passed on.
        layer: directory of the job's own packages, if it has any.
        index: the package index that this node is set up with; empty for none.
    """
    code = places.seen(code_dir(task))
    boot = boot_file(task)
    channels = list(_channels(task, places, files))
    arguments = [f"--{c.name}={path}" for c, path in channels if c.access is Access.PARAMETER]
    arguments += [parameter.token for parameter in task.parameters]
    variables = {
        **_node_variables(node, interpreter, places),
        **_paths(task, places, code, interpreter),
        **_distribution(task),
        **_older(task, places),
        **_service(task, index),
        **_storage(task),
        **_own(task, places),
        **{c.name: path for c, path in channels if c.access is Access.ENV or task.command},
        **({p.name: p.value for p in task.parameters} if task.command else {}),
        **exported,
        **task.environments,
    }
    variables.setdefault("OMP_NUM_THREADS", str(max(1, int(task.cpus) // max(1, task.processes))))
    paths = (variables.get("PYTHONPATH"), layer, interpreter.variables.get("PYTHONPATH"))
    variables["PYTHONPATH"] = ":".join(filter(None, (*paths, places.seen(f"{OWN}/python"))))
    if layer:
        variables["PATH"] = f"{layer}/bin:{variables['PATH']}"
    working = places.seen(task.working_dir) if task.working_dir else code
    return Layout(
        code_dir=code + "/",
        boot_file=places.seen(boot) if boot else "",
        working_dir=working,
        log_dir=places.seen(LOG_DIR),
        arguments=tuple(arguments),
        variables=variables,
    )


def _channels(
    task: TaskSpec, places: Places, files: Mapping[str, str]
) -> Iterator[tuple[ChannelBinding, str]]:
    """Each channel with the value that reaches the script; a directory ends in ``/``."""
    for i, channel in enumerate(task.inputs):
        yield channel, f"{places.seen(input_dir(task, i))}/{files.get(channel.name, '')}"
    for i, channel in enumerate(task.outputs):
        yield channel, f"{places.seen(output_dir(task, i))}/"


def _node_variables(node: Mapping[str, str], interpreter: Interpreter, places: Places) -> dict[str, str]:
    """What a program expects of any machine."""
    passed = {k: v for k, v in node.items() if k in _PASSED_ON or k.startswith(_PASSED_ON_PREFIXES)}
    user = node.get("USER") or "ma-user"
    own = {
        "PATH": f"{os.path.dirname(interpreter.python)}:{node.get('PATH') or _PATH}",
        "HOME": places.seen(HOME),
        "USER": user,
        "LOGNAME": user,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }
    if not places.sandboxed:
        own["TMPDIR"] = places.seen("/tmp")  # noqa: S108 the script's own
    return passed | own


def _paths(task: TaskSpec, places: Places, code: str, interpreter: Interpreter) -> dict[str, str]:
    return {
        "MA_HOME": places.seen(HOME),
        "MA_JOB_DIR": places.seen(JOB_DIR),
        "MA_MOUNT_PATH": places.seen(MODELARTS),
        "MA_LOG_DIR": places.seen(LOG_DIR),
        "MA_SCRIPT_INTERPRETER": interpreter.python,
        "MA_ENGINE_TYPE": task.family,
        "WORKSPACE": code,
    }


def _distribution(task: TaskSpec) -> dict[str, str]:
    me = task.peers[task.index]
    devices = ",".join(me.devices)
    visible = {
        Chip.CPU: {"CUDA_VISIBLE_DEVICES": ""},
        Chip.GPU: {"CUDA_VISIBLE_DEVICES": devices, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        Chip.ASCEND: {"ASCEND_RT_VISIBLE_DEVICES": devices, "ASCEND_VISIBLE_DEVICES": devices},
    }[task.chip]
    return visible | {
        "MA_CURRENT_IP": me.host,
        "MA_CURRENT_HOST_IP": me.host,
        "MA_NUM_GPUS": str(len(me.devices)),
        "MA_TASK_NAME": "worker",
        "MA_NUM_HOSTS": str(len(task.peers)),
        "MA_CURRENT_INSTANCE_NAME": f"modelarts-job-{task.job_id}-worker-{task.index}",
        "MA_JOB_ID": task.job_id,
        "VC_TASK_INDEX": str(task.index),
        "VC_WORKER_NUM": str(len(task.peers)),
        "VC_WORKER_HOSTS": ",".join(peer.host for peer in task.peers),
    }


def _older(task: TaskSpec, places: Places) -> dict[str, str]:
    """Names from before 2021 that scripts still read."""
    port = task.ports[0] if task.ports else 0
    return {
        "JOB_ID": task.job_id,
        "DLS_TASK_INDEX": str(task.index),
        "DLS_TASK_NUMBER": str(len(task.peers)),
        "DLS_APP_URL": task.code_dir,
        "DLS_DATA_URL": task.inputs[0].uri if task.inputs else "",
        "DLS_TRAIN_URL": task.outputs[0].uri if task.outputs else "",
        "DLS_LOCAL_CACHE_PATH": places.seen(CACHE),
        **{f"BATCH_CUSTOM{i}_HOSTS": f"{peer.host}:{port}" for i, peer in enumerate(task.peers)},
    }


def _service(task: TaskSpec, index: str) -> dict[str, str]:
    """Where the service and the packages are, and that the node is checked before the start."""
    packages = {"MA_PIP_URL": index, "MA_PIP_HOST": urlsplit(index).hostname or ""} if index else {}
    return {
        **packages,
        "MA_APIGW_ENDPOINT": task.reporting.endpoint,
        "MA_DETECT_TRAIN_INJECT_CODE": "1",
    }


def _storage(task: TaskSpec) -> dict[str, str]:
    """For a job that asks for direct access: the endpoint of the first bucket that has one; never its keys.

    TensorFlow's and others' own readers take it for their only way to S3, so that it is not there unasked.
    """
    if task.environments.get(DIRECT_STORAGE, "0").lower() in ("", "0", "false", "no"):
        return {}
    endpoints = (str(s.get("endpoint") or "") for s in task.buckets.values())
    endpoint = next(filter(None, endpoints), "")
    if not endpoint:
        return {}
    secure = not endpoint.startswith("http://")
    return {
        "S3_ENDPOINT": endpoint,
        "S3_USE_HTTPS": str(int(secure)),
        "S3_VERIFY_SSL": str(int(secure)),
    }


def _own(task: TaskSpec, places: Places) -> dict[str, str]:
    return {
        "TRAINSHED_JOB_ID": task.job_id,
        "TRAINSHED_JOB_NAME": task.job_name,
        "TRAINSHED_ATTEMPT": str(task.attempt),
        "TRAINSHED_GRACE_S": str(task.grace_s),
        "TRAINSHED_MOXING_SOCKET": places.seen(f"{OWN}/moxing.sock"),
    }
