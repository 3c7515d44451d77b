"""Slurm's reasons for letting a job wait, in words: English, Chinese."""

from __future__ import annotations

from trainshed.jobs.queue import Reason, Why

_WORDS: dict[str, tuple[str, str]] = {
    "None": ("Slurm has not looked at the job yet", "Slurm 尚未处理该作业"),
    "Resources": ("waits for enough free nodes", "等待足够的空闲节点"),
    "Priority": ("waits for jobs of higher priority", "等待优先级更高的作业"),
    "Dependency": ("waits for the environment of its engine to be built", "等待引擎环境构建完成"),
    "DependencyNeverSatisfied": ("the environment of its engine could not be built", "引擎环境构建失败"),
    "BeginTime": ("waits for the earliest time that it may start", "等待允许启动的时间"),
    "JobHeldUser": ("is held in Slurm by its user", "作业已被用户在 Slurm 中挂起"),
    "JobHeldAdmin": ("is held in Slurm by an administrator", "作业已被管理员在 Slurm 中挂起"),
    "PartitionDown": ("the partition is down", "分区已停用"),
    "PartitionInactive": ("the partition takes no jobs just now", "分区暂不接受作业"),
    "PartitionNodeLimit": ("asks for more nodes than the partition gives to a job", "所需节点数超过分区上限"),
    "PartitionTimeLimit": ("asks for more time than the partition gives to a job", "所需时长超过分区上限"),
    "ReqNodeNotAvail": (
        "nodes that it needs are down, drained or reserved",
        "所需节点已宕机、已排空或已被预留",
    ),
    "Nodes required for job are DOWN": (
        "nodes that it needs are down, drained or reserved",
        "所需节点已宕机、已排空或已被预留",
    ),
    "Reservation": ("waits for its reservation", "等待预留资源"),
    "Licenses": ("waits for a license", "等待许可证"),
    "NodeDown": ("a node that it needs is down", "所需节点已宕机"),
    "BadConstraints": ("no node can give what it asks for", "没有节点能满足其要求"),
    "InvalidAccount": ("its account may not be used", "账户不可用"),
    "InvalidQOS": ("its QoS may not be used", "QoS 不可用"),
    "Cleaning": ("its former run is being cleaned up", "正在清理上一次运行"),
    "Prolog": ("the nodes are being made ready", "节点正在准备"),
    "JobLaunchFailure": ("could not be started on its nodes", "无法在节点上启动"),
}
_QUOTA = ("a quota of Slurm is reached", "已达到 Slurm 配额")


def words(reason: str) -> tuple[str, str]:
    """A pending reason, for people, with Slurm's own word.

    >>> words("Resources")[0], words("QOSMaxCpuPerUserLimit")[0]
    ('waits for enough free nodes (Resources)', 'a quota of Slurm is reached (QOSMaxCpuPerUserLimit)')
    """
    name = reason.strip("()").partition(",")[0]
    found = _WORDS.get(name)
    if found is None and name.startswith(("QOS", "Assoc", "MaxJobs", "MaxSubmit", "Resource")):
        found = _QUOTA
    english, chinese = found or ("waits in Slurm", "在 Slurm 中等待")
    return f"{english} ({name})", f"{chinese}（{name}）"


def why(job_id: str, reason: str, place: tuple[int, int]) -> Why:
    """Why a job waits, from Slurm's reason and its place in Slurm's queue."""
    english, chinese = words(reason)
    name = reason.strip("()").partition(",")[0]
    quota, held = english.startswith(_QUOTA[0]), name.startswith("JobHeld")
    kind = Reason.QUOTA if quota else Reason.AHEAD if name == "Priority" else Reason.WAITING
    kind = Reason.PAUSED if held else kind
    return Why(
        job_id=job_id,
        reason=kind,
        position=place[0],
        queued=place[1],
        sentence=f"Slurm says: {english}.",
        unblock="Release it with 'scontrol release'." if held else "Slurm starts it when that is over.",
        sentence_zh=f"Slurm：{chinese}。",
        unblock_zh="使用 scontrol release 恢复。" if held else "条件满足后由 Slurm 启动。",
        facts={"slurm_reason": name},
    )
