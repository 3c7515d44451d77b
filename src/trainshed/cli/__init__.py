"""The ``trainshed`` command. Everything heavy is imported only by the command that needs it."""

from __future__ import annotations


def main() -> None:
    """Entry point of the ``trainshed`` command."""
    from trainshed.cli.app import run

    run()
