"""``copy``, ``copy_parallel`` and ``rename``: whole files and trees, anywhere to anywhere."""

import json
import os
import time
from typing import Any, Callable, Dict, Iterable, List, Optional

from moxing.framework.file import _client, _errors, _local_copy, _operations, _paths, _streamed
from moxing.framework.file._log import logger
from moxing.framework.file._report import CopyReport, Progress

_NOTHING = "nothing was copied: %s is empty or does not exist"


def copy(src_url: Any, dst_url: Any, client_id: Optional[str] = None) -> CopyReport:
    """Copy one file.

    Args:
        dst_url: the new file, or a directory for it (an existing local one, or with a ``/`` at the end).
        client_id: accepted for the sake of old scripts.

    Returns:
        What was copied.

    Raises:
        MoxFileNotExistsException: no such file.
        IsADirectoryError: it is a directory; use :func:`copy_parallel`.
    """
    return _Copy(src_url, dst_url, single=True).run()


def copy_parallel(
    src_url: Any,
    dst_url: Any,
    file_list: Optional[Iterable[str]] = None,
    threads: int = 16,
    is_processing: bool = True,
    use_queue: bool = True,
) -> CopyReport:
    """Copy a directory's content into another directory, or a file to a file.

    The destination is made where it is not there; what is there besides stays. Each file appears
    whole under its name or not at all. When several ranks of a job copy the same, it is done once.

    Args:
        file_list: copy only these, relative to ``src_url``.
        threads: how many files at once, where this process copies itself.
        is_processing, use_queue: accepted for the sake of old scripts.

    Returns:
        What was copied, counted and verified. From an empty or missing directory that is nothing, with
        a warning in the log and no error: scripts rely on it.

    Raises:
        MoxFileNameDuplicateException: a file and a directory have the same name.
        MoxFileNotExistsException: a file of ``file_list`` is not there.
        OSError: a file that is there was not copied whole.
    """
    names = None if file_list is None else [str(name) for name in file_list]
    return _Copy(src_url, dst_url, names=names, threads=max(1, int(threads or 1))).run()


def rename(src_url: Any, dst_url: Any) -> None:
    """Move a file or directory, anywhere to anywhere. What is at ``dst_url`` is replaced.

    Raises:
        MoxFileNotExistsException: no such file or directory.
    """
    source, target = _paths.text(src_url), _paths.text(dst_url)
    if not (_paths.is_remote(source) or _paths.is_remote(target)):
        _local_copy.move(source, target)
        return
    if source.rstrip("/") == target.rstrip("/"):
        return
    if not _operations.exists(source):
        raise _errors.not_found(source)
    is_directory = _operations.stat(source).is_directory
    _Copy(source, target, single=not is_directory, exact=True).run()
    _operations.remove(source, recursive=is_directory)


class _Copy(object):
    """One copy.

    Args:
        names: only these.
        single: the source must be a file.
        exact: the destination is the new name itself, never a directory for it.
    """

    def __init__(
        self,
        src_url: Any,
        dst_url: Any,
        names: Optional[List[str]] = None,
        threads: int = 16,
        single: bool = False,
        exact: bool = False,
    ) -> None:
        self.source = _paths.text(src_url)
        self.target = _paths.text(dst_url)
        self.names = None if names is None else [_relative(name, self.source) for name in names]
        self.threads = threads
        self.single = single
        self.exact = exact
        self.progress = Progress(self.source, self.target)

    def run(self) -> CopyReport:
        started = time.time()
        result = self._way()()
        report = CopyReport(self.source, self.target, time.time() - started, result)
        if result.get("missing") and self.single:
            raise _errors.not_found(self.source)
        if not report.files and not self.single:
            logger.warning(_NOTHING, self.source)
            self._make_destination()
        else:
            self.progress.done(report)
        return report

    def _way(self) -> Callable[[], Dict[str, Any]]:
        from_bucket, to_bucket = _paths.is_remote(self.source), _paths.is_remote(self.target)
        if from_bucket and to_bucket:
            return self._between
        if from_bucket:
            return self._download
        return self._upload if to_bucket else self._local

    def _into(self) -> bool:
        """Whether a file goes into the destination instead of becoming it."""
        if self.exact:
            return False
        local = not _paths.is_remote(self.target)
        return self.target.endswith("/") or (local and os.path.isdir(self.target))

    def _make_destination(self) -> None:
        if not _paths.is_remote(self.target):
            os.makedirs(self.target, exist_ok=True)

    def _fields(self) -> Dict[str, Any]:
        return {"names": self.names, "into": self._into(), "single": self.single}

    def _between(self) -> Dict[str, Any]:
        return _client.call(
            "transfer", uri=self.source, target=self.target, on_progress=self.progress.tell, **self._fields()
        ).result

    def _download(self) -> Dict[str, Any]:
        path = os.path.realpath(self.target)
        try:
            return _client.call(
                "download", uri=self.source, path=path, on_progress=self.progress.tell, **self._fields()
            ).result
        except _errors.PathNotShared:
            return _streamed.download(self.source, path, self.threads, **self._fields())

    def _upload(self) -> Dict[str, Any]:
        if not os.path.isdir(self.source):
            return self._upload_file()
        if self.single:
            raise IsADirectoryError(21, "is a directory; copy it with copy_parallel", self.source)
        files, directories = _local_copy.tree(self.source, self.names)
        self.progress.expect(len(files), sum(f[1] for f in files))
        return self._send(self.target, files, directories)

    def _upload_file(self) -> Dict[str, Any]:
        if not os.path.exists(self.source):
            return {"missing": True}
        target = self.target
        if self._into():
            target = _paths.join(target, os.path.basename(self.source))
        parent, name = _paths.split(target)
        if not name:
            raise ValueError("{} is a bucket, not a file in one; write {}/NAME".format(target, target))
        return self._send(parent, [_local_copy.entry(os.path.realpath(self.source), name)], [])

    def _send(self, target: str, files: List[List[Any]], directories: List[str]) -> Dict[str, Any]:
        body = json.dumps({"files": files, "directories": directories}).encode("utf-8")
        try:
            return _client.call("upload", body=body, uri=target, on_progress=self.progress.tell).result
        except _errors.PathNotShared:
            return _streamed.upload(target, files, directories, self.threads)

    def _local(self) -> Dict[str, Any]:
        if os.path.isdir(self.source):
            if self.single:
                raise IsADirectoryError(21, "is a directory; copy it with copy_parallel", self.source)
            return _local_copy.copy_tree(self.source, self.target, self.names, self.threads)
        if not os.path.exists(self.source):
            return {"missing": True}
        target = self.target
        if self._into():
            target = os.path.join(target, os.path.basename(self.source))
        return {"files": 1, "bytes": _local_copy.copy_file(self.source, target)}


def _relative(name: str, source: str) -> str:
    """A name of ``file_list`` relative to the source, where it was given whole."""
    text = _paths.text(name)
    base = source.rstrip("/") + "/"
    return text[len(base) :] if text.startswith(base) else text.lstrip("/")
