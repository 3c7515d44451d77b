"""Notifications on the wire; all of it is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from trainshed.server.language import say
from trainshed.server.services.happenings import EventName
from trainshed.server.services.notifications import shown_address
from trainshed.server.wire.base import Int, Millis, WireModel

Row = Mapping[str, Any]
Kind = Literal["webhook", "email", "feishu", "dingtalk", "wecom", "slack"]
Language = Literal["en", "zh"]
Events = Annotated[list[EventName], Field(min_length=1, max_length=20)]
Address = Annotated[
    str,
    Field(
        max_length=2048,
        examples=["https://hooks.example.com/trainshed"],
        description="A URL; for mail 1 to 20 addresses with commas between them.",
    ),
]
Secret = Annotated[
    str,
    Field(
        max_length=256,
        description="What requests are signed with (webhook, feishu, dingtalk); made up for a webhook.",
        json_schema_extra={"format": "password"},
    ),
]


class NotificationModel(WireModel):
    """Who is told of what; without the secret, and with as much of the address as may be shown."""

    id: str
    name: str
    kind: Kind
    address: str
    has_secret: bool
    events: list[EventName]
    mine: bool
    language: Language
    enabled: bool
    user_name: str = Field(description="Whose it is.")
    create_time: Millis


class NotificationList(WireModel):
    """The notifications of a project, by name."""

    total: Int
    items: list[NotificationModel]


class NotificationRequest(WireModel):
    """A notification to be."""

    name: str = Field(max_length=64, examples=["failures"])
    kind: Kind
    address: Address
    secret: Secret = ""
    events: Events
    mine: bool = Field(False, description="Only of my own jobs; all that a member may ask for.")
    language: Language = "en"
    enabled: bool = True


class NotificationUpdate(WireModel):
    """What to change; what is left out stays. A new address needs its secret again."""

    name: str | None = Field(None, max_length=64)
    address: Address | None = None
    secret: Secret | None = None
    events: Events | None = None
    mine: bool | None = None
    language: Language | None = None
    enabled: bool | None = None


class NewNotification(NotificationModel):
    """A new notification, with the secret that was made up for it; it is shown this once."""

    secret: str = ""


class DeliveryModel(WireModel):
    """One message, and what became of it."""

    id: str
    event: str
    title: str
    text: str
    state: Literal["waiting", "delivered", "failed"]
    tries: Int
    error: str = ""
    create_time: Millis
    next_time: Millis | None = Field(None, description="Of the next try, while it waits.")
    end_time: Millis | None = None


class DeliveryList(WireModel):
    """Deliveries, newest first."""

    items: list[DeliveryModel]


def notification_fields(row: Row) -> dict[str, Any]:
    """What may be shown of a notification."""
    same = ("id", "name", "kind", "events", "mine", "language", "enabled", "user_name")
    return {
        **{name: row[name] for name in same},
        "address": shown_address(row["kind"], row["target"].address),
        "has_secret": bool(row["target"].secret),
        "create_time": int(row["created_at"] * 1000),
    }


def delivery_model(row: Row) -> DeliveryModel:
    """A delivery, as its log shows it."""
    waits = row["state"] == "waiting"
    return DeliveryModel(
        id=row["id"],
        event=row["event"],
        title=row["message"]["title"],
        text=row["message"]["text"],
        state=row["state"],
        tries=row["tries"],
        error=say(row["error"]),
        create_time=int(row["created_at"] * 1000),
        next_time=int(row["next_at"] * 1000) if waits else None,
        end_time=None if row["ended_at"] is None else int(row["ended_at"] * 1000),
    )
