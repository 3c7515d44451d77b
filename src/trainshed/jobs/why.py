"""Why a job waits, in words: the first reason that holds, what would change it, and by when."""

from __future__ import annotations

from dataclasses import dataclass

from trainshed.core.resources import Chip
from trainshed.jobs.capacity import Capacity
from trainshed.jobs.nodes import NodeState, suits, vector
from trainshed.jobs.queue import QueueEntry, Quota, Reason, Why
from trainshed.jobs.reservation import Reservation

_AMOUNTS = (("cpus", "cores", "核"), ("memory_mb", "MiB of memory", "MiB 内存"), ("cards", "cards", "张卡"))


@dataclass(frozen=True, slots=True)
class Waits:
    """What the scheduler knows of one job that waits.

    Attributes:
        held: jobs and cards that its project holds now.
        reservation: of the head of its kind of node, if there is one.
    """

    entry: QueueEntry
    position: int
    queued: int
    paused: bool
    quota: Quota | None
    held: tuple[int, int]
    reservation: Reservation | None


@dataclass(frozen=True, slots=True)
class _Words:
    reason: Reason
    sentence: str
    unblock: str
    sentence_zh: str
    unblock_zh: str
    facts: dict[str, str | int | float]


def explain(waits: Waits, capacity: Capacity, now: float) -> Why:
    """The answer for one job."""
    words = (
        _paused(waits)
        or _quota(waits)
        or _impossible(waits, capacity)
        or _behind(waits)
        or _room(waits, capacity)
    )
    head = waits.reservation
    eta = head.time if head and head.entry is waits.entry and words.reason in _TIMED else None
    unblock, unblock_zh = words.unblock, words.unblock_zh
    if eta is not None:
        minutes = max(1, round((eta - now) / 60))
        unblock = f"It starts in {minutes} min at the latest, or earlier if a running job ends early."
        unblock_zh = f"最迟 {minutes} 分钟后启动；若有作业提前结束则更早。"
    return Why(
        job_id=waits.entry.job_id,
        reason=words.reason,
        position=waits.position,
        queued=waits.queued,
        sentence=words.sentence,
        unblock=unblock,
        sentence_zh=words.sentence_zh,
        unblock_zh=unblock_zh,
        eta=eta,
        facts=words.facts,
    )


_TIMED = (Reason.WAITING, Reason.FRAGMENTED)


def _paused(waits: Waits) -> _Words | None:
    if waits.entry.paused:
        return _Words(
            Reason.PAUSED,
            "The job is paused.",
            "Resume the job.",
            "作业已暂停。",
            "恢复该作业。",
            {"what": "job"},
        )
    if waits.paused:
        return _Words(
            Reason.PAUSED,
            "The pool is paused and starts no job.",
            "It starts after an administrator resumes the pool.",
            "资源池已暂停，不启动作业。",
            "等待管理员恢复资源池。",
            {"what": "pool"},
        )
    return None


def _quota(waits: Waits) -> _Words | None:
    quota, entry, (jobs, cards) = waits.quota, waits.entry, waits.held
    if quota is None:
        return None
    if quota.jobs is not None and jobs >= quota.jobs:
        return _Words(
            Reason.QUOTA,
            f"The project runs {jobs} jobs and its quota is {quota.jobs}.",
            "It starts after one of them ends, or when the quota is raised.",
            f"项目正在运行 {jobs} 个作业，配额为 {quota.jobs} 个。",
            "等待其中一个作业结束，或提高配额。",
            {"what": "jobs", "held": jobs, "quota": quota.jobs},
        )
    if quota.cards is not None and entry.cards and cards + entry.cards > quota.cards:
        facts: dict[str, str | int | float] = {
            "what": "cards", "held": cards, "needed": entry.cards, "quota": quota.cards
        }  # fmt: skip
        never, missing = entry.cards > quota.cards, cards + entry.cards - quota.cards
        return _Words(
            Reason.QUOTA,
            f"The job needs {entry.cards} cards; the project holds {cards} of its quota of {quota.cards}.",
            "Ask for fewer cards, or have the quota raised."
            if never
            else f"It starts after the project's jobs give back {missing} cards.",
            f"作业需要 {entry.cards} 张卡；项目已占用 {cards} 张，配额为 {quota.cards} 张。",
            "减少所需卡数，或提高配额。"
            if never
            else f"等待项目释放 {cards + entry.cards - quota.cards} 张卡。",
            facts,
        )
    return None


def _impossible(waits: Waits, capacity: Capacity) -> _Words | None:
    entry = waits.entry
    if capacity.index(entry.unit).potential >= entry.node_count:
        return None
    want = vector(entry.unit.resources)
    known = [state for state in capacity.states if any(state.total)]
    down = [s.node.name for s in known if not s.node.ready and suits(entry.unit, s.node) and _holds(s, want)]
    facts: dict[str, str | int | float] = {"nodes": len(known), "not_ready": len(down)}
    if down:
        names = ", ".join(down[:3]) + (" …" if len(down) > 3 else "")
        return _Words(
            Reason.NODES_NOT_READY,
            f"The job needs {_demand(entry)}, and nodes that could give it are not ready: {names}.",
            "It starts after enough of them are back.",
            f"作业需要{_demand_zh(entry)}，而可用的节点尚未就绪：{names}。",
            "等待足够的节点恢复。",
            facts,
        )
    return _Words(
        Reason.NO_FLAVOR,
        f"No node of this pool has what the job needs, even when it is empty: {_demand(entry)}.",
        "Stop the job and choose a smaller flavor, fewer nodes or another pool.",
        f"即使全部空闲，本资源池的节点也无法满足：{_demand_zh(entry)}。",
        "请停止作业并改用更小的规格、更少的节点或其他资源池。",
        facts,
    )


