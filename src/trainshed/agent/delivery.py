"""Delivers what an agent left behind that could not reach the server, or was killed with its node.

Everything that an agent has to tell is in the task's directory. Where that is on a shared folder,
the server's side reads it there once the cluster says that the job is over: the events, the logs to
the last byte, the outputs that are still there, and at last how it ended. That is known from the
agent itself, or else from ``verdict.json``, in which the pool says what the cluster said.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace

from trainshed.agent.agent import Agent, read_task, take_lock
from trainshed.agent.halt import Halt
from trainshed.agent.journal import Journal
from trainshed.agent.places import Places
from trainshed.agent.supervision import Supervision
from trainshed.core.task import Peer, Reporting

VERDICT = "verdict.json"
_PATIENCE_S = 300


class _Absent(Supervision):
    """Stands for the supervisor, which is gone with all that it supervised."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def launched(self, name: str) -> bool:
        """Whether the launch was begun, and what it left can be seen from here."""
        return os.path.isdir(self._places.own) and super().launched(name)

    def end_launches(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is held."""


def deliver(root: str, endpoint: str) -> bool:
    """Deliver what is left of the task in ``root`` to the server at ``endpoint``; whether that worked.

    Raises:
        Conflict: an agent is still at work there.
    """
    lock = take_lock(Places(root))
    task = read_task(root)
    task = replace(
        task,
        reporting=Reporting(endpoint, task.reporting.token),
        peers=task.peers or (Peer(""),) * (task.index + 1),
        linger_s=_PATIENCE_S,
    )
    places = Places(root, task.scratch)
    for folder in (places.run, places.log):
        os.makedirs(folder, exist_ok=True)
    journal = Journal(places.journal)
    try:
        if "outcome" not in journal.facts:
            with open(f"{places.root}/{VERDICT}", "rb") as file:
                journal.fact("outcome", json.load(file))
        return Agent(task, places, lock, journal, Halt(), _Absent(places), None).live()
    finally:
        journal.close()
        os.close(lock)
