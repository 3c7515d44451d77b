"""Code: the code directory comes to the node. Links that lead out of it stay behind."""

from __future__ import annotations

import os

from trainshed.agent import contract
from trainshed.agent.stages.base import Work, size
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.task import Stage


def run(work: Work) -> str:
    """Fetch the code.

    Raises:
        InvalidInput: the boot file is not in it.
        NotFound, Forbidden, Unavailable: it could not be fetched.
    """
    from trainshed.storage import CopyOptions

    folder = work.places.host(contract.code_dir(work.task))
    options = CopyOptions(cancel=work.halt.cancel)
    report = work.buckets.download(
        work.task.code_dir, folder, progress=work.progress(Stage.CODE, "code"), options=options
    )
    for i, warning in enumerate(report.warnings):
        work.log.line(f"code-{i}", f"code: {warning}")
    boot = contract.boot_file(work.task)
    if boot and not os.path.isfile(work.places.host(boot)):
        raise InvalidInput(
            f"the boot file {work.task.boot_file!r} is not in {work.task.code_dir}; check its path",
            code=Code.BOOT_FILE_MISSING,
        )
    return f"{report.total_files} files, {size(report.total_bytes)}"
