"""Where the content of an object is while it is being written: in memory, or in a file once it is large."""

import contextlib
import io
import mmap
import os
from typing import Any, Iterator, Optional

IN_MEMORY = 4 << 20


class Spool(io.BufferedIOBase):
    """A binary file to read, write and seek in, that nobody else sees.

    Attributes:
        dirty: something was written since this was last set to False.
        broken: a write failed, so the content is not what the script wanted.
        shortest: bytes that it was cut to since this was last set, or None.
    """

    def __init__(self, append: bool = False, readable: bool = True) -> None:
        super(Spool, self).__init__()
        self._file: Any = io.BytesIO()
        self._path: Optional[str] = None
        self._append = append
        self._readable = readable
        self._pid = os.getpid()
        self.dirty = False
        self.broken = False
        self.shortest: Optional[int] = None

    def readable(self) -> bool:
        return self._readable

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    @property
    def path(self) -> Optional[str]:
        """The file that holds the content; None while it is in memory."""
        return self._path

    def to_file(self) -> str:
        """Have the content in a file, and say where."""
        if self._path is None:
            import tempfile

            fd, self._path = tempfile.mkstemp(prefix=".moxing-")
            on_disk = os.fdopen(fd, "w+b")
            position = self._file.tell()
            on_disk.write(self._file.getvalue())
            on_disk.seek(position)
            self._file = on_disk
        return self._path

    @contextlib.contextmanager
    def view(self, start: int = 0) -> Iterator[memoryview]:
        """The content from byte ``start`` on, without a copy; nothing may be written meanwhile."""
        self._file.flush()
        if self._path is None:
            with self._file.getbuffer() as whole:
                yield whole[start:]
        elif start >= self.length():
            yield memoryview(b"")
        else:
            with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                with memoryview(mapped) as whole, whole[start:] as part:
                    yield part

    def load(self, source: Any) -> None:
        """Begin with what the binary stream ``source`` has."""
        while True:
            block = source.read(1 << 20)
            if not block:
                break
            self._put(block)
        self.dirty = False

    def length(self) -> int:
        """Bytes."""
        position = self._file.tell()
        try:
            return self._file.seek(0, io.SEEK_END)
        finally:
            self._file.seek(position)

    def _put(self, data: Any) -> int:
        if self._path is None and self._file.tell() + len(data) > IN_MEMORY:
            self.to_file()
        return self._file.write(data)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.dirty = True
        try:
            if self._append:
                self._file.seek(0, io.SEEK_END)
            return self._put(view)
        except BaseException:
            self.broken = True
            raise

    def read(self, size: Optional[int] = -1) -> bytes:
        return self._file.read(-1 if size is None else size)

    def read1(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)

    def readline(self, size: Optional[int] = -1) -> bytes:
        return self._file.readline(-1 if size is None else size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: Optional[int] = None) -> int:
        self.dirty = True
        size = int(self._file.tell() if size is None else size)
        if self._path is None and size > self.length():
            self._lengthen(size)
        made = self._file.truncate(size)
        self.shortest = made if self.shortest is None else min(made, self.shortest)
        return made

    def _lengthen(self, size: int) -> None:
        """A file on disk grows by itself; one in memory does not."""
        if size > IN_MEMORY:
            self.to_file()
            return
        position = self._file.tell()
        end = self._file.seek(0, io.SEEK_END)
        self._file.write(b"\0" * (size - end))
        self._file.seek(position)

    def flush(self) -> None:
        if not self.closed:
            self._file.flush()

    def close(self) -> None:
        if self.closed:
            return
        try:
            super(Spool, self).close()
        finally:
            self._file.close()
            if self._path is not None and self._pid == os.getpid():
                os.unlink(self._path)
