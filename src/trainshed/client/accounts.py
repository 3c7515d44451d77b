"""Users, projects, tokens, keys, the audit log and notifications over HTTP.

Answers are the service's own JSON objects; times in them are milliseconds since the epoch.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from trainshed.client.models import Json, items
from trainshed.client.transport import Transport


class Users:
    """``client.users``; a user is named by id or name. For administrators of the service."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> list[Json]:
        """All users, by name."""
        return items(self._transport.json("GET", "/v1/users"))

    def show(self, user: str) -> Json:
        """One user, with their projects."""
        return self._transport.json("GET", _one("/v1/users", user))

    def create(self, name: str, **fields: Any) -> Json:
        """A new user: ``role`` (user or admin), ``email``, ``password``."""
        return self._transport.json("POST", "/v1/users", {"name": name, **fields})

    def change(self, user: str, **fields: Any) -> Json:
        """Change ``role``, ``email``, ``disabled`` or ``password``; None leaves one as it is."""
        return self._transport.json("PUT", _one("/v1/users", user), _given(fields))

    def delete(self, user: str) -> None:
        """Remove a user; their jobs stay."""
        self._transport.json("DELETE", _one("/v1/users", user))

    def me(self) -> Json:
        """Who the caller is, with their projects. For everybody."""
        return self._transport.json("GET", "/v1/account")

    def change_my_password(self, old: str, new: str) -> None:
        """Change the caller's own password; their sessions end. For everybody."""
        self._transport.json("PUT", "/v1/account/password", {"old": old, "new": new})


class Projects:
    """``client.projects``; a project is named by its id."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> list[Json]:
        """The caller's projects, by name."""
        return items(self._transport.json("GET", "/v1/projects"))

    def id_of(self, project: str) -> str:
        """The id of a project that is named by id or name; what is neither is given back."""
        found = [p for p in self.list() if project in (p["id"], p["name"])]
        return str(found[0]["id"]) if found else project

    def create(self, name: str, description: str = "") -> Json:
        """A new project, without members."""
        return self._transport.json("POST", "/v1/projects", {"name": name, "description": description})

    def show(self, project_id: str) -> Json:
        """One project."""
        return self._transport.json("GET", _one("/v1/projects", project_id))

    def change(self, project_id: str, **fields: Any) -> Json:
        """Change ``name`` or ``description``; None leaves one as it is."""
        return self._transport.json("PUT", _one("/v1/projects", project_id), _given(fields))

    def delete(self, project_id: str) -> None:
        """Remove a project with its jobs; what is in its buckets stays."""
        self._transport.json("DELETE", _one("/v1/projects", project_id))

    def members(self, project_id: str) -> list[Json]:
        """Its members, by name."""
        return items(self._transport.json("GET", _one("/v1/projects", project_id) + "/members"))

    def set_member(self, project_id: str, user: str, role: str) -> Json:
        """Take a user in as viewer, member or admin, or change the role."""
        url = _one(_one("/v1/projects", project_id) + "/members", user)
        return self._transport.json("PUT", url, {"role": role})

    def remove_member(self, project_id: str, user: str) -> None:
        """Take a user out."""
        self._transport.json("DELETE", _one(_one("/v1/projects", project_id) + "/members", user))

    def quota(self, project_id: str) -> Json:
        """Limits (``quota``) and what is used of them (``used``)."""
        return self._transport.json("GET", _one("/v1/projects", project_id) + "/quota")

    def set_quota(self, project_id: str, quota: Json) -> Json:
        """Limit ``jobs``, ``cards``, ``storage_bytes``, ``job_hours``; what is left out has no limit."""
        return self._transport.json("PUT", _one("/v1/projects", project_id) + "/quota", quota)


class Tokens:
    """``client.tokens``: personal tokens."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, user: str = "") -> list[Json]:
        """The caller's, newest first; another user's for administrators."""
        return items(self._transport.json("GET", "/v1/tokens", user=user or None))

    def create(self, **fields: Any) -> Json:
        """A new token: ``name``, ``days``, ``project``, ``role``, ``user``. Its ``token`` is told once."""
        return self._transport.json("POST", "/v1/tokens", _given(fields))

    def revoke(self, token_id: str) -> None:
        """End a token at once."""
        self._transport.json("DELETE", _one("/v1/tokens", token_id))


class Keys:
    """``client.keys``: access keys for signed requests and the official SDK."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, user: str = "") -> list[Json]:
        """The caller's, newest first; another user's for administrators."""
        return items(self._transport.json("GET", "/v1/keys", user=user or None))

    def create(self, project: str, **fields: Any) -> Json:
        """A new key for a project: ``description``, ``user``. Only here is its ``secret_key`` told."""
        return self._transport.json("POST", "/v1/keys", _given({"project": project, **fields}))

    def change(self, access_key: str, **fields: Any) -> Json:
        """Change ``disabled`` or ``description``."""
        return self._transport.json("PUT", _one("/v1/keys", access_key), _given(fields))

    def rotate(self, access_key: str, overlap_hours: int = 24) -> Json:
        """A new key; the old one goes on working for some hours."""
        body = {"overlap_hours": overlap_hours}
        return self._transport.json("POST", _one("/v1/keys", access_key) + "/rotate", body)

    def delete(self, access_key: str) -> None:
        """End a key for good."""
        self._transport.json("DELETE", _one("/v1/keys", access_key))


class Audit:
    """``client.audit``: every change that somebody made or tried to make."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, project_id: str = "", limit: int = 100, **wanted: Any) -> list[Json]:
        """Records, newest first.

        Args:
            project_id: only of this project; without one only administrators of the service may ask.
            wanted: ``user``, ``action``, ``target``, ``start_time``, ``end_time``.
        """
        url = _one("/v1/projects", project_id) + "/audit" if project_id else "/v1/audit"
        found: list[Json] = []
        before: Any = None
        while len(found) < limit:
            size = min(1000, limit - len(found))
            page = self._transport.json("GET", url, limit=size, before=before, **_given(wanted))
            found += items(page)
            before = page.get("next_before")
            if before is None:
                break
        return found


class Notifications:
    """``client.notifications``; one is named by id or name."""

    def __init__(self, transport: Transport, base: str) -> None:
        self._transport = transport
        self._url = f"{base}/notifications"

    def list(self) -> list[Json]:
        """The project's, by name."""
        return items(self._transport.json("GET", self._url))

    def show(self, notification: str) -> Json:
        """One of them."""
        return self._transport.json("GET", _one(self._url, notification))

    def create(self, **fields: Any) -> Json:
        """A new one: ``name``, ``kind``, ``address``, ``secret``, ``events``, ``mine``, ``language``."""
        return self._transport.json("POST", self._url, _given(fields))

    def change(self, notification: str, **fields: Any) -> Json:
        """Change one; None leaves a field as it is."""
        return self._transport.json("PUT", _one(self._url, notification), _given(fields))

    def delete(self, notification: str) -> None:
        """Remove one."""
        self._transport.json("DELETE", _one(self._url, notification))

    def test(self, notification: str) -> None:
        """Send a message now.

        Raises:
            Unavailable: it did not arrive.
        """
        self._transport.json("POST", _one(self._url, notification) + "/test")

    def deliveries(self, notification: str, limit: int = 100) -> list[Json]:
        """What became of its messages, newest first."""
        return items(self._transport.json("GET", _one(self._url, notification) + "/deliveries", limit=limit))


def _one(url: str, name: str) -> str:
    return f"{url}/{quote(name, safe='')}"


def _given(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
