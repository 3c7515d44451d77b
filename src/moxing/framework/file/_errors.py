"""The documented exceptions, and how an answer of the gateway becomes one.

The tree::

    Exception
    ├── MoxFileNameDuplicateException   (also FileExistsError)
    ├── MoxFileNotExistsException       (also FileNotFoundError)
    └── _MoxFileBaseRespException(.resp) (also OSError)
        ├── MoxFileReadException         the stream broke while it was read
        └── MoxFileRespException         the storage said no; resp.status >= 300
            └── MoxFilePermissionException   (also PermissionError)

Each is also the exception that the local call would raise, so that ``except FileNotFoundError``
written for local files holds for ``obs://`` after ``shift('os', 'mox')``.
"""

import errno
import os
from typing import Any, Dict, Optional


class Response(object):
    """What the storage answered, with the names that OBS gives its parts.

    Attributes:
        status: the HTTP status.
        reason: its words.
        errorCode: trainshed's stable code.
        errorMessage: the sentence.
    """

    def __init__(self, status: int, reason: str, code: str, message: str) -> None:
        self.status = status
        self.reason = reason
        self.errorCode = code
        self.errorMessage = message
        self.requestId = ""

    def __repr__(self) -> str:
        return "Response(status={}, errorCode={!r}, errorMessage={!r})".format(
            self.status, self.errorCode, self.errorMessage
        )


class MoxFileNameDuplicateException(FileExistsError):
    """A file and a directory have the same name, which a folder cannot hold."""


class MoxFileNotExistsException(FileNotFoundError):
    """Nothing is there by that name."""


class _MoxFileBaseRespException(OSError):
    """An answer of the storage as an exception.

    Attributes:
        resp: the answer, a :class:`Response`.
    """

    def __init__(self, resp: Any, *args: Any) -> None:
        super(_MoxFileBaseRespException, self).__init__(*(args or (str(resp),)))
        self.resp = resp

    def __reduce__(self) -> Any:
        return (type(self), (self.resp,) + self.args)


class MoxFileReadException(_MoxFileBaseRespException):
    """A stream that had begun well broke while it was read."""


class MoxFileRespException(_MoxFileBaseRespException):
    """The storage answered with an error."""


class MoxFilePermissionException(MoxFileRespException, PermissionError):
    """The keys in use may not do that."""


class PathNotShared(Exception):
    """The gateway does not see that local path; the bytes must go through the socket."""


def not_found(path: str) -> MoxFileNotExistsException:
    """The exception for a missing ``path``."""
    return MoxFileNotExistsException(errno.ENOENT, os.strerror(errno.ENOENT), path)


def unavailable(message: str) -> MoxFileRespException:
    """The exception for a storage that cannot be reached at all."""
    return MoxFileRespException(Response(503, "Service Unavailable", "TrainShed.8001", message), message)


_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_OS_ERRORS = {
    "not_a_directory": (NotADirectoryError, errno.ENOTDIR),
    "is_a_directory": (IsADirectoryError, errno.EISDIR),
    "disk_full": (OSError, errno.ENOSPC),
}


def from_answer(error: Dict[str, Any], path: Optional[str] = None) -> Exception:
    """The exception for the gateway's ``{"kind", "status", "code", "message"}``."""
    kind, message = error.get("kind", ""), error.get("message", "")
    name = error.get("path") or path
    if kind == "not_found":
        return MoxFileNotExistsException(errno.ENOENT, message, name)
    if kind == "duplicate":
        return MoxFileNameDuplicateException(errno.EEXIST, message, name)
    if kind == "invalid":
        return ValueError(message)
    if kind == "not_shared":
        return PathNotShared(message)
    if kind in _OS_ERRORS:
        cls, number = _OS_ERRORS[kind]
        return cls(number, message, name)
    status = int(error.get("status", 500))
    resp = Response(status, _REASONS.get(status, ""), error.get("code", ""), message)
    if kind == "denied":
        return MoxFilePermissionException(resp, message)
    if kind == "read":
        return MoxFileReadException(resp, message)
    return MoxFileRespException(resp, message)
