"""Building an engine's environment, with its log and how far it is."""

from __future__ import annotations

from pathlib import Path

from trainshed.cli import output, service
from trainshed.cli.options import FAILED
from trainshed.cli.steps import Steps
from trainshed.client.models import section


def build_engine(engine: str, home: Path | None, *, as_json: bool) -> int:
    """Build, and follow it to its end; returns the exit code."""
    with service.client(home) as client:
        found = client.engines.build(engine)
        with Steps(quiet=as_json) as steps:
            for event in client.engines.follow_build(found.id):
                data = section(event.data)
                if event.name == "log" and not as_json:
                    steps.note(str(data["text"]).rstrip())
                elif event.name == "progress":
                    steps.progress(str(data.get("message", "")), data.get("percent"))
        found = client.engines.show(found.id)
    if as_json:
        output.print_json(found)
    ready = found.state == "ready"
    size = f", {output.size_text(found.size)}" if found.size else ""
    output.say(f"{found.id} is {found.state}" + (size if ready else ": the log above says why"))
    return 0 if ready else FAILED
