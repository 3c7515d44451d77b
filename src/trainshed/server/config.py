"""Settings of the service: from arguments, then ``TRAINSHED_*`` variables, then defaults."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.home import default_home
from trainshed.server.home import Home

if TYPE_CHECKING:
    from trainshed.server.notify.email import MailServer
    from trainshed.storage.egress import Egress

DEFAULT_PORT = 8470


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person may set.

    Attributes:
        home: folder that holds all state.
        host: address to listen on; loopback unless told otherwise.
        port: 0 for any free one.
        advertise: base URL that agents and people reach the service at, where it is not just
            ``http://HOST:PORT`` (behind a proxy, say).
        database_url: SQLAlchemy URL; empty for SQLite in the home folder.
        authentication: off only on a loopback address; then everyone is the admin.
        environments: folder of engines' environments; None for the one in ``home``.
        sandbox: ``auto``, ``none`` or ``bubblewrap``.
        warm_start: whether jobs of the local pool start warm that do not say.
        local_paths: whether requests may name folders of this machine (``file://``, plain paths);
            None for "only on a loopback address".
        max_body: bytes of a JSON body.
        max_code_files, max_code_bytes: limits of a code directory.
        max_object_bytes: limit of one uploaded object.
        allowed_networks: where the service may connect to for its users beside public addresses:
            networks, ``private``, ``loopback``; None for both of these on a loopback address, else
            for neither.
        trusted_proxies: addresses whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed.
        disk_reserve_mb: MiB that must stay free; below it the service takes no jobs.
        log_days: how long logs are kept after a job has ended; 0 for ever.
        smtp: mail server, ``smtp://user:password@host:587``; empty for none.
        mail_from: what mail comes from.
        hang_window_s, hang_confirm_s, hang_start_s: when a job counts as hanging, unless it says so
            itself; see :class:`trainshed.core.job.HangRules`.
    """

    home: Path = field(default_factory=default_home)
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    advertise: str = ""
    database_url: str = ""
    authentication: bool = True
    environments: Path | None = None
    sandbox: str = "auto"
    warm_start: bool = False
    local_paths: bool | None = None
    max_body: int = 1024 * 1024
    max_code_files: int = 1000
    max_code_bytes: int = 5 * 1024**3
    max_object_bytes: int = 1024**4
    allowed_networks: str | None = None
    trusted_proxies: str = ""
    disk_reserve_mb: int = 1024
    log_days: int = 30
    smtp: str = field(default="", repr=False)
    mail_from: str = ""
    log_level: str = "info"
    hang_window_s: int = 1800
    hang_confirm_s: int = 600
    hang_start_s: int = 300

    @property
    def files(self) -> Home:
        """Names of everything in the home folder."""
        return Home(self.home)

    @property
    def environments_dir(self) -> Path:
        """Where engines' environments are cached."""
        return self.environments or self.files.environments

    @property
    def loopback(self) -> bool:
        """Whether nobody outside this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def allows_local_paths(self) -> bool:
        """Whether a request may name a folder of this machine."""
        return self.loopback if self.local_paths is None else self.local_paths

    def egress(self) -> Egress:
        """Where the service may connect to for its users.

        Raises:
            InvalidInput: a network that is none.
        """
        from trainshed.storage.egress import NEARBY, PUBLIC, Egress

        if self.allowed_networks is None:
            return Egress(NEARBY if self.loopback else (PUBLIC,))
        return Egress([PUBLIC, *(part.strip() for part in self.allowed_networks.split(",") if part.strip())])

    def mail_server(self) -> MailServer | None:
        """Where mail is handed in; None where there is no such server.

        Raises:
            InvalidInput: it is none, or mail has no sender.
        """
        if not self.smtp:
            return None
        from trainshed.server.notify.email import MailServer

        return MailServer.parse(self.smtp, self.mail_from)

    def sqlalchemy_url(self) -> str:
        """The database's URL; ``postgresql://`` means psycopg."""
        if not self.database_url:
            return f"sqlite:///{self.files.database}"
        scheme, _, rest = self.database_url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in ("postgresql", "postgres") else self.database_url

    def check(self) -> Settings:
        """``self``, if these settings may be served.

        Raises:
            InvalidInput: a public address without authentication, or a value out of range.
        """
        if not self.authentication and not self.loopback:
            raise InvalidInput(
                f"refusing to listen on {self.host} without authentication: "
                "turn authentication on, or use --host 127.0.0.1",
                code=Code.FIELD_INVALID,
            )
        if not 0 <= self.port <= 65535:
            raise InvalidInput(f"port {self.port} is not between 0 and 65535", code=Code.FIELD_INVALID)
        if self.sandbox not in ("auto", "none", "bubblewrap"):
            raise InvalidInput("sandbox must be auto, none or bubblewrap", code=Code.FIELD_INVALID)
        if self.allowed_networks is not None:
            self.egress()
        self.mail_server()
        return self


