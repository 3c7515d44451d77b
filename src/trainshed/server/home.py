"""The home folder of a server: what each file and folder in it is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainshed.core.home import CREDENTIALS, ENDPOINT, SERVER_LOCK


@dataclass(frozen=True, slots=True)
class Home:
    """Names the files and folders under ``root``; makes none of them."""

    root: Path

    @property
    def database(self) -> Path:
        """SQLite file of the embedded service."""
        return self.root / "trainshed.db"

    @property
    def secret_key(self) -> Path:
        """Key that seals secrets at rest; only its owner may read it."""
        return self.root / "secret.key"

    @property
    def credentials(self) -> Path:
        """Endpoint, project, access key, secret key and token; only its owner may read it."""
        return self.root / CREDENTIALS

    @property
    def endpoint(self) -> Path:
        """Where the running service listens; written anew at each start."""
        return self.root / ENDPOINT

    @property
    def lock(self) -> Path:
        """Held by the one server of this home."""
        return self.root / SERVER_LOCK

    @property
    def buckets(self) -> Path:
        """The embedded object store: one folder a bucket."""
        return self.root / "buckets"

    @property
    def environments(self) -> Path:
        """Engines' environments by content hash, unless ``TRAINSHED_ENVIRONMENTS`` says where."""
        return self.root / "environments"

    @property
    def engines(self) -> Path:
        """The admin's own engines, one TOML file each; below it those that people made."""
        return self.root / "engines"

    @property
    def jobs(self) -> Path:
        """Task roots: ``jobs/<job id>/<attempt>/<task name>``."""
        return self.root / "jobs"

    @property
    def audit(self) -> Path:
        """Records of the audit log that are not in the database yet."""
        return self.root / "audit.spool"

    @property
    def logs(self) -> Path:
        """The server's log store: ``logs/<job id>/<attempt>/<stream>.log``."""
        return self.root / "logs"
