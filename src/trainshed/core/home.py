"""Where the state of an embedded service lies, and what its files are called."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

HOME_VARIABLE = "TRAINSHED_HOME"
ENDPOINT_VARIABLE = "TRAINSHED_ENDPOINT"
CREDENTIALS = "credentials.json"
ENDPOINT = "endpoint.json"
SERVER_LOCK = "server.lock"


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """``TRAINSHED_HOME``, else ``trainshed`` in the user's data folder.

    >>> default_home({"TRAINSHED_HOME": "/data/shed"}).as_posix()
    '/data/shed'
    >>> default_home({"XDG_DATA_HOME": "/u/share"}).as_posix()
    '/u/share/trainshed'
    """
    if chosen := environ.get(HOME_VARIABLE):
        return Path(chosen).expanduser().absolute()
    data = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser().absolute() / "trainshed"
