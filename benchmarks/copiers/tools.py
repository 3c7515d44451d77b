"""One upload or download with one tool, in a process of its own; prints seconds and memory as JSON.

Run by ``benchmarks/storage.py``, each tool in the environment that it needs, so nothing of ours is
imported here but by the tools that are ours. The time does not include the interpreter's start and
imports, except for tools that are commands.
"""
# pyright: basic, reportMissingImports=false, reportMissingTypeStubs=false
# (the tools have no types, and most are installed elsewhere)

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

THREADS = 16
PART = 16 << 20
Copy = Callable[[str, str], Any]
Setup = Callable[[dict[str, str]], tuple[Copy, Copy]]


def _files(root: str) -> list[str]:
    return [os.path.join(d, f) for d, _, names in os.walk(root) for f in names]  # noqa: PTH118


def _each(work: Callable[[Any], Any], things: Iterable[Any]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, things))


def _below(prefix: str, key: str, root: str) -> Path:
    path = Path(root) / key[len(prefix) :]
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def trainshed(server: dict[str, str]) -> tuple[Copy, Copy]:
    from trainshed.storage import Buckets

    buckets = Buckets({server["bucket"]: {"kind": "s3", **server}})
    base = f"s3://{server['bucket']}/"

    def up(root: str, prefix: str) -> Any:
        return buckets.upload(root, base + prefix)

    def down(prefix: str, root: str) -> Any:
        return buckets.download(base + prefix, root)

    return up, down


def moxing(server: dict[str, str]) -> tuple[Copy, Copy]:
    from urllib.parse import urlsplit

    import moxing as mox

    where = urlsplit(server["endpoint"])
    mox.file.set_auth(
        ak=server["access_key"],
        sk=server["secret_key"],
        server=where.hostname,
        port=where.port,
        is_secure=False,
        path_style=True,
    )
    base = f"s3://{server['bucket']}/"
    mox.file.exists(base)  # in a job the gateway is there, too

    def up(root: str, prefix: str) -> Any:
        return mox.file.copy_parallel(root, base + prefix.rstrip("/"))

    def down(prefix: str, root: str) -> Any:
        return mox.file.copy_parallel(base + prefix.rstrip("/"), root)

    return up, down


def obstore(server: dict[str, str]) -> tuple[Copy, Copy]:
    import obstore
    from obstore.store import S3Store

    store = S3Store(
        server["bucket"],
        endpoint=server["endpoint"],
        access_key_id=server["access_key"],
        secret_access_key=server["secret_key"],
        region=server["region"],
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
    )

    def up(root: str, prefix: str) -> None:
        _each(lambda f: obstore.put(store, prefix + os.path.relpath(f, root), Path(f)), _files(root))

    def fetch(item: tuple[str, Path]) -> None:
        with item[1].open("wb") as out:
            for chunk in obstore.get(store, item[0]).stream(min_chunk_size=1 << 20):
                out.write(chunk)

    def down(prefix: str, root: str) -> None:
        keys = [str(o["path"]) for page in obstore.list(store, prefix=prefix) for o in page]
        _each(fetch, [(k, _below(prefix, k, root)) for k in keys])

    return up, down


def boto3(server: dict[str, str]) -> tuple[Copy, Copy]:
    import boto3
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    client: Any = boto3.client(
        "s3",
        endpoint_url=server["endpoint"],
        aws_access_key_id=server["access_key"],
        aws_secret_access_key=server["secret_key"],
        region_name=server["region"],
        config=Config(max_pool_connections=64),
    )
    bucket = server["bucket"]
    config = TransferConfig(max_concurrency=THREADS, multipart_chunksize=PART)

    def up(root: str, prefix: str) -> None:
        def one(f: str) -> None:
            client.upload_file(f, bucket, prefix + os.path.relpath(f, root), Config=config)

        _each(one, _files(root))

    def down(prefix: str, root: str) -> None:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [o["Key"] for page in pages for o in page.get("Contents", [])]
        _each(lambda k: client.download_file(bucket, k, str(_below(prefix, k, root)), Config=config), keys)

    return up, down


def s3fs(server: dict[str, str]) -> tuple[Copy, Copy]:
    import s3fs

    fs: Any = s3fs.S3FileSystem(
        key=server["access_key"], secret=server["secret_key"], endpoint_url=server["endpoint"]
    )
    base = server["bucket"] + "/"

    def up(root: str, prefix: str) -> Any:
        return fs.put(root.rstrip("/") + "/", base + prefix, recursive=True)

    def down(prefix: str, root: str) -> Any:
        return fs.get(base + prefix, root.rstrip("/") + "/", recursive=True)

    return up, down


