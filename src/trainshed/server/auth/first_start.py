"""The first start: an admin, a project, a token and an access key, in a file only its owner can read."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from trainshed.server.auth.accounts import Accounts, Credentials
from trainshed.server.auth.sealing import write_private


def ensure_credentials(accounts: Accounts, path: Path) -> Credentials:
    """The credentials in ``path``; made anew if the file is missing or does not open this service."""
    project_id = accounts.ensure_admin()
    written = read_credentials(path)
    if written is not None and accounts.holds(written):
        return written
    made = accounts.issue(project_id, label="first start")
    write_credentials(path, made, endpoint="")
    return made


def write_credentials(path: Path, credentials: Credentials, endpoint: str) -> None:
    """Write the file, unless it says just that already."""
    content = json.dumps({"endpoint": endpoint, **asdict(credentials)}, indent=2) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != content:
        write_private(path, content.encode())


def read_credentials(path: Path) -> Credentials | None:
    """What the file says, or None if there is no such file or it is damaged."""
    try:
        data = cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
        return Credentials(*(str(data[k]) for k in ("project_id", "access_key", "secret_key", "token")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
