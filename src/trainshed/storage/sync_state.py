"""What an output sync has stored already, kept on disk so that it outlives the agent."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from trainshed.storage.report import ManifestEntry


@dataclass(frozen=True, slots=True)
class Synced:
    """A file at the destination, and which local content it is."""

    size: int
    mtime_ns: int
    etag: str = ""


_BEGUN = Synced(-1, -1)


class SyncState:
    """Path → what was stored; a journal of JSON lines where a file is given.

    A line that a crash cut short is ignored: its file is stored again, which is harmless.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = Path(path) if path else None
        self._files: dict[str, Synced] = {}
        self._journal: IO[str] | None = None
        if self._path is not None:
            self._load(self._path)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._compact(self._path)
            self._journal = self._path.open("a", encoding="utf-8", errors="surrogateescape")

    def _load(self, path: Path) -> None:
        with (
            contextlib.suppress(FileNotFoundError),
            path.open(encoding="utf-8", errors="surrogateescape") as lines,
        ):
            for line in lines:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    self._apply(json.loads(line))

    def _apply(self, entry: dict[str, Any]) -> None:
        if entry.get("gone"):
            self._files.pop(entry["path"], None)
        else:
            self._files[entry["path"]] = Synced(
                int(entry["size"]), int(entry["mtime_ns"]), str(entry["etag"])
            )

    def _compact(self, path: Path) -> None:
        fresh = path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8", errors="surrogateescape") as out:
            for name, synced in self._files.items():
                out.write(_line(name, synced))
        fresh.replace(path)

    def __len__(self) -> int:
        return len(self._files)

    def get(self, path: str) -> Synced | None:
        """What is stored of ``path``."""
        return self._files.get(path)

    def paths(self) -> list[str]:
        """All paths stored."""
        return list(self._files)

    def under(self, directory: str) -> list[str]:
        """Paths stored below ``directory`` (with a trailing ``/``)."""
        return [p for p in self._files if p.startswith(directory)]

    def put(self, path: str, synced: Synced) -> None:
        """``path`` is stored."""
        self._files[path] = synced
        self._write(_line(path, synced))

    def begin(self, path: str) -> None:
        """``path`` is about to be stored: from now on it may be there, in part or whole or not at all."""
        self.put(path, _BEGUN)

    def drop(self, path: str) -> None:
        """``path`` is not there any more."""
        if self._files.pop(path, None) is not None:
            self._write(json.dumps({"path": path, "gone": True}) + "\n")

    def _write(self, line: str) -> None:
        if self._journal is not None:
            self._journal.write(line)
            self._journal.flush()

    @property
    def bytes(self) -> int:
        """Of all files stored."""
        return sum(s.size for s in self._files.values())

    def entries(self) -> Iterator[ManifestEntry]:
        """All that is stored, by path."""
        for path in sorted(self.paths()):
            synced = self.get(path)
            assert synced is not None
            yield ManifestEntry(path, synced.size, synced.etag)

    def manifest(self) -> Iterator[str]:
        """Lines of the manifest, in order."""
        for path in sorted(self._files):
            synced = self._files[path]
            entry = {"path": path, "size": synced.size, "etag": synced.etag}
            yield json.dumps(entry, ensure_ascii=False) + "\n"

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def _line(path: str, synced: Synced) -> str:
    entry = {"path": path, "size": synced.size, "mtime_ns": synced.mtime_ns, "etag": synced.etag}
    return json.dumps(entry) + "\n"


def digest(lines: bytes) -> str:
    """What the commit marker says of the manifest."""
    import hashlib  # late: it brings OpenSSL along

    return hashlib.sha256(lines).hexdigest()
