"""What says that a task's outputs are whole: a manifest, and after it a marker."""

from __future__ import annotations

import json
import time

from trainshed.core.errors import Code, NotFound
from trainshed.storage.base import Store
from trainshed.storage.buckets import Buckets
from trainshed.storage.copy import OWN
from trainshed.storage.folder import FolderStore
from trainshed.storage.sync_state import SyncState, digest

COMMITTED = "committed"
_MANIFEST = "manifest.jsonl"


def own_key(prefix: str, name: str, kind: str) -> str:
    """The key of the manifest or marker of the task ``name`` whose outputs lie under ``prefix``."""
    return f"{prefix}{OWN}{name}.{kind}"


def commit(store: Store, prefix: str, name: str, state: SyncState) -> None:
    """Write the manifest of what is stored, and then the marker."""
    lines = "".join(state.manifest()).encode(errors="surrogateescape")
    store.write(own_key(prefix, name, _MANIFEST), lines)
    marker = {
        "files": len(state),
        "bytes": state.bytes,
        "manifest_sha256": digest(lines),
        "time": time.time(),
    }
    store.write(own_key(prefix, name, COMMITTED), json.dumps(marker).encode())


def destination(buckets: Buckets, uri: str) -> tuple[Store, str]:
    """The store and the prefix of an output's URI; a local directory is a store of its own."""
    store, key = buckets.resolve(uri)
    prefix = key if not key or key.endswith("/") else key + "/"
    if isinstance(store, FolderStore) and not store.root:
        return FolderStore("/" + prefix, "/" + prefix), ""
    return store, prefix


def committed(buckets: Buckets, uri: str, name: str = "worker-0") -> bool:
    """Whether a task's outputs under ``uri`` are whole."""
    store, prefix = destination(buckets, uri)
    try:
        store.stat(own_key(prefix, name, COMMITTED))
    except NotFound as error:
        if error.code == Code.BUCKET_NOT_FOUND:
            raise
        return False
    return True
