"""The files that a job has written to its outputs."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from trainshed.core.errors import NotFound
from trainshed.storage import parse_uri

if TYPE_CHECKING:
    from trainshed.server.context import Context
    from trainshed.server.services.queries import Row

MAX_FILES = 10_000


def listed(context: Context, row: Row, limit: int = MAX_FILES) -> dict[str, Any]:
    """What lies at the job's outputs now, channel by channel; an output that is not there is empty."""
    stores = context.buckets.stores(row["project_id"])
    found: list[dict[str, Any]] = []
    truncated = False
    for channel in row["spec"]["outputs"]:
        location = parse_uri(channel["uri"])
        try:
            infos = list(islice(stores.list(location), limit - len(found) + 1))
        except NotFound:
            continue
        truncated = truncated or len(infos) > limit - len(found)
        found += [
            {
                "channel": channel["name"],
                "key": info.key,
                "uri": str(location / info.key),
                "size": info.size,
                "mtime": info.mtime,
            }
            for info in infos[: limit - len(found)]
            if not info.is_directory
        ]
    return {"outputs": found, "truncated": truncated}
