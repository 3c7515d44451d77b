"""The gate that every request passes first: request id, body limit, credentials, project.

Plain ASGI, because it runs on every request. It reads a JSON body whole (it must, to check its
signature) and hands it on; bodies that stream go through untouched.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import math
import secrets
import time
from typing import TYPE_CHECKING, Literal, cast

from anyio import to_thread
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trainshed.core.errors import (
    Code,
    Forbidden,
    Internal,
    InvalidInput,
    TrainshedError,
    Unauthenticated,
    Unavailable,
)
from trainshed.server.auth.accounts import Accounts, Identity
from trainshed.server.auth.admission import Admission
from trainshed.server.auth.body import check_json, hashing, read
from trainshed.server.auth.permissions import OPEN_AREAS, MethodNotAllowed, Rule, Rules
from trainshed.server.auth.roles import Need, Role
from trainshed.server.auth.sessions import COOKIE, CSRF_HEADER, csrf_of
from trainshed.server.auth.signature import (
    ALGORITHM,
    EMPTY_SHA256,
    UNSIGNED,
    SignedRequest,
    parse_authorization,
    verify,
    wrong_signature,
)
from trainshed.server.context import Principal
from trainshed.server.language import error_body, hear
from trainshed.server.services.audit import AuditRecord

if TYPE_CHECKING:
    from trainshed.server.context import Context

AGENT_BODY = 16 * 1024 * 1024
# Who follows a stream is looked at again so often: their token may have been revoked since.
LOOK_AGAIN_S = 15.0
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
# No answer of the API is ever a page: a browser may neither show it as one nor guess what it is.
_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
)

_log = logging.getLogger("trainshed.server")


class Gate:
    """ASGI middleware; finds the context on ``app.state``.

    Args:
        rules: what each route asks of its caller.
    """

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hear(scope["headers"])
        request_id = secrets.token_hex(16)
        admission = Admission()
        started = over = False
        look_at = math.inf

        async def tagged(message: Message) -> None:
            nonlocal started, over, look_at
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_AGAIN_S
                over = not await _still_may(scope, admission)
            if over:  # the end of the stream, whatever was to come
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                raise _Over
            if message["type"] == "http.response.start":
                started = True
                if _is_endless(message):
                    look_at = time.monotonic() + LOOK_AGAIN_S
                headers = [*message["headers"], (b"x-request-id", request_id.encode())]
                if admission.rule is not None:
                    headers += _SAFE
                    if admission.rule.changes:
                        record(scope, admission, request_id, message["status"])
                message["headers"] = headers
            await send(message)

        try:
            receive = await self._admit(scope, receive, admission)
            await self._app(scope, receive, tagged)
        except TrainshedError as error:
            if over:
                return
            if started:
                raise
            scope["state"]["error_code"] = error.code
            await send_error(tagged, error)
        except Exception:
            if over:
                return
            _log.exception("request %s %s %s failed", request_id, scope["method"], scope["path"])
            if started:
                raise
            message = f"something went wrong in the service; its log has request {request_id}"
            await send_error(tagged, Internal(message))

    async def _admit(self, scope: Scope, receive: Receive, admission: Admission) -> Receive:
        """Check the request and put its principal into the scope; the ``receive`` to go on with."""
        scope.setdefault("state", {})
        path = cast(str, scope["path"])
        if "\x00" in path or b"%00" in scope["query_string"]:
            raise InvalidInput("the address holds a NUL character: leave it out", code=Code.FIELD_INVALID)
        context = cast("Context", scope["app"].state.context)
        headers = dict(_headers(scope))
        area = path.split("/", 2)[1]
        if area in OPEN_AREAS:
            # a script's words may hold anything; the handler cleans them, a refusal would never end
            limit = AGENT_BODY if area == "agent" else context.settings.max_body
            _, receive = await read(receive, headers, limit)
            return receive
        try:
            admission.rule, admission.values = self._rules.find(scope["method"], path)
        except TrainshedError:
            await _identify(context, scope, headers, b"")
            raise
        scope["state"]["admission"] = admission
        return await _pass(context, scope, receive, headers, admission)


class _Over(Exception):  # noqa: N818 it is a fact
    """Who follows a stream may no longer do so."""


def _is_endless(start: Message) -> bool:
    """Whether an answer goes on for as long as something happens."""
    return any(name == b"content-type" and b"event-stream" in value for name, value in start["headers"])


async def _still_may(scope: Scope, admission: Admission) -> bool:
    """Whether who began to follow a stream is still let in, and may still see it."""
    context = cast("Context", scope["app"].state.context)
    if admission.rule is None or admission.identity is None or not context.settings.authentication:
        return True
    headers = dict(_headers(scope))
    try:
        signed = _signed(headers)
        if not signed:
            identity = await _by_token(context, scope, headers)
        else:
            identity = await _look_up(context.accounts, "key", parse_authorization(signed).access_key)
        if identity is not None:
            _authorize(admission.rule, identity, admission.values)
    except (Forbidden, Unauthenticated):
        return False
    except Unavailable:
        return True  # nobody can tell just now
    return identity is not None


async def send_error(send: Send, error: TrainshedError) -> None:
    """Answer with an error's status and body."""
    body = json.dumps(error_body(error.code, error.message)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in error_headers(error).items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def error_headers(error: TrainshedError) -> dict[str, str]:
    """The headers that go with an error's answer."""
    if isinstance(error, MethodNotAllowed):
        return {"Allow": error.allowed}
    if error.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    return {"Retry-After": str(error.retry_after)} if error.status in (429, 503) else {}


async def _pass(
    context: Context, scope: Scope, receive: Receive, headers: dict[str, str], admission: Admission
) -> Receive:
    rule = admission.rule
    assert rule is not None
    if rule.need is Need.OPEN:
        _, receive = await read(receive, headers, context.settings.max_body)
        return receive
    try:
        if rule.streamed:
            identity, receive = await _identify_stream(context, scope, receive, headers)
        else:
            body, receive = await read(receive, headers, context.settings.max_body)
            identity = await _identify(context, scope, headers, body)
            check_json(headers.get("content-type", ""), body)
    except Unauthenticated as error:
        if error.code != Code.CREDENTIALS_MISSING:
            context.throttle.wrong_credential(client_address(scope))
        raise
    admission.identity = identity
    admission.principal = _authorize(rule, identity, admission.values)
    scope["state"]["identity"] = identity
    scope["state"]["principal"] = admission.principal
    return receive


def client_address(scope: Scope) -> str:
    """Where a request comes from; ``""`` where that is not known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _authorize(rule: Rule, identity: Identity, values: list[str]) -> Principal:
    """The caller as the rule's route sees them.

    Raises:
        Forbidden: they may not.
    """
    need, wanted = rule.need, rule.need.role
    in_path = "project_id" in rule.names
    project_id = values[rule.names.index("project_id")] if in_path else identity.own_project
    role = identity.projects.get(project_id)
    own = identity.own_project
    if in_path and (role is None or (own and own != project_id and not identity.admin)):
        message = f"project {project_id[:64]!r} is not yours or not there; credentials.json names yours"
        raise Forbidden(message, code=Code.PROJECT_FORBIDDEN)
    if wanted is not None and (role is None or not role.reaches(wanted)):
        had = f"you are {role.value} of this project" if role else "you are in no project"
        message = f"{had}, and this needs {wanted.value}: ask an admin of the project"
        raise Forbidden(message, code=Code.ROLE_FORBIDDEN)
    if need is Need.OPERATOR and not identity.admin:
        message = "only an administrator of the service may do this"
        raise Forbidden(message, code=Code.ROLE_FORBIDDEN)
    if need is Need.SELF and (identity.scoped or (own and not identity.admin)):
        message = "these credentials are for one project or a lesser role only: use a token that is for all"
        raise Forbidden(message, code=Code.CREDENTIAL_TOO_NARROW)
    return Principal(identity.user_id, identity.user_name, role or Role.VIEWER, project_id, identity.admin)


def record(scope: Scope, admission: Admission, request_id: str, status: int) -> None:
    """Have a change, or the try of one, written into the audit log, before its answer is sent."""
    rule, who, caller = admission.rule, admission.identity, admission.principal
    assert rule is not None
    if status == 401 and rule.need is not Need.OPEN:
        return  # anybody can send these, as many as they like
    told = caller.record if caller else scope["state"].get("record", {})
    named = [v for n, v in zip(rule.names, admission.values, strict=True) if n != "project_id"]
    in_path = [v for n, v in zip(rule.names, admission.values, strict=True) if n == "project_id"]
    detail = {name: value for name, value in told.items() if name not in ("name", "user")}
    context = cast("Context", scope["app"].state.context)
    context.audit.write(
        AuditRecord(
            request_id=request_id,
            time=context.clock.now(),
            user_id=who.user_id if who else "",
            user_name=who.user_name if who else str(told.get("user", "")),
            credential=who.credential if who else "",
            address=client_address(scope),
            action=rule.action,
            project_id=in_path[0] if in_path else "",
            target="/".join([*named, *([str(told["name"])] if "name" in told else [])]),
            status=status,
            error_code=str(scope["state"].get("error_code", "")),
            detail=detail,
        )
    )


def _headers(scope: Scope) -> list[tuple[str, str]]:
    return [(n.decode("latin-1"), v.decode("utf-8", "surrogateescape")) for n, v in scope["headers"]]


async def _identify(context: Context, scope: Scope, headers: dict[str, str], body: bytes) -> Identity:
    if not context.settings.authentication:
        return await _open_door(context, headers)
    if signed := _signed(headers):
        body_hash = hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256
        declared = headers.get("x-sdk-content-sha256", "")
        if body and declared and declared.lower() != body_hash:
            raise Unauthenticated("the body is not the one that was signed", code=Code.SIGNATURE_WRONG)
        return await _verify(context, scope, signed, body_hash)
    return await _by_token(context, scope, headers)


async def _identify_stream(
    context: Context, scope: Scope, receive: Receive, headers: dict[str, str]
) -> tuple[Identity, Receive]:
    """As ``_identify``, for a body that streams: its hash is declared, and checked at its end."""
    if not context.settings.authentication:
        return await _open_door(context, headers), receive
    signed = _signed(headers)
    if not signed:
        return await _by_token(context, scope, headers), receive
    declared = headers.get("x-sdk-content-sha256", "")
    if not declared:
        body, receive = await read(receive, headers, context.settings.max_body)
        return await _verify(context, scope, signed, hashlib.sha256(body).hexdigest()), receive
    identity = await _verify(context, scope, signed, declared)
    return identity, receive if declared == UNSIGNED else hashing(receive, declared.lower())


def _signed(headers: dict[str, str]) -> str:
    authorization = headers.get("authorization", "")
    return authorization if authorization.startswith(ALGORITHM) else ""


async def _verify(context: Context, scope: Scope, authorization: str, body_hash: str) -> Identity:
    given = parse_authorization(authorization)
    identity = await _look_up(context.accounts, "key", given.access_key)
    if identity is None:
        raise wrong_signature()
    query = scope["query_string"].decode("latin-1")
    request = SignedRequest(scope["method"], scope["path"], query, _headers(scope))
    verify(request, given, identity.secret, body_hash, context.clock.now())
    return identity


async def _by_token(context: Context, scope: Scope, headers: dict[str, str]) -> Identity:
    token = headers.get("x-auth-token") or headers.get("x-security-token") or ""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if not token and scheme.lower() == "bearer":
        token = rest.strip()
    if not token:
        token = _session_cookie(scope, headers)
    if not token:
        raise Unauthenticated(
            "no credentials: sign the request with an access key, or send Authorization: Bearer TOKEN "
            "(credentials.json in the service's home folder has both)",
            code=Code.CREDENTIALS_MISSING,
        )
    identity = await _look_up(context.accounts, "token", token)
    if identity is None:
        raise Unauthenticated("the token is not known or has expired", code=Code.TOKEN_INVALID)
    return identity


def _session_cookie(scope: Scope, headers: dict[str, str]) -> str:
    """The console's session; a request that changes something must show that our page made it."""
    session = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    if session and scope["method"] not in ("GET", "HEAD"):
        shown = headers.get(CSRF_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(shown, csrf_of(session).encode()):
            raise Forbidden("the request does not come from the console's own page; reload it")
    return session


async def _open_door(context: Context, headers: dict[str, str]) -> Identity:
    """Without authentication: only for this machine's own programs, never for a web page's."""
    host = headers.get("host", "")
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    if name.lower() not in _LOOPBACK_NAMES or headers.get("sec-fetch-site", "none") in (
        "cross-site",
        "same-site",
    ):
        raise Forbidden("without authentication only requests to a loopback name are taken")
    return context.accounts.remembered("open") or await to_thread.run_sync(context.accounts.admin)


async def _look_up(accounts: Accounts, kind: Literal["token", "key"], credential: str) -> Identity | None:
    find = accounts.by_token if kind == "token" else accounts.by_access_key
    return accounts.remembered(kind, credential) or await to_thread.run_sync(find, credential)
