"""What a task uses of the machine, from ``/proc`` and, where there are cards, from their libraries."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from trainshed.agent import processes
from trainshed.agent.cgroup import Cgroup
from trainshed.agent.disk import DiskUse
from trainshed.core.resources import Chip
from trainshed.core.task import MetricSample, TaskSpec

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)
_NPU_TIMEOUT_S = 10.0


class Sampler:
    """Samples all processes of one task.

    CPU and memory are those of everything below the supervisor: what the kernel has counted where
    the task has a control group of its own, else a sum over processes. In that sum memory is what
    each process has for itself, and once the most that any of them shares.

    Args:
        root: the task's directory, for what it takes of the disk.
    """

    def __init__(self, task: TaskSpec, root: str) -> None:
        self._cpus = task.cpus
        self._memory_mb = task.memory_mb or _machine_memory_mb()
        self._devices = task.peers[task.index].devices
        self._chip = task.chip
        self._nvml: Any = None
        self._cgroup = Cgroup()
        self._disk = DiskUse(root)
        self._last: tuple[float, float] | None = None

    def sample(self, root: int) -> MetricSample:
        """The use since the last call.

        Args:
            root: process id of the supervisor.
        """
        now = time.monotonic()
        seconds, memory_mb = self._use(processes.descendants(root))
        cpu = -1.0
        if self._last is not None and now > self._last[0]:
            cores = max(0.0, seconds - self._last[1]) / (now - self._last[0])
            cpu = round(100 * cores / max(self._cpus, 0.01), 1)
        self._last = (now, seconds)
        gpu, gpu_memory = self._gpu()
        npu, npu_memory = self._npu()
        return MetricSample(
            time=round(time.time(), 3),
            cpu=cpu,
            memory=round(100 * memory_mb / self._memory_mb, 1) if self._memory_mb else -1.0,
            memory_mb=round(memory_mb, 1),
            gpu=gpu,
            gpu_memory=gpu_memory,
            npu=npu,
            npu_memory=npu_memory,
            disk_mb=self._disk.mb(),
        )

    def _use(self, pids: Sequence[int]) -> tuple[float, float]:
        """CPU seconds so far and MiB."""
        seconds, memory_mb = _use(pids)
        if not self._cgroup.only({*pids, *processes.descendants(os.getpid())}):
            return seconds, memory_mb
        counted, held_mb = self._cgroup.cpu_seconds(), self._cgroup.memory_mb()
        return counted if counted >= 0 else seconds, held_mb if held_mb >= 0 else memory_mb

    def accelerator(self) -> float:
        """Per cent of computing of the cards now, -1 where there are none."""
        return max(self._gpu()[0], self._npu()[0])

    def _gpu(self) -> tuple[float, float]:
        """Per cent of computing and of memory, mean over the cards."""
        if self._chip is not Chip.GPU or not self._devices:
            return -1.0, -1.0
        try:
            return self._ask_nvml()
        except Exception:  # a driver that is being updated, a card that fell off the bus
            return -1.0, -1.0

    def _ask_nvml(self) -> tuple[float, float]:
        if self._nvml is None:
            import pynvml  # pyright: ignore[reportMissingTypeStubs]

            pynvml.nvmlInit()
            self._nvml = pynvml
        nvml = self._nvml
        busy: list[float] = []
        full: list[float] = []
        for device in self._devices:
            handle = (
                nvml.nvmlDeviceGetHandleByIndex(int(device))
                if device.isdigit()
                else nvml.nvmlDeviceGetHandleByUUID(device)
            )
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            busy.append(float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu))
            full.append(100.0 * memory.used / memory.total)
        return _mean(busy), _mean(full)

    def _npu(self) -> tuple[float, float]:
        if self._chip is not Chip.ASCEND or not self._devices or shutil.which("npu-smi") is None:
            return -1.0, -1.0
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            found = [_npu_usages(device) for device in self._devices]
            return _mean([use for use, _ in found]), _mean([memory for _, memory in found])
        return -1.0, -1.0


def _npu_usages(device: str) -> tuple[float, float]:
    done = subprocess.run(
        ["npu-smi", "info", "-t", "usages", "-i", device],
        capture_output=True,
        text=True,
        check=True,
        timeout=_NPU_TIMEOUT_S,
    )
    return parse_npu_usages(done.stdout)


def parse_npu_usages(text: str) -> tuple[float, float]:
    """Per cent of the AI cores and of the memory, from ``npu-smi info -t usages``.

    >>> parse_npu_usages("NPU ID : 0\\n HBM Usage Rate(%) : 6\\n Aicore Usage Rate(%) : 81\\n")
    (81.0, 6.0)
    """
    rates = {
        name.lower(): float(value)
        for name, value in re.findall(r"([A-Za-z]+) Usage Rate\(%\)\s*:\s*([0-9.]+)", text)
    }
    return rates.get("aicore", -1.0), rates.get("hbm", rates.get("memory", -1.0))


def _use(pids: Sequence[int]) -> tuple[float, float]:
    """CPU seconds so far (with those of children that have ended) and MiB of these processes."""
    seconds = own = shared = 0.0
    for pid in pids:
        fields = processes.stat(pid)
        if fields is None:
            continue
        seconds += sum(int(value) for value in fields[11:15]) / _TICK
        with contextlib.suppress(OSError), open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, common, *_ = file.read().split()
            own += (int(resident) - int(common)) * _PAGE_MB
            shared = max(shared, int(common) * _PAGE_MB)
    return seconds, own + shared


def _machine_memory_mb() -> int:
    return int(os.sysconf("SC_PHYS_PAGES") * _PAGE_MB)


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 1) if values else -1.0
