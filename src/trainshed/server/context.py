"""What every router and service of one running server shares; on ``app.state.context``.

Routers take it, and who is calling, as dependencies::

    @router.get("/v2/{project_id}/things")
    def list_things(context: Ctx, caller: Caller) -> ThingList: ...

Plain ``def`` routes run in worker threads, so they may use the database directly.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import Depends, Path, Request

if TYPE_CHECKING:
    from trainshed.core.clock import Clock
    from trainshed.engines.catalogue import Catalogue
    from trainshed.engines.environments import Environments
    from trainshed.server.auth.accounts import Accounts, Identity
    from trainshed.server.auth.roles import Role
    from trainshed.server.auth.sealing import Sealer
    from trainshed.server.auth.sessions import Sessions
    from trainshed.server.auth.throttle import Throttle
    from trainshed.server.config import Settings
    from trainshed.server.db.database import Database
    from trainshed.server.pools import Pools
    from trainshed.server.services import Services
    from trainshed.server.services.audit import AuditLog
    from trainshed.server.services.buckets import BucketService
    from trainshed.server.services.code import CodeService
    from trainshed.server.services.disk import DiskWatch
    from trainshed.server.services.quotas import Quotas
    from trainshed.storage.egress import Egress


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, and for which project (the one in the path).

    Attributes:
        role: in that project.
        operator: whether they administer the whole service.
        record: what the audit log is to know of this request beside its path: ``name`` of what was
            made, and other facts. No secrets.
    """

    user_id: str
    user_name: str
    role: Role
    project_id: str
    operator: bool = False
    record: dict[str, Any] = field(default_factory=dict[str, Any], compare=False)


@dataclass(slots=True)
class Context:
    """Everything that lives as long as the server does.

    Attributes:
        endpoint: base URL that agents and clients reach the service at; known once it listens.
        pools: by id; ``local`` is always there.
        log_root: the log store: ``<job id>/<attempt>/<stream>.log``.
        buckets: storage of each project, and the settings that agents get.
        accounts: users, projects, tokens and keys.
        sealer: seals secrets at rest.
        sessions: people who are signed in to the console.
        throttle: slows down whoever guesses.
        audit: the log of all changes.
        quotas: what projects may have at once.
        disk: whether there is room for more.
        egress: where the service may connect to for its users.
        code: code directories that were sent.
        opened_at: seconds since the epoch.
        stopping: whether the server is about to end; streams end themselves then.
        services: dispatcher, log followers and all else that runs beside requests; made by
            ``trainshed.server.services.open_services(context)`` at start. At the end its
            ``begin_stop()`` is called on the event loop (end every stream), then ``close()``.
    """

    settings: Settings
    db: Database
    clock: Clock
    catalogue: Catalogue
    environments: Environments
    pools: Pools
    log_root: pathlib.Path
    buckets: BucketService
    accounts: Accounts
    sealer: Sealer
    sessions: Sessions
    throttle: Throttle
    audit: AuditLog
    quotas: Quotas
    disk: DiskWatch
    egress: Egress
    code: CodeService
    opened_at: float
    endpoint: str = ""
    stopping: bool = False
    _services: Services | None = None

    @property
    def started(self) -> bool:
        """Whether the services are open."""
        return self._services is not None

    def begin_stop(self) -> None:
        """The server is about to end: end every stream. On the event loop."""
        self.stopping = True
        if self._services is not None:
            self._services.begin_stop()

    @property
    def services(self) -> Services:
        """What runs beside the requests."""
        if self._services is None:
            raise RuntimeError("the services are not open")
        return self._services

    @services.setter
    def services(self, services: Services) -> None:
        self._services = services


async def get_context(request: Request) -> Context:
    """Dependency: the server's context."""
    return cast(Context, request.app.state.context)


ProjectId = Annotated[str, Path(max_length=64, description="Project; credentials.json names yours.")]


async def get_caller(request: Request, project_id: ProjectId) -> Principal:
    """Dependency: the caller, whom the gate has already identified and admitted to the project."""
    del project_id
    return cast(Principal, request.state.principal)


async def get_person(request: Request) -> Person:
    """Dependency: the caller of a route that is of no one project."""
    return Person(cast("Identity", request.state.identity), cast(Principal, request.state.principal))


@dataclass(frozen=True, slots=True)
class Person:
    """Who is calling, whatever the project.

    Attributes:
        principal: the same for the audit log; ``principal.record`` tells it more.
    """

    identity: Identity
    principal: Principal


Ctx = Annotated[Context, Depends(get_context)]
Caller = Annotated[Principal, Depends(get_caller)]
Somebody = Annotated[Person, Depends(get_person)]
