"""What a copy says while it runs and at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a copy is.

    Attributes:
        files, bytes: moved so far.
        total_files, total_bytes: to move, as far as they are known.
        total_known: whether the listing is through, so that the totals are final.
        rate: bytes a second over the last few seconds.
    """

    files: int
    bytes: int
    total_files: int
    total_bytes: int
    total_known: bool
    rate: float

    @property
    def eta_s(self) -> float | None:
        """Seconds until the end; None while that cannot be told."""
        if not self.total_known or self.rate <= 0:
            return None
        return max(0, self.total_bytes - self.bytes) / self.rate


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One file of a copy; ``path`` is relative to both sides."""

    path: str
    size: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy did. A copy that could not move everything raises instead.

    Attributes:
        files, bytes: moved.
        skipped, skipped_bytes: at the destination already, the same in size and time.
        deleted: removed at the destination, where the copy mirrors.
        checksums: files whose content was compared by checksum with the server's.
        verified: count and bytes at the end are those of the listing.
        warnings: sentences about what was left out, such as links that lead outside.
        manifest: every file, moved or skipped, where it was asked for.
    """

    files: int = 0
    bytes: int = 0
    skipped: int = 0
    skipped_bytes: int = 0
    deleted: int = 0
    checksums: int = 0
    verified: bool = True
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    manifest: tuple[ManifestEntry, ...] = field(default=(), repr=False)

    @property
    def total_files(self) -> int:
        """Files at the destination that belong to this copy."""
        return self.files + self.skipped

    @property
    def total_bytes(self) -> int:
        """Their bytes."""
        return self.bytes + self.skipped_bytes
