"""Projects: made and removed by administrators of the service; their members and quotas."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from trainshed.core.errors import Code, Conflict, NotFound
from trainshed.core.lifecycle import TERMINAL
from trainshed.core.names import check_description, check_name
from trainshed.server.auth.accounts import DEFAULT_PROJECT
from trainshed.server.db.tables import jobs, memberships, projects, users
from trainshed.server.services.users import named, user_row

if TYPE_CHECKING:
    from trainshed.server.auth.accounts import Identity
    from trainshed.server.context import Context

Row = Mapping[str, Any]
_ENDED = [phase.value for phase in TERMINAL]


def listed(context: Context, who: Identity) -> list[Row]:
    """The projects that somebody may see, by name, with the role there."""
    query = select(projects).where(projects.c.id.in_(who.projects)).order_by(projects.c.name)
    with context.db.read() as connection:
        rows = connection.execute(query).mappings().all()
    return [{**row, "role": who.projects[row["id"]]} for row in rows]


def show(context: Context, project_id: str) -> Row:
    """One project.

    Raises:
        NotFound: it has gone.
    """
    with context.db.read() as connection:
        row = connection.execute(select(projects).where(projects.c.id == project_id)).mappings().first()
    if row is None:
        raise NotFound(f"there is no project {project_id[:64]!r}", code=Code.PROJECT_NOT_FOUND)
    return dict(row)


def create(context: Context, name: str, description: str) -> Row:
    """A new project with a bucket of its own, and no members yet.

    Raises:
        InvalidInput: a name that may not be.
        Conflict: it is taken.
    """
    project_id = uuid.uuid4().hex
    row = {
        "id": project_id,
        "name": check_name(name, "project name"),
        "description": check_description(description),
        "quota": None,
        "created_at": context.clock.now(),
    }
    try:
        with context.db.write() as connection:
            connection.execute(projects.insert().values(row))
    except IntegrityError:
        raise _taken(name) from None
    context.accounts.forget()
    context.buckets.default(project_id)
    return row


def change(context: Context, project_id: str, name: str | None, description: str | None) -> Row:
    """Rename or describe a project.

    Raises:
        Conflict: the name is taken, or the project belongs to the service.
    """
    row = show(context, project_id)
    values: dict[str, Any] = {}
    if name is not None and name != row["name"]:
        _not_default(row, "renamed")
        values["name"] = check_name(name, "project name")
    if description is not None:
        values["description"] = check_description(description)
    if values:
        try:
            with context.db.write() as connection:
                connection.execute(update(projects).where(projects.c.id == project_id).values(values))
        except IntegrityError:
            raise _taken(str(name)) from None
    return {**row, **values}


def remove(context: Context, project_id: str) -> Row:
    """Remove a project with its algorithms, jobs and logs; what is in its buckets stays.

    Raises:
        Conflict: jobs of it have not finished, or it belongs to the service.
    """
    row = show(context, project_id)
    _not_default(row, "removed")
    mine = jobs.c.project_id == project_id
    with context.db.write() as connection:
        query = select(func.count()).select_from(jobs).where(mine, jobs.c.phase.not_in(_ENDED))
        if live := connection.execute(query).scalar_one():
            message = f"project {row['name']!r} has {live} jobs that have not finished: stop them first"
            raise Conflict(message, code=Code.PROJECT_IN_USE)
        job_ids = list(connection.execute(select(jobs.c.id).where(mine)).scalars())
        connection.execute(delete(projects).where(projects.c.id == project_id))
    context.accounts.forget()
    context.buckets.forget(project_id)
    for job_id in job_ids:
        context.services.logs.delete(job_id)
        shutil.rmtree(context.settings.files.jobs / job_id, ignore_errors=True)
    return row


# ---- members


def members(context: Context, project_id: str) -> list[Row]:
    """Who is in a project, by name."""
    query = (
        select(users.c.id, users.c.name, users.c.email, users.c.disabled, memberships.c.role)
        .join_from(memberships, users, memberships.c.user_id == users.c.id)
        .where(memberships.c.project_id == project_id)
        .order_by(users.c.name)
    )
    with context.db.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def set_member(context: Context, project_id: str, user: str, role: str) -> Row:
    """Take a user into a project, or change the role there.

    Raises:
        NotFound: there is no such user.
    """
    with context.db.write() as connection:
        row = user_row(connection, user)
        key = {"user_id": row["id"], "project_id": project_id}
        connection.execute(delete(memberships).filter_by(**key))
        connection.execute(memberships.insert().values(**key, role=role))
    context.accounts.forget()
    return {
        "id": row["id"],
        "name": row["name"],
        "email": row["email"],
        "disabled": row["disabled"],
        "role": role,
    }


def remove_member(context: Context, project_id: str, user: str) -> None:
    """Take a user out of a project; their jobs stay.

    Raises:
        NotFound: there is no such member.
    """
    whose = select(users.c.id).where(named(user))
    query = delete(memberships).where(
        memberships.c.project_id == project_id, memberships.c.user_id.in_(whose)
    )
    with context.db.write() as connection:
        if not connection.execute(query).rowcount:
            raise NotFound(f"{user[:64]!r} is no member of the project", code=Code.USER_NOT_FOUND)
    context.accounts.forget()


def _not_default(row: Row, what: str) -> None:
    if row["name"] == DEFAULT_PROJECT:
        message = f"the project {DEFAULT_PROJECT!r} belongs to the service and cannot be {what}"
        raise Conflict(message, code=Code.PROJECT_IN_USE)


def _taken(name: str) -> Conflict:
    return Conflict(f"a project named {name!r} exists: choose another name", code=Code.NAME_TAKEN)
