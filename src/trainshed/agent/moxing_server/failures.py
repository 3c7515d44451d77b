"""Errors as ``moxing`` gets them: a kind that it knows, our code, and the sentence."""

from __future__ import annotations

import errno
import sys
import traceback
from typing import Any

from trainshed.core.errors import Code, TrainshedError
from trainshed.storage import Cancelled, faults

_KINDS = {
    Code.OBJECT_NOT_FOUND: "not_found",
    Code.BUCKET_NOT_FOUND: "not_found",
    Code.FILE_AND_DIRECTORY: "duplicate",
    Code.STORAGE_DENIED: "denied",
    Code.URI_INVALID: "invalid",
    Code.PATH_INVALID: "invalid",
    Code.FIELD_INVALID: "invalid",
    Code.LOCAL_PATH_FORBIDDEN: "invalid",
    Code.DISK_FULL: "disk_full",
    Code.INODES_EXHAUSTED: "disk_full",
}


class Refusal(Exception):  # noqa: N818
    """An answer that ``moxing`` understands by its kind.

    Attributes:
        kind: ``not_shared``, ``not_a_directory``, ``is_a_directory``, ``not_found``, ``duplicate``, …
        path: what it is about.
    """

    def __init__(self, kind: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.path = path


def describe(error: Exception) -> dict[str, Any]:
    """The JSON of an error."""
    match error:
        case Refusal():
            return {"kind": error.kind, "status": 409, "code": "", "message": str(error), "path": error.path}
        case TrainshedError():
            kind = _KINDS.get(error.code, "")
            return {"kind": kind, "status": error.status, "code": error.code, "message": error.message}
        case Cancelled():
            return {"kind": "", "status": 503, "code": Code.STORAGE_UNREACHABLE, "message": str(error)}
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            return describe(faults.from_os_error(error, error.filename or "the file"))
        case _:
            traceback.print_exception(error, file=sys.stderr)
            message = f"the storage gateway failed: {type(error).__name__}: {error}"
            return {"kind": "", "status": 500, "code": "TrainShed.0001", "message": message}
