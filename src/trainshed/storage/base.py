"""The seam of every store: objects by key, and the transfers that the copy engine runs.

Keys follow S3: no directories, only keys with ``/`` in them. An empty directory is a *marker*, an
object of no bytes whose key ends in ``/``. What a directory holds is listed together, right after its
marker; else the order is the store's own (that of the keys' bytes in S3, not so in every look-alike).
``trainshed.testing.stores`` is the contract that each store passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, ClassVar


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object, or, in a listing that is not recursive, one common prefix.

    Attributes:
        key: within the bucket; in what ``Buckets`` lists, relative to the listed URI.
        size: bytes.
        mtime: seconds since the epoch.
        etag: changes when the content does; without quotes.
        is_directory: a marker or a common prefix; its key ends in ``/``.
    """

    key: str
    size: int = 0
    mtime: float = 0.0
    etag: str = ""
    is_directory: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """What a transfer ended with.

    Attributes:
        size: bytes moved.
        etag: of the object at the far side, where there is one.
        checksum: whether the content was compared by checksum with the server's.
        mtime_ns: of the local file whose content it is.
    """

    size: int
    etag: str = ""
    checksum: bool = False
    mtime_ns: int = 0


OnBytes = Callable[[int], None]
Part = Callable[[OnBytes], None]


class Transfer(ABC):
    """One object on its way. Its parts may run in any thread and any order, each at most once."""

    @abstractmethod
    def parts(self) -> list[Part]:
        """What to run; called once, before any of them."""

    @abstractmethod
    def finish(self) -> Stored:
        """After all parts: verify, and put the whole under its final name."""

    @abstractmethod
    def abort(self, why: BaseException | None = None, /) -> None:
        """After a failure: leave nothing behind. Never raises.

        Args:
            why: what ended it. Of one that lost its server, what is needed to go on may stay.
        """


def run_alone(transfer: Transfer, on_bytes: OnBytes | None = None) -> Stored:
    """Run a transfer here and now, in this thread."""
    try:
        for part in transfer.parts():
            part(on_bytes or _unheard)
        return transfer.finish()
    except BaseException as error:
        transfer.abort(error)
        raise


def _unheard(_: int) -> None:
    return


class Store(ABC):
    """A bucket.

    All methods may be called from any thread. They raise ``NotFound`` (OBJECT_NOT_FOUND,
    BUCKET_NOT_FOUND), ``Forbidden`` (STORAGE_DENIED), ``Unavailable`` (STORAGE_UNREACHABLE,
    DISK_FULL, INODES_EXHAUSTED) or ``InvalidInput`` (URI_INVALID, PATH_INVALID).

    Attributes:
        kind: ``folder`` or ``s3``.
        concurrency: how many parts at once suit it.
        identity: where it is, the same for each store of the same bucket; no secrets.
    """

    kind: ClassVar[str]
    identity: str = ""
    concurrency: int = 16

    @abstractmethod
    def list(
        self, prefix: str = "", *, recursive: bool = True, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        """Objects whose key starts with ``prefix``, in the store's order.

        Args:
            recursive: otherwise keys with a further ``/`` are rolled up into one directory.
            start_after: only keys after this one, in that order.

        A marker is listed only where its directory has nothing else, and never for ``prefix`` itself.
        """

    @abstractmethod
    def stat(self, key: str) -> ObjectInfo:
        """The object ``key``; with a trailing ``/``, the directory (a marker, or anything under it)."""

    @abstractmethod
    def open_read(
        self, key: str, start: int = 0, length: int | None = None, *, info: ObjectInfo | None = None
    ) -> BinaryIO:
        """A stream of the object's bytes from ``start``; the caller closes it.

        Args:
            info: what :meth:`stat` said of the object, which may save asking again. Where the store can
                tell, reading other content than that raises ``Conflict`` (FILE_CHANGED).
        """

    @abstractmethod
    def write(self, key: str, data: bytes | BinaryIO) -> ObjectInfo:
        """Make ``key`` hold ``data``, whole or not at all. A key with a trailing ``/`` is a marker."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> int:
        """Delete these objects (those that are not there are ignored); how many were asked for."""

    @abstractmethod
    def copy(self, source: str, target: str) -> ObjectInfo:
        """Make ``target`` a copy of ``source`` inside the store, without moving it through here."""

    @abstractmethod
    def downloading(self, info: ObjectInfo, path: str, root: str = "") -> Transfer:
        """A transfer of the object to the local file ``path``, which must really lie under ``root``."""

    @abstractmethod
    def uploading(self, path: str, key: str, root: str = "") -> Transfer:
        """A transfer of the local file ``path``, which must really lie under ``root``, to ``key``."""

    @abstractmethod
    def check(self) -> None:
        """Whether the bucket is there and lets us list it; raises what is wrong."""

    def close(self) -> None:  # noqa: B027 (a store with nothing to let go of is fine)
        """Let go of connections; the store may be used again."""
