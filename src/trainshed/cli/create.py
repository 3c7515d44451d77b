"""``trainshed jobs create``: a job of an algorithm, or of code that lies in a bucket already."""

from __future__ import annotations

from typing import Annotated

import typer

from trainshed.cli import bad_days
from trainshed.cli.bad_days import Backoff, FinalCodes, HangAfter, OnHang, RestartCodes, RestartOn
from trainshed.cli.options import AsJson, Home

_Texts = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("create")(create)


def create(
    *,
    name: Annotated[str, typer.Argument(help="Name of the job.", show_default=False)],
    arguments: Annotated[
        _Texts,
        typer.Argument(
            metavar="[-- ARGUMENTS]",
            help="Hyperparameters, after --: each reaches the script as --name=value.",
            show_default=False,
        ),
    ] = None,
    algorithm: Annotated[str, typer.Option(help="Algorithm, by id or name.", show_default=False)] = "",
    code_dir: Annotated[str, typer.Option(help="Or code: URI of its folder.", show_default=False)] = "",
    boot_file: Annotated[str, typer.Option(help="The script, inside the code.", show_default=False)] = "",
    engine: Annotated[str, typer.Option("--engine", "-e", help="Engine of the code.")] = "pytorch",
    command: Annotated[
        str, typer.Option(help="What to run instead of the boot file.", show_default=False)
    ] = "",
    inputs: Annotated[
        _Texts, typer.Option("--input", "-i", metavar="NAME=URI", help="What the script reads.")
    ] = None,
    outputs: Annotated[
        _Texts, typer.Option("--output", "-o", metavar="NAME=URI", help="Where its results go.")
    ] = None,
    predownload: Annotated[
        _Texts, typer.Option(metavar="NAME", help="Output whose content the script gets, to go on from.")
    ] = None,
    as_env: Annotated[
        _Texts, typer.Option(metavar="NAME", help="Input or output passed as environment variable.")
    ] = None,
    env: Annotated[_Texts, typer.Option(metavar="NAME=VALUE", help="Environment variable.")] = None,
    metrics: Annotated[
        _Texts, typer.Option("--metric", metavar="NAME=REGEX", help="Number to pick from the log.")
    ] = None,
    annotations: Annotated[
        _Texts, typer.Option("--annotation", metavar="NAME=VALUE", help="Note on the job.")
    ] = None,
    pool: Annotated[str, typer.Option(help="Where to run.", show_default="this machine")] = "",
    flavor: Annotated[
        str, typer.Option(help="What each node is to have.", show_default="the pool's usual")
    ] = "",
    nodes: Annotated[int, typer.Option(min=1, help="How many nodes.")] = 1,
    processes: Annotated[
        int, typer.Option(min=0, help="Processes on each node.", show_default="one a card")
    ] = 0,
    priority: Annotated[int, typer.Option(min=1, max=3, help="1 to 3; higher goes first.")] = 1,
    max_hours: Annotated[
        float, typer.Option(min=0, help="Stop it after so many hours.", show_default="never")
    ] = 0,
    restarts: Annotated[
        int, typer.Option(min=0, max=3, help="Start again so often after a fault that is not the script's.")
    ] = 0,
    restart_on: RestartOn = None,
    restart_codes: RestartCodes = "",
    final_codes: FinalCodes = "",
    backoff: Backoff = 0,
    hang_action: OnHang = None,
    hang_after: HangAfter = 0,
    grace: Annotated[
        int | None, typer.Option(min=0, max=3600, help="Seconds to end after a stop.", show_default="30")
    ] = None,
    min_workers: Annotated[
        int,
        typer.Option(min=0, help="Elastic: go on with so few workers.", show_default="a fixed number"),
    ] = 0,
    warm_start: Annotated[
        bool | None,
        typer.Option(
            "--warm-start/--cold-start", help="Whether to fork it warm.", show_default="what the pool does"
        ),
    ] = None,
    log_path: Annotated[str, typer.Option(help="Folder that keeps its logs.", show_default=False)] = "",
    description: Annotated[str, typer.Option(help="A note for people.", show_default=False)] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run; create nothing.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Create a job of an algorithm, or of code in a bucket; it runs by itself.

    The console shows this command for each job that is filled in there.

    \b
    Examples:
      trainshed jobs create mnist-1 --algorithm mnist -o train_url=obs://trainshed/out/ -- --lr=0.1
      trainshed jobs create night --algorithm mnist --restarts 3 --restart-on hang=2 --hang-action restart
      trainshed jobs create try-2 --code-dir obs://trainshed/code/ --boot-file train.py -e pytorch
    """
    from trainshed.cli import output, service
    from trainshed.cli.launch import pairs, say_detached
    from trainshed.client import JobRequest
    from trainshed.client.request import parse_arguments

    request = JobRequest(
        name=name,
        algorithm=algorithm,
        code_dir=code_dir,
        boot_file=boot_file,
        engine=engine,
        command=command,
        inputs=pairs(inputs or (), "--input"),
        outputs=pairs(outputs or (), "--output"),
        predownload=frozenset(predownload or ()),
        by_environment=frozenset(as_env or ()),
        arguments=parse_arguments(arguments or ()),
        environments=pairs(env or (), "--env"),
        metrics=pairs(metrics or (), "--metric"),
        annotations=bad_days.as_annotations(
            restart_on=restart_on or (),
            restart_codes=restart_codes,
            final_codes=final_codes,
            backoff=backoff,
            hang_action=hang_action,
            hang_after=hang_after,
        )
        | pairs(annotations or (), "--annotation"),
        pool=pool,
        flavor=flavor,
        nodes=nodes,
        processes=processes,
        priority=priority,
        max_hours=max_hours,
        restarts=restarts,
        grace_s=grace,
        warm_start=warm_start,
        min_workers=min_workers,
        log_path=log_path,
        description=description,
    )
    with service.client(home) as client:
        if dry_run:
            output.print_json(client.jobs.dry_run(request))
            return
        job = client.jobs.create(request)
    say_detached(job, as_json)
