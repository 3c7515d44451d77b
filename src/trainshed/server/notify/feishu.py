"""A custom bot of Feishu (Lark).

With a secret the body carries ``timestamp`` (seconds) and ``sign``: the base64 of HMAC-SHA256 over
nothing, with ``timestamp + "\\n" + secret`` as its key. The answer's ``code`` is 0 where it arrived.
Source: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from trainshed.server.notify.base import HttpSender, Message, Target, Undelivered, answer_of, dumps


class Feishu(HttpSender):
    """Posts a rich text of one paragraph."""

    kind = "feishu"

    def send(self, target: Target, message: Message, now: float) -> None:
        paragraph = [{"tag": "text", "text": message.text}]
        post = {"zh_cn": {"title": message.title, "content": [paragraph]}}
        body: dict[str, Any] = {"msg_type": "post", "content": {"post": post}}
        if target.secret:
            moment = str(int(now))
            body = {"timestamp": moment, "sign": sign(target.secret, moment), **body}
        answer = answer_of(self.post(target.address, dumps(body)))
        if answer.get("code", answer.get("StatusCode", 0)) != 0:
            raise Undelivered(f"Feishu refused it: {answer.get('msg') or answer}")


def sign(secret: str, timestamp: str) -> str:
    """The bot's signature."""
    key = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.digest(key, b"", hashlib.sha256)).decode()
