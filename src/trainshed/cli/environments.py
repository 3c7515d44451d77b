"""More of ``trainshed engines``: what is done to environments on this machine, without the service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainshed.cli.options import AsJson, Home

if TYPE_CHECKING:
    from trainshed.engines.catalogue import Catalogue
    from trainshed.engines.environments import Environments
    from trainshed.engines.runner import Progress, Watcher

_DAY_S = 86_400

EngineName = Annotated[
    str,
    typer.Argument(
        metavar="ENGINE", help="Id, or a family such as pytorch for its newest.", show_default=False
    ),
]
Days = Annotated[float, typer.Option("--unused-days", help="Only those not used for so many days.", min=0)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")]
File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add these commands to ``trainshed engines``."""
    app.command()(verify)
    app.command()(prune)
    app.command("export")(export)
    app.command("import")(import_)
    app.command()(check)


def verify(engine: EngineName, as_json: AsJson = False, home: Home = None) -> None:
    """Import the framework of an engine in its environment; a broken one is built anew at its next use.

    \b
    Examples:
      trainshed engines verify pytorch
    """
    from trainshed.cli import output

    catalogue, environments = here(home)
    found = catalogue.newest(engine)
    seconds = environments.verify(found, show(quiet=as_json))
    if as_json:
        output.print_json({"engine_id": found.id, "good": True, "import_seconds": seconds})
    else:
        output.say(f"{found.id} is good: its framework imports in {seconds:.1f} s")


def prune(
    unused_days: Days = 30, dry_run: DryRun = False, as_json: AsJson = False, home: Home = None
) -> None:
    """Remove environments that nobody used for long, and what crashed builds left.

    Engines that runs made with --python go as well, once their environment is gone, nobody has asked
    for them in that time, and no job that has not ended uses them.

    \b
    Examples:
      trainshed engines prune --unused-days 7 --dry-run
    """
    from trainshed.cli import output

    _, environments = here(home)
    removed = environments.prune(unused_s=unused_days * _DAY_S, dry_run=dry_run)
    forgotten = _forget(environments, {one.engine_id for one in removed}, unused_days * _DAY_S, home, dry_run)
    if as_json:
        output.print_json([*output.plain(removed), *({"engine_id": one, "made": True} for one in forgotten)])
        return
    for one in removed:
        output.say(f"{one.engine_id or 'an unfinished build'} ({output.size_text(one.size)}): {one.folder}")
    verb = "would be removed" if dry_run else "removed"
    for one in forgotten:
        output.say(f"{one}: made by a run, used by nobody")
    output.say(f"{output.count_text(len(removed), 'environment')} {verb}")


def _forget(
    environments: Environments, removed: set[str], unused_s: float, home: Path | None, dry_run: bool
) -> list[str]:
    """Forget the made engines that nobody uses; their ids."""
    from trainshed.cli import service
    from trainshed.engines import made
    from trainshed.engines.environments import State

    folder = engines_folder(home)
    gone = [
        engine.id
        for engine in made.unused(folder, unused_s)
        if engine.id in removed or environments.state(engine).state is State.ABSENT
    ]
    if not gone:
        return []
    with service.client(home) as client:
        live = client.jobs.list(phases=("Creating", "Pending", "Running", "Terminating"), limit=1000)
    used = {job.engine for job in live.jobs}
    forgotten = [engine_id for engine_id in gone if engine_id not in used]
    for engine_id in [] if dry_run else forgotten:
        made.forget(folder, engine_id)
    return forgotten


def export(engine: EngineName, file: File, as_json: AsJson = False, home: Home = None) -> None:
    """Write an engine's environment to a tar file, for a machine that has no network.

    \b
    Examples:
      trainshed engines export pytorch pytorch.tar.gz
    """
    from trainshed.cli import output
    from trainshed.engines import archive

    catalogue, environments = here(home)
    found = catalogue.newest(engine)
    size = archive.export(environments, found, file)
    if as_json:
        output.print_json({"engine_id": found.id, "file": str(file), "size": size})
    else:
        output.say(f"{found.id} is in {file}, {output.size_text(size)}")


def import_(file: File, as_json: AsJson = False, home: Home = None) -> None:
    """File an exported environment as the one of its engine here, and verify it.

    \b
    Examples:
      trainshed engines import pytorch.tar.gz
    """
    from trainshed.cli import output
    from trainshed.engines import archive

    catalogue, environments = here(home)
    found, interpreter = archive.import_(environments, catalogue, file, show(quiet=as_json))
    if as_json:
        output.print_json({"engine_id": found.id, "python": interpreter.python})
    else:
        output.say(f"{found.id} is ready")


def check(file: File, as_json: AsJson = False) -> None:
    """Check a TOML file of engines of your own; 'engines' in the home folder is where it goes.

    \b
    Examples:
      trainshed engines check mine.toml
    """
    from trainshed.cli import output
    from trainshed.engines import catalogue

    engines = catalogue.read(file)
    if as_json:
        output.print_json({"file": str(file), "engines": [engine.id for engine in engines]})
    else:
        named = ", ".join(engine.id for engine in engines)
        output.say(f"{file} is sound: {named}")


def here(home: Path | None) -> tuple[Catalogue, Environments]:
    """The catalogue and the environments of the service with this home."""
    from trainshed.engines import made
    from trainshed.engines.environments import Environments, default_root

    folder = engines_folder(home)
    return made.load(folder), Environments(default_root(folder.parent))


def engines_folder(home: Path | None) -> Path:
    """Where the service with this home keeps engines that are not preset."""
    from trainshed.core.home import default_home

    return (home or default_home()).absolute() / "engines"


def show(*, quiet: bool) -> Watcher:
    """Shows a build's progress, unless quiet."""

    def line(progress: Progress) -> None:
        if not quiet:
            sys.stderr.write(f"[{progress.percent:3.0f}%] {progress.line}\n")

    return line
