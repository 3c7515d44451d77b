"""``trainshed jobs``: create training jobs, look at them, stop them, delete them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainshed.cli import create
from trainshed.cli.options import INTERRUPTED, AsJson, Attempt, Home, JobName, Raw, Task, group

app = group("jobs", "Training jobs.")


def register(main: typer.Typer) -> None:
    """Add the group."""
    main.add_typer(app)


create.register(app)


@app.command("list")
def list_jobs(
    phase: Annotated[
        list[str] | None, typer.Option(help="Only jobs in this phase, such as Running; may be repeated.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs with this in their name.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """List jobs, newest first.

    \b
    Examples:
      trainshed jobs list
      trainshed jobs list --phase Running --json
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        page = client.jobs.list(phases=phase or (), name=name, limit=limit)
    if as_json:
        output.print_json(page)
        return
    rows = [
        (
            job.name,
            job.phase.value,
            output.time_text(job.created_at),
            output.duration_text(job.duration) if job.duration else "",
            job.engine,
            job.id,
        )
        for job in page.jobs
    ]
    output.print_table(("NAME", "PHASE", "CREATED", "RAN", "ENGINE", "ID"), rows)
    if page.total > len(rows):
        output.say(f"{len(rows)} of {page.total}; --limit shows more")


@app.command()
def show(job: JobName, as_json: AsJson = False, home: Home = None) -> None:
    """Show one job.

    \b
    Examples:
      trainshed jobs show train-3f2a91
      trainshed jobs show train-3f2a91 --json
    """
    from trainshed.cli import output, service
    from trainshed.cli.watch import reasons, starts
    from trainshed.cli.words import said

    with service.client(home) as client:
        found = client.jobs.show(job)
        files = client.jobs.outputs(job)
        diagnosis = client.jobs.diagnosis(job)
    if as_json:
        why = diagnosis.raw if diagnosis else None
        output.print_json({**found.raw, "outputs": output.plain(files), "diagnosis": why})
        return
    outcome = found.outcome
    output.print_facts(
        [
            ("name", found.name),
            ("id", found.id),
            ("phase", found.phase.value),
            ("detail", found.secondary_phase if found.secondary_phase != found.phase else ""),
            ("reason", said(outcome.message if outcome else found.reason)),
            ("exit code", outcome.exit_code if outcome else None),
            ("signal", outcome.signal if outcome and outcome.signal else None),
            ("first failed rank", outcome.rank if outcome and outcome.rank >= 0 else None),
            ("description", found.description),
            ("engine", found.engine),
            ("flavor", found.flavor),
            ("pool", found.pool),
            ("nodes", found.task_count),
            ("created", output.time_text(found.created_at)),
            ("started", output.time_text(found.started_at)),
            ("ran", output.duration_text(found.duration) if found.duration else ""),
        ]
    )
    for line in [*starts(found), *reasons(diagnosis)]:
        print(line)
    if files:
        print("outputs")
        for item in files:
            print(f"  {output.size_text(item.size):>9}  {item.key}")


@app.command()
def logs(
    *,
    job: JobName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    task: Annotated[str | None, typer.Option(help="Which task; the first by default.")] = None,
    tail: Annotated[int | None, typer.Option(min=0, help="Only the last so many lines.")] = None,
    search: Annotated[str | None, typer.Option(help="Only lines with this text, of the whole log.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Leave out the platform's own lines.")] = False,
    attempt: Attempt = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Save all logs there, by ModelArts' names.")
    ] = None,
    raw: Raw = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Print a job's log.

    What the script printed goes to standard output, the platform's own lines to standard error.
    A terminal obeys only colours and progress bars in it, unless --raw asks for more.

    \b
    Examples:
      trainshed jobs logs train-3f2a91
      trainshed jobs logs train-3f2a91 -f --tail 20
      trainshed jobs logs train-3f2a91 --task worker-1 --search loss
      trainshed jobs logs train-3f2a91 --attempt 0
      trainshed jobs logs train-3f2a91 --save ./logs
    """
    del raw  # ``terminal.guard`` has seen it
    from trainshed.cli.logs import save_logs, show_log

    try:
        if save is not None:
            save_logs(job, save, home, task=task, attempt=attempt, as_json=as_json)
            return
        show_log(
            job,
            task or "worker-0",
            home,
            follow=follow,
            tail=tail,
            search=search,
            quiet=quiet,
            as_json=as_json,
            attempt=attempt,
        )
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def events(job: JobName, as_json: AsJson = False, home: Home = None) -> None:
    """Print what happened to a job, oldest first.

    \b
    Examples:
      trainshed jobs events train-3f2a91
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.jobs.events(job)
    if as_json:
        output.print_json(found)
        return
    output.print_table(
        ("TIME", "LEVEL", "SOURCE", "MESSAGE"), [(e.time, e.level, e.source, e.message) for e in found]
    )


