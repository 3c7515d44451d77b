"""Secrets at rest: sealed with a key that only the service's user can read."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from trainshed.core.errors import Internal


class Sealer:
    """Seals and opens small secrets with the key in ``path``, which it makes if there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fernet = Fernet(_key(path))

    def seal(self, secret: str) -> bytes:
        """``secret`` as bytes that mean nothing without the key."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """The secret again.

        Raises:
            Internal: sealed with another key.
        """
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            message = f"a stored secret does not open with {self._path.name}: put the old key file back"
            raise Internal(message) from None


def _key(path: Path) -> bytes:
    write_private(path, Fernet.generate_key(), replace=False)
    return path.read_bytes().strip()


def write_private(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file that only its owner can read, whole or not at all.

    Args:
        replace: whether to overwrite a file that is there; False leaves it as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not replace and path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            _link_once(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _link_once(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return
