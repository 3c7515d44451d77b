"""What the files of a job's logs are called, as ModelArts calls them."""

from __future__ import annotations

from collections.abc import Sequence


def task_log(job_id: str, task: str) -> str:
    """Of all that a task says.

    >>> task_log("0b7c", "worker-0")
    'modelarts-job-0b7c-worker-0.log'
    """
    return f"modelarts-job-{job_id}-{task}.log"


def process_log(job_id: str, rank: int, device: str) -> str:
    """Of the process of one device.

    >>> process_log("0b7c", 9, "1")
    'modelarts-job-0b7c-proc-rank-9-device-1.txt'
    """
    return f"modelarts-job-{job_id}-proc-rank-{rank}-device-{device}.txt"


def device_of(devices: Sequence[str], local_rank: int) -> str:
    """The device of a process: its card's id on the node or, where it has none of its own, its local rank.

    >>> device_of(("4", "5@192.1.10.254"), 1), device_of((), 1)
    ('5', '1')
    """
    return devices[local_rank].partition("@")[0] if local_rank < len(devices) else str(local_rank)
