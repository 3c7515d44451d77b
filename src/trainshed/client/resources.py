"""Algorithms, engines, pools and stored objects over HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from trainshed.client.bundle import Bundle, pack
from trainshed.client.follow import Follower
from trainshed.client.models import (
    Algorithm,
    CodeUpload,
    Engine,
    Flavor,
    Json,
    Pool,
    StoredObject,
    items,
)
from trainshed.client.sse import ServerEvent
from trainshed.client.transport import Transport
from trainshed.core.errors import NotFound

Progress = Callable[[int, int], None]
_TEST_S = 300
_CHUNK = 1024 * 1024
_IN_MEMORY = 8 * 1024 * 1024


class Algorithms:
    """``client.algorithms``. An algorithm is named by its id or by its name."""

    def __init__(self, transport: Transport, base: str) -> None:
        self._transport = transport
        self._url = f"{base}/algorithms"

    def create(self, body: Json) -> Algorithm:
        """Create an algorithm from its v2 description (``metadata`` and ``job_config``)."""
        return Algorithm.of(self._transport.json("POST", self._url, body))

    def change(self, algorithm: str, body: Json) -> Algorithm:
        """Make a new version of an algorithm."""
        return Algorithm.of(self._transport.json("PUT", self._one(algorithm), body))

    def list(self, *, name: str | None = None, limit: int = 50, offset: int = 0) -> list[Algorithm]:
        """The project's algorithms, newest first."""
        searches = None if name is None else f"name:{name}"
        answer = self._transport.json(
            "GET",
            self._url,
            limit=limit,
            offset=offset,
            sort_by="create_time",
            order="desc",
            searches=searches,
        )
        return [Algorithm.of(item) for item in items(answer)]

    def show(self, algorithm: str) -> Algorithm:
        """One algorithm."""
        return Algorithm.of(self._transport.json("GET", self._one(algorithm)))

    def delete(self, algorithm: str) -> None:
        """Delete an algorithm with all its versions; its jobs stay."""
        self._transport.json("DELETE", self._one(algorithm))

    def _one(self, algorithm: str) -> str:
        return f"{self._url}/{quote(algorithm, safe='')}"


class Engines:
    """``client.engines``. An engine is named by its id, its family or an alias (``pytorch``)."""

    def __init__(self, transport: Transport, base: str) -> None:
        self._transport = transport
        self._url = f"{base}/engines"

    def list(self) -> list[Engine]:
        """The catalogue, with what can run here."""
        return [Engine.of(item) for item in items(self._transport.json("GET", self._url))]

    def show(self, engine: str) -> Engine:
        """One engine; a family or an alias means its newest."""
        return Engine.of(self._transport.json("GET", self._one(engine)))

    def build(self, engine: str) -> Engine:
        """Build the engine's environment; returns at once, :meth:`follow_build` tells the rest."""
        return Engine.of(self._transport.json("POST", self._one(engine) + "/build"))

    def build_log(self, engine: str, *, offset: int = 0) -> bytes:
        """The log of the last build."""
        return self._transport.send("GET", self._one(engine) + "/build-log", query={"offset": offset}).content

    def follow_build(self, engine: str) -> Iterator[ServerEvent]:
        """The build as it goes: ``log`` and ``progress`` events until its end."""
        return iter(Follower(self._transport, self._one(engine) + "/build-log/follow", offset=0))

    def _one(self, engine: str) -> str:
        return f"{self._url}/{quote(engine, safe='')}"


