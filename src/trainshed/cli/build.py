"""Building an engine's environment, with its log and how far it is."""

from __future__ import annotations

import sys
from pathlib import Path

from trainshed.cli import output, service
from trainshed.cli.options import FAILED
from trainshed.cli.steps import Steps
from trainshed.client import Client, Engine
from trainshed.client.models import section


def build_engine(engine: str, home: Path | None, *, as_json: bool) -> int:
    """Build, and follow it to its end; returns the exit code."""
    with service.client(home) as client:
        found = client.engines.build(engine)
        while found.state == "building":
            _follow(client, found, quiet=as_json)
            found = client.engines.show(found.id)
    if as_json:
        output.print_json(found)
    if found.state != "ready":
        reason = str(section(found.raw, "environment").get("error") or "the log above says why")
        output.say(f"trainshed: {found.id} is {found.state}: {reason}")
        return FAILED
    if not as_json:
        output.say(f"{found.id} is ready, {output.size_text(found.size)}")
    return 0


def build_offline(engine: str, wheelhouse: Path, home: Path | None, *, as_json: bool) -> int:
    """Build from a folder of wheels, here and without the service; returns the exit code."""
    from trainshed.cli.environments import here, show
    from trainshed.core.errors import Code, InvalidInput

    if not wheelhouse.is_dir():
        raise InvalidInput(f"{wheelhouse} is no folder of wheels", code=Code.FIELD_INVALID)
    catalogue, environments = here(home)
    found = catalogue.newest(engine)
    environments.ensure(found, show(quiet=as_json), wheelhouse=wheelhouse.absolute())
    state = environments.state(found)
    if as_json:
        output.print_json({"engine_id": found.id, **output.plain(state)})
    else:
        output.say(f"{found.id} is ready, {output.size_text(state.size)}")
    return 0


def _follow(client: Client, engine: Engine, *, quiet: bool) -> None:
    with Steps(quiet=quiet) as steps:
        for event in client.engines.follow_build(engine.id):
            data = section(event.data)
            if event.name == "log" and not quiet:
                steps.clear()
                sys.stderr.write(str(data["text"]))
            elif event.name == "progress":
                steps.share(f"building {engine.id}", int(data.get("percent") or 0), 100)
