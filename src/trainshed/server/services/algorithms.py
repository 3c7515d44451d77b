"""Algorithms: created, changed into a next version, listed, found by id or name, deleted."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.exc import IntegrityError

from trainshed.core.algorithm import Algorithm
from trainshed.core.errors import Code, Conflict, InvalidInput, NotFound
from trainshed.core.names import check_description, check_name
from trainshed.core.wire import from_wire, to_wire
from trainshed.server.db.tables import algorithm_versions, algorithms, users
from trainshed.server.services.job_checks import Storage, command
from trainshed.server.services.resources import by_version
from trainshed.server.wire.algorithms import AlgorithmRequest, declared

if TYPE_CHECKING:
    from trainshed.server.context import Context, Principal
    from trainshed.server.wire.common import EngineModel

SORTS = {
    "create_time": algorithms.c.created_at,
    "update_time": algorithms.c.updated_at,
    "name": algorithms.c.name,
}


@dataclass(frozen=True, slots=True)
class Stored:
    """An algorithm as it is now.

    Attributes:
        size: bytes of its code directory.
        created_at, updated_at: seconds since the epoch.
    """

    id: str
    name: str
    description: str
    workspace_id: str
    version: int
    size: int
    user_name: str
    created_at: float
    updated_at: float
    algorithm: Algorithm


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an algorithm."""

    number: int
    created_at: float
    algorithm: Algorithm


@dataclass(frozen=True, slots=True)
class Page:
    """Which algorithms to list."""

    offset: int
    limit: int
    sort_by: str
    order: str
    searches: str = ""
    workspace_id: str = ""


def create(context: Context, caller: Principal, request: AlgorithmRequest) -> Stored:
    """A new algorithm, version 1.

    Raises:
        InvalidInput: something in the request is wrong; nothing was made.
        Conflict: the name is taken.
    """
    meta = request.metadata
    check_name(meta.name, "algorithm name")
    check_description(meta.description)
    algorithm, size = _checked(context, caller, request)
    now = context.clock.now()
    row: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "project_id": caller.project_id,
        "workspace_id": meta.workspace_id or "0",
        "name": meta.name,
        "description": meta.description,
        "version": 1,
        "spec": to_wire(algorithm),
        "size": size,
        "user_id": caller.user_id,
        "created_at": now,
        "updated_at": now,
    }
    version = {"algorithm_id": row["id"], "version": 1, "spec": row["spec"], "created_at": now}
    try:
        with context.db.write() as connection:
            connection.execute(algorithms.insert().values(row))
            connection.execute(algorithm_versions.insert().values(version))
    except IntegrityError:
        raise _taken(meta.name) from None
    return find(context, caller.project_id, row["id"])


def change(context: Context, caller: Principal, id_or_name: str, request: AlgorithmRequest) -> Stored:
    """The algorithm's next version; name and description change where they are given.

    Raises:
        NotFound: there is no such algorithm.
        InvalidInput: something in the request is wrong; nothing was changed.
        Conflict: the new name is taken, or somebody else changed the algorithm just now.
    """
    before = find(context, caller.project_id, id_or_name)
    name = request.metadata.name or before.name
    check_name(name, "algorithm name")
    described = "description" in request.metadata.model_fields_set
    description = check_description(request.metadata.description) if described else before.description
    algorithm, size = _checked(context, caller, request)
    now, spec, number = context.clock.now(), to_wire(algorithm), before.version + 1
    values = {
        "name": name,
        "description": description,
        "version": number,
        "spec": spec,
        "size": size,
        "updated_at": now,
    }
    version = {"algorithm_id": before.id, "version": number, "spec": spec, "created_at": now}
    unchanged = (algorithms.c.id == before.id) & (algorithms.c.version == before.version)
    try:
        with context.db.write() as connection:
            changed = connection.execute(algorithms.update().where(unchanged).values(values))
            if not changed.rowcount:
                message = f"algorithm {before.name!r} was changed by somebody else just now: look again"
                raise Conflict(message)
            connection.execute(algorithm_versions.insert().values(version))
    except IntegrityError:
        raise _taken(name) from None
    return find(context, caller.project_id, before.id)


def find(context: Context, project_id: str, id_or_name: str) -> Stored:
    """An algorithm by id, else by name.

    Raises:
        NotFound: there is none in this project.
    """
    mine = _select().where(algorithms.c.project_id == project_id)
    with context.db.read() as connection:
        row = connection.execute(mine.where(algorithms.c.id == id_or_name)).first()
        row = row or connection.execute(mine.where(algorithms.c.name == id_or_name)).first()
    if row is None:
        raise _missing(id_or_name)
    return _stored(row)


