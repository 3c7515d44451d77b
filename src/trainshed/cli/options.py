"""Options that many commands share, and the exit codes of all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

FAILED = 1
USAGE = 2
TIMED_OUT = 124
OURS = 125
INTERRUPTED = 130

EXIT_CODES = (
    "Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 130 interrupted. "
    "'run' gives the script's own code (128 + the signal that ended it), 124 when the job reached its "
    "time limit, 125 when it failed for a reason that is not the script's, 130 when it was stopped."
)

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="TRAINSHED_HOME",
        help="Folder that holds all state of the service.",
        show_default="trainshed in the user's data folder",
        show_envvar=True,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Raw = Annotated[
    bool,
    typer.Option("--raw", help="On a terminal, let the script's escape sequences through, whatever they do."),
]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="Id or name of the job.", show_default=False)]
Attempt = Annotated[
    int | None,
    typer.Option(
        "--attempt",
        min=0,
        help="Which start of the job, from 0; 'jobs show' lists them.",
        show_default="the newest",
    ),
]
Task = Annotated[str, typer.Option("--task", help="Which task of the job: worker-0, worker-1, …")]


class Group(TyperGroup):
    """Commands under one name; the name alone shows them, which is no error."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            print(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


def group(name: str, help_text: str) -> typer.Typer:
    """A group of commands, such as ``trainshed jobs``."""
    return typer.Typer(name=name, help=help_text, cls=Group, rich_markup_mode=None)
