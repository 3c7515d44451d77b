"""Passwords: how they are stored, and which are too weak to be taken."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from trainshed.core.errors import Code, InvalidInput

SHORTEST, LONGEST = 10, 256
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


def hash_password(password: str) -> str:
    """How a password is stored: scrypt with a salt of its own (RFC 7914), as ``salt$hash`` in hex."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def matches(password: str, stored: str) -> bool:
    """Whether ``password`` is the one that ``stored`` was made of."""
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)).hex(), digest)


def check_password(password: str, name: str) -> str:
    """``password`` itself, if it may be one.

    Raises:
        InvalidInput: too short, too long, or too easily guessed.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        message = f"a password has from {SHORTEST} to {LONGEST} characters"
        raise InvalidInput(message, code=Code.FIELD_INVALID)
    if name.lower() in password.lower() or len(set(password)) < 5:
        message = "this password is guessed too easily: do not use the name, nor the same few characters"
        raise InvalidInput(message, code=Code.FIELD_INVALID)
    return password


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, **_SCRYPT)


NOBODY = hash_password(secrets.token_hex(8))
"""Takes as long to compare with as a real one."""
