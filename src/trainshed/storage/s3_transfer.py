"""What downloads from S3 and uploads to it share."""

from __future__ import annotations

from trainshed.core.errors import Code, Unavailable
from trainshed.storage.s3_client import S3Client

_BUFFER = 256 << 10


def buffer_of(client: S3Client) -> memoryview:
    """This thread's buffer."""
    try:
        return client.buffers.view
    except AttributeError:
        client.buffers.view = memoryview(bytearray(_BUFFER))
        return client.buffers.view


def lost_its_server(why: BaseException | None) -> bool:
    """Whether a transfer ended only because nobody answered."""
    return isinstance(why, Unavailable) and why.code == Code.STORAGE_UNREACHABLE


def mismatch(name: str, have: str, want: str) -> Unavailable:
    """The content is not that which the checksum stands for."""
    return Unavailable(
        f"{name} arrived damaged (MD5 {have}, not {want}); copy it again", code=Code.CHECKSUM_MISMATCH
    )
