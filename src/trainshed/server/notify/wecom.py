"""A group robot of WeCom. Its address holds its key; requests are not signed.

A text has 2,048 bytes at most. ``errcode`` is 0 where it arrived.
Source: https://developer.work.weixin.qq.com/document/path/91770
"""

from __future__ import annotations

from trainshed.server.notify.base import HttpSender, Message, Target, Undelivered, answer_of, dumps

MAX_BYTES = 2048


class WeCom(HttpSender):
    """Posts plain text."""

    kind = "wecom"

    def send(self, target: Target, message: Message, now: float) -> None:
        del now
        text = f"{message.title}\n{message.text}".encode()[:MAX_BYTES].decode("utf-8", "ignore")
        answer = answer_of(self.post(target.address, dumps({"msgtype": "text", "text": {"content": text}})))
        if answer.get("errcode", 0) != 0:
            raise Undelivered(f"WeCom refused it: {answer.get('errmsg') or answer}")
