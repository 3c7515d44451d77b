"""Notifications of a project."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from trainshed.server.context import Caller, Ctx
from trainshed.server.services import notifications
from trainshed.server.services.notifications import Wanted
from trainshed.server.wire.notifications import (
    DeliveryList,
    NewNotification,
    NotificationList,
    NotificationModel,
    NotificationRequest,
    NotificationUpdate,
    delivery_model,
    notification_fields,
)

router = APIRouter(tags=["notifications"])
_ALL = "/v2/{project_id}/notifications"
_ONE = _ALL + "/{notification}"
Name = Annotated[str, Path(max_length=64, description="Id or name.", examples=["failures"])]


@router.get(_ALL, summary="Notifications")
def list_notifications(context: Ctx, caller: Caller) -> NotificationList:
    """By name."""
    found = notifications.listed(context, caller.project_id)
    items = [NotificationModel(**notification_fields(row)) for row in found]
    return NotificationList(total=len(items), items=items)


@router.post(_ALL, summary="Add a notification", status_code=201)
def create_notification(context: Ctx, caller: Caller, body: NotificationRequest) -> NewNotification:
    """Of the project's jobs by its admins; of one's own (``mine``) by every member."""
    caller.record.update(name=body.name, kind=body.kind, events=body.events)
    row, secret = notifications.create(context, caller, Wanted(**body.model_dump()))
    return NewNotification(**notification_fields(row), secret=secret)


@router.get(_ONE, summary="One notification")
def show_notification(context: Ctx, caller: Caller, notification: Name) -> NotificationModel:
    row = notifications.find(context, caller.project_id, notification)
    return NotificationModel(**notification_fields(row))


@router.put(_ONE, summary="Change a notification")
def change_notification(
    context: Ctx, caller: Caller, notification: Name, body: NotificationUpdate
) -> NotificationModel:
    """What is left out stays."""
    caller.record.update(body.model_dump(exclude={"address", "secret"}, exclude_none=True))
    row = notifications.change(context, caller, notification, Wanted(**body.model_dump()))
    return NotificationModel(**notification_fields(row))


@router.delete(_ONE, summary="Remove a notification", status_code=204)
def remove_notification(context: Ctx, caller: Caller, notification: Name) -> Response:
    """What has not been delivered yet never will be."""
    notifications.remove(context, caller, notification)
    return Response(status_code=204)


@router.post(f"{_ONE}/test", summary="Send a test message", status_code=204)
def test_notification(context: Ctx, caller: Caller, notification: Name) -> Response:
    """204 once it has arrived; else what went wrong."""
    notifications.test(context, caller, notification)
    return Response(status_code=204)


@router.get(f"{_ONE}/deliveries", summary="What became of messages")
def list_deliveries(
    context: Ctx, caller: Caller, notification: Name, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> DeliveryList:
    """Newest first; kept for 30 days."""
    found = notifications.delivered(context, caller.project_id, notification, limit)
    return DeliveryList(items=[delivery_model(row) for row in found])
