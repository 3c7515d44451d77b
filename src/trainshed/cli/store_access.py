"""How a storage command reaches a bucket: straight, where it may, else through the service."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from trainshed.client.transport import Transport
from trainshed.storage import Buckets, Store


class ServiceBuckets(Buckets):
    """Buckets of a service that another person, or another machine, runs."""

    def __init__(self, transport: Transport, url: str) -> None:
        super().__init__({})
        self._transport = transport
        self._url = url

    def _open(self, bucket: str) -> Store:
        from trainshed.cli.http_store import HttpStore

        return HttpStore(self._transport, self._url, bucket)


@contextmanager
def buckets(home: Path | None, *uris: str) -> Generator[Buckets]:
    """What reaches all of ``uris``; no service is asked where all of them are local paths.

    Whoever may read the service's key file moves bytes without it, at the full speed of the store.
    """
    from trainshed.storage import parse_uri

    if all(parse_uri(uri).is_local for uri in uris):
        yield Buckets({})
        return
    from trainshed.cli import service

    with ExitStack() as stack:
        client = stack.enter_context(service.client(home))
        found = _straight(client.connection.home, client.project_id)
        if found is None:
            found = ServiceBuckets(client.transport, f"/v2/{client.project_id}/objects")
        yield found
        found.close()


def _straight(home: Path | None, project_id: str) -> Buckets | None:
    """The project's buckets, for the person who runs the service."""
    found = own_settings(home, project_id)
    return None if found is None else Buckets(found)


def own_settings(home: Path | None, project_id: str) -> dict[str, dict[str, Any]] | None:
    """Settings of the project's buckets with their keys, for the person who runs the service."""
    import os

    if home is None:
        return None
    from trainshed.server.config import load_settings

    settings = load_settings(home=home)
    if not os.access(settings.files.secret_key, os.R_OK):
        return None
    from trainshed.core.clock import SystemClock
    from trainshed.server.auth.sealing import Sealer
    from trainshed.server.db.database import Database
    from trainshed.server.services.buckets import BucketService

    database = Database(settings.sqlalchemy_url())
    try:
        service = BucketService(
            database,
            Sealer(settings.files.secret_key),
            SystemClock(),
            root=settings.files.buckets,
            local_paths=True,
        )
        return service.config(project_id)
    finally:
        database.close()