def _holds(state: NodeState, want: tuple[int, int, int]) -> bool:
    return all(have >= need for have, need in zip(state.total, want, strict=True))


def _behind(waits: Waits) -> _Words | None:
    head = waits.reservation
    if head is None or head.entry is waits.entry:
        return None
    ahead = waits.position - 1
    jobs = f"{ahead} job{'s are' if ahead != 1 else ' is'} ahead of it"
    first = head.entry
    return _Words(
        Reason.AHEAD,
        f"{jobs}; job {first.job_id} is the first and waits for {_demand(first)}.",
        "It starts in its turn, or earlier where it does not delay that job (a maximum duration helps).",
        f"前面还有 {ahead} 个作业；排在首位的作业 {first.job_id} 正在等待{_demand_zh(first)}。",
        "轮到时启动；若不会推迟首位作业则可提前启动，设置最长运行时间有助于此。",
        {"ahead": ahead, "head": first.job_id},
    )


def _room(waits: Waits, capacity: Capacity) -> _Words:
    entry = waits.entry
    index = capacity.index(entry.unit)
    free = _sum_free(entry, capacity)
    want = vector(entry.unit.resources)
    for amount in (2, 0, 1):
        needed = want[amount] * entry.node_count
        if free[amount] < needed:
            return _short_of(entry, amount, needed, free[amount])
    facts: dict[str, str | int | float] = {"needed": entry.node_count, "room": index.total}
    if index.total < entry.node_count:
        return _Words(
            Reason.FRAGMENTED,
            f"Enough is free in all, but spread over nodes: there is room for {index.total} "
            f"of {entry.node_count} tasks that need {_demand_of_one(entry)} each.",
            "It starts when jobs that share a node end; a smaller flavor may start at once.",
            f"空闲总量足够，但分散在多个节点：{entry.node_count} 个任务（各需{_one_zh(entry)}）"
            f"目前只能放下 {index.total} 个。",
            "等待同一节点上的作业结束；更小的规格可能立即启动。",
            facts,
        )
    if waits.position > 1:
        return _Words(
            Reason.AHEAD,
            f"There is room for it, but {waits.position - 1} before it in the queue go first.",
            "It starts when its turn comes.",
            f"资源足够，但前面还有 {waits.position - 1} 个作业。",
            "轮到时启动。",
            {"ahead": waits.position - 1},
        )
    return _Words(
        Reason.STARTING,
        "There is room for the job.",
        "It starts in a moment.",
        "资源已足够。",
        "即将启动。",
        facts,
    )


def _sum_free(entry: QueueEntry, capacity: Capacity) -> tuple[int, int, int]:
    states = [s for s in capacity.states if s.node.ready and suits(entry.unit, s.node)]
    cores, memory, cards = (sum(max(0, s.free[i]) for s in states) for i in range(3))
    return cores, memory, cards


def _short_of(entry: QueueEntry, amount: int, needed: int, free: int) -> _Words:
    scale = 1000 if amount == 0 else 1
    what, name, name_zh = _AMOUNTS[amount]
    want, have = f"{needed / scale:g}", f"{free / scale:g}"
    missing = f"{(needed - free) / scale:g}"
    return _Words(
        Reason.WAITING,
        f"The job needs {_demand(entry)}: {want} {name} in all, and {have} are free.",
        f"It starts when running jobs give back {missing} {name}.",
        f"作业需要{_demand_zh(entry)}：共 {want} {name_zh}，目前空闲 {have}。",
        f"等待运行中的作业释放 {missing} {name_zh}。",
        {"what": what, "needed": needed / scale, "free": free / scale},
    )


def _demand(entry: QueueEntry) -> str:
    each = _demand_of_one(entry)
    return each if entry.node_count == 1 else f"{entry.node_count} nodes with {each} each"


def _demand_zh(entry: QueueEntry) -> str:
    each = _one_zh(entry)
    return each if entry.node_count == 1 else f" {entry.node_count} 个节点，各{each}"


def _demand_of_one(entry: QueueEntry) -> str:
    r, unit = entry.unit.resources, entry.unit
    kind = f"{unit.chip.value} cards" if unit.chip != Chip.CPU else "cards"
    parts = [f"{r.cards} {kind}"] if r.cards else []
    parts += [f"{r.cpus:g} cores"] if r.cpus else []
    parts += [f"{r.memory_mb} MiB of memory"] if r.memory_mb else []
    return ", ".join(parts) + f" on {unit.arch.value}"


def _one_zh(entry: QueueEntry) -> str:
    r, unit = entry.unit.resources, entry.unit
    kind = f"{unit.chip.value} 卡" if unit.chip != Chip.CPU else "卡"
    parts = [f"{r.cards} 张 {kind}"] if r.cards else []
    parts += [f"{r.cpus:g} 核"] if r.cpus else []
    parts += [f"{r.memory_mb} MiB 内存"] if r.memory_mb else []
    return " " + "、".join(parts) + f"（{unit.arch.value}）"
