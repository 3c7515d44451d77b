"""Tells people what happened: one sender for each kind of receiver.

Each signs as its receiver documents it. A sender neither retries nor stores anything: it makes one
request, and says what went wrong. ``trainshed.server.services.delivery`` does the rest.
"""

from __future__ import annotations

from trainshed.server.notify.base import Message, Sender, Target, Undelivered
from trainshed.server.notify.dingtalk import DingTalk
from trainshed.server.notify.email import Email, MailServer
from trainshed.server.notify.feishu import Feishu
from trainshed.server.notify.slack import Slack
from trainshed.server.notify.webhook import Webhook
from trainshed.server.notify.wecom import WeCom
from trainshed.storage.egress import Egress


def senders(egress: Egress, mail: MailServer | None) -> dict[str, Sender]:
    """All senders, by kind.

    Args:
        egress: where they may connect to.
        mail: the service's mail server, if it has one.
    """
    kinds = (Webhook, Feishu, DingTalk, WeCom, Slack)
    return {**{kind.kind: kind(egress) for kind in kinds}, Email.kind: Email(mail)}


__all__ = ["MailServer", "Message", "Sender", "Target", "Undelivered", "senders"]
