"""Starting and stopping: one server a home, files only their owner reads, a clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.server.running import Running, environments, running
from trainshed.core.errors import Code, Conflict, InvalidInput
from trainshed.server.config import Settings, load_settings
from trainshed.server.run import Server

START = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from trainshed.server.config import Settings
from trainshed.server.run import serve
settings = Settings(home=Path(sys.argv[1]), port=0, environments=Path(sys.argv[2]))
serve(settings, lambda ready: print(json.dumps(asdict(ready)), flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(tmp_path: Path, number: signal.Signals):
    command = [sys.executable, "-W", "error", "-c", START, str(tmp_path / "home"), str(environments())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {ready['token']}"}
        url = f"{ready['endpoint']}/v2/{ready['project_id']}/algorithms"
        assert httpx.get(url, headers=headers, trust_env=False, timeout=60).status_code == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")


def test_a_home_has_one_server(server: Running):
    with pytest.raises(Conflict) as caught:
        Server(Settings(home=server.home, port=0))
    assert caught.value.code == Code.HOME_IN_USE


def test_a_port_that_is_taken_is_told_and_the_home_is_free_again(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port}") as caught:
            Server(Settings(home=tmp_path, port=port))
    assert caught.value.code == Code.ADDRESS_IN_USE
    Server(Settings(home=tmp_path, port=0)).close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_a_public_address_without_authentication_is_refused(tmp_path: Path, host: str):
    with pytest.raises(InvalidInput, match="without authentication"):
        Server(Settings(home=tmp_path, host=host, port=0, authentication=False))


@pytest.mark.parametrize("host", ["no such host", "999.1.1.1"])
def test_an_address_that_is_none_is_told(tmp_path: Path, host: str):
    with pytest.raises(InvalidInput, match="no address"):
        Server(Settings(home=tmp_path, host=host, port=0))


def test_credentials_outlive_the_server_and_name_where_it_is(tmp_path: Path):
    with running(tmp_path) as first:
        before = json.loads((tmp_path / "credentials.json").read_text())
        assert before["endpoint"] == first.endpoint
        assert json.loads((tmp_path / "endpoint.json").read_text()) == {
            "endpoint": first.endpoint,
            "pid": os.getpid(),
            "embedded": False,
        }
    with running(tmp_path) as second:
        after = json.loads((tmp_path / "credentials.json").read_text())
        assert {**after, "endpoint": ""} == {**before, "endpoint": ""}
        assert after["endpoint"] == second.endpoint
        assert second.api.get(second.v2("algorithms")).status_code == 200


@pytest.mark.parametrize("content", [None, "{", '{"project_id": "x"}', "[]"])
def test_lost_or_damaged_credentials_are_made_anew(tmp_path: Path, content: str | None):
    path = tmp_path / "credentials.json"
    with running(tmp_path) as first:
        project = first.project_id
    path.unlink() if content is None else path.write_text(content)
    with running(tmp_path) as second:
        assert second.project_id == project
        assert second.api.get(second.v2("algorithms")).status_code == 200
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_home_opens_the_same_database(serve: Callable[..., Running], postgresql, tmp_path: Path):
    url = postgresql.new_database()
    with running(tmp_path / "one", database_url=url) as first:
        project = first.project_id
    second = serve(tmp_path / "two", database_url=url)
    assert second.project_id == project
    assert second.api.get(second.v2("buckets")).status_code == 200


def test_settings_come_from_arguments_then_variables_then_defaults(tmp_path: Path):
    variables = {
        "TRAINSHED_HOME": str(tmp_path),
        "TRAINSHED_PORT": "9000",
        "TRAINSHED_LOCAL_PATHS": "no",
        "TRAINSHED_DATABASE_URL": "postgresql://u:p@db/shed",
    }
    settings = load_settings(variables, port=9001, host=None)
    assert (settings.home, settings.port, settings.host) == (tmp_path, 9001, "127.0.0.1")
    assert not settings.allows_local_paths
    assert settings.sqlalchemy_url() == "postgresql+psycopg://u:p@db/shed"
    assert load_settings({}).allows_local_paths
    assert not load_settings({}, host="0.0.0.0").allows_local_paths


@pytest.mark.parametrize(
    "variables",
    [
        {"TRAINSHED_PORT": "many"},
        {"TRAINSHED_PORT": "70000"},
        {"TRAINSHED_AUTHENTICATION": "perhaps"},
        {"TRAINSHED_SANDBOX": "docker"},
        {"TRAINSHED_HOST": "0.0.0.0", "TRAINSHED_AUTHENTICATION": "off"},
    ],
)
def test_settings_that_are_wrong_are_refused(variables: dict[str, str]):
    with pytest.raises(InvalidInput):
        load_settings(variables)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_what_counts_as_loopback(host: str, loopback: bool):
    assert Settings(host=host).loopback is loopback


def test_requests_over_ipv6_loopback(tmp_path: Path):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with running(tmp_path, host="::1") as server:
        assert server.endpoint.startswith("http://[::1]:")
        assert server.api.get("/healthz").status_code == 200
