"""``mox.file.File``: one class for local files and objects, text and bytes."""

import atexit
import io
import os
import weakref
from typing import Any, Iterable, List, Optional

from moxing.framework.file import _client, _errors, _objects, _paths
from moxing.framework.file._log import logger
from moxing.framework.file._reader import RemoteReader
from moxing.framework.file._spool import Spool

_MODES = {"r", "w", "a", "r+", "w+", "a+", "x", "x+"}
_unsaved: "weakref.WeakSet[File]" = weakref.WeakSet()


class File(io.IOBase):
    """A file object as ``open`` gives one, for a local path or an object in a bucket.

    >>> with File("obs://bucket/log.txt", "w") as f:      # doctest: +SKIP
    ...     f.write("hello")

    An object appears whole under its name, at ``flush`` and at ``close`` (which the end of ``with``
    and the end of the program call): until then readers see what was there before. ``a`` adds to
    what is there then, without losing what others added meanwhile.

    Args:
        name: path or URL.
        mode: r, w, a, x, with + and b or t as for ``open``, in any order.
        encoding: of text; UTF-8 unless given.
        buffering, errors, newline: as for ``open``.

    Raises:
        MoxFileNotExistsException: nothing to read there.
        ValueError: a mode that does not exist.
    """

    def __init__(
        self,
        name: Any,
        mode: str = "r",
        encoding: Optional[str] = None,
        buffering: int = -1,
        errors: Optional[str] = None,
        newline: Optional[str] = None,
    ) -> None:
        self._stream: Any = None
        self._saver: Optional[_Saver] = None
        kind, binary = _parse_mode(mode)
        if binary and encoding is not None:
            raise ValueError("binary mode takes no encoding")
        self._name = _paths.text(name)
        self._mode = mode
        self._binary = binary
        encoding = None if binary else encoding or "utf-8"
        if not _paths.is_remote(self._name):
            self._stream = open(
                self._name, kind + ("b" if binary else ""), buffering, encoding, errors, newline
            )
            return
        raw = self._open_remote(kind)
        self._stream = raw if binary else io.TextIOWrapper(raw, encoding, errors, newline)
        if kind == "a+":
            self._stream.seek(0, io.SEEK_END)

    def _open_remote(self, kind: str) -> Any:
        if self._name.endswith("/"):
            raise IsADirectoryError(21, "a directory cannot be opened as a file", self._name)
        if kind == "r":
            return open_object(self._name)
        self._saver = saver = _Saver(self._name, kind)
        _unsaved.add(self)
        return saver.spool

    @property
    def name(self) -> str:
        """The path or URL."""
        return self._name

    @property
    def mode(self) -> str:
        """As it was given."""
        return self._mode

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._stream is None or self._stream.closed

    def read(self, n: Optional[int] = -1) -> Any:
        """Up to ``n`` bytes or characters; all that is left for -1."""
        return self._stream.read(n)

    def readline(self, size: Optional[int] = -1) -> Any:
        """The next line, with its end."""
        return self._stream.readline(-1 if size is None else size)

    def readlines(self, sizeint: Optional[int] = -1) -> List[Any]:
        """All lines that are left."""
        return self._stream.readlines(-1 if sizeint is None else sizeint)

    def write(self, data: Any) -> int:
        """Write ``data``; how much."""
        return self._stream.write(data)

    def writelines(self, sequence: Iterable[Any]) -> None:
        """Write each of ``sequence``."""
        self._stream.writelines(sequence)

    def __iter__(self) -> "File":
        return self

    def __next__(self) -> Any:
        return next(self._stream)

    next = __next__

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to ``offset`` from the start (0), from here (1) or from the end (2)."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Where we are."""
        if self._saver is not None:
            return self._stream.tell() + self._saver.before
        return self._stream.tell()

    def size(self) -> int:
        """Bytes in the file, with what was written through this object."""
        if self.writable():
            self._stream.flush()
        if self._saver is not None:
            return self._saver.size()
        if _paths.is_remote(self._name):
            return _objects.size_of(self._name)
        return os.fstat(self._stream.fileno()).st_size

    def truncate(self, size: Optional[int] = None) -> int:
        """Cut the file off at ``size``, or here.

        Raises:
            io.UnsupportedOperation: an object opened with ``a``, which knows only what it adds.
        """
        if self._saver is not None and self._saver.before:
            raise io.UnsupportedOperation("open {} with r+ or a+ to cut it".format(self._name))
        return self._stream.truncate(size)

    def flush(self) -> None:
        """Make what was written so far visible to others: the whole object is uploaded."""
        if self.closed:
            return
        self._stream.flush()
        if self._saver is not None:
            self._saver.save()

    def close(self) -> None:
        """Finish; what was written is there when this returns."""
        if self.closed:
            return
        try:
            if self._saver is not None:
                self._stream.flush()
                self._saver.save(final=True)
        finally:
            _unsaved.discard(self)
            self._stream.close()

    def __del__(self) -> None:
        if not self.closed and not self._is_of_parent():
            self.close()

    def _is_of_parent(self) -> bool:
        """Whether another process opened this, which will close it."""
        return self._saver is not None and self._saver.pid != os.getpid()

    def readable(self) -> bool:
        """Whether it was opened for reading."""
        return self._stream.readable()

    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return self._stream.writable()

    def seekable(self) -> bool:
        """True."""
        return self._stream.seekable()

    def isatty(self) -> bool:
        """False, unless it is a local terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor of a local file.

        Raises:
            io.UnsupportedOperation: an object has none.
        """
        if _paths.is_remote(self._name):
            raise io.UnsupportedOperation("fileno: {} is an object in a bucket".format(self._name))
        return self._stream.fileno()

    def __getattr__(self, name: str) -> Any:
        # What only text or only binary streams have: encoding, newlines, buffer; readinto, read1, peek.
        if name.startswith("_") or self.__dict__.get("_stream") is None:
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __repr__(self) -> str:
        return "<moxing.file.File name={!r} mode={!r}>".format(self._name, self._mode)


