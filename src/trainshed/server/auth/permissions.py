"""Who may do what: one table, which the gate asks before any route is found.

A route that is not declared here cannot be reached, and the service does not start with one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fastapi.routing import APIRoute

from trainshed.core.errors import Code, NotFound, TrainshedError
from trainshed.server.auth.roles import Need

# What the gate lets through without a look: pages, health, the API's description, and the calls
# of agents, which bring the token of their job.
OPEN_AREAS = frozenset({"", "agent", "console", "favicon.ico", "healthz", "openapi.json"})

_P, _J = "/v2/{project_id}", "/v2/{project_id}/training-jobs"
_JOB, _TASK = _J + "/{training_job_id}", _J + "/{training_job_id}/tasks/{task_id}"
_NOTE = _P + "/notifications"

TABLE: dict[Need, tuple[str, ...]] = {
    Need.OPEN: (
        "GET /v1/info",
        # they look at the session's cookie themselves
        "POST /v1/sessions",
        "GET /v1/sessions/current",
        "DELETE /v1/sessions/current",
    ),
    Need.KNOWN: (
        "GET /v3/projects",
        "GET /v1/account",
        "GET /v1/health",
        "GET /v1/projects",
        "GET /v1/tokens",
        "GET /v1/keys",
    ),
    Need.SELF: (
        "PUT /v1/account/password",
        "POST /v1/tokens",
        "DELETE /v1/tokens/{token_id}",
        "POST /v1/keys",
        "PUT /v1/keys/{access_key}",
        "POST /v1/keys/{access_key}/rotate",
        "DELETE /v1/keys/{access_key}",
    ),
    Need.OPERATOR: (
        "GET /v1/users",
        "POST /v1/users",
        "GET /v1/users/{user}",
        "PUT /v1/users/{user}",
        "DELETE /v1/users/{user}",
        "POST /v1/projects",
        "DELETE /v1/projects/{project_id}",
        "PUT /v1/projects/{project_id}/quota",
        "GET /v1/audit",
        "POST /v1/pools",
        "GET /v1/pools/{pool}",
        "POST /v1/pools/{pool}/test",
        "DELETE /v1/pools/{pool}",
    ),
    Need.ADMIN: (
        "PUT /v1/projects/{project_id}",
        "PUT /v1/projects/{project_id}/members/{user}",
        "DELETE /v1/projects/{project_id}/members/{user}",
        "GET /v1/projects/{project_id}/audit",
        f"PUT {_P}/buckets/{{name}}/keys",
        f"DELETE {_P}/buckets/{{name}}",
    ),
    Need.MEMBER: (
        f"POST {_P}/algorithms",
        f"PUT {_P}/algorithms/{{algorithm_id}}",
        f"DELETE {_P}/algorithms/{{algorithm_id}}",
        f"POST {_P}/engines/{{engine}}/build",
        f"POST {_J}",
        f"POST {_J}/dry-run",
        f"POST {_J}/checks",
        f"POST {_J}/batch-delete",
        f"DELETE {_JOB}",
        f"PUT {_JOB}",
        f"POST {_JOB}/actions",
        f"POST {_JOB}/resize",
        f"POST {_JOB}/stacks",
        f"POST {_P}/buckets",
        f"POST {_P}/buckets/{{name}}/test",
        f"PUT {_P}/objects",
        f"DELETE {_P}/objects",
        f"POST {_P}/code",
        f"POST {_NOTE}",
        f"PUT {_NOTE}/{{notification}}",
        f"DELETE {_NOTE}/{{notification}}",
        f"POST {_NOTE}/{{notification}}/test",
    ),
    Need.VIEWER: (
        "GET /v1/projects/{project_id}",
        "GET /v1/projects/{project_id}/members",
        "GET /v1/projects/{project_id}/quota",
        "GET /v1/{project_id}/workspaces",
        "GET /v1/{project_id}/resourceflavors",
        f"GET {_P}/algorithms",
        f"GET {_P}/algorithms/{{algorithm_id}}",
        f"GET {_P}/algorithms/{{algorithm_id}}/versions",
        f"GET {_P}/search-algorithms",
        f"GET {_P}/training-job-engines",
        f"GET {_P}/engines",
        f"GET {_P}/engines/{{engine}}",
        f"GET {_P}/engines/{{engine}}/build-log",
        f"GET {_P}/engines/{{engine}}/build-log/follow",
        f"GET {_P}/pools",
        f"GET {_P}/pool-use",
        f"GET {_P}/training-job-flavors",
        f"GET {_P}/training-pool-flavors",
        f"GET {_P}/training-job-names",
        f"GET {_P}/training-quotas",
        # a search that the official client sends as a POST
        f"POST {_P}/training-job-searches",
        f"GET {_P}/training-job-changes",
        f"GET {_JOB}",
        f"GET {_JOB}/why",
        f"GET {_JOB}/diagnosis",
        f"GET {_JOB}/stacks",
        f"GET {_JOB}/follow",
        f"GET {_JOB}/events",
        f"GET {_JOB}/stages",
        f"GET {_JOB}/tasks",
        f"GET {_JOB}/logs/{{task_id}}",
        f"GET {_JOB}/metrics/{{task_id}}",
        f"GET {_JOB}/training-metrics",
        f"GET {_JOB}/outputs",
        f"GET {_TASK}/logs",
        f"GET {_TASK}/logs/preview",
        f"GET {_TASK}/logs/url",
        f"GET {_TASK}/logs/search",
        f"GET {_TASK}/logs/streams",
        f"GET {_TASK}/logs/follow",
        f"GET {_P}/buckets",
        f"GET {_P}/objects",
        f"GET {_P}/objects/list",
        f"HEAD {_P}/code/{{sha}}",
        f"GET {_NOTE}",
        f"GET {_NOTE}/{{notification}}",
        f"GET {_NOTE}/{{notification}}/deliveries",
    ),
}

# Their bodies are not read by the gate, but stream to the route.
_STREAMED = frozenset({f"PUT {_P}/objects", f"POST {_P}/code"})
# POST only because of what they take along; nothing is changed.
_READS = frozenset({f"POST {_P}/training-job-searches", f"POST {_J}/dry-run", f"POST {_J}/checks"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What one route asks of its caller.

    Attributes:
        action: name of the route, as the audit log has it.
        names: of the path's variable parts, in order.
        streamed: whether its body streams.
        changes: whether it changes something.
        route: what answers it.
    """

    need: Need
    action: str
    names: tuple[str, ...] = ()
    streamed: bool = False
    changes: bool = False
    route: APIRoute | None = field(default=None, repr=False, compare=False)


