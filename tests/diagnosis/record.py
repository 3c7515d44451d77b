"""Runs the cases and keeps their logs: ``python -m tests.diagnosis.record [FAMILY/NAME ...]``.

Needs the engines' environments, bubblewrap and root for the cases with small disks.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.diagnosis.running import LOGS, Case, cases, python, run
from tests.servers import seaweedfs


def main() -> None:
    wanted = sys.argv[1:]
    chosen = [c for c in cases() if not wanted or any(c.id.startswith(w) for w in wanted)]
    base = Path(tempfile.mkdtemp(prefix="diagnosis-"))
    try:
        if any(case.s3 for case in chosen):
            with seaweedfs.shared(base) as server:
                _record(chosen, base, _s3(server))
        else:
            _record(chosen, base, {})
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _record(chosen: list[Case], base: Path, s3: dict[str, str]) -> None:
    for case in chosen:
        if python(case.engine) is None:
            print("skip", case.id, "(engine not built)")
            continue
        record = run(case, base / case.family / case.name, s3 if case.s3 else {})
        record.save(LOGS / case.family / case.name)
        print(case.id, [(e.rank, e.exit_code, e.signal, e.at) for e in record.ends], record.facts, flush=True)


def _s3(server: seaweedfs.SeaweedFS) -> dict[str, str]:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="x",
        aws_access_key_id=seaweedfs.ACCESS_KEY,
        aws_secret_access_key=seaweedfs.SECRET_KEY,
    )
    client.create_bucket(Bucket="training")
    keys = {"ACCESS_KEY": seaweedfs.ACCESS_KEY, "SECRET_KEY": seaweedfs.SECRET_KEY}
    return {"S3_ENDPOINT": server.endpoint, **keys}


if __name__ == "__main__":
    main()
