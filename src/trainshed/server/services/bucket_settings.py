"""A bucket's row as the storage layer wants it; no SQLAlchemy, which a command that only copies can spare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from trainshed.server.auth.sealing import Sealer


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Where an S3 bucket is, and the keys that open it.

    Attributes:
        bucket: its name at the endpoint, where that differs from its name here.
        path_style: whether the bucket's name goes into the path, and not before the host's; None to tell by
            the address.
        ca: certificates (PEM) of the authority that the endpoint's own is checked by; empty for those of
            the system.
        verify_tls: False to take any certificate.
    """

    endpoint: str
    access_key: str
    secret_key: str
    region: str = ""
    bucket: str = ""
    path_style: bool | None = None
    ca: str = ""
    verify_tls: bool = True

    def place(self) -> dict[str, Any]:
        """All but the keys, as the table ``buckets`` keeps it."""
        place: dict[str, Any] = {"endpoint": self.endpoint, "region": self.region, "bucket": self.bucket}
        if self.path_style is not None:
            place["path_style"] = self.path_style
        if self.ca:
            place["ca"] = self.ca
        if not self.verify_tls:
            place["verify_tls"] = False
        return place


def settings_of(row: Mapping[Any, Any], sealer: Sealer, root: Path) -> dict[str, Any]:
    """Settings of the bucket in ``row``, keys included, as ``TaskSpec.buckets`` has them.

    Args:
        row: ``name``, ``kind``, ``settings`` and ``secret_sealed`` of the table ``buckets``.
        root: folder of the embedded buckets.
    """
    if row["kind"] == "folder":
        return {"kind": "folder", "path": str(root / row["name"])}
    access_key, secret_key = cast("list[str]", json.loads(sealer.open(row["secret_sealed"])))
    return s3_settings(S3Settings(access_key=access_key, secret_key=secret_key, **row["settings"]))


def s3_settings(s3: S3Settings) -> dict[str, Any]:
    """The same of a bucket at S3."""
    place = s3.place()
    if not s3.bucket:
        del place["bucket"]
    return {"kind": "s3", "access_key": s3.access_key, "secret_key": s3.secret_key, **place}
