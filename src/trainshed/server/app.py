"""The HTTP application: what it holds while it runs, its routes, and its OpenAPI description."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import FastAPI

import trainshed
from trainshed.core.clock import SystemClock
from trainshed.engines.environments import Environments
from trainshed.engines.made import load
from trainshed.server import console, errors, openapi
from trainshed.server.auth.accounts import Accounts
from trainshed.server.auth.admission import Admitted
from trainshed.server.auth.first_start import ensure_credentials
from trainshed.server.auth.gate import Gate
from trainshed.server.auth.permissions import rules_of
from trainshed.server.auth.sealing import Sealer
from trainshed.server.auth.sessions import Sessions
from trainshed.server.auth.throttle import Throttle
from trainshed.server.context import Context
from trainshed.server.db.database import Database
from trainshed.server.db.schema import upgrade
from trainshed.server.pools import open_pools
from trainshed.server.routers import all_routers
from trainshed.server.routers.agent import AgentCalls
from trainshed.server.services import open_services
from trainshed.server.services.audit import AuditLog
from trainshed.server.services.buckets import BucketService
from trainshed.server.services.code import CodeService
from trainshed.server.services.disk import DiskWatch
from trainshed.server.services.quotas import Quotas
from trainshed.server.wire.base import ErrorBody

if TYPE_CHECKING:
    from trainshed.server.config import Settings

DESCRIPTION = """\
The ModelArts v2 training API, served by trainshed, and a few routes of trainshed's own.

Every request but `/healthz` and `/v1/info` needs credentials: a signature (SDK-HMAC-SHA256), an
`X-Auth-Token` header, or `Authorization: Bearer`. Errors are `{"error_code", "error_msg"}`.
Sentences for people come in Chinese for `X-Language: zh-cn` (or `Accept-Language`, where there is no
`X-Language`); an error then has the English one in `error_msg_en`.
"""

_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request is wrong; nothing was done."},
    401: {"model": ErrorBody, "description": "No credentials, or wrong ones."},
    403: {"model": ErrorBody, "description": "Known, but not allowed."},
    404: {"model": ErrorBody, "description": "There is no such thing in this project."},
    409: {"model": ErrorBody, "description": "It exists already, or is in the wrong state."},
    413: {"model": ErrorBody, "description": "Over a limit."},
    429: {"model": ErrorBody, "description": "Too many at once; wait and try again."},
    503: {"model": ErrorBody, "description": "Something the service depends on does not answer."},
}


def create_app(settings: Settings) -> FastAPI:
    """The application for these settings; its state is opened when it starts to run."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        context = await to_thread.run_sync(open_context, settings)
        context.endpoint = getattr(app.state, "endpoint", "")
        app.state.context = context
        try:
            context.services = await to_thread.run_sync(open_services, context)
            yield
        finally:
            await to_thread.run_sync(close_context, context)

    app = FastAPI(
        title="trainshed",
        version=trainshed.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        responses=_RESPONSES,
    )
    app.router.routes.append(Admitted())
    routers = all_routers()
    for router in routers:
        app.include_router(router)
    app.add_route("/openapi.json", openapi.route)
    errors.install(app)
    console.install(app)
    app.add_middleware(AgentCalls)
    app.add_middleware(Gate, rules=rules_of(routers))
    app.openapi = lambda: openapi.describe(app)
    return app


def open_context(settings: Settings) -> Context:
    """Open database, accounts, catalogue, pools and buckets."""
    files = settings.files
    files.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    clock = SystemClock()
    db = Database(settings.sqlalchemy_url())
    upgrade(db)
    sealer = Sealer(files.secret_key)
    accounts = Accounts(db, sealer, clock)
    project_id = ensure_credentials(accounts, files.credentials).project_id
    egress, throttle = settings.egress(), Throttle(clock)
    buckets = BucketService(
        db, sealer, clock, root=files.buckets, local_paths=settings.allows_local_paths, egress=egress
    )
    buckets.default(project_id)
    return Context(
        settings=settings,
        db=db,
        clock=clock,
        catalogue=load(files.engines),
        environments=Environments(
            settings.environments_dir, () if settings.sandbox == "none" else (settings.home,)
        ),
        pools=open_pools(settings, db),
        log_root=files.logs,
        buckets=buckets,
        accounts=accounts,
        sealer=sealer,
        sessions=Sessions(db, accounts, clock, throttle),
        throttle=throttle,
        audit=AuditLog(db, files.audit),
        quotas=Quotas(db),
        disk=DiskWatch((files.root, settings.environments_dir), settings.disk_reserve_mb << 20),
        egress=egress,
        code=CodeService(settings, buckets),
        opened_at=clock.now(),
    )


def close_context(context: Context) -> None:
    """Let go of everything; running jobs go on."""
    if context.started:
        context.services.close()
    for pool in context.pools.values():
        pool.close()
    context.audit.close()
    context.buckets.close()
    context.db.close()
