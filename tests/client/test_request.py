"""Arguments reach the script as single tokens, in their order, with their values unchanged."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.client.request import Argument, JobRequest, arguments_of, name_for, parse_arguments
from trainshed.core.errors import InvalidInput
from trainshed.core.names import check_name


@pytest.mark.parametrize(
    ("typed", "tokens"),
    [
        ("--lr 0.1", ["--lr=0.1"]),
        ("--lr=0.1 --epochs 3", ["--lr=0.1", "--epochs=3"]),
        ("--lr -0.1 --shift -.5 --bound -inf", ["--lr=-0.1", "--shift=-.5", "--bound=-inf"]),
        ("--amp", ["--amp"]),
        ("--amp --lr 1", ["--amp", "--lr=1"]),
        ("--empty=", ["--empty="]),
        ("--eq=a=b", ["--eq=a=b"]),
        ("--b 2 --a 1", ["--b=2", "--a=1"]),
    ],
)
def test_command_line(typed: str, tokens: list[str]) -> None:
    assert [argument.token for argument in parse_arguments(typed.split())] == tokens


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("data", "'data' belongs to no option: give every value as --name=value or --name value"),
        ("--lr 1 2", "'2' belongs to no option: give every value as --name=value or --name value"),
        ("-n 5", "'-n' is a short option: give it by its long name, as --name=value"),
    ],
)
def test_what_is_no_hyperparameter(typed: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_arguments(typed.split())
    assert caught.value.message == sentence


@given(st.text().filter(lambda text: "\x00" not in text))
def test_text_comes_back_from_argparse(text: str) -> None:
    (argument,) = parse_arguments(["--value=" + text])
    parser = argparse.ArgumentParser()
    parser.add_argument("--value")
    assert parser.parse_args([argument.token]).value == text


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (0.1, "--x=0.1"),
        (1e-7, "--x=1e-07"),
        (-3, "--x=-3"),
        (True, "--x=True"),
        ("数字", "--x=数字"),
        ([1, "a"], '--x=[1, "a"]'),
        ({"k": None}, '--x={"k": null}'),
        ("", "--x="),
        (None, "--x"),
    ],
)
def test_python_values(value: Any, token: str) -> None:
    assert arguments_of({"x": value})[0].token == token


def test_body_says_all_of_it() -> None:
    request = JobRequest(
        name="digits",
        code_dir="obs://b/code/",
        boot_file="train.py",
        engine="pytorch",
        inputs={"data_url": "obs://b/data/"},
        outputs={"train_url": "obs://b/out/"},
        predownload=frozenset({"train_url"}),
        by_environment=frozenset({"data_url"}),
        arguments=(Argument("lr", "0.1"), Argument("amp")),
        environments={"DEBUG": "1"},
        flavor="cpu-1",
        nodes=2,
        processes=4,
        priority=3,
        max_hours=2,
        restarts=1,
    )
    assert request.body() == {
        "kind": "job",
        "metadata": {
            "name": "digits",
            "description": "",
            "annotations": {"fault-tolerance/job-retry-num": "1"},
        },
        "algorithm": {
            "code_dir": "obs://b/code/",
            "boot_file": "train.py",
            "engine": {"engine_id": "pytorch"},
            "parameters": [{"name": "lr", "value": "0.1"}, {"name": "amp", "value": "", "flag": True}],
            "inputs": [
                {
                    "name": "data_url",
                    "remote": {"obs": {"obs_url": "obs://b/data/"}},
                    "access_method": "env",
                }
            ],
            "outputs": [
                {"name": "train_url", "remote": {"obs": {"obs_url": "obs://b/out/"}}, "predownload": True}
            ],
            "environments": {"DEBUG": "1"},
        },
        "spec": {
            "resource": {"flavor_id": "cpu-1", "node_count": 2, "processes": 4},
            "schedule_policy": {"priority": 3},
            "auto_stop": {"time_unit": "HOURS", "duration": 2},
        },
    }


@pytest.mark.parametrize("file", ["train.py", "my train!.py", "数字.py", ".py", "-x-.py", "a" * 90 + ".py"])
def test_made_names_are_allowed_and_new(file: str) -> None:
    assert check_name(name_for(file)) != name_for(file)