def esdk_obs(server: dict[str, str]) -> tuple[Copy, Copy]:
    from obs import ObsClient  # type: ignore[import-not-found]

    client: Any = ObsClient(
        access_key_id=server["access_key"],
        secret_access_key=server["secret_key"],
        server=server["endpoint"],
        path_style=True,
        signature="v4",
        region=server["region"],
    )
    bucket = server["bucket"]

    def up(root: str, prefix: str) -> None:
        def one(f: str) -> None:
            key = prefix + os.path.relpath(f, root)
            if os.path.getsize(f) > 2 * PART:  # noqa: PTH202
                answer = client.uploadFile(bucket, key, f, PART, THREADS // 4)
            else:
                answer = client.putFile(bucket, key, f)
            assert answer.status < 300, answer.errorMessage

        _each(one, _files(root))

    def down(prefix: str, root: str) -> None:
        items: list[tuple[str, int]] = []
        marker = None
        while True:
            page = client.listObjects(bucket, prefix=prefix, marker=marker).body
            items += [(o.key, o.size) for o in page.contents]
            if not page.is_truncated:
                break
            marker = page.next_marker or items[-1][0]

        def one(item: tuple[str, int]) -> None:
            path = str(_below(prefix, item[0], root))
            if item[1] > 2 * PART:
                answer = client.downloadFile(bucket, item[0], path, PART, THREADS // 4)
            else:
                answer = client.getObject(bucket, item[0], downloadPath=path)
            assert answer.status < 300, answer.errorMessage

        _each(one, items)

    return up, down


def rclone(server: dict[str, str]) -> tuple[Copy, Copy]:
    remote = (
        f":s3,provider=Other,endpoint='{server['endpoint']}',access_key_id={server['access_key']},"
        f"secret_access_key={server['secret_key']},region={server['region']}:{server['bucket']}/"
    )
    flags = [f"--transfers={THREADS}", f"--checkers={THREADS}", "--config=/dev/null", "--s3-no-check-bucket"]
    environment = {k: v for k, v in os.environ.items() if k != "AWS_CA_BUNDLE"}

    def run(source: str, target: str) -> None:
        command = ["rclone", "copy", *flags, source, target]
        subprocess.run(command, check=True, stderr=subprocess.PIPE, env=environment)

    return lambda root, prefix: run(root, remote + prefix), lambda prefix, root: run(remote + prefix, root)


def s5cmd(server: dict[str, str]) -> tuple[Copy, Copy]:
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": server["access_key"],
        "AWS_SECRET_ACCESS_KEY": server["secret_key"],
        "AWS_REGION": server["region"],
    }
    binary = str(Path(sys.executable).with_name("s5cmd"))

    def run(source: str, target: str) -> None:
        command = [binary, f"--endpoint-url={server['endpoint']}", "--numworkers=16", "cp", source, target]
        done = subprocess.run(command, check=True, capture_output=True, env=environment)
        assert not done.stderr, done.stderr[:500]

    base = f"s3://{server['bucket']}/"
    return (
        lambda root, prefix: run(root.rstrip("/") + "/", base + prefix),
        lambda prefix, root: run(base + prefix + "*", root.rstrip("/") + "/"),
    )


def trainshed_cp(server: dict[str, str]) -> tuple[Copy, Copy]:
    binary = str(Path(sys.executable).with_name("trainshed"))
    base = f"obs://{server['alias']}/"

    def run(source: str, target: str) -> None:
        subprocess.run([binary, "cp", "--quiet", source, target], check=True, capture_output=True)

    return lambda root, prefix: run(root, base + prefix), lambda prefix, root: run(base + prefix, root)


TOOLS: dict[str, Setup] = {
    "trainshed": trainshed,
    "trainshed cp": trainshed_cp,
    "moxing": moxing,
    "obstore": obstore,
    "rclone": rclone,
    "s5cmd": s5cmd,
    "boto3": boto3,
    "esdk-obs": esdk_obs,
    "s3fs": s3fs,
}


def _helpers() -> list[int]:
    """Processes that this one has started and that still run: moxing's gateway."""
    found = {int(p.name): _stat(p) for p in Path("/proc").iterdir() if p.name.isdigit()}
    return [pid for pid, stat in found.items() if stat[1:2] == [str(os.getpid())]]


def _stat(process: Path) -> list[str]:
    """State, parent and what follows; empty where it has ended."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


class _Peak:
    """Highest memory of this process, or of its helper, less what the page cache lends it."""

    def __init__(self) -> None:
        self._watched = _helpers() or [os.getpid()]
        self.mib = 0.0
        self._stop = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.look()

    def look(self) -> None:
        for pid in self._watched:
            status = Path(f"/proc/{pid}/status").read_text()
            rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
            self.mib = max(self.mib, rss / 1024)

    def stop(self) -> None:
        self._stop.set()
        self.look()


def _cpu(helpers: list[int]) -> float:
    """Seconds of this process, those that it waited for, and its helpers."""
    total = sum(os.times()[:4])
    for pid in helpers:
        stat = _stat(Path(f"/proc/{pid}"))
        total += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return total


def main() -> None:
    tool, direction, source, target = sys.argv[1:5]
    server: dict[str, str] = json.loads(sys.stdin.read())
    up, down = TOOLS[tool](server)
    peak = _Peak()
    helpers = _helpers()
    before, began = _cpu(helpers), time.perf_counter()
    (up if direction == "up" else down)(source, target)
    seconds = time.perf_counter() - began
    cpu = _cpu(helpers) - before
    peak.stop()
    print(json.dumps({"seconds": seconds, "cpu_s": cpu, "memory_mib": round(peak.mib, 1)}))


if __name__ == "__main__":
    main()
