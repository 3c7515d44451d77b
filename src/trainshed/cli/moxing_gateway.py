"""``python -m trainshed.cli.moxing_gateway``: what moves the bytes for ``moxing`` outside a job.

The same process as inside, with the buckets of this user's own service: those that
``trainshed storage add`` made known, keys included, and the embedded ones. No service needs to run.
"""

from __future__ import annotations

import json
from typing import Any

from trainshed.agent.moxing_server.__main__ import leave, main
from trainshed.core.errors import TrainshedError
from trainshed.core.home import CREDENTIALS, default_home


def configured() -> dict[str, dict[str, Any]]:
    """The buckets of the service in this user's home folder; none where there is no such service."""
    home = default_home()
    try:
        credentials = json.loads((home / CREDENTIALS).read_text())
    except (OSError, ValueError):
        return {}
    from trainshed.cli.store_access import own_settings

    try:
        return own_settings(home, str(credentials.get("project_id", ""))) or {}
    except TrainshedError:
        return {}


if __name__ == "__main__":
    leave(main(configured))
