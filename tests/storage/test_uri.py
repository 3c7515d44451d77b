"""What URIs mean, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.errors import Code, InvalidInput
from trainshed.storage import Location, parse_uri
from trainshed.storage.uri import check_key


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("obs://b1/k", Location("obs", "b1", "k")),
        ("s3://bucket/a/b/", Location("s3", "bucket", "a/b/")),
        ("S3://bucket/a", Location("s3", "bucket", "a")),
        ("obs://bucket", Location("obs", "bucket", "")),
        ("obs://bucket//lead", Location("obs", "bucket", "lead")),
        ("obs://b1/with space/é", Location("obs", "b1", "with space/é")),
        ("file:///tmp/x", Location("file", "", "/tmp/x")),
        ("file:///tmp/x%20y/", Location("file", "", "/tmp/x y/")),
        ("/tmp/../etc/", Location("file", "", "/etc/")),
    ],
)
def test_parsing(text: str, location: Location) -> None:
    assert parse_uri(text) == location
    assert parse_uri(str(location)) == location


def test_a_plain_path_is_taken_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_uri("data").key == str(tmp_path / "data")


@pytest.mark.parametrize(
    "bad",
    ["", "obs://", "obs:///key", "http://x/y", "gs://b/k", "obs://b/../c", "obs://b/a//c", "s3://b/x\x00", "s3://-b/k",
     "file://host/x", "obs://b/" + "k" * 1025],
)  # fmt: skip
def test_refused(bad: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_uri(bad)
    assert caught.value.code == Code.URI_INVALID
    assert len(caught.value.message) < 400


def test_a_location_grows() -> None:
    assert str(parse_uri("obs://b/a") / "x") == "obs://b/a/x"
    assert str(parse_uri("obs://b") / "x") == "obs://b/x"
    assert str(parse_uri("obs://b/a").as_directory()) == "obs://b/a/"
    assert parse_uri("obs://b/a/c/").name == "c"


@given(st.text(max_size=60))
def test_a_key_that_is_accepted_never_leads_out(key: str) -> None:
    try:
        check_key(key)
    except InvalidInput:
        return
    parts = key.removesuffix("/").split("/") if key else []
    assert ".." not in parts
    assert "." not in parts
    assert "" not in parts
    assert "\x00" not in key
    assert not key.startswith("/")
