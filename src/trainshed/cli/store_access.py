"""How a storage command reaches a bucket: straight, where it may, else through the service."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trainshed.storage import Buckets, Store

if TYPE_CHECKING:
    from trainshed.client.transport import Transport


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

    Whoever may read the service's key file moves bytes without it, at the full speed of the store,
    and it need not run.
    """
    from trainshed.storage import parse_uri

    local = all(parse_uri(uri).is_local for uri in uris)
    found = Buckets({}) if local else _straight(home)
    if found is None:
        with _through_service(home) as served:
            yield served
        return
    yield found
    found.close()


def _straight(home: Path | None) -> Buckets | None:
    """The project's buckets, for the person who runs the service."""
    from trainshed.cli.service import own_home

    folder = own_home(home)
    if folder is None:
        return None
    from trainshed.cli.own_buckets import own_settings

    settings = own_settings(folder)
    return None if settings is None else Buckets(settings)


@contextmanager
def _through_service(home: Path | None) -> Generator[Buckets]:
    from trainshed.cli import service

    with service.client(home) as client:
        straight = _straight(home)  # a service that has only just made its home
        found = straight or ServiceBuckets(client.transport, f"/v2/{client.project_id}/objects")
        yield found
        found.close()
