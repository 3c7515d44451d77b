"""A custom robot of DingTalk.

With a secret the address gets ``timestamp`` (milliseconds) and ``sign``: the base64 of HMAC-SHA256
over ``timestamp + "\\n" + secret``, with the secret as its key. ``errcode`` is 0 where it arrived.
Source: https://open.dingtalk.com/document/orgapp/customize-robot-security-settings
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import urlencode

from trainshed.server.notify.base import HttpSender, Message, Target, Undelivered, answer_of, dumps


class DingTalk(HttpSender):
    """Posts plain text, in which nothing can pass for markup."""

    kind = "dingtalk"

    def send(self, target: Target, message: Message, now: float) -> None:
        url = target.address
        if target.secret:
            moment = str(int(now * 1000))
            query = urlencode({"timestamp": moment, "sign": sign(target.secret, moment)})
            url = f"{url}{'&' if '?' in url else '?'}{query}"
        text = f"{message.title}\n{message.text}"
        answer = answer_of(self.post(url, dumps({"msgtype": "text", "text": {"content": text}})))
        if answer.get("errcode", 0) != 0:
            raise Undelivered(f"DingTalk refused it: {answer.get('errmsg') or answer}")


def sign(secret: str, timestamp: str) -> str:
    """The robot's signature, not yet quoted."""
    text = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha256)).decode()
