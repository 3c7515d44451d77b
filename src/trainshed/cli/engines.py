"""``trainshed engines``: what a script can be trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trainshed.cli.options import INTERRUPTED, AsJson, Home

if TYPE_CHECKING:
    from trainshed.client import Engine

app = typer.Typer(
    name="engines", help="Engines and their environments.", no_args_is_help=True, rich_markup_mode=None
)

EngineName = Annotated[
    str,
    typer.Argument(
        metavar="ENGINE", help="Id, or a family such as pytorch for its newest.", show_default=False
    ),
]


@app.command("list")
def list_engines(as_json: AsJson = False, home: Home = None) -> None:
    """List the engines, what can run here, and why not where not.

    \b
    Examples:
      trainshed engines list
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.engines.list()
    if as_json:
        output.print_json(found)
        return
    rows = [
        (engine.id, engine.family, engine.python, "/".join(engine.chips), _here(engine)) for engine in found
    ]
    output.print_table(("ENGINE", "FAMILY", "PYTHON", "CHIPS", "HERE"), rows)


def _here(engine: Engine) -> str:
    return engine.state if engine.available else f"no: {engine.reason}"


@app.command()
def show(engine: EngineName, as_json: AsJson = False, home: Home = None) -> None:
    """Show one engine.

    \b
    Examples:
      trainshed engines show pytorch
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.engines.show(engine)
    if as_json:
        output.print_json(found.raw)
        return
    output.print_facts(
        [
            ("engine", found.id),
            ("family", found.family),
            ("version", found.version),
            ("python", found.python),
            ("chips", ", ".join(found.chips)),
            ("launcher", found.launcher),
            ("here", "yes" if found.available else f"no: {found.reason}"),
            ("environment", found.state),
            ("size", output.size_text(found.size) if found.size else ""),
            ("note", str(found.raw.get("note") or "")),
        ]
    )


@app.command()
def build(engine: EngineName, as_json: AsJson = False, home: Home = None) -> None:
    """Build the environment of an engine, so that its first job need not wait for it.

    \b
    Examples:
      trainshed engines build pytorch
    """
    from trainshed.cli.build import build_engine

    try:
        code = build_engine(engine, home, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(code)
