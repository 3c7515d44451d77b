"""What this machine has: cores, memory, cards."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainshed.core.resources import Arch, Chip

_NPU_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Card:
    """One accelerator; ``id`` is what ``CUDA_VISIBLE_DEVICES`` and its like take."""

    id: str
    name: str
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What may be given to jobs.

    Attributes:
        chip: of the cards; ``CPU`` where there are none.
    """

    cpus: int
    memory_mb: int
    arch: Arch
    chip: Chip = Chip.CPU
    cards: tuple[Card, ...] = ()


def look() -> Machine:
    """This machine, as this process may use it."""
    arch = Arch.AARCH64 if platform.machine() in ("aarch64", "arm64") else Arch.X86_64
    cpus, memory_mb = _cpus(), _memory_mb()
    if gpus := _gpus():
        return Machine(cpus, memory_mb, arch, Chip.GPU, gpus)
    if npus := _npus():
        return Machine(cpus, memory_mb, arch, Chip.ASCEND, npus)
    return Machine(cpus, memory_mb, arch)


def _cpus() -> int:
    cores = len(os.sched_getaffinity(0))
    quota = _cgroup("cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():
        cores = min(cores, max(1, int(quota[0]) // int(quota[1])))
    return cores


def _memory_mb() -> int:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _cgroup("memory.max").strip()
    return min(total, int(limit) if limit.isdigit() else total) >> 20


def _cgroup(name: str) -> str:
    """A file of our cgroup (version 2), or nothing."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        path = next(line[3:] for line in lines if line.startswith("0::"))
        return Path(f"/sys/fs/cgroup{path}/{name}").read_text(encoding="utf-8")
    return ""


def _gpus() -> tuple[Card, ...]:
    """NVIDIA cards that we may use, in the order of the bus."""
    if not Path("/dev/nvidiactl").exists():
        return ()
    try:
        return _ask_nvml()
    except Exception:  # no driver, or one that does not fit its library
        return ()


def _ask_nvml() -> tuple[Card, ...]:
    import pynvml  # pyright: ignore[reportMissingTypeStubs]

    nvml: Any = pynvml
    nvml.nvmlInit()
    try:
        cards: list[Card] = []
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            name = nvml.nvmlDeviceGetName(handle)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle).total >> 20
            cards.append(Card(str(index), name if isinstance(name, str) else name.decode(), memory))
    finally:
        nvml.nvmlShutdown()
    return tuple(card for card in cards if _allowed(card.id, "CUDA_VISIBLE_DEVICES"))


def _allowed(card: str, variable: str) -> bool:
    """Whether whoever started us left this card to us."""
    told = os.environ.get(variable)
    return told is None or card in [part.strip() for part in told.split(",")]


def _npus() -> tuple[Card, ...]:
    """Ascend cards, from ``npu-smi``."""
    if shutil.which("npu-smi") is None:
        return ()
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["npu-smi", "info"], capture_output=True, text=True, check=True, timeout=_NPU_TIMEOUT_S
        )
        return tuple(c for c in parse_npu_smi(done.stdout) if _allowed(c.id, "ASCEND_RT_VISIBLE_DEVICES"))
    return ()


_NPU = re.compile(r"^\|\s*(\d+)\s+(\S*[A-Za-z]\S*)\s*\|\s*(OK|Warning)\b")
_NPU_MEMORY = re.compile(r"(\d+)\s*/\s*(\d+)\s*\|\s*$")


def parse_npu_smi(text: str) -> tuple[Card, ...]:
    """The healthy cards in the table that ``npu-smi info`` prints.

    Each card has two lines: number, name and health; then, last, the use of its memory.
    """
    cards: list[Card] = []
    for line in text.splitlines():
        if found := _NPU.match(line):
            cards.append(Card(found[1], f"Ascend {found[2]}", 0))
        elif cards and not cards[-1].memory_mb and (memory := _NPU_MEMORY.search(line)):
            cards[-1] = Card(cards[-1].id, cards[-1].name, int(memory[2]))
    return tuple(cards)
