"""``trainshed run``: one script, from here to its result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainshed.cli import bad_days
from trainshed.cli.bad_days import Backoff, FinalCodes, HangAfter, OnHang, RestartCodes, RestartOn
from trainshed.cli.options import AsJson, Home


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", context_settings={"ignore_unknown_options": False})(run)


def run(
    *,
    file: Annotated[Path, typer.Argument(help="The training script.", show_default=False)],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- ARGUMENTS]",
            help="Hyperparameters, after --: each reaches the script as --name=value, in this order.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option("--engine", "-e", help="Engine: an id, or a family such as pytorch for its newest."),
    ] = "pytorch",
    python: Annotated[
        str,
        typer.Option(
            help="Instead of an engine: this Python, such as 3.11, with the packages of --requirements.",
            show_default=False,
        ),
    ] = "",
    requirements: Annotated[
        Path | None,
        typer.Option(
            help="requirements.txt or uv.lock that makes an engine with --python.", show_default=False
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input", "-i", metavar="NAME=PATH", help="Folder or URI that the script reads, as --NAME=dir/."
        ),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--output", "-o", metavar="NAME=PATH", help="Folder or URI for results, as --NAME=dir/."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Give the script what its outputs hold already, to go on from there."),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Name of the job.", show_default="made from the file's")
    ] = None,
    flavor: Annotated[
        str, typer.Option(help="What each node is to have.", show_default="the pool's smallest")
    ] = "",
    pool: Annotated[str, typer.Option(help="Where to run.", show_default="this machine")] = "",
    nodes: Annotated[int, typer.Option(min=1, help="How many nodes.")] = 1,
    processes: Annotated[
        int, typer.Option(min=0, help="Processes on each node.", show_default="one a card, one without cards")
    ] = 0,
    min_workers: Annotated[
        int,
        typer.Option(min=0, help="Elastic: go on with so few workers.", show_default="a fixed number"),
    ] = 0,
    logs: Annotated[
        str,
        typer.Option(
            metavar="TASKS",
            help="Of several nodes, whose logs to show: all, first, or numbers such as 0,3.",
            show_default="all of 16 nodes or fewer",
        ),
    ] = "",
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME=VALUE", help="Environment variable of the script."),
    ] = None,
    code_dir: Annotated[
        Path | None,
        typer.Option(help="Folder to ship; the script lies in it.", show_default="the script's own"),
    ] = None,
    gitignore: Annotated[
        bool, typer.Option("--gitignore", help="Leave out what .gitignore lists, too.")
    ] = False,
    priority: Annotated[int, typer.Option(min=1, max=3, help="1 to 3; higher goes first.")] = 1,
    max_hours: Annotated[
        int, typer.Option(min=0, help="Stop the script after so many hours.", show_default="never")
    ] = 0,
    restarts: Annotated[
        int, typer.Option(min=0, max=3, help="Start again after a fault that is not the script's, so often.")
    ] = 0,
    restart_on: RestartOn = None,
    restart_codes: RestartCodes = "",
    final_codes: FinalCodes = "",
    backoff: Backoff = 0,
    hang_action: OnHang = None,
    hang_after: HangAfter = 0,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", metavar="NAME=REGEX", help="Number to pick from the log by a regex with one group."
        ),
    ] = None,
    warm_start: Annotated[
        bool | None,
        typer.Option(
            "--warm-start/--no-warm-start",
            help="Fork the script from a process that has the framework imported already.",
            show_default="as the pool does",
        ),
    ] = None,
    description: Annotated[str, typer.Option(help="A note on the job.", show_default=False)] = "",
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once the job is created.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would run, and run nothing.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only what the script prints.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Run a training script, and show its log until it ends.

    The folder of FILE is shipped, less what .trainshedignore lists. The script's output goes to
    standard output, everything else to standard error; the exit code is the script's.
    Ctrl-C stops the job and waits for it; a second Ctrl-C leaves it running.
    Uses the service that runs in the home folder, or starts one that ends with its last job.

    \b
    Examples:
      trainshed run train.py --engine pytorch -- --lr 0.1
      trainshed run train.py -i data_url=./data -o train_url=./out -- --epochs 5
      trainshed run train.py --engine tensorflow --nodes 2 --env DEBUG=1
      trainshed run train.py --warm-start -- --lr 0.1
      trainshed run train.py -o train_url=./out --resume --restarts 3 --restart-on preemption=20
      trainshed run train.py --hang-action restart --restart-on hang=2 --hang-after 600
      trainshed run train.py --python 3.11 --requirements requirements.txt
      trainshed run train.py --dry-run --json
    """
    from trainshed.cli.launch import Options, launch

    options = Options(
        file=file,
        tokens=tuple(arguments or ()),
        engine=engine,
        inputs=tuple(inputs or ()),
        outputs=tuple(outputs or ()),
        resume=resume,
        name=name or "",
        flavor=flavor,
        pool=pool,
        nodes=nodes,
        logs=logs,
        processes=processes,
        env=tuple(env or ()),
        code_dir=code_dir,
        gitignore=gitignore,
        priority=priority,
        max_hours=max_hours,
        restarts=restarts,
        annotations=bad_days.as_annotations(
            restart_on=restart_on or (),
            restart_codes=restart_codes,
            final_codes=final_codes,
            backoff=backoff,
            hang_action=hang_action,
            hang_after=hang_after,
        ),
        metrics=tuple(metrics or ()),
        description=description,
        warm_start=warm_start,
        min_workers=min_workers,
        python=python,
        requirements=requirements,
    )
    raise typer.Exit(launch(options, home, detach=detach, dry_run=dry_run, quiet=quiet, as_json=as_json))