def listed(context: Context, project_id: str, page: Page) -> tuple[int, list[Stored]]:
    """How many algorithms there are, and one page of them.

    Raises:
        InvalidInput: sorted by something that algorithms have not.
    """
    where = _conditions(project_id, page)
    column = SORTS.get(page.sort_by or "create_time")
    if column is None or page.order not in ("", "asc", "desc"):
        message = f"algorithms are sorted by {', '.join(SORTS)}, in order asc or desc"
        raise InvalidInput(message, code=Code.FIELD_INVALID)
    order = column.asc() if page.order == "asc" else column.desc()
    query = _select().where(*where).order_by(order, algorithms.c.id).offset(page.offset).limit(page.limit)
    with context.db.read() as connection:
        total = connection.execute(select(func.count()).select_from(algorithms).where(*where)).scalar_one()
        return total, [_stored(row) for row in connection.execute(query)]


def versions(context: Context, project_id: str, id_or_name: str) -> list[Version]:
    """All versions of an algorithm, newest first."""
    stored = find(context, project_id, id_or_name)
    query = (
        select(algorithm_versions)
        .where(algorithm_versions.c.algorithm_id == stored.id)
        .order_by(algorithm_versions.c.version.desc())
    )
    with context.db.read() as connection:
        rows = connection.execute(query).all()
    return [Version(row.version, row.created_at, from_wire(Algorithm, row.spec)) for row in rows]


def delete(context: Context, project_id: str, id_or_name: str) -> None:
    """Delete an algorithm with all its versions; jobs made from it stay.

    Raises:
        NotFound: there is no such algorithm.
    """
    stored = find(context, project_id, id_or_name)
    with context.db.write() as connection:
        connection.execute(algorithms.delete().where(algorithms.c.id == stored.id))


def _checked(context: Context, caller: Principal, request: AlgorithmRequest) -> tuple[Algorithm, int]:
    """The algorithm that a request declares, and the bytes of its code."""
    config = request.job_config
    command(config.command)
    engine_id = _engine(context, config.engine)
    storage = Storage(context, caller)
    code_dir, boot_file = storage.code(config.code_dir, config.boot_file, config.command)
    algorithm = declared(request, code_dir=code_dir, boot_file=boot_file, engine_id=engine_id)
    stores = context.buckets.stores(caller.project_id)
    size = sum(info.size for info in stores.list(code_dir)) if code_dir else 0
    return algorithm, size


def _engine(context: Context, given: EngineModel | None) -> str:
    """Id of the engine that a request names; empty where an image stands in its place."""
    if given is None or not (given.engine_id or given.engine_name or given.image_url):
        raise InvalidInput(
            "no engine is named: give job_config.engine.engine_id, such as 'pytorch'",
            code=Code.ENGINE_UNKNOWN,
        )
    if given.engine_id:
        return context.catalogue.newest(given.engine_id[:128]).id
    if given.engine_name and given.engine_version:
        return by_version(context.catalogue, given.engine_name, given.engine_version).id
    return context.catalogue.newest(given.engine_name[:128]).id if given.engine_name else ""


def _conditions(project_id: str, page: Page) -> Sequence[ColumnElement[bool]]:
    where = [algorithms.c.project_id == project_id]
    if page.workspace_id:
        where.append(algorithms.c.workspace_id == page.workspace_id)
    key, colon, value = page.searches.partition(":")
    text = value if colon and key in ("name", "description", "id") else page.searches
    if not text:
        return where
    name = algorithms.c.name.icontains(text, autoescape=True)
    description = algorithms.c.description.icontains(text, autoescape=True)
    named = {"name": name, "description": description, "id": algorithms.c.id == text}
    where.append(named[key] if colon and key in named else or_(name, description))
    return where


def _select() -> Select[Any]:
    return select(algorithms, users.c.name.label("user_name")).join_from(
        algorithms, users, users.c.id == algorithms.c.user_id, isouter=True
    )


def _stored(row: Any) -> Stored:
    return Stored(
        id=row.id,
        name=row.name,
        description=row.description,
        workspace_id=row.workspace_id,
        version=row.version,
        size=row.size,
        user_name=row.user_name or "",
        created_at=row.created_at,
        updated_at=row.updated_at,
        algorithm=from_wire(Algorithm, row.spec),
    )


def _missing(id_or_name: str) -> NotFound:
    message = f"there is no algorithm {id_or_name[:80]!r} in this project"
    return NotFound(message, code=Code.ALGORITHM_NOT_FOUND)


def _taken(name: str) -> Conflict:
    return Conflict(f"algorithm {name!r} is there already: choose another name", code=Code.NAME_TAKEN)
