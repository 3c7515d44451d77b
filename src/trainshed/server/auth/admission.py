"""What the gate has found out about a request, and the way on to the route that it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

    from trainshed.server.auth.accounts import Identity
    from trainshed.server.auth.permissions import Rule
    from trainshed.server.context import Principal


@dataclass(slots=True)
class Admission:
    """What the gate has found out about a request so far."""

    rule: Rule | None = None
    values: list[str] = field(default_factory=list[str])
    identity: Identity | None = None
    principal: Principal | None = None


class Admitted(BaseRoute):
    """The route that the gate has found for a request, so that nobody has to look for it again.

    It stands before all others.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        admission = cast("Admission | None", scope.get("state", {}).get("admission"))
        rule = admission.rule if admission else None
        if admission is None or rule is None or rule.route is None:
            return Match.NONE, {}
        values = dict(zip(rule.names, admission.values, strict=True))
        return Match.FULL, {"endpoint": rule.route.endpoint, "path_params": values, "route": rule.route}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await cast("APIRoute", scope["route"]).handle(scope, receive, send)
