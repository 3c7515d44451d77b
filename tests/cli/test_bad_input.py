"""Bad input is answered with one sentence that names the next step, and nothing is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

SENTENCES = [
    ("run nothing.py", 125, "nothing.py: there is no such file; name the training script"),
    ("run sub", 125, "sub: it is a folder; name the training script"),
    (
        "run train.py --code-dir sub",
        125,
        "train.py is not in the code directory sub: choose one that holds it",
    ),
    (
        "run train.py -- data",
        125,
        "'data' belongs to no option: give every value as --name=value or --name value",
    ),
    (
        "run train.py -- -n 5",
        125,
        "'-n' is a short option: give it by its long name, as --name=value",
    ),
    ("run train.py -i data_url=./nope", 125, "input data_url: there is no ./nope: check the path"),
    (
        "run train.py -i data_url=empty",
        125,
        "input data_url: empty is an empty folder: put the data there first",
    ),
    ("run train.py -i data_url", 125, "--input 'data_url' is not NAME=VALUE"),
    ("run train.py -o a=x -o a=y", 125, "--output a is given twice: keep one"),
    (
        "run train.py -i b!d=sub",
        125,
        "parameter name 'b!d' is not allowed: use 1 to 64 letters, digits, '_' or '-'",
    ),
    (
        "run train.py --env 1A=b",
        125,
        "environment variable '1A' is not a name: use letters, digits and '_'",
    ),
    (
        "run train.py --env A=$x",
        125,
        "environment variable A has a '$' or NUL in its value: leave it out",
    ),
    (
        "algorithms create a train.py -p :Foo",
        1,
        "--parameter ':Foo' is not NAME[:TYPE][=DEFAULT] with a type of String, Integer, Float, Boolean",
    ),
    (
        "jobs list",
        1,
        "the service http://127.0.0.1:9 does not answer (Connection refused): start it with 'trainshed up', "
        "or check its address",
    ),
    ("up --port 99999", 1, "port 99999 is not between 0 and 65535"),
]


@pytest.fixture
def nowhere(tmp_path: Path) -> Shell:
    """The command where the service that is named is not there, and none may be started."""
    variables = {"TRAINSHED_ENDPOINT": "http://127.0.0.1:9", "TRAINSHED_TOKEN": "t"}
    for name in ("empty", "sub"):
        (tmp_path / name).mkdir()
    (tmp_path / "sub" / "x").touch()
    (tmp_path / "train.py").touch()
    return Shell(tmp_path, tmp_path / "home", variables)


@pytest.mark.parametrize(("words", "code", "sentence"), SENTENCES, ids=[words for words, _, _ in SENTENCES])
def test_sentence(nowhere: Shell, words: str, code: int, sentence: str) -> None:
    done = nowhere.run(*words.split())
    assert done.stderr == f"trainshed: {sentence}\n"
    assert done.stdout == ""
    assert done.returncode == code


def test_json_has_the_code_too(nowhere: Shell) -> None:
    done = nowhere.run("run", "nothing.py", "--json")
    assert json.loads(done.stdout) == {
        "error_code": "TrainShed.1004",
        "error_msg": "nothing.py: there is no such file; name the training script",
    }
    assert done.returncode == 125


@pytest.mark.parametrize("words", ["run", "rum", "run train.py --nodes 0", "jobs logs x --tail -1"])
def test_wrong_usage(nowhere: Shell, words: str) -> None:
    done = nowhere.run(*words.split())
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "-h' for help" in done.stderr


def test_no_token(tmp_path: Path) -> None:
    done = Shell(tmp_path, tmp_path, {"TRAINSHED_ENDPOINT": "http://127.0.0.1:9"}).run("jobs", "list")
    assert "TRAINSHED_TOKEN is not: set it to a token of that service" in done.stderr


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = Shell(tmp_path, tmp_path / "file" / "home").run("jobs", "list")
    assert done.stderr == f"trainshed: Not a directory {tmp_path}/file/home\n"
    assert done.returncode == 1
