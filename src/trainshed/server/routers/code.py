"""Code directories that people send: once for each content."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response

from trainshed.core.errors import Code, NotFound
from trainshed.server.context import Caller, Ctx
from trainshed.server.services.code import StoredCode
from trainshed.server.streams import spool
from trainshed.server.wire.storage import CodeModel, code_model

router = APIRouter(tags=["storage"])

Sha = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="Hex SHA-256 of the archive.")]
_TAR: dict[str, Any] = {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}}


@router.post(
    "/v2/{project_id}/code",
    summary="Send a code directory as a tar archive",
    openapi_extra={"requestBody": {"content": _TAR, "required": True}},
)
async def upload_code(request: Request, context: Ctx, caller: Caller) -> CodeModel:
    """Kept under the archive's SHA-256; a second time nothing is written.

    Links, devices, paths that lead out, and more files or bytes than allowed are refused, and
    then nothing is kept.
    """
    context.disk.check()
    context.quotas.check_storage(caller.project_id)
    code = context.code
    with code.staging() as folder, (folder / "archive.tar").open("w+b") as archive:
        sha = await spool(request, archive, code.max_archive)

        def keep() -> StoredCode:
            archive.seek(0)
            return code.keep(caller.project_id, sha, archive, folder)

        kept = await to_thread.run_sync(keep)
        caller.record["name"] = kept.code_dir
        context.quotas.grew(caller.project_id, 0 if kept.cached else kept.size)
        return code_model(kept)


@router.head("/v2/{project_id}/code/{sha}", summary="Whether a code directory is there already")
def check_code(context: Ctx, caller: Caller, sha: Sha) -> Response:
    """200 with ``X-Code-Dir``, or 404."""
    found = context.code.find(caller.project_id, sha)
    if found is None:
        raise NotFound("there is no such code here: send it", code=Code.OBJECT_NOT_FOUND)
    headers = {
        "X-Code-Dir": found.code_dir,
        "X-Code-Files": str(found.files),
        "X-Code-Bytes": str(found.size),
    }
    return Response(headers=headers)