_VARIABLES: dict[str, tuple[str, str]] = {
    "host": ("TRAINSHED_HOST", "text"),
    "port": ("TRAINSHED_PORT", "int"),
    "advertise": ("TRAINSHED_ADVERTISE", "text"),
    "database_url": ("TRAINSHED_DATABASE_URL", "text"),
    "authentication": ("TRAINSHED_AUTHENTICATION", "bool"),
    "environments": ("TRAINSHED_ENVIRONMENTS", "path"),
    "sandbox": ("TRAINSHED_SANDBOX", "text"),
    "warm_start": ("TRAINSHED_WARM_START", "bool"),
    "local_paths": ("TRAINSHED_LOCAL_PATHS", "bool"),
    "max_body": ("TRAINSHED_MAX_BODY", "int"),
    "max_code_files": ("TRAINSHED_MAX_CODE_FILES", "int"),
    "max_code_bytes": ("TRAINSHED_MAX_CODE_BYTES", "int"),
    "max_object_bytes": ("TRAINSHED_MAX_OBJECT_BYTES", "int"),
    "allowed_networks": ("TRAINSHED_ALLOWED_NETWORKS", "text"),
    "trusted_proxies": ("TRAINSHED_TRUSTED_PROXIES", "text"),
    "disk_reserve_mb": ("TRAINSHED_DISK_RESERVE_MB", "int"),
    "log_days": ("TRAINSHED_LOG_DAYS", "int"),
    "smtp": ("TRAINSHED_SMTP", "text"),
    "mail_from": ("TRAINSHED_MAIL_FROM", "text"),
    "log_level": ("TRAINSHED_LOG_LEVEL", "text"),
    "hang_window_s": ("TRAINSHED_HANG_WINDOW_S", "int"),
    "hang_confirm_s": ("TRAINSHED_HANG_CONFIRM_S", "int"),
    "hang_start_s": ("TRAINSHED_HANG_START_S", "int"),
}


def load_settings(environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Settings from ``given`` (None means "not given"), then the environment, then defaults.

    >>> load_settings({"TRAINSHED_PORT": "9000", "TRAINSHED_HOME": "/srv"}, host=None).port
    9000

    Raises:
        InvalidInput: a variable does not hold what it should.
    """
    variables = os.environ if environ is None else environ
    values: dict[str, Any] = {"home": default_home(variables)}
    for name, (variable, kind) in _VARIABLES.items():
        if text := variables.get(variable):
            values[name] = _convert(variable, text, kind)
    values.update({name: value for name, value in given.items() if value is not None})
    return Settings(**values).check()


def _convert(variable: str, text: str, kind: str) -> Any:
    if kind == "text":
        return text
    if kind == "path":
        return Path(text).expanduser().absolute()
    if kind == "bool" and text.lower() in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        return text.lower() in ("1", "true", "yes", "on")
    if kind == "int" and text.isascii() and text.isdigit():
        return int(text)
    wanted = "a whole number" if kind == "int" else "true or false"
    raise InvalidInput(f"{variable} is {text!r}; it must be {wanted}", code=Code.FIELD_INVALID)
