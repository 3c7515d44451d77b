"""``trainshed audit``: who changed what."""

from __future__ import annotations

from typing import Annotated

import typer

from trainshed.cli.options import AsJson, Home


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    *,
    project: Annotated[
        str, typer.Option(help="Only of this project; its admins may ask for that.", show_default="all")
    ] = "",
    user: Annotated[str | None, typer.Option(help="Only what this user did.", show_default=False)] = None,
    action: Annotated[
        str | None, typer.Option(help="Such as create_training_job.", show_default=False)
    ] = None,
    target: Annotated[str | None, typer.Option(help="Part of what it was about.", show_default=False)] = None,
    since: Annotated[
        str | None, typer.Option(help="From then on, as 2026-01-31T23:59:59Z.", show_default=False)
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before then.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 50,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """List every change that somebody made or tried to make, newest first.

    \b
    Examples:
      trainshed audit
      trainshed audit --project vision --user ann --json
      trainshed audit --action delete_training_job --since 2026-01-01T00:00:00Z
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.audit.list(
            project_id=client.projects.id_of(project) if project else "",
            limit=limit,
            user=user,
            action=action,
            target=target,
            start_time=since,
            end_time=until,
        )
    if as_json:
        output.print_json(found)
        return
    rows = [
        (
            output.moment_text(r["time"]),
            r["user_name"] or "nobody",
            r["action"],
            r["target"],
            r["status"] if r["status"] < 400 else f"{r['status']} {r['error_code']}",
            r["address"],
            r["credential"],
        )
        for r in found
    ]
    output.print_table(("TIME", "WHO", "ACTION", "TARGET", "OUTCOME", "FROM", "WITH"), rows)
