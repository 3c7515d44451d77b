"""Any HTTP server: JSON, signed as Standard Webhooks (version 1) has it.

Headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``; the signature is ``v1,`` and
the base64 of HMAC-SHA256 over ``id.timestamp.body``. A secret ``whsec_…`` is base64, any other is
taken as it is. Source: https://github.com/standard-webhooks/standard-webhooks
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

from trainshed.server.notify.base import HttpSender, Message, Target, dumps

PREFIX = "whsec_"


class Webhook(HttpSender):
    """Posts what machines want to know."""

    kind = "webhook"

    def send(self, target: Target, message: Message, now: float) -> None:
        body = dumps(payload(message))
        headers = {"webhook-id": message.id, "webhook-timestamp": str(int(now))}
        if target.secret:
            headers["webhook-signature"] = signature(target.secret, message.id, int(now), body)
        self.post(target.address, body, headers)


def payload(message: Message) -> dict[str, Any]:
    """What a webhook gets: the event, its time in milliseconds, words for people, and ``data``."""
    return {
        "type": message.event,
        "timestamp": int(message.time * 1000),
        "title": message.title,
        "text": message.text,
        "data": dict(message.data),
    }


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header ``webhook-signature``."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
