"""ETags as checksums: MD5 of an object, or MD5 of the MD5s of its parts. Pure but for reading files."""

from __future__ import annotations

import hashlib
import os
import re

from trainshed.storage.base import ObjectInfo

PART = 16 << 20
THRESHOLD = 32 << 20
MAX_PARTS = 9_000
_PLAIN = re.compile(r"[0-9a-f]{32}")
_COMPOSED = re.compile(r"[0-9a-f]{32}-(\d+)")
_USUAL_PARTS = (PART, 8 << 20, 5 << 20, 64 << 20, 32 << 20, 20 << 20, 9 << 20, 10 << 20)


def part_size(size: int) -> int:
    """Bytes of each part of an upload of ``size`` bytes.

    >>> part_size(100 << 20) >> 20
    16
    """
    least = -(-size // MAX_PARTS)
    return max(PART, -(-least // (1 << 20)) << 20)


def md5(data: bytes = b"") -> hashlib._Hash:  # pyright: ignore[reportPrivateUsage]
    """A running MD5: a checksum here, no secret hangs on it."""
    return hashlib.md5(data, usedforsecurity=False)


def composed(digests: list[bytes]) -> str:
    """The ETag that S3 gives to an object put together from parts with these MD5 digests."""
    return f"{md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def uploaded_part_size(info: ObjectInfo) -> int:
    """In what parts the object was probably uploaded; 0 where its ETag does not tell."""
    match = _COMPOSED.fullmatch(info.etag)
    if match is None:
        return 0
    count = int(match[1])
    sizes = (part_size(info.size), *_USUAL_PARTS)
    return next((s for s in sizes if -(-info.size // s) == count), 0)


def is_plain(etag: str) -> bool:
    """Whether the ETag is the MD5 of the whole."""
    return _PLAIN.fullmatch(etag) is not None


def is_composed(etag: str) -> bool:
    """Whether the ETag is made of the MD5s of parts."""
    return _COMPOSED.fullmatch(etag) is not None


def file_digest(fd: int, start: int = 0, length: int | None = None) -> bytes:
    """MD5 of (a range of) an open file."""
    total = md5()
    at, end = start, os.fstat(fd).st_size if length is None else start + length
    while at < end and (block := os.pread(fd, min(1 << 20, end - at), at)):
        total.update(block)
        at += len(block)
    return total.digest()


def same_content(path: str, info: ObjectInfo) -> bool:
    """Whether the local file has the content that the object's ETag stands for, as far as it tells."""
    step = uploaded_part_size(info) or info.size
    if not (is_plain(info.etag) or uploaded_part_size(info)):
        return False
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if is_plain(info.etag):
            return file_digest(fd).hex() == info.etag
        parts = [file_digest(fd, at, min(step, info.size - at)) for at in range(0, info.size, step)]
        return composed(parts) == info.etag
    finally:
        os.close(fd)
