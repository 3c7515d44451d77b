"""An incoming webhook of Slack. Its address is its secret; requests are not signed.

``&``, ``<`` and ``>`` are escaped, so that no text makes a link or calls people. The answer is ``ok``.
Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

from html import escape

from trainshed.server.notify.base import HttpSender, Message, Target, dumps


class Slack(HttpSender):
    """Posts a title in bold and plain text."""

    kind = "slack"

    def send(self, target: Target, message: Message, now: float) -> None:
        del now
        title, text = (escape(part, quote=False) for part in (message.title, message.text))
        self.post(target.address, dumps({"text": f"*{title}*\n{text}"}))
