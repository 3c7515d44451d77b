"""``python -m trainshed.cli.moxing_gateway``: what moves the bytes for ``moxing`` outside a job.

The same process as inside, with the buckets of this user's own service: those that
``trainshed storage add`` made known, keys included, and the embedded ones. No service needs to run.
"""

from __future__ import annotations

from typing import Any

from trainshed.agent.moxing_server.__main__ import leave, main
from trainshed.cli.own_buckets import own_settings
from trainshed.core.home import default_home


def configured() -> dict[str, dict[str, Any]]:
    """The buckets of the service in this user's home folder; none where there is no such service."""
    return own_settings(default_home()) or {}


if __name__ == "__main__":
    leave(main(configured))
