"""The service's own log: nobody writes lines of their own into it, and no credentials are in it."""

from __future__ import annotations

import io
import logging
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import Service, Shell
from trainshed.core.errors import InvalidInput
from trainshed.server.log import LineFormatter, clean, configure


def test_a_record_is_one_line_and_a_traceback_is_indented():
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(LineFormatter())
    log = logging.Logger("x")
    log.addHandler(handler)
    log.warning("refused %s", "/a\nERROR forged\r\x1b]0;x\x07\u2028")
    try:
        int("odd\nERROR forged too")
    except ValueError:
        log.exception("failed")
    lines = out.getvalue().splitlines()
    assert "refused /a\\x0aERROR forged\\x0d\\x1b]0;x\\x07\\x2028" in lines[0]
    assert "failed" in lines[1]
    assert all(line.startswith("    ") for line in lines[2:])


@pytest.mark.parametrize(
    "text",
    ["Authorization: Bearer s3cr3t-token-text", "x-auth-token: s3cr3t-token", "postgresql://me:s3cr3t@h/db"],
)
def test_credentials_are_masked(text: str):
    assert "s3cr3t" not in clean(text)


def test_a_level_that_is_none_is_refused():
    with pytest.raises(InvalidInput, match="use debug"):
        configure("loud")


def test_a_path_cannot_forge_a_line(tmp_path: Path):
    service = Service(Shell(tmp_path, tmp_path / "home"))
    service.start()
    process = service._process
    try:
        address = urlsplit(service.ready["endpoint"])
        with socket.create_connection((address.hostname, address.port or 80), timeout=60) as raw:
            path = b"/agent/v1/jobs/x%0a2026-01-01%20ERROR%20forged%1b%5B2J/y"
            raw.sendall(
                b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            assert b" 404 " in raw.recv(4096)
    finally:
        assert process is not None
        process.terminate()
        _, told = process.communicate(timeout=60)
        service._process = None
    refused = [line for line in told.splitlines() if "forged" in line]
    assert len(refused) == 1
    assert "refused POST" in refused[0]
    assert "\x1b" not in told
