"""What the commands say in whole sentences, in the person's language: English, or Chinese."""

from __future__ import annotations

import os
from collections.abc import Mapping

_CHINESE = {
    "{name} is created ({engine})": "{name} 已创建（{engine}）",
    "{name} goes on; look again with 'trainshed jobs logs -f {name}'": (
        "{name} 继续运行；再次查看：trainshed jobs logs -f {name}"
    ),
    "it runs by itself; follow it with 'trainshed jobs logs -f {name}'": (
        "作业在后台运行；跟随日志：trainshed jobs logs -f {name}"
    ),
    "code: {files}, {size}, sent": "代码：{files}，{size}，已发送",
    "code: {files}, {size}, unchanged, not sent again": "代码：{files}，{size}，没有变化，不再发送",
    "to leave a file out, add a line to .trainshedignore": "要排除文件，请在 .trainshedignore 里加一行",
    "outputs: {files}, {size}": "输出：{files}，{size}",
    "look again with 'trainshed jobs show {name}' and 'trainshed jobs logs {name}'": (
        "再次查看：trainshed jobs show {name}，trainshed jobs logs {name}"
    ),
    "stopping {name}; press Ctrl-C again to leave it to itself": (
        "正在停止 {name}；再按一次 Ctrl-C 则不再等待，让它自己结束"
    ),
    "{name} completed in {took}": "{name} 已完成，用时 {took}",
    "{name} failed after {took}": "{name} 失败，用时 {took}",
    "{name} was stopped after {took}": "{name} 已停止，用时 {took}",
    "{name} ended abnormally after {took}": "{name} 异常结束，用时 {took}",
    "sending the code": "正在发送代码",
    "building the environment of {engine}": "正在构建 {engine} 的环境",
    "waiting for resources": "正在等待资源",
    "start {attempt}: {how}": "第 {attempt} 次启动：{how}",
    "it runs": "运行中",
    "there is no sample of the machine's use: the task was too short, or has not begun": (
        "没有资源用量样本：任务太短，或尚未开始"
    ),
    "no stacks have been taken of this job": "尚未采集该作业的堆栈",
    "taken at {time}": "采集于 {time}",
    "nothing has come from {names} yet": "尚未收到 {names} 的堆栈",
    "(waits elsewhere than the others)": "（等待位置与其他 rank 不同）",
    "trainshed serves {home} at {endpoint}": "trainshed 已启动：{endpoint}，状态目录 {home}",
    "Ctrl-C stops it; running jobs go on.": "按 Ctrl-C 停止服务；运行中的作业会继续。",
}


def word(sentence: str, **values: object) -> str:
    """``sentence`` with its values, in the person's language where it has been translated."""
    return (_CHINESE.get(sentence, sentence) if chinese() else sentence).format(**values)


def said(sentence: str) -> str:
    """What the service or we have said of a job or an error, in the person's language."""
    if not chinese():
        return sentence
    from trainshed.translation import chinese as in_chinese

    return in_chinese(sentence)


def chinese(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for Chinese, as gettext reads it.

    >>> chinese({"LANG": "zh_CN.UTF-8"}), chinese({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"})
    (True, False)
    """
    chosen = (environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next((value for value in chosen if value), "").lower().startswith("zh")
