"""Where a client looks for the service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainshed.client.connection import Connection, again, discover
from trainshed.core.errors import InvalidInput, Unauthenticated, Unavailable


def _home(root: Path, endpoint: str = "http://127.0.0.1:1234") -> Path:
    root.mkdir(exist_ok=True)
    (root / "credentials.json").write_text(json.dumps({"project_id": "p", "token": "t", "endpoint": "old"}))
    (root / "endpoint.json").write_text(json.dumps({"endpoint": endpoint, "pid": 1}))
    return root


def test_the_environment_names_a_service() -> None:
    environ = {
        "TRAINSHED_ENDPOINT": "https://shed.example/",
        "TRAINSHED_TOKEN": "t",
        "TRAINSHED_PROJECT": "p",
    }
    found = discover(environ=environ)
    assert found == Connection("https://shed.example", "p", "t")
    assert not found.local


def test_a_home_names_its_service(tmp_path: Path) -> None:
    home = _home(tmp_path / "home")
    found = discover(environ={"TRAINSHED_HOME": str(home)})
    assert found == Connection("http://127.0.0.1:1234", "p", "t", home)
    assert found.local


def test_a_home_that_is_given_wins(tmp_path: Path) -> None:
    environ = {"TRAINSHED_ENDPOINT": "https://shed.example", "TRAINSHED_TOKEN": "t"}
    assert discover(_home(tmp_path / "home"), environ).endpoint == "http://127.0.0.1:1234"


def test_an_embedded_service_is_found_on_its_new_port(tmp_path: Path) -> None:
    home = _home(tmp_path / "home")
    found = discover(home, {})
    _home(home, "http://127.0.0.1:4321")
    assert again(found).endpoint == "http://127.0.0.1:4321"


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="start one with 'trainshed up'"):
        discover(tmp_path / "none", {})


@pytest.mark.parametrize("endpoint", ["shed.example:80", "ftp://shed.example"])
def test_an_address_that_is_none(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="is no http:// or https:// address"):
        discover(environ={"TRAINSHED_ENDPOINT": endpoint, "TRAINSHED_TOKEN": "t"})


def test_a_token_is_missing() -> None:
    with pytest.raises(Unauthenticated, match="TRAINSHED_TOKEN is not"):
        discover(environ={"TRAINSHED_ENDPOINT": "https://shed.example"})


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://[::1]:2", True),
        ("http://10.0.0.1", False),
    ],
)
def test_which_services_see_our_files(endpoint: str, local: bool) -> None:
    assert Connection(endpoint).local is local