@app.command()
def metrics(job: JobName, task: Task = "worker-0", as_json: AsJson = False, home: Home = None) -> None:
    """Print a job's use of the machine, and the numbers that the script printed.

    \b
    Examples:
      trainshed jobs metrics train-3f2a91
      trainshed jobs metrics train-3f2a91 --json
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        use, printed = client.jobs.metrics(job, task), client.jobs.training_metrics(job)
    if as_json:
        output.print_json({"resources": use, "training": printed})
        return
    rows = [
        (name, f"{values[-1]:.1f}", f"{max(values):.1f}")
        for name, values in use.items()
        if values and max(values) >= 0
    ]
    last = {str(item["name"]): item for item in printed}
    if not rows:
        output.tell("there is no sample of the machine's use: the task was too short, or has not begun")
    else:
        output.print_table(("RESOURCE", "LAST", "HIGHEST"), rows)
    if last:
        print("\n" if rows else "", end="")
        values = [(name, item["step"], f"{item['value']:g}") for name, item in last.items()]
        output.print_table(("METRIC", "STEP", "LAST"), values)


@app.command()
def stop(
    job: JobName,
    wait: Annotated[bool, typer.Option("--wait", help="Return once it has ended.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Stop a job: its script gets SIGTERM, time to end, and its outputs are kept.

    \b
    Examples:
      trainshed jobs stop train-3f2a91 --wait
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.jobs.stop(job)
        if wait:
            found = client.jobs.wait(found.id)
    if as_json:
        output.print_json(found)
    else:
        output.say(f"{found.name} is {found.phase.value}")


@app.command()
def resize(
    job: JobName,
    workers: Annotated[int, typer.Option("--workers", "-n", min=1, help="How many.", show_default=False)],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Change how many workers a running elastic job has; what it has learnt stays.

    For jobs of KungFu and Horovod that were created with --min-workers.

    \b
    Examples:
      trainshed jobs resize train-3f2a91 --workers 2
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.jobs.resize(job, workers)
    if as_json:
        output.print_json({"job": job, "workers": workers})
    else:
        output.say(f"{job} is told to go on with {workers} workers; 'jobs events' shows when it has heard")


@app.command()
def delete(
    jobs: Annotated[list[str], typer.Argument(metavar="JOB...", show_default=False)],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Delete finished jobs with their logs; their outputs stay.

    \b
    Examples:
      trainshed jobs delete train-3f2a91
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        for job in jobs:
            client.jobs.delete(job)
            output.say(f"{job} is deleted")
    if as_json:
        output.print_json({"deleted": jobs})


@app.command()
def why(job: JobName, as_json: AsJson = False, home: Home = None) -> None:
    """Say why a job waits and what would unblock it, or why it failed and what to do.

    \b
    Examples:
      trainshed jobs why train-3f2a91
    """
    from trainshed.cli import output, service
    from trainshed.cli.watch import reasons
    from trainshed.cli.words import chinese

    with service.client(home) as client:
        answer = client.jobs.why(job)
        diagnosis = client.jobs.diagnosis(job)
    if as_json:
        output.print_json({**answer, "diagnosis": diagnosis.raw if diagnosis else None})
    else:
        language = "_zh" if chinese() else ""
        print(answer.get(f"sentence{language}") or answer.get("reason"))
        if answer.get("position"):
            print(f"position {answer['position']} of {answer.get('queued')}")
        if unblock := answer.get(f"unblock{language}"):
            print(f"→ {unblock}")
        for line in reasons(diagnosis):
            print(line)


@app.command()
def stacks(
    job: JobName,
    attempt: Attempt = None,
    kept: Annotated[
        bool, typer.Option("--kept", help="Show the last that were taken, and take no new ones.")
    ] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Print where every rank of a job stands: the stack of each, without stopping it.

    Of a job that runs new stacks are taken; of one that has ended those are shown that were taken
    when it seemed to hang.

    \b
    Examples:
      trainshed jobs stacks train-3f2a91
      trainshed jobs stacks train-3f2a91 --kept --json
    """
    from trainshed.cli.stacks import show_stacks

    show_stacks(job, home, attempt=attempt, kept=kept, as_json=as_json)
