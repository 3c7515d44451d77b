"""The buckets of each project: what they are, and the stores behind them.

An embedded bucket is a folder below ``<home>/buckets``; any other is on an S3 (or OBS) endpoint.
Keys of S3 buckets are sealed at rest and only given to agents and to the storage layer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from trainshed.core.errors import Code, Conflict, Forbidden, InvalidInput, NotFound
from trainshed.server.db.tables import buckets
from trainshed.server.services.bucket_settings import S3Settings, s3_settings, settings_of
from trainshed.storage import Buckets, Location, parse_uri

if TYPE_CHECKING:
    from trainshed.core.clock import Clock
    from trainshed.server.auth.sealing import Sealer
    from trainshed.server.context import Principal
    from trainshed.server.db.database import Database
    from trainshed.storage import Buckets
    from trainshed.storage.egress import Egress

DEFAULT_BUCKET = "trainshed"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket, without its keys."""

    name: str
    kind: str
    endpoint: str
    region: str
    is_default: bool
    created_at: float
    path_style: bool | None = None
    verify_tls: bool = True


class BucketService:
    """Buckets by project.

    Args:
        root: folder of the embedded buckets.
        local_paths: whether requests may name folders of this machine.
        egress: where S3 endpoints may be; agents and the service look again at every connection.
    """

    def __init__(
        self, db: Database, sealer: Sealer, clock: Clock, *, root: Path, local_paths: bool, egress: Egress
    ) -> None:
        self._db = db
        self._sealer = sealer
        self._clock = clock
        self._root = root
        self._local_paths = local_paths
        self._egress = egress
        self._stores: dict[str, Buckets] = {}
        self._configs: dict[str, dict[str, dict[str, Any]]] = {}

    def locate(self, caller: Principal, uri: str) -> Location:
        """``uri`` taken apart, if this caller may name it.

        ModelArts' own form ``/bucket/path`` is understood where the project has such a bucket.

        Raises:
            InvalidInput: it is no URI of ours.
            Forbidden: it is a folder of this machine, and the caller does not administer the
                service, or the service is not for this machine alone.
        """
        if uri.startswith("/"):
            bucket, _, key = uri[1:].partition("/")
            if bucket in self.config(caller.project_id):
                return parse_uri(f"obs://{bucket}/{key}")
        location = parse_uri(uri)
        if location.is_local and not self._local_paths:
            raise Forbidden(
                f"{uri[:200]!r} is a path of the service's machine: upload it to a bucket instead",
                code=Code.LOCAL_PATH_FORBIDDEN,
            )
        if location.is_local and not caller.operator:
            # the service's own files, with everybody's keys, are among them
            message = "only an administrator of the service may name folders of its machine: use a bucket"
            raise Forbidden(message, code=Code.ROLE_FORBIDDEN)
        return location

    def stores(self, project_id: str) -> Buckets:
        """The storage of a project."""
        found = self._stores.get(project_id)
        if found is None:
            found = self._stores.setdefault(project_id, Buckets(self.config(project_id)))
        return found

    def folder(self, name: str) -> Path:
        """Where an embedded bucket lies."""
        return self._root / name

    def config(self, project_id: str) -> dict[str, dict[str, Any]]:
        """Settings of all the project's buckets, keys included, as ``TaskSpec.buckets`` has them."""
        found = self._configs.get(project_id)
        if found is None:
            query = select(buckets).where(buckets.c.project_id == project_id)
            with self._db.read() as connection:
                rows = connection.execute(query).mappings().all()
            found = {row["name"]: self._guarded(settings_of(row, self._sealer, self._root)) for row in rows}
            self._configs[project_id] = found
        return found

    def listed(self, project_id: str) -> list[Bucket]:
        """The project's buckets, by name."""
        query = select(buckets).where(buckets.c.project_id == project_id).order_by(buckets.c.name)
        with self._db.read() as connection:
            return [_bucket(row) for row in connection.execute(query).mappings()]

    def default(self, project_id: str) -> str:
        """Name of the bucket where code goes that came without one; made if there is none."""
        query = select(buckets.c.name).where(buckets.c.project_id == project_id, buckets.c.is_default)
        with self._db.read() as connection:
            name = connection.execute(query).scalar()
        return name or self._make_default(project_id)

    def create(self, project_id: str, name: str, s3: S3Settings | None = None) -> Bucket:
        """A new bucket: a folder of the service, or one on S3 that is there already.

        Raises:
            InvalidInput: the name or the endpoint is no such thing.
            Conflict: the name is taken.
            Unavailable, Forbidden, NotFound: the S3 bucket cannot be used.
        """
        if parse_uri(f"obs://{name}/").bucket != name:
            raise InvalidInput(f"{name[:80]!r} cannot be the name of a bucket", code=Code.NAME_INVALID)
        if s3 is not None:
            self._egress.check_url(s3.endpoint if "://" in s3.endpoint else f"https://{s3.endpoint}")
            _try(name, self._guarded(s3_settings(s3)))
        return self._insert(project_id, name, s3, is_default=False)

    def test(self, project_id: str, name: str) -> None:
        """Whether the bucket answers and lets us in.

        Raises:
            NotFound: the project has no such bucket, or its endpoint has none.
            Unavailable, Forbidden: it cannot be used.
        """
        self.stores(project_id).store(name).check()

    def change_keys(self, project_id: str, name: str, access_key: str, secret_key: str) -> None:
        """New keys for an S3 bucket; they are tried first, and the old ones stay if they fail.

        Raises:
            NotFound: the project has no such bucket.
            InvalidInput: it is a folder, which has no keys.
            Unavailable, Forbidden: the new keys do not open it.
        """
        settings = self._known(project_id, name)
        if settings["kind"] == "folder":
            message = f"bucket {name!r} is a folder of the service, which has no keys"
            raise InvalidInput(message, code=Code.FIELD_INVALID)
        fresh = {**settings, "access_key": access_key, "secret_key": secret_key}
        _try(name, fresh)
        sealed = self._sealer.seal(json.dumps([access_key, secret_key]))
        here = (buckets.c.project_id == project_id) & (buckets.c.name == name)
        with self._db.write() as connection:
            connection.execute(buckets.update().where(here).values(secret_sealed=sealed))
        self.forget(project_id)

    def remove(self, project_id: str, name: str) -> None:
        """Forget a bucket; what is in it stays where it is.

        Raises:
            NotFound: the project has no such bucket.
            Conflict: it is the project's default bucket.
        """
        self._known(project_id, name)
        here = (buckets.c.project_id == project_id) & (buckets.c.name == name)
        with self._db.write() as connection:
            if connection.execute(buckets.delete().where(here & ~buckets.c.is_default)).rowcount == 0:
                message = f"bucket {name!r} is the project's default bucket, which cannot be removed"
                raise Conflict(message, code=Code.BUCKET_IN_USE)
        self.forget(project_id)

    def _known(self, project_id: str, name: str) -> dict[str, Any]:
        settings = self.config(project_id).get(name)
        if settings is None:
            raise NotFound(f"there is no bucket {name!r} in this project", code=Code.BUCKET_NOT_FOUND)
        return settings

    def _insert(self, project_id: str, name: str, s3: S3Settings | None, *, is_default: bool) -> Bucket:
        row: dict[str, Any] = {
            "project_id": project_id,
            "name": name,
            "kind": "s3" if s3 else "folder",
            "settings": s3.place() if s3 else {},
            "secret_sealed": self._sealer.seal(json.dumps([s3.access_key, s3.secret_key])) if s3 else None,
            "is_default": is_default,
            "created_at": self._clock.now(),
        }
        try:
            with self._db.write() as connection:
                if (
                    not s3
                    and connection.execute(
                        select(buckets.c.name).where(buckets.c.name == name, buckets.c.kind == "folder")
                    ).first()
                ):
                    raise _taken(name)
                connection.execute(buckets.insert().values(row))
        except IntegrityError:
            raise _taken(name) from None
        if not s3:
            (self._root / name).mkdir(parents=True, exist_ok=True)
        self.forget(project_id)
        return _bucket(row)

    def _make_default(self, project_id: str) -> str:
        for name in (DEFAULT_BUCKET, f"{DEFAULT_BUCKET}-{project_id[:12].lower()}"):
            try:
                return self._insert(project_id, name, None, is_default=True).name
            except Conflict:
                continue
        raise InvalidInput("this project has no bucket: create one first", code=Code.BUCKET_NOT_FOUND)

    def forget(self, project_id: str) -> None:
        """Drop what is remembered of a project's buckets, after they have changed."""
        self._configs.pop(project_id, None)
        if (stores := self._stores.pop(project_id, None)) is not None:
            stores.close()

    def close(self) -> None:
        """Let go of all connections."""
        for project_id in list(self._stores):
            self.forget(project_id)

    def _guarded(self, settings: dict[str, Any]) -> dict[str, Any]:
        """With where an S3 endpoint may be, for those who connect to it."""
        return (
            settings if settings["kind"] == "folder" else {**settings, "networks": list(self._egress.allowed)}
        )


def _try(name: str, settings: dict[str, Any]) -> None:
    stores = Buckets({name: settings})
    try:
        stores.store(name).check()
    finally:
        stores.close()


def _bucket(row: Mapping[Any, Any]) -> Bucket:
    settings = cast("dict[str, Any]", row["settings"])
    return Bucket(
        name=row["name"],
        kind=row["kind"],
        endpoint=settings.get("endpoint", ""),
        region=settings.get("region", ""),
        is_default=row["is_default"],
        created_at=row["created_at"],
        path_style=settings.get("path_style"),
        verify_tls=settings.get("verify_tls", True),
    )


def _taken(name: str) -> Conflict:
    return Conflict(f"bucket {name!r} is there already", code=Code.NAME_TAKEN)
