"""``trainshed up``: the service in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from trainshed.cli.options import AsJson, Home


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel="Service")(up)


def up(
    home: Home = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; any but a loopback address needs authentication.",
            show_default="127.0.0.1",
        ),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 for any free one.", show_default="8470")] = None,
    as_json: AsJson = False,
    until_idle: Annotated[
        float | None,
        typer.Option(
            help="End after so many seconds without a command that uses it or an unfinished job.",
            show_default="never",
        ),
    ] = None,
) -> None:
    """Start the service and run it until it is told to stop (Ctrl-C or SIGTERM).

    Jobs that run when it stops go on, and are found again by the next start.
    With --json it prints one line when it is ready.

    \b
    Examples:
      trainshed up
      trainshed up --home /data/shed --port 9000
      trainshed up --port 0 --json
    """
    from trainshed.cli.embedded import serve_home

    serve_home(home=home, host=host, port=port, as_json=as_json, until_idle=until_idle)