class Pools:
    """``client.pools``."""

    def __init__(self, transport: Transport, base: str) -> None:
        self._transport = transport
        self._base = base

    def list(self) -> list[Pool]:
        """The pools that jobs may run in."""
        return [Pool.of(item) for item in items(self._transport.json("GET", f"{self._base}/pools"))]

    def flavors(self) -> list[Flavor]:
        """What a job may ask for."""
        answer = self._transport.json("GET", f"{self._base}/training-job-flavors")
        return [Flavor.of(item) for item in items(answer, "flavors")]

    def add(self, name: str, kind: str, settings: Json) -> Json:
        """Add a pool of a kind (``slurm``), which is tried out first. For administrators, as the rest."""
        body = {"name": name, "kind": kind, "settings": settings}
        response = self._transport.send("POST", "/v1/pools", body=body, timeout=_TEST_S)
        return response.json()

    def show(self, pool: str) -> Json:
        """A pool that was added, with its settings."""
        return self._transport.json("GET", self._one(pool))

    def test(self, pool: str) -> Json:
        """Try out a pool: ``usable``, and ``findings``."""
        return self._transport.send("POST", self._one(pool) + "/test", timeout=_TEST_S).json()

    def remove(self, pool: str) -> None:
        """Remove a pool that has no unfinished jobs."""
        self._transport.json("DELETE", self._one(pool))

    def _one(self, pool: str) -> str:
        return f"/v1/pools/{quote(pool, safe='')}"


class Code:
    """``client.code``: code directories on the service, by content."""

    def __init__(self, transport: Transport, base: str) -> None:
        self._transport = transport
        self._url = f"{base}/code"

    def upload(self, bundle: Bundle, progress: Progress | None = None) -> CodeUpload:
        """Send what of ``bundle`` is not there yet: the whole, or nothing.

        Args:
            progress: called with bytes sent and bytes in all.
        """
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as archive:
            sha = pack(bundle, archive)
            size = archive.tell()
            if (there := self._find(sha)) is not None:
                return CodeUpload(there, sha, len(bundle.entries), bundle.size, cached=True)
            archive.seek(0)
            headers = {"Content-Type": "application/x-tar", "Content-Length": str(size)}
            content = _chunks(archive, size, progress)
            response = self._transport.send("POST", self._url, content=content, headers=headers, timeout=600)
        answer = response.json()
        return CodeUpload(
            answer["code_dir"], sha, int(answer["files"]), int(answer["bytes"]), bool(answer["cached"])
        )

    def _find(self, sha: str) -> str | None:
        try:
            response = self._transport.send("HEAD", f"{self._url}/{sha}")
        except NotFound:
            return None
        return response.headers.get("X-Code-Dir") or f"obs://trainshed/code/{sha}/"


class Objects:
    """``client.objects``: what is in the buckets."""

    def __init__(self, transport: Transport, base: str) -> None:
        self._transport = transport
        self._url = f"{base}/objects"

    def list(self, uri: str, *, recursive: bool = True) -> Iterator[StoredObject]:
        """The objects under ``uri``, by key."""
        marker: Any = None
        while True:
            query = {"uri": uri, "recursive": str(recursive).lower(), "limit": 1000, "marker": marker}
            page = self._transport.json("GET", self._url + "/list", **query)
            yield from (StoredObject.of(item) for item in items(page, "objects"))
            marker = page.get("next_marker")
            if not marker:
                return

    def upload(self, source: Path, uri: str, progress: Progress | None = None) -> None:
        """Send one file."""
        size = source.stat().st_size
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        with source.open("rb") as opened:
            content = _chunks(opened, size, progress)
            self._transport.send(
                "PUT", self._url, query={"uri": uri}, content=content, headers=headers, timeout=600
            )

    def download(self, uri: str, target: Path) -> int:
        """Fetch one object; the file appears whole or not at all. Returns its bytes."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        with self._transport.stream(self._url, {"uri": uri}) as chunks, part.open("wb") as opened:
            size = sum(opened.write(chunk) for chunk in chunks)
        part.replace(target)
        return size

    def delete(self, uri: str) -> None:
        """Delete one object."""
        self._transport.send("DELETE", self._url, query={"uri": uri})


def _chunks(source: IO[bytes], size: int, progress: Progress | None) -> Iterator[bytes]:
    sent = 0
    while chunk := source.read(_CHUNK):
        yield chunk
        sent += len(chunk)
        if progress is not None:
            progress(sent, size)