@dataclass(slots=True)
class _Branch:
    fixed: dict[str, _Branch] = field(default_factory=dict[str, "_Branch"])
    any: _Branch | None = None
    rules: dict[str, Rule] = field(default_factory=dict[str, Rule])


class Rules:
    """The table as a tree of path parts, so that a look into it costs a microsecond.

    >>> rules = Rules([("GET", "/v2/{project_id}/buckets", "list_buckets", None)])
    >>> rules.find("GET", "/v2/p1/buckets")
    (Rule(need=<Need.VIEWER: 'viewer'>, action='list_buckets', names=('project_id',), \
streamed=False, changes=False), ['p1'])

    Args:
        routes: method, path template, name and handler of every route.

    Raises:
        RuntimeError: a route is not declared, or something is declared that is no route.
    """

    def __init__(
        self, routes: Iterable[tuple[str, str, str, APIRoute | None]], *, whole: bool = False
    ) -> None:
        needs = {route: need for need, names in TABLE.items() for route in names}
        self._root = _Branch()
        for method, path, name, route in routes:
            key = f"{method} {path}"
            if path.split("/")[1] in OPEN_AREAS:
                continue
            if key not in needs:
                raise RuntimeError(f"the route {key} is not declared in trainshed.server.auth.permissions")
            self._add(method, path, _rule(key, needs.pop(key), path, name, route))
        if whole and needs:
            raise RuntimeError(f"declared, but there is no such route: {sorted(needs)}")

    def find(self, method: str, path: str) -> tuple[Rule, list[str]]:
        """The rule of a request, and the variable parts of its path.

        Raises:
            NotFound: there is no such route.
            MethodNotAllowed: there is, for other methods.
        """
        found: list[tuple[_Branch, list[str]]] = []
        _walk(self._root, path.split("/")[1:], 0, [], found)
        for branch, values in found:
            if rule := branch.rules.get(method):
                return rule, values
        if found:
            raise MethodNotAllowed(method, path, sorted({m for branch, _ in found for m in branch.rules}))
        raise NotFound(f"there is nothing at {path[:200]}", code=Code.ROUTE_NOT_FOUND)

    def _add(self, method: str, path: str, rule: Rule) -> None:
        branch = self._root
        for part in path.split("/")[1:]:
            if part.startswith("{"):
                branch.any = branch.any or _Branch()
                branch = branch.any
            else:
                branch = branch.fixed.setdefault(part, _Branch())
        branch.rules[method] = rule


class MethodNotAllowed(TrainshedError):  # noqa: N818 - as core.errors
    """The address takes other methods.

    Attributes:
        allowed: those that it takes.
    """

    status = 405

    def __init__(self, method: str, path: str, allowed: Sequence[str]) -> None:
        self.allowed = ", ".join(allowed)
        message = f"{method} is not for {path[:200]}; it takes {self.allowed}"
        super().__init__(message, code=Code.ROUTE_NOT_FOUND)


def rules_of(routers: Iterable[object]) -> Rules:
    """The rules of these routers' routes.

    Raises:
        RuntimeError: a route is not declared, or something is declared that is no route.
    """
    routes = [route for router in routers for route in getattr(router, "routes", ())]
    named = [
        (method, route.path, route.name, route)
        for route in routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]
    return Rules(named, whole=True)


def _rule(key: str, need: Need, path: str, name: str, route: APIRoute | None) -> Rule:
    names = tuple(part[1:-1] for part in path.split("/") if part.startswith("{"))
    changes = not key.startswith(("GET ", "HEAD ")) and key not in _READS
    return Rule(need, name, names, key in _STREAMED, changes, route)


def _walk(
    branch: _Branch, parts: list[str], at: int, values: list[str], found: list[tuple[_Branch, list[str]]]
) -> None:
    """Every branch that the path leads to, those with fixed parts first."""
    if at == len(parts):
        if branch.rules:
            found.append((branch, values))
        return
    part = parts[at]
    if (fixed := branch.fixed.get(part)) is not None:
        _walk(fixed, parts, at + 1, values, found)
    if branch.any is not None and part:
        _walk(branch.any, parts, at + 1, [*values, part], found)
