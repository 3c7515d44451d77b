"""Finding the service: from the environment, or from the files that it keeps in its home."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from trainshed.core.errors import Code, InvalidInput, Unauthenticated, Unavailable
from trainshed.core.home import CREDENTIALS, ENDPOINT, ENDPOINT_VARIABLE, default_home

TOKEN_VARIABLE = "TRAINSHED_TOKEN"  # noqa: S105 - the name of a variable
PROJECT_VARIABLE = "TRAINSHED_PROJECT"


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a service.

    Attributes:
        endpoint: base URL, ``http://127.0.0.1:8333``; empty where the service does not run.
        project_id: empty to ask the service for the token's own project.
        token: bearer token.
        home: state folder of an embedded service; None for one named by environment variables.
    """

    endpoint: str
    project_id: str = ""
    token: str = ""
    home: Path | None = None

    @property
    def local(self) -> bool:
        """Whether the service sees this machine's files."""
        if self.home is not None:
            return True
        host = urlsplit(self.endpoint).hostname or ""
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


def discover(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> Connection:
    """The connection that this environment names.

    ``TRAINSHED_ENDPOINT`` (with ``TRAINSHED_TOKEN`` and ``TRAINSHED_PROJECT``) wins over the
    default home; a ``home`` given as argument wins over both.

    Raises:
        Unauthenticated: ``TRAINSHED_ENDPOINT`` is set and ``TRAINSHED_TOKEN`` is not.
        Unavailable: no service has ever run in the home folder.
    """
    endpoint = environ.get(ENDPOINT_VARIABLE, "")
    if endpoint and home is None:
        return _from_environment(endpoint, environ)
    return from_home(home or default_home(environ))


def _from_environment(endpoint: str, environ: Mapping[str, str]) -> Connection:
    if urlsplit(endpoint).scheme not in ("http", "https"):
        raise InvalidInput(
            f"{ENDPOINT_VARIABLE} is {endpoint!r}, which is no http:// or https:// address",
            code=Code.FIELD_INVALID,
        )
    token = environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise Unauthenticated(
            f"{ENDPOINT_VARIABLE} is set but {TOKEN_VARIABLE} is not: set it to a token of that service",
            code=Code.CREDENTIALS_MISSING,
        )
    return Connection(endpoint.rstrip("/"), environ.get(PROJECT_VARIABLE, ""), token)


def from_home(home: Path) -> Connection:
    """The connection to the service whose state is in ``home``; it need not run just now.

    Raises:
        Unavailable: there is no service's state in ``home``.
    """
    credentials = _read(home / CREDENTIALS)
    if not credentials:
        raise Unavailable(
            f"no service has run in {home}: start one with 'trainshed up', or set {ENDPOINT_VARIABLE}",
            code=Code.SERVICE_UNREACHABLE,
        )
    endpoint = str(_read(home / ENDPOINT).get("endpoint", ""))
    project_id, token = str(credentials.get("project_id", "")), str(credentials.get("token", ""))
    return Connection(endpoint, project_id, token, home)


def again(connection: Connection) -> Connection:
    """``connection`` with the endpoint read anew: an embedded service may be back on another port."""
    if connection.home is None:
        return connection
    endpoint = str(_read(connection.home / ENDPOINT).get("endpoint", ""))
    return replace(connection, endpoint=endpoint or connection.endpoint)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    except PermissionError:
        raise Unauthenticated(
            f"{path} belongs to another user: set {ENDPOINT_VARIABLE} and {TOKEN_VARIABLE} instead",
            code=Code.CREDENTIALS_MISSING,
        ) from None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}
