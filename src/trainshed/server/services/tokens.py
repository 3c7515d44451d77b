"""Job tokens: each opens the reports of one attempt of one job, and nothing else.

A token is derived from the server's secret key, so it is stored nowhere, checked without a look
into the database, and the same again after a restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

_PURPOSE = b"trainshed agent token v1"


class JobTokens:
    """Makes and checks job tokens.

    Args:
        key_file: file with the server's secret key.
    """

    def __init__(self, key_file: Path) -> None:
        self._key = hmac.digest(key_file.read_bytes().strip(), _PURPOSE, hashlib.sha256)

    def make(self, job_id: str, attempt: int) -> str:
        """The token of one attempt."""
        digest = hmac.digest(self._key, f"{job_id}/{attempt}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def opens(self, token: str, job_id: str, attempt: int) -> bool:
        """Whether ``token`` is the one of this attempt."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.make(job_id, attempt).encode())