def _parse_mode(mode: str) -> Any:
    """The kind without b and t, and whether it is binary."""
    kind = "".join(sorted(mode.replace("b", "", 1).replace("t", "", 1), key="rwax+".find))
    if kind not in _MODES or ("b" in mode and "t" in mode):
        raise ValueError("mode must be r, w, a, x, r+, w+, a+ or x+, with b for bytes, not {!r}".format(mode))
    return kind, "b" in mode


def open_object(uri: str) -> Any:
    """A buffered binary stream of the object ``uri``."""
    answer = _client.call("open", uri=uri)
    if answer.fd is not None:
        return os.fdopen(answer.fd, "rb")
    raw = RemoteReader(uri, answer.result["size"], answer.result["etag"])
    return io.BufferedReader(raw, 128 << 10)


class _Saver(object):
    """Puts a spool's content into its object.

    Attributes:
        before: bytes of the object before the spool's first; not 0 for ``a`` alone.
        pid: of the process that opened it.
    """

    def __init__(self, uri: str, kind: str) -> None:
        self._uri = uri
        self._appends = kind.startswith("a")
        self._saved = 0  # bytes of the spool that were added to the object
        self._never = kind[0] in "wx"  # even an empty file is to appear
        self.before = 0
        self.pid = os.getpid()
        self.spool = Spool(append=self._appends, readable="+" in kind)
        if kind[0] != "w":
            self._begin(kind, _objects.kind_of(uri))

    def _begin(self, kind: str, found: Optional[str]) -> None:
        exists = found == "file"
        if kind[0] == "x" and found:
            raise FileExistsError(17, "there is something of that name already", self._uri)
        if found == "directory":
            raise IsADirectoryError(21, "a directory cannot be opened as a file", self._uri)
        if kind == "r+" and not exists:
            raise _errors.not_found(self._uri)
        if kind == "a":
            self.before = _objects.size_of(self._uri) if exists else 0
            self._never = not exists
        elif kind in ("r+", "a+") and exists:
            with open_object(self._uri) as source:
                self.spool.load(source)
            self._saved = self.spool.length() if kind == "a+" else 0
            self.spool.seek(0)
        elif kind == "a+":
            self._never = True

    def size(self) -> int:
        return self.before + self.spool.length()

    def save(self, final: bool = False) -> None:
        """Put what is new where it belongs.

        Raises:
            OSError: a write into the spool had failed, or the storage says no.
        """
        if self.spool.broken:
            if final:
                why = (
                    "{} was not written, because an earlier write to it failed; what was there is still there"
                )
                raise OSError(why.format(self._uri))
            return
        if not (self.spool.dirty or self._never):
            return
        cut = self.spool.shortest is not None and self.spool.shortest < self._saved
        if self._appends and not cut:
            self._add()
        else:
            _objects.put(self._uri, self.spool)
            self._saved = self.spool.length()
        self.spool.dirty = self._never = False
        self.spool.shortest = None

    def _add(self) -> None:
        with self.spool.view(self._saved) as new:
            _objects.append(self._uri, new)
            self._saved += len(new)


@atexit.register
def _close_unsaved() -> None:
    """What a script wrote and forgot to close is not lost."""
    for file in list(_unsaved):
        if not file._is_of_parent():
            try:
                file.close()
            except (OSError, ValueError) as error:
                logger.error("%s was not saved at the end of the program: %s", file.name, error)
