"""Code directories that were sent as an archive: kept by content, each once."""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from trainshed.server.services.archive import Limits, Unpacked, unpack
from trainshed.storage import parse_uri

if TYPE_CHECKING:
    from trainshed.server.config import Settings
    from trainshed.server.services.buckets import BucketService

CODE_FOLDER = "code"


@dataclass(frozen=True, slots=True)
class StoredCode:
    """A code directory that was sent.

    Attributes:
        cached: whether it was there already.
    """

    code_dir: str
    files: int
    size: int
    cached: bool


class CodeService:
    """Code directories of all projects.

    Making one removes what an upload left that was cut off with its server: a home has one server.
    """

    def __init__(self, settings: Settings, buckets: BucketService) -> None:
        self._limits = Limits(settings.max_code_files, settings.max_code_bytes)
        self._staging = settings.files.buckets / ".staging"
        self._buckets = buckets
        shutil.rmtree(self._staging, ignore_errors=True)

    @property
    def max_archive(self) -> int:
        """Bytes that an archive may have: its files, and a tar's headers and padding."""
        return self._limits.size + 3 * 512 * (self._limits.files + 1) * 10

    @contextmanager
    def staging(self) -> Generator[Path]:
        """A folder of one's own on the file system of the embedded buckets, gone at the end."""
        folder = self._staging / uuid.uuid4().hex
        folder.mkdir(parents=True, mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def find(self, project_id: str, sha: str) -> StoredCode | None:
        """The code directory of an archive with this hash, if it was sent before."""
        uri = self._uri(project_id, sha)
        stores = self._buckets.stores(project_id)
        if not stores.exists(uri):
            return None
        found = [info for info in stores.list(uri) if not info.is_directory]
        return StoredCode(uri, len(found), sum(info.size for info in found), cached=True)

    def keep(self, project_id: str, sha: str, archive: BinaryIO, staging: Path) -> StoredCode:
        """Unpack an archive under its hash; nothing of it appears until all of it is there.

        Raises:
            InvalidInput, TooLarge: the archive is refused; nothing was kept.
        """
        if found := self.find(project_id, sha):
            return found
        folder = staging / "code"
        folder.mkdir()
        unpacked = unpack(archive, folder, self._limits)
        return self._publish(project_id, sha, folder, unpacked)

    def _publish(self, project_id: str, sha: str, folder: Path, unpacked: Unpacked) -> StoredCode:
        uri = self._uri(project_id, sha)
        store, key = self._buckets.stores(project_id).resolve(uri)
        if store.kind == "folder":
            target = Path(self._buckets.folder(parse_uri(uri).bucket)) / key
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                folder.rename(target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
        else:
            self._buckets.stores(project_id).upload(folder, uri)
        return StoredCode(uri, unpacked.files, unpacked.size, cached=False)

    def _uri(self, project_id: str, sha: str) -> str:
        return f"obs://{self._buckets.default(project_id)}/{CODE_FOLDER}/{sha}/"
