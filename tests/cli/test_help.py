"""Every command explains itself, and does so at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer

from tests.cli.conftest import COMMAND
from trainshed.cli.app import PARTS, assemble


def _commands(group: typer.main.TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))  # pyright: ignore
        else:
            yield (*path, name)


COMMANDS = list(_commands(typer.main.get_command(assemble())))  # pyright: ignore


def test_the_commands_of_the_issue_are_there() -> None:
    wanted = """up, run, doctor, jobs list, jobs show, jobs logs, jobs events, jobs metrics, jobs stop,
        jobs delete, jobs why, algorithms create, algorithms list, algorithms show, algorithms delete,
        engines list, engines show, engines build, pools list"""
    assert {tuple(words.split()) for words in wanted.split(",")} <= set(COMMANDS)


def test_a_command_alone_is_assembled_as_with_all_others() -> None:
    assert {words[0] for words in COMMANDS} == {word for words in PARTS.values() for word in words} | {
        "version"
    }
    for words in PARTS.values():
        for word in words:
            alone = set(_commands(typer.main.get_command(assemble(word))))  # pyright: ignore
            assert alone == {path for path in COMMANDS if path[0] in (*words, "version")}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_with_examples(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [*COMMAND, *words, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert done.stderr == ""
    if words != ("version",):
        assert f"trainshed {' '.join(words)}" in done.stdout.partition("Examples:")[2]


@pytest.mark.parametrize("words", ["", *sorted({words[0] for words in COMMANDS if len(words) > 1})])
def test_a_group_alone_shows_its_commands(words: str) -> None:
    done = subprocess.run([*COMMAND, *words.split()], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "Commands:" in done.stdout


def test_help_and_version_load_nothing_heavy() -> None:
    """What makes the command quick: none of these is imported before it is needed."""
    heavy = ("httpx", "rich", "pydantic", "fastapi", "sqlalchemy", "uvicorn", "obstore", "trainshed.server")
    code = f"""
import sys
sys.argv = ["trainshed", "--help"]
from trainshed.cli import main
try:
    main()
except SystemExit:
    pass
print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "[]"


def test_version() -> None:
    import trainshed

    done = subprocess.run([*COMMAND, "version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == trainshed.__version__
