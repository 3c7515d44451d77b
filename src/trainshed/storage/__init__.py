"""Objects in buckets and on disk: read, written, listed, and copied in parallel.

>>> from trainshed.storage import Buckets
>>> buckets = Buckets({"data": {"kind": "folder", "path": "/srv/data"}})
>>> report = buckets.download("obs://data/mnist/", "/tmp/mnist")     # doctest: +SKIP
>>> report.files, report.bytes                                       # doctest: +SKIP
(70000, 54950048)

Standard library only: an agent imports this on a bare node. What brings a job's outputs to their place
while it runs is in :mod:`trainshed.storage.sync`.
"""

from trainshed.storage.base import ObjectInfo, Store
from trainshed.storage.buckets import Buckets, open_store
from trainshed.storage.cache import ObjectCache
from trainshed.storage.copy import CopyOptions
from trainshed.storage.engine import Cancelled
from trainshed.storage.report import CopyReport, ManifestEntry, Progress
from trainshed.storage.uri import Location, parse_uri

__all__ = [
    "Buckets",
    "Cancelled",
    "CopyOptions",
    "CopyReport",
    "Location",
    "ManifestEntry",
    "ObjectCache",
    "ObjectInfo",
    "Progress",
    "Store",
    "open_store",
    "parse_uri",
]
