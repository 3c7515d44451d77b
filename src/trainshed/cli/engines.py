"""``trainshed engines``: what a script can be trained with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainshed.cli import environments
from trainshed.cli.options import INTERRUPTED, AsJson, Home, group

if TYPE_CHECKING:
    from trainshed.client import Engine
    from trainshed.client.models import Json

app = group("engines", "Engines and their environments.")


def register(main: typer.Typer) -> None:
    """Add the group."""
    main.add_typer(app)


EngineName = Annotated[
    str,
    typer.Argument(
        metavar="ENGINE", help="Id, or a family such as pytorch for its newest.", show_default=False
    ),
]

Wheelhouse = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Take packages from this folder alone.", show_default=False),
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
    from trainshed.client.models import section

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
            ("warm start", ", ".join(found.raw.get("warm") or ()) or "no"),
            ("note", str(found.raw.get("note") or "")),
            *_facts_of(section(found.raw, "environment")),
        ]
    )


def _facts_of(environment: Json) -> list[tuple[str, str]]:
    """What is known of an engine's environment."""
    from trainshed.cli import output

    built, used = (float(environment.get(name) or 0) for name in ("built_at", "used_at"))
    seconds = float(environment.get("build_seconds") or 0)
    return [
        ("environment", str(environment.get("state") or "")),
        ("size", output.size_text(int(environment.get("size") or 0)) if environment.get("size") else ""),
        ("built", f"{output.time_text(built)}, in {seconds:.0f} s" if built else ""),
        ("last used", output.time_text(used) if used else ""),
        ("build", str(environment.get("note") or "")),
        ("error", str(environment.get("error") or "")),
    ]


@app.command()
def build(engine: EngineName, offline: Wheelhouse = None, as_json: AsJson = False, home: Home = None) -> None:
    """Build the environment of an engine, so that its first job need not wait for it.

    With --offline it is built on this machine from the wheels of a folder alone, without the service
    and without a network. 'pip download -d FOLDER' on a machine that has one fills such a folder.

    \b
    Examples:
      trainshed engines build pytorch
      trainshed engines build xgboost --offline ./wheelhouse
    """
    from trainshed.cli.build import build_engine, build_offline

    try:
        if offline:
            code = build_offline(engine, offline, home, as_json=as_json)
        else:
            code = build_engine(engine, home, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(code)


@app.command()
def log(engine: EngineName, home: Home = None) -> None:
    """Print the log of the last build of an engine's environment.

    \b
    Examples:
      trainshed engines log pytorch
    """
    import sys

    from trainshed.cli import service

    with service.client(home) as client:
        sys.stdout.buffer.write(client.engines.build_log(engine))
    sys.stdout.flush()


environments.register(app)
