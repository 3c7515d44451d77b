"""The client: the same verbs as the command line, with typed answers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from trainshed.client.accounts import Audit, Keys, Notifications, Projects, Tokens, Users
from trainshed.client.connection import Connection, discover
from trainshed.client.jobs import Jobs
from trainshed.client.resources import Algorithms, Code, Engines, Objects, Pools
from trainshed.client.transport import Transport


class Client:
    """Speaks to one service.

    >>> client = Client()  # doctest: +SKIP
    >>> for job in client.jobs.list(phases=["Running"]).jobs:  # doctest: +SKIP
    ...     print(job.name, job.duration)

    Args:
        connection: where the service is; by default the one that the environment names
            (``TRAINSHED_ENDPOINT``, else the service of ``TRAINSHED_HOME``).
        home: state folder of the service, where it is not the default one.
        revive: starts the service again where that is the caller's to do.

    Raises:
        Unavailable: no service is known.
        Unauthenticated: the credentials are missing.
    """

    def __init__(
        self,
        connection: Connection | None = None,
        *,
        home: Path | None = None,
        revive: Callable[[], Connection | None] | None = None,
    ) -> None:
        self.transport = Transport(connection or discover(home), revive=revive)

    @property
    def connection(self) -> Connection:
        """Where the service was last found."""
        return self.transport.connection

    @functools.cached_property
    def project_id(self) -> str:
        """The project that everything here belongs to."""
        return self.connection.project_id or str(
            self.transport.json("GET", "/v3/projects")["projects"][0]["id"]
        )

    @functools.cached_property
    def jobs(self) -> Jobs:
        """Training jobs."""
        return Jobs(self.transport, self._base)

    @functools.cached_property
    def algorithms(self) -> Algorithms:
        """Algorithms."""
        return Algorithms(self.transport, self._base)

    @functools.cached_property
    def engines(self) -> Engines:
        """Engines and their environments."""
        return Engines(self.transport, self._base)

    @functools.cached_property
    def pools(self) -> Pools:
        """Pools and flavors."""
        return Pools(self.transport, self._base)

    @functools.cached_property
    def code(self) -> Code:
        """Code directories on the service."""
        return Code(self.transport, self._base)

    @functools.cached_property
    def objects(self) -> Objects:
        """Objects in the buckets."""
        return Objects(self.transport, self._base)

    @functools.cached_property
    def users(self) -> Users:
        """Users, and the caller's own account."""
        return Users(self.transport)

    @functools.cached_property
    def projects(self) -> Projects:
        """Projects, their members and quotas."""
        return Projects(self.transport)

    @functools.cached_property
    def tokens(self) -> Tokens:
        """Personal tokens."""
        return Tokens(self.transport)

    @functools.cached_property
    def keys(self) -> Keys:
        """Access keys."""
        return Keys(self.transport)

    @functools.cached_property
    def audit(self) -> Audit:
        """The audit log."""
        return Audit(self.transport)

    @functools.cached_property
    def notifications(self) -> Notifications:
        """Who is told of what."""
        return Notifications(self.transport, self._base)

    def health(self) -> dict[str, Any]:
        """Whether the service takes jobs, and how much room it has."""
        return self.transport.json("GET", "/v1/health")

    def info(self) -> dict[str, Any]:
        """The service's version and what it allows."""
        return self.transport.json("GET", "/v1/info")

    def close(self) -> None:
        """Close the connection."""
        self.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _base(self) -> str:
        return f"/v2/{self.project_id}"
