"""Code: the code directory comes to the node. Links that lead out of it stay behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainshed.agent import contract
from trainshed.agent.local_copy import copy_tree
from trainshed.agent.stages.base import Work, amount
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.task import Stage

if TYPE_CHECKING:
    from trainshed.storage import CopyReport


def run(work: Work) -> str:
    """Fetch the code.

    Raises:
        InvalidInput: the boot file is not in it.
        NotFound, Forbidden, Unavailable: it could not be fetched.
    """
    from trainshed.storage.folder import FolderStore

    folder = work.places.host(contract.code_dir(work.task))
    store, key = work.buckets.resolve(work.task.code_dir)
    local = store.path(key) if isinstance(store, FolderStore) else ""
    if os.path.isdir(local):
        copied = copy_tree(local, folder, work.halt.check)
        warnings = [f"{path} was left out: it leads out of the code directory" for path in copied.left_out]
        files, length = copied.files, copied.bytes
    else:
        report = _download(work, folder)
        warnings = list(report.warnings)
        files, length = report.total_files, report.total_bytes
    for i, warning in enumerate(warnings):
        work.log.line(f"code-{i}", f"code: {warning}")
    boot = contract.boot_file(work.task)
    if boot and not os.path.isfile(work.places.host(boot)):
        raise InvalidInput(
            f"the boot file {work.task.boot_file!r} is not in {work.task.code_dir}; check its path",
            code=Code.BOOT_FILE_MISSING,
        )
    return amount(files, length)


def _download(work: Work, folder: str) -> CopyReport:
    from trainshed.storage import CopyOptions

    return work.buckets.download(
        work.task.code_dir,
        folder,
        progress=work.progress(Stage.CODE, "code"),
        options=CopyOptions(cancel=work.halt.cancel),
    )
