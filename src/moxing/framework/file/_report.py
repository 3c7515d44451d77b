"""What a copy did, and how it goes on while it does."""

import time
from typing import Any, Dict, Optional

from moxing.framework.file._log import logger

_TELL_EVERY_S = 5.0
_WORTH_TELLING_S = 2.0


class CopyReport(object):
    """What ``copy`` and ``copy_parallel`` return.

    Attributes:
        source, destination: as they were given.
        files: how many are at the destination now, each whole.
        bytes: their size.
        skipped: how many of them were there already, unchanged, and were not moved again.
        shared: whether another rank's copy of the same was waited for instead.
        seconds: how long it took.
    """

    def __init__(self, source: str, destination: str, seconds: float, result: Dict[str, Any]) -> None:
        self.source = source
        self.destination = destination
        self.seconds = seconds
        self.files = int(result.get("files", 0))
        self.bytes = int(result.get("bytes", 0))
        self.skipped = int(result.get("skipped", 0))
        self.shared = bool(result.get("shared", False))

    def __repr__(self) -> str:
        return "CopyReport({!r} -> {!r}: {} files, {} bytes, {:.2f} s)".format(
            self.source, self.destination, self.files, self.bytes, self.seconds
        )


class Progress(object):
    """Lines in the log about a copy that takes a while."""

    def __init__(self, source: str, target: str) -> None:
        self._what = "{} -> {}".format(source, target)
        self._started = self._told = time.time()
        self._files: Optional[int] = None
        self._bytes: Optional[int] = None

    def expect(self, files: int, size: int) -> None:
        """How much it will be."""
        self._files, self._bytes = files, size

    def tell(self, page: Dict[str, Any]) -> None:
        """A line for the gateway's ``{"files", "bytes", "of_files", "of_bytes"}``, now and then.

        Of ranks that share a copy only the first tells.
        """
        now = time.time()
        if now - self._told < _TELL_EVERY_S or page.get("shared") or "bytes" not in page:
            return
        self._told = now
        of_files = page.get("of_files") or self._files
        of_bytes = page.get("of_bytes") or self._bytes or 0
        rate = page["bytes"] / max(1e-3, now - self._started)
        left = max(0, of_bytes - page["bytes"]) / rate if rate else 0
        logger.info(
            "%s: %s of %s files, %s of %s, %s/s, about %.0f s left",
            self._what, page["files"], of_files, amount(page["bytes"]), amount(of_bytes), amount(rate), left,
        )  # fmt: skip

    def done(self, report: CopyReport) -> None:
        """The last line, unless it was too short to mention."""
        if report.seconds >= _WORTH_TELLING_S and not report.shared:
            logger.info(
                "%s: %d files, %s in %.1f s", self._what, report.files, amount(report.bytes), report.seconds
            )


def amount(size: float) -> str:
    """``1.5 GiB``."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return "{:.1f} {}".format(size / unit, name)
    return "{:.0f} B".format(size)
