"""Objects, buckets and code directories over HTTP."""

from __future__ import annotations

import hashlib
import io
import random
import socket
import tarfile
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.server.running import Running
from trainshed.core.errors import Code


def objects(server: Running, method: str, uri: str, **options) -> httpx.Response:
    query = {"uri": uri, **options.pop("params", {})}
    return server.api.request(method, server.v2("objects"), params=query, **options)


def listed(server: Running, uri: str, **query) -> list[str]:
    keys: list[str] = []
    marker = ""
    while True:
        params = {"uri": uri, **query, **({"marker": marker} if marker else {})}
        page = server.api.get(server.v2("objects/list"), params=params).raise_for_status().json()
        keys += [entry["key"] for entry in page["objects"]]
        marker = page.get("next_marker", "")
        if not marker:
            return keys


def refused(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    return answer.json()["error_msg"]


def tar(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_py", ".py"))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 9_000_000])
def test_an_object_comes_back_as_it_went(shared_server: Running, size: int):
    content = random.Random(size).randbytes(size)
    uri = f"obs://trainshed/sizes/{size}"
    assert objects(shared_server, "PUT", uri, content=content).json()["size"] == size
    answer = objects(shared_server, "GET", uri)
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert objects(shared_server, "DELETE", uri).json() == {"deleted": 1}
    refused(objects(shared_server, "GET", uri), 404, Code.OBJECT_NOT_FOUND)


@pytest.mark.parametrize("name", ["ä ö.txt", "a%20b", "手写.bin", "a+b&c=d", "x" * 200])
def test_odd_names_are_fine(shared_server: Running, name: str):
    uri = f"obs://trainshed/odd/{name}"
    objects(shared_server, "PUT", uri, content=b"x").raise_for_status()
    assert objects(shared_server, "GET", uri).content == b"x"
    assert listed(shared_server, "obs://trainshed/odd/") == [name]
    objects(shared_server, "DELETE", uri).raise_for_status()


def test_listing_goes_by_pages_and_levels(server: Running):
    for key in ("a/1", "a/2", "a/b/3", "c"):
        objects(server, "PUT", f"obs://trainshed/top/{key}", content=b"x")
    assert listed(server, "obs://trainshed/top", limit=1) == ["a/1", "a/2", "a/b/3", "c"]
    assert listed(server, "obs://trainshed/top/", recursive="false") == ["a/", "c"]
    assert listed(server, "/trainshed/top/a") == ["1", "2", "b/3"]
    assert objects(server, "DELETE", "obs://trainshed/top/a", params={"recursive": "true"}).json() == {
        "deleted": 3
    }
    assert listed(server, "obs://trainshed/top/") == ["c"]


@pytest.mark.parametrize(
    "uri",
    [
        "obs://trainshed/../secret.key",
        "obs://trainshed/a/../../../secret.key",
        "obs://trainshed/a//b",
        "obs://trainshed/./a",
        "obs:///a",
        "obs://..",
        "gopher://x/y",
        "",
        "obs://trainshed/" + "k" * 1100,
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_addresses_that_lead_out_are_refused(shared_server: Running, method: str, uri: str):
    answer = objects(shared_server, method, uri, **({"content": b"x"} if method == "PUT" else {}))
    assert answer.status_code == 400, answer.text


def test_a_link_in_a_bucket_does_not_lead_out(server: Running):
    bucket = server.home / "buckets" / "trainshed"
    (bucket / "out").symlink_to(server.home)
    (bucket / "key").symlink_to(server.home / "secret.key")
    for uri in ("obs://trainshed/out/secret.key", "obs://trainshed/key"):
        assert objects(server, "GET", uri).status_code in (400, 403, 404)
    assert objects(server, "PUT", "obs://trainshed/out/new", content=b"x").status_code in (400, 403, 404)
    assert not (server.home / "new").exists()


def test_local_files_are_read_by_the_admin_and_never_written(server: Running):
    path = server.home / "data.txt"
    path.write_text("here")
    assert objects(server, "GET", f"file://{path}").text == "here"
    refused(objects(server, "PUT", str(path), content=b"x"), 403, Code.LOCAL_PATH_FORBIDDEN)
    refused(objects(server, "DELETE", str(path)), 403, Code.LOCAL_PATH_FORBIDDEN)
    assert path.read_text() == "here"


def test_local_files_are_not_there_where_the_service_is_public(serve):
    server = serve(local_paths=False)
    refused(objects(server, "GET", "/etc/hostname"), 403, Code.LOCAL_PATH_FORBIDDEN)
    refused(objects(server, "GET", "file:///etc/hostname"), 403, Code.LOCAL_PATH_FORBIDDEN)


def test_an_object_over_the_limit_leaves_nothing(serve):
    server = serve(max_object_bytes=2_000_000)
    uri = "obs://trainshed/big"

    def chunks():
        for _ in range(30):
            yield b"x" * 100_000

    refused(objects(server, "PUT", uri, content=b"x" * 2_000_001), 413, Code.BODY_TOO_LARGE)
    refused(objects(server, "PUT", uri, content=chunks()), 413, Code.BODY_TOO_LARGE)
    assert listed(server, "obs://trainshed/") == []


def test_an_upload_that_breaks_off_leaves_nothing(server: Running):
    at = urlsplit(server.endpoint)
    path = f"{server.v2('objects')}?uri={quote('obs://trainshed/broken', safe='')}"
    head = (
        f"PUT {path} HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Length: 9000000\r\n"
        f"Authorization: Bearer {server.ready.token}\r\n\r\n"
    )
    with socket.create_connection((at.hostname, at.port)) as connection:
        connection.sendall(head.encode() + b"x" * 3_000_000)
    assert listed(server, "obs://trainshed/") == []
    assert objects(server, "PUT", "obs://trainshed/broken", content=b"ok").status_code == 200


def test_buckets_are_added_and_listed(server: Running):
    url = server.v2("buckets")
    assert server.api.post(url, json={"name": "data"}).status_code == 201
    assert [bucket["name"] for bucket in server.api.get(url).json()["items"]] == ["data", "trainshed"]
    objects(server, "PUT", "obs://data/x", content=b"1").raise_for_status()
    assert listed(server, "s3://data/") == ["x"]
    refused(server.api.post(url, json={"name": "data"}), 409, Code.NAME_TAKEN)
    for name in ("", "..", "a/b", "-", "x" * 100):
        assert server.api.post(url, json={"name": name}).status_code == 400, name
    refused(server.api.post(url, json={"name": "x", "kind": "ftp"}), 400, Code.FIELD_INVALID)
    gone = {"name": "x", "kind": "s3", "endpoint": "http://127.0.0.1:9", "access_key": "a", "secret_key": "b"}
    assert server.api.post(url, json=gone).status_code in (400, 503)
    refused(objects(server, "GET", "obs://nowhere/x"), 404, Code.BUCKET_NOT_FOUND)


def test_code_is_kept_once_for_each_content(server: Running):
    url = server.v2("code")
    archive = tar(train_py=b"print()", lib__a_py=b"x")
    sha = hashlib.sha256(archive).hexdigest()
    assert server.api.head(f"{url}/{sha}").status_code == 404
    first = server.api.post(url, content=archive).json()
    assert first == {
        "code_dir": f"obs://trainshed/code/{sha}/",
        "files": 2,
        "bytes": 8,
        "cached": False,
    }
    assert server.api.post(url, content=archive).json() == {**first, "cached": True}
    there = server.api.head(f"{url}/{sha}")
    assert (there.status_code, there.headers["x-code-dir"]) == (200, first["code_dir"])
    assert listed(server, first["code_dir"]) == ["lib/a.py", "train.py"]
    assert server.api.head(f"{url}/not-a-sha").status_code == 400
    assert list((server.home / "buckets" / ".staging").iterdir()) == []


def test_what_a_killed_upload_left_is_gone_after_the_next_start(serve, tmp_path: Path):
    left = tmp_path / "buckets" / ".staging" / "upload"
    left.mkdir(parents=True)
    (left / "archive.tar").write_bytes(b"half")
    server = serve(tmp_path)
    assert not left.exists()
    assert server.api.post(server.v2("code"), content=tar(train_py=b"x")).status_code == 200


def test_code_over_a_limit_leaves_nothing(serve):
    server = serve(max_code_files=3, max_code_bytes=1000)
    url = server.v2("code")
    refused(server.api.post(url, content=tar(**{f"f{i}": b"" for i in range(4)})), 413, Code.CODE_TOO_LARGE)
    refused(server.api.post(url, content=tar(f=b"x" * 1001)), 413, Code.CODE_TOO_LARGE)
    refused(server.api.post(url, content=b"x" * 500_000), 413, Code.BODY_TOO_LARGE)
    refused(server.api.post(url, content=b"no archive"), 400, Code.PATH_INVALID)
    refused(server.api.post(url, content=b""), 400, Code.PATH_INVALID)
    assert listed(server, "obs://trainshed/") == []
    assert list((server.home / "buckets" / ".staging").iterdir()) == []
