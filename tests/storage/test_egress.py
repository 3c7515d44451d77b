"""Where the service may connect to for its users."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.core.errors import Forbidden, InvalidInput, Unavailable
from trainshed.storage.egress import NEARBY, Egress, split_url
from trainshed.storage.s3_client import S3Settings

INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
]
OUTSIDE = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside_is_not_public(address: str):
    assert not Egress(["public"]).allows(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_outside_is_public(address: str):
    assert Egress(["public"]).allows(address)
    assert not Egress([]).allows(address)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_wrapped(address: ipaddress.IPv4Address):
    for policy in (Egress(["public"]), Egress(NEARBY), Egress(["10.0.0.0/8"])):
        wanted = policy.allows(str(address))
        assert policy.allows(f"::ffff:{address}") == wanted
        assert policy.allows(str(ipaddress.IPv6Address((0x0064FF9B << 96) | int(address)))) == wanted


def test_nearby_is_all_but_the_cloud_s_own_addresses():
    policy = Egress(NEARBY)
    assert all(
        policy.allows(a) for a in ("127.0.0.1", "::1", "10.0.0.1", "192.168.0.1", "8.8.8.8", "fd00::1")
    )
    assert not any(policy.allows(a) for a in ("169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1"))


def test_an_administrator_names_networks():
    policy = Egress(["public", "10.1.0.0/16", "fd00:1::/32"])
    assert policy.allows("10.1.2.3")
    assert policy.allows("fd00:1::5")
    assert not policy.allows("10.2.0.1")
    with pytest.raises(InvalidInput, match=r"10\.1\.0\.0/16"):
        Egress(["10.0.0.1/8"])
    with pytest.raises(InvalidInput):
        Egress(["intranet"])


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8470/v2",
        "http://localhost/",
        "http://0/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::]/",
        "https://169.254.169.254/latest/meta-data",
    ],
)
def test_every_way_to_write_an_address_inside_is_seen_through(url: str):
    with pytest.raises(Forbidden):
        Egress(["public"]).check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://x/",
        "http://",
        "http://user:pass@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com\\@127.0.0.1/",
        "http://exa mple.com/",
        "http://x/\r\nHost: y",
        "http://x:99999/",
        "http://[::1/",
    ],
)
def test_what_is_no_address_is_refused(url: str):
    with pytest.raises(InvalidInput):
        Egress(["public", "loopback"]).check_url(url)


def test_a_name_that_nobody_knows_is_said_so():
    with pytest.raises(Unavailable, match="is not known"):
        Egress(["public"]).check_url("http://nothing-there.invalid/")
    with pytest.raises(Unavailable, match="is not known"):
        Egress(["public"]).check_url(f"http://{'a' * 80}.example/")


def test_the_port_is_the_scheme_s_own_unless_it_is_said():
    assert [split_url(u)[1] for u in ("http://x", "https://x", "http://x:81")] == [80, 443, 81]


def test_a_bucket_s_settings_carry_where_its_endpoint_may_be():
    """Agents and the service look again at each connection, so a name may change as it likes."""
    settings = {"endpoint": "http://127.0.0.1:9", "access_key": "a", "secret_key": "s"}
    strict = S3Settings.parse("b", {**settings, "networks": ["public"]}).endpoint
    with pytest.raises(Forbidden):
        strict.connect(1.0)
    assert strict.for_bucket("b").networks == ("public",)
    with pytest.raises(ConnectionRefusedError):
        S3Settings.parse("b", {**settings, "networks": ["loopback"]}).endpoint.connect(1.0)
    with pytest.raises(ConnectionRefusedError):
        S3Settings.parse("b", settings).endpoint.connect(1.0)
