"""``trainshed doctor``: whether this machine is ready, and what to do where it is not."""

from __future__ import annotations

import typer

from trainshed.cli.options import FAILED, AsJson, Home


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(as_json: AsJson = False, home: Home = None) -> None:
    """Check this machine: Python, tools, disk, memory, chips, interpreters, the service.

    Exits with 1 where something must be mended before jobs can run.

    \b
    Examples:
      trainshed doctor
      trainshed doctor --json
    """
    from trainshed.cli import output
    from trainshed.cli.checks import Verdict, run_checks
    from trainshed.core.home import default_home

    checks = run_checks((home or default_home()).absolute())
    if as_json:
        output.print_json(checks)
    else:
        for check in checks:
            print(f"{check.verdict.mark} {check.name}: {check.finding}")
            if check.next_step:
                print(f"    → {check.next_step}")
    if any(check.verdict is Verdict.BAD for check in checks):
        raise typer.Exit(FAILED)
