"""Which store a request means: the job's own, or one that the script gave keys for."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainshed.core.errors import Code, NotFound
from trainshed.core.home import default_home
from trainshed.storage import Buckets, Store
from trainshed.storage.buckets import ANY
from trainshed.storage.folder import FolderStore
from trainshed.storage.uri import Location, parse_uri

Settings = Mapping[str, Mapping[str, Any]]
_NAMES = {"verify": "verify_tls", "timeout": "timeout_s"}


class Stores:
    """The stores, one for each bucket and set of keys.

    Args:
        settings: of the buckets that are configured.
        home: also the embedded buckets of this user's state folder.
    """

    def __init__(self, settings: Settings, *, home: bool = False) -> None:
        self._settings = settings
        self._home = home
        self._lock = threading.Lock()
        self._opened: dict[str, Buckets] = {}

    def resolve(self, uri: str, auth: Mapping[str, Any] | None) -> tuple[Store, str, Location]:
        """Store and key of a URI.

        Raises:
            TrainshedError: it is no URI of a bucket, or there is no such bucket.
        """
        location = parse_uri(uri)
        store, key = self._buckets(auth).resolve(location)
        if isinstance(store, FolderStore) and not location.bucket:
            raise NotFound(f"{uri} is in no bucket", code=Code.BUCKET_NOT_FOUND)
        return store, key, location

    def _buckets(self, auth: Mapping[str, Any] | None) -> Buckets:
        name = json.dumps(auth, sort_keys=True) if auth else self._home_state()
        with self._lock:
            if name not in self._opened:
                self._opened[name] = Buckets(self._with(auth), local=False)
            return self._opened[name]

    def _home_state(self) -> str:
        return ",".join(sorted(_embedded())) if self._home else ""

    def _with(self, auth: Mapping[str, Any] | None) -> Settings:
        """The settings, with what the script gave over those of S3 buckets."""
        own = _embedded() if self._home else {}
        if not auth:
            return {**own, **self._settings}
        given = {_NAMES.get(name, name): value for name, value in auth.items()}
        if "endpoint" in given:
            return {ANY: {"kind": "s3", **given}}
        changed = {
            name: {**settings, **given} if settings.get("kind") != "folder" else settings
            for name, settings in self._settings.items()
        }
        return {**own, **changed}


def _embedded() -> dict[str, dict[str, str]]:
    """The embedded buckets of this user's state folder."""
    folder: Path = default_home() / "buckets"
    if not folder.is_dir():
        return {}
    return {each.name: {"kind": "folder", "path": str(each)} for each in folder.iterdir() if each.is_dir()}
