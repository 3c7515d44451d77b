"""People of every kind, for tests: each is a client that is signed in as one."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx

from tests.server.running import Running


@dataclass
class Person:
    """Somebody with a token.

    Attributes:
        api: a client that sends the token.
    """

    name: str
    api: httpx.Client


@dataclass
class People:
    """Makes people of one server; names are new ones each time."""

    server: Running
    _stack: ExitStack = field(default_factory=ExitStack)

    def client(self, token: str = "") -> httpx.Client:
        """A client with a token, or with nothing."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(base_url=self.server.endpoint, headers=headers, trust_env=False, timeout=120)
        return self._stack.enter_context(client)

    def add(
        self, role: str = "", *, project: str = "", operator: bool = False, cut: dict[str, str] | None = None
    ) -> Person:
        """A new user, in ``project`` (the server's own where none is named) if they have a role.

        Args:
            cut: what their token is cut down to.
        """
        api, name = self.server.api, f"u{secrets.token_hex(6)}"
        made = api.post("/v1/users", json={"name": name, "role": "admin" if operator else "user"})
        assert made.status_code == 201, made.text
        if role:
            url = f"/v1/projects/{project or self.server.project_id}/members/{name}"
            assert api.put(url, json={"role": role}).status_code == 200
        made = api.post("/v1/tokens", json={"user": name, "name": "test", **(cut or {})})
        assert made.status_code == 201, made.text
        return Person(name, self.client(made.json()["token"]))

    def project(self) -> str:
        """Id of a new project."""
        made = self.server.api.post("/v1/projects", json={"name": f"p{secrets.token_hex(6)}"})
        assert made.status_code == 201, made.text
        return made.json()["id"]


@contextmanager
def people_of(server: Running) -> Generator[People]:
    """Ends their clients with the block."""
    with ExitStack() as stack:
        yield People(server, stack)
