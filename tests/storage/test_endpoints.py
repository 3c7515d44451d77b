"""How a server is reached: over TLS with an authority of one's own, by region, by either kind of address."""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from tests.server.running import Running, running
from tests.servers.seaweedfs import ACCESS_KEY, SECRET_KEY, SeaweedFS
from trainshed.cli.app import assemble
from trainshed.core.errors import Code, InvalidInput, TrainshedError, Unavailable
from trainshed.storage import Buckets, open_store
from trainshed.storage.s3 import S3Store

DOMAIN = "s3.trainshed.test"
NAME = "endpoints"


@dataclass
class Secure:
    """A server with a certificate that no system knows, and the authority that made it."""

    server: SeaweedFS
    authority: Path

    def settings(self, **more: Any) -> dict[str, Any]:
        return self.server.bucket_settings() | {"ca": self.authority.read_text()} | more


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A key, and a certificate for loopback that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "trainshed tests")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName(f"*.{DOMAIN}")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    return folder / "key.pem", folder / "cert.pem"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = _certificate(folder)
    flags = [f"-s3.key.file={key}", f"-s3.cert.file={certificate}", f"-s3.domainName={DOMAIN}"]
    with SeaweedFS.start(folder / "server", extra=flags) as server:
        found = Secure(server, certificate)
        store = open_store(NAME, found.settings())
        assert isinstance(store, S3Store)
        store.make_bucket()
        store.close()
        yield found


def _round_trip(settings: dict[str, Any], tmp_path: Path) -> None:
    """Small files and one that moves in parts, up and down."""
    source, uri = tmp_path / "source", f"s3://{NAME}/{uuid.uuid4().hex}/"
    source.mkdir()
    for name, size in {"a": 10, "b c": 20_000, "large": 34 << 20}.items():
        (source / name).write_bytes(os.urandom(size))
    buckets = Buckets({NAME: settings})
    assert buckets.upload(source, uri).files == 3
    assert buckets.download(uri, tmp_path / "back").files == 3
    for path in source.iterdir():
        assert (tmp_path / "back" / path.name).read_bytes() == path.read_bytes()
    buckets.close()


def test_an_authority_of_ones_own(secure: Secure, tmp_path: Path) -> None:
    _round_trip(secure.settings(), tmp_path)


def test_an_unknown_authority_is_refused_at_once(secure: Secure) -> None:
    buckets = Buckets({NAME: secure.server.bucket_settings() | {"patience_s": 600.0}})
    with pytest.raises(Unavailable, match="certificate is not trusted") as caught:
        list(buckets.list(f"s3://{NAME}/"))
    assert caught.value.code == Code.STORAGE_UNREACHABLE
    buckets.close()


def test_certificates_are_not_looked_at_only_where_that_was_said(secure: Secure, tmp_path: Path) -> None:
    _round_trip(secure.server.bucket_settings() | {"verify_tls": False}, tmp_path)


@pytest.mark.parametrize(
    "ca", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate(secure: Secure, ca: str) -> None:
    with pytest.raises(InvalidInput, match="PEM"):
        open_store(NAME, secure.settings(ca=ca))


def test_a_stalled_server_is_given_up_over_tls_too(secure: Secure) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"https://127.0.0.1:{silent.getsockname()[1]}"
        buckets = Buckets({NAME: secure.settings(endpoint=endpoint, timeout_s=0.3, patience_s=0.1)})
        with pytest.raises(Unavailable):
            list(buckets.list(f"s3://{NAME}/"))
        buckets.close()


def test_any_region(secure: Secure, tmp_path: Path) -> None:
    _round_trip(secure.settings(region="cn-north-4"), tmp_path)


def test_the_bucket_before_the_hosts_name(
    secure: Secure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        """As a name server would that sends every bucket's name to the one server."""
        if str(host).endswith(DOMAIN):
            asked.append(str(host))
            host = "127.0.0.1"
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    endpoint = f"https://{DOMAIN}:{secure.server.port}"
    _round_trip(secure.settings(endpoint=endpoint, path_style=False), tmp_path)
    assert set(asked) == {f"{NAME}.{DOMAIN}"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("service") / "home") as server:
        yield server


def _add(secure: Secure, *options: str) -> str:
    """``trainshed storage add``, and the name of the bucket."""
    name = f"e{uuid.uuid4().hex[:12]}"
    keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, "--bucket", NAME]
    words = ["storage", "add", name, "--endpoint", secure.server.endpoint, *keys, *options]
    result = CliRunner().invoke(assemble(), words)
    if isinstance(result.exception, TrainshedError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return name


@pytest.mark.parametrize(
    "options", [["--ca", "CA"], ["--ca", "CA", "--path-style", "--region", "eu-west-1"], ["--insecure"]]
)
def test_storage_add(
    options: list[str], secure: Secure, service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands, with and without the service, and the service itself reach the bucket."""
    monkeypatch.setenv("TRAINSHED_HOME", str(service.home))
    name = _add(secure, *(str(secure.authority) if word == "CA" else word for word in options))
    key = uuid.uuid4().hex
    (tmp_path / "file").write_text("over TLS")
    copied = CliRunner().invoke(assemble(), ["cp", str(tmp_path / "file"), f"obs://{name}/{key}"])
    assert copied.exit_code == 0, copied.output
    served = service.api.get(service.v2("objects"), params={"uri": f"obs://{name}/{key}"})
    assert served.text == "over TLS"
    listed = {b["name"]: b for b in service.api.get(service.v2("buckets")).json()["items"]}
    assert listed[name]["verify_tls"] == ("--insecure" not in options)
    assert listed[name]["path_style"] == (True if "--path-style" in options else None)


def test_storage_add_refuses_what_it_cannot_trust(
    secure: Secure, service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_HOME", str(service.home))
    with pytest.raises(TrainshedError, match="certificate is not trusted"):
        _add(secure)
    with pytest.raises(Unavailable, match="cannot be resolved"):
        _add(secure, "--ca", str(secure.authority), "--virtual-host")  # 127.0.0.1 has no names before it
