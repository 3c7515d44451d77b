"""The few XML documents of S3 that we read and write. Pure."""

from __future__ import annotations

import datetime
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, field

from trainshed.storage.base import ObjectInfo

_NAMED = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a listing: objects and rolled-up directories, each in order."""

    objects: list[ObjectInfo] = field(default_factory=list[ObjectInfo])
    directories: list[str] = field(default_factory=list[str])
    next_marker: str = ""


@dataclass(frozen=True, slots=True)
class ListedPart:
    """A part of an upload that is at the server."""

    size: int
    etag: str


def _parse(body: bytes) -> ET.Element:
    return ET.fromstring(body)  # noqa: S314 (expat limits entity expansion)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def parse_list(body: bytes) -> ListPage:
    """Read a ``ListBucketResult`` (version 1, keys URL-encoded where it says so)."""
    root = _parse(body)
    space = root.tag.rpartition("}")[0]
    space = space + "}" if space else ""
    encoded = root.findtext(space + "EncodingType") == "url"
    tags = [space + name for name in ("Key", "Size", "LastModified", "ETag")]
    page = ListPage([_object(child, tags, encoded=encoded) for child in root.iter(space + "Contents")])
    for child in root.iter(space + "CommonPrefixes"):
        page.directories.append(_decoded(child.findtext(space + "Prefix", ""), encoded=encoded))
    if root.findtext(space + "IsTruncated") != "true":
        return page
    listed = [o.key for o in page.objects]
    last = max(listed + page.directories, default="") if page.directories else listed[-1] if listed else ""
    marker = _decoded(root.findtext(space + "NextMarker", ""), encoded=encoded)
    return ListPage(page.objects, page.directories, marker or last)


def _object(element: ET.Element, tags: list[str], *, encoded: bool) -> ObjectInfo:
    key, size, modified, etag = map(element.findtext, tags)
    key = _decoded(key or "", encoded=encoded)
    return ObjectInfo(
        key, int(size or 0), parse_iso(modified or ""), (etag or "").strip('"'), key.endswith("/")
    )


def _decoded(text: str, *, encoded: bool) -> str:
    if encoded and ("%" in text or "+" in text):
        return urllib.parse.unquote_plus(text)
    return text


def parse_parts(body: bytes) -> tuple[dict[int, ListedPart], str]:
    """Read a ``ListPartsResult``: parts by number, and after which number the next page begins."""
    root = _parse(body)
    top = {_name(child): child.text or "" for child in root}
    parts: dict[int, ListedPart] = {}
    for child in root:
        if _name(child) == "Part":
            f = {_name(each): each.text or "" for each in child}
            parts[int(f["PartNumber"])] = ListedPart(int(f.get("Size") or 0), f.get("ETag", "").strip('"'))
    return parts, top.get("NextPartNumberMarker", "") if top.get("IsTruncated") == "true" else ""


def parse_iso(text: str) -> float:
    """Seconds since the epoch of an ISO time; 0 where it is none."""
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def parse_http_date(text: str) -> float:
    """Seconds since the epoch of a ``Last-Modified`` header; 0 where it is none."""
    import email.utils  # late: it takes a while, and copies of trees do without

    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError):
        return 0.0


def first_text(body: bytes, name: str) -> str:
    """Text of the first element called ``name``, anywhere; empty where there is none."""
    try:
        root = _parse(body)
    except ET.ParseError:
        return ""
    return next((e.text or "" for e in root.iter() if _name(e) == name), "")


def delete_request(keys: Iterable[str]) -> bytes:
    """The body that deletes several objects at once."""
    objects = "".join(f"<Object><Key>{_text(key)}</Key></Object>" for key in keys)
    return f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()


def delete_errors(body: bytes) -> list[tuple[str, str, str]]:
    """Key, code and message of each object that was not deleted."""
    if not body.strip():
        return []
    wrong: list[tuple[str, str, str]] = []
    for element in _parse(body):
        if _name(element) == "Error":
            f = {_name(child): child.text or "" for child in element}
            wrong.append((f.get("Key", ""), f.get("Code", ""), f.get("Message", "")))
    return wrong


def complete_request(etags: Iterable[str]) -> bytes:
    """The body that puts the parts of an upload together."""
    parts = "".join(
        f"<Part><PartNumber>{i}</PartNumber><ETag>&quot;{_text(etag)}&quot;</ETag></Part>"
        for i, etag in enumerate(etags, 1)
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def is_xml_text(text: str) -> bool:
    """Whether ``text`` can stand in an XML document at all."""
    return all(c >= " " and c not in "\ufffe\uffff" for c in text)


def _text(text: str) -> str:
    for character, name in _NAMED:
        text = text.replace(character, name)
    return text
