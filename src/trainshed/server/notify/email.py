"""Mail, through the mail server that the service's administrator has set up."""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from trainshed.core.errors import Code, InvalidInput, Unavailable
from trainshed.server.notify.base import TIMEOUT_S, Message, Sender, Target, Undelivered

MOST = 20
_ADDRESS = re.compile(r"[^@\s<>\"',;:\\\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,189}")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in.

    Attributes:
        security: ``tls`` from the start, ``starttls``, or ``none``.
        sender: what mail comes from.
    """

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str, sender: str) -> MailServer:
        """From ``smtp://[user:password@]host[:port]``, ``smtps://…`` or ``smtp+plain://…`` (no TLS).

        >>> MailServer.parse("smtp://mail.example.com", "shed@example.com").security
        'starttls'

        Raises:
            InvalidInput: it is none of these, or no sender is given.
        """
        schemes = {"smtp": ("starttls", 587), "smtps": ("tls", 465), "smtp+plain": ("none", 25)}
        try:
            parts = urlsplit(url)
            security, port = schemes[parts.scheme]
            port = parts.port or port
        except (ValueError, KeyError):
            parts, security, port = urlsplit(""), "", 0
        if not parts.hostname:
            message = f"{url[:120]!r} is no mail server: write smtp://user:password@host:587"
            raise InvalidInput(message, code=Code.FIELD_INVALID)
        if not is_address(sender):
            message = f"mail needs a sender, and {sender[:80]!r} is none: set TRAINSHED_MAIL_FROM"
            raise InvalidInput(message, code=Code.FIELD_INVALID)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.hostname, port, security, sender, user, password)


def is_address(text: str) -> bool:
    """Whether mail can be sent there."""
    return _ADDRESS.fullmatch(text) is not None


class Email(Sender):
    """Sends plain text.

    Args:
        server: None where the service has no mail server.
    """

    kind = "email"

    def __init__(self, server: MailServer | None) -> None:
        self._server = server

    def check(self, target: Target) -> None:
        if self._server is None:
            message = "the service has no mail server: its administrator sets TRAINSHED_SMTP"
            raise Unavailable(message, code=Code.MAIL_NOT_SET_UP)
        receivers = _receivers(target)
        if not 1 <= len(receivers) <= MOST or not all(map(is_address, receivers)):
            message = f"{target.address[:80]!r} is no list of 1 to {MOST} e-mail addresses"
            raise InvalidInput(message, code=Code.FIELD_INVALID)

    def send(self, target: Target, message: Message, now: float) -> None:
        server = self._server
        if server is None:
            raise Undelivered("the service has no mail server any more", hopeless=True)
        mail = EmailMessage()
        mail["Subject"] = " ".join(message.title.split())
        mail["From"] = Address(display_name="trainshed", addr_spec=server.sender)
        mail["To"] = ", ".join(_receivers(target))
        mail["Date"] = formatdate(now)
        mail["Message-ID"] = f"<{message.id}@trainshed>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        try:
            _hand_in(server, mail)
        except (smtplib.SMTPException, OSError) as error:
            raise Undelivered(f"the mail server did not take it: {error}") from error


def _receivers(target: Target) -> list[str]:
    return [part.strip() for part in target.address.split(",") if part.strip()]


def _hand_in(server: MailServer, mail: EmailMessage) -> None:
    context = ssl.create_default_context()
    if server.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    with smtp:
        if server.security == "starttls":
            smtp.starttls(context=context)
        if server.user:
            smtp.login(server.user, server.password)
        smtp.send_message(mail)
