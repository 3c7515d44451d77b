"""Keys and addresses that the script gives itself, by ``set_auth`` or by the environment."""

import os
from typing import Any, Dict, Optional

from moxing.framework.file._log import logger

_given: Dict[str, Any] = {}
_IGNORED = {
    "long_conn_mode", "list_max_keys", "negotiation", "obs_client_log", "timeout_config",
    "is_cname", "region", "max_retry_count", "timeout", "chunk_size", "proxy_host", "proxy_port",
}  # fmt: skip


def set_auth(
    ak: Optional[str] = None,
    sk: Optional[str] = None,
    server: Optional[str] = None,
    port: Optional[int] = None,
    is_secure: Optional[bool] = None,
    ssl_verify: Optional[bool] = None,
    long_conn_mode: Optional[bool] = None,
    path_style: Optional[bool] = None,
    retry: Optional[int] = None,
    retry_wait: Optional[float] = None,
    client_timeout: Optional[float] = None,
    list_max_keys: Optional[int] = None,
    security_token: Optional[str] = None,
    **others: Any,
) -> None:
    """Say how buckets are reached from now on, in this process.

    Without ``ak``/``sk`` or ``server`` nothing changes about who asks whom: in a job, the agent's keys
    and addresses are used. What is not given keeps its value; an empty string is not given.

    Args:
        ak, sk: access key and secret key.
        server: endpoint, such as ``obs.cn-north-4.example.com`` or ``http://127.0.0.1:9000``.
        port: of the server, where ``server`` names none.
        is_secure: HTTPS (the default) or HTTP, where ``server`` names no scheme.
        ssl_verify: check the server's certificate (the default).
        path_style: ``server/bucket/key`` (the default) instead of ``bucket.server/key``.
        retry: how often to try again while nothing answers.
        retry_wait: seconds between two tries.
        client_timeout: seconds to wait for one answer.
        security_token: that goes with temporary keys.
        long_conn_mode, list_max_keys, others: accepted for the sake of old scripts; nothing to set.
    """
    del long_conn_mode, list_max_keys
    names = {
        "ak": ak, "sk": sk, "server": server, "port": port, "is_secure": is_secure,
        "ssl_verify": ssl_verify, "path_style": path_style, "retry": retry, "retry_wait": retry_wait,
        "client_timeout": client_timeout, "security_token": security_token,
    }  # fmt: skip
    for name in sorted(set(others) - _IGNORED):
        logger.warning("set_auth does not know %r; it has no effect", name)
    _given.update((name, value) for name, value in names.items() if value not in (None, ""))


def given(name: str, default: Any = None) -> Any:
    """What the script set, or ``default``."""
    return _given.get(name, default)


def settings(in_job: bool) -> Optional[Dict[str, Any]]:
    """The storage settings that go with each request, or None to leave it to the gateway.

    The environment (S3_ENDPOINT, ACCESS_KEY_ID, SECRET_ACCESS_KEY and their AWS names) counts only
    outside a job: inside, the agent knows better.
    """
    found = dict(_given)
    if not in_job:
        for name, value in _environment().items():
            found.setdefault(name, value)
    if not (found.get("ak") or found.get("server")):
        return None
    chosen = {
        "endpoint": _endpoint(found),
        "access_key": found.get("ak"),
        "secret_key": found.get("sk"),
        "token": found.get("security_token"),
        "verify": found.get("ssl_verify"),
        "path_style": found.get("path_style"),
        "timeout": found.get("client_timeout"),
    }
    return {name: value for name, value in chosen.items() if value is not None}


def _environment() -> Dict[str, Any]:
    def first(*names: str) -> Optional[str]:
        return next((os.environ[n] for n in names if os.environ.get(n)), None)

    found = {
        "ak": first("ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
        "sk": first("SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
        "security_token": first("SECURITY_TOKEN", "AWS_SESSION_TOKEN"),
        "server": first("S3_ENDPOINT", "AWS_ENDPOINT_URL"),
        "is_secure": _flag(first("S3_USE_HTTPS")),
        "ssl_verify": _flag(first("S3_VERIFY_SSL")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _flag(value: Optional[str]) -> Optional[bool]:
    return None if value is None else value.lower() not in ("0", "false", "no")


def _endpoint(found: Dict[str, Any]) -> Optional[str]:
    """``http://host:port`` from what was given in pieces."""
    server = found.get("server")
    if not server:
        return None
    scheme, mark, rest = server.partition("://")
    if not mark:
        scheme, rest = ("https" if found.get("is_secure", True) else "http"), server
    rest = rest.rstrip("/")
    if found.get("port") and ":" not in rest:
        rest = "{}:{}".format(rest, found["port"])
    return "{}://{}".format(scheme, rest)
