"""The commands put together, and what becomes of an error."""

from __future__ import annotations

import json
import os
import sys

import typer

from trainshed.cli import (
    algorithms,
    audit,
    credentials,
    doctor,
    engines,
    environments,
    jobs,
    notifications,
    pools,
    projects,
    run_command,
    storage,
    up,
    users,
)
from trainshed.cli.options import EXIT_CODES, FAILED, INTERRUPTED, OURS, Group
from trainshed.cli.terminal import guard, one_line
from trainshed.cli.words import said
from trainshed.core.errors import TrainshedError

app = typer.Typer(
    name="trainshed",
    help="Bring your training script, pick a preset engine, and it trains.",
    epilog=EXIT_CODES,
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
up.register(app)
run_command.register(app)
app.add_typer(jobs.app)
app.add_typer(algorithms.app)
environments.register(engines.app)
app.add_typer(engines.app)
app.add_typer(pools.app)
storage.register(app)
app.add_typer(users.app)
app.add_typer(projects.app)
app.add_typer(credentials.tokens)
app.add_typer(credentials.keys)
app.add_typer(notifications.app)
audit.register(app)
doctor.register(app)


@app.callback()
def options() -> None:
    """Bring your training script, pick a preset engine, and it trains."""


@app.command()
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
        app()
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
