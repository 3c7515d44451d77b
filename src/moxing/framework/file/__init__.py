"""``mox.file``: files and directories, local ones and those in buckets, by the same calls."""

from moxing._lazy import explain_missing
from moxing.framework.file._auth import set_auth
from moxing.framework.file._background import background_sync_copy
from moxing.framework.file._copy import copy, copy_parallel, rename
from moxing.framework.file._errors import (
    MoxFileNameDuplicateException,
    MoxFileNotExistsException,
    MoxFilePermissionException,
    MoxFileReadException,
    MoxFileRespException,
)
from moxing.framework.file._file import File
from moxing.framework.file._operations import (
    append,
    append_remote,
    exists,
    get_size,
    is_directory,
    make_dirs,
    mk_dir,
    read,
    remove,
    stat,
    write,
)
from moxing.framework.file._report import CopyReport
from moxing.framework.file._shift import shift
from moxing.framework.file._trees import glob, list_directory, scan_dir, walk

__all__ = [
    "CopyReport",
    "File",
    "MoxFileNameDuplicateException",
    "MoxFileNotExistsException",
    "MoxFilePermissionException",
    "MoxFileReadException",
    "MoxFileRespException",
    "append",
    "append_remote",
    "background_sync_copy",
    "copy",
    "copy_parallel",
    "exists",
    "get_size",
    "glob",
    "is_directory",
    "list_directory",
    "make_dirs",
    "mk_dir",
    "read",
    "remove",
    "rename",
    "scan_dir",
    "set_auth",
    "shift",
    "stat",
    "walk",
    "write",
]

explain_missing(__name__)
