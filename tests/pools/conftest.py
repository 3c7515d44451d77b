"""The agent's recording server and jobs, for pools."""

from __future__ import annotations

from tests.agent.conftest import job, server

__all__ = ["job", "server"]
