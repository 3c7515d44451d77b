"""The commands put together, and what becomes of an error."""

from __future__ import annotations

import importlib
import json
import os
import sys

import typer

from trainshed.cli.options import EXIT_CODES, FAILED, INTERRUPTED, OURS, Group
from trainshed.cli.terminal import guard, one_line
from trainshed.cli.words import said
from trainshed.core.errors import TrainshedError

# Which module has which commands, in the order of the help.
PARTS = {
    "up": ("up",),
    "run_command": ("run",),
    "jobs": ("jobs",),
    "algorithms": ("algorithms",),
    "engines": ("engines",),
    "pools": ("pools",),
    "storage": ("ls", "cp", "sync", "cat", "du", "rm", "storage"),
    "users": ("users",),
    "projects": ("projects",),
    "credentials": ("tokens", "keys"),
    "notifications": ("notifications",),
    "audit": ("audit",),
    "doctor": ("doctor",),
}


def assemble(word: str = "") -> typer.Typer:
    """The command line; only the part that has the command ``word``, where one has, to start sooner."""
    main = typer.Typer(
        name="trainshed",
        help="Bring your training script, pick a preset engine, and it trains.",
        epilog=EXIT_CODES,
        cls=Group,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    main.callback()(options)
    for part in [name for name, words in PARTS.items() if word in words] or PARTS:
        importlib.import_module(f"trainshed.cli.{part}").register(main)
    main.command()(version)
    return main


def options() -> None:
    """Bring your training script, pick a preset engine, and it trains."""


def version() -> None:
    """Print the version."""
    from trainshed import __version__

    print(__version__)


def run() -> None:
    """Run the command line and exit; an error is one sentence, never a traceback."""
    # httpx brings a command line of its own along, which costs more to import than all the rest of it
    sys.modules.setdefault("httpx._main", None)  # pyright: ignore[reportArgumentType]
    if "--raw" not in _own_arguments():
        guard()
    try:
        assemble(sys.argv[1] if len(sys.argv) > 1 else "")()
    except TrainshedError as error:
        _exit(error)
    except KeyboardInterrupt:
        _leave(INTERRUPTED)
    except BrokenPipeError:
        _close_stdout()
        _leave(FAILED)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        _exit(TrainshedError(f"{error.strerror or error}{where}"))


def _exit(error: TrainshedError) -> None:
    arguments = _own_arguments()
    if "--json" in arguments:
        print(json.dumps({"error_code": error.code, "error_msg": error.message}, ensure_ascii=False))
    print(f"trainshed: {one_line(said(error.message))}", file=sys.stderr)
    _leave(OURS if arguments[:1] == ["run"] else FAILED)


def _own_arguments() -> list[str]:
    arguments = sys.argv[1:]
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _close_stdout() -> None:
    """Whoever read our output has gone: keep the interpreter from complaining at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(code: int) -> None:
    raise SystemExit(code)
