"""Which jobs have changed, for pages that show many of them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from trainshed.server.context import Caller, Ctx
from trainshed.server.services.watching import watch_jobs
from trainshed.server.sse import EventStream

router = APIRouter(tags=["training jobs"])

_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.get(
    "/v2/{project_id}/training-job-changes",
    summary="Follow the jobs of a project",
    response_class=EventStream,
    responses=_EVENTS,
)
async def follow_training_jobs(context: Ctx, caller: Caller) -> EventStream:
    """Events ``ready``, then ``jobs`` with the ids of those that changed (null: look at all), twice a second.

    Ask for what you show once more when it is among them. ``again`` comes before the stream ends by itself.
    """
    services = context.services
    services.watchers.admit(caller.user_id)
    return EventStream(watch_jobs(services.hub, services.watchers, caller.user_id, caller.project_id))
