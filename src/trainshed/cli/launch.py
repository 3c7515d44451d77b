"""From the options of ``run`` to a job, and on to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainshed.cli import output, service
from trainshed.cli.options import INTERRUPTED
from trainshed.cli.output import count_text, say, size_text, tell
from trainshed.cli.requirements import requirements_of
from trainshed.cli.steps import Steps
from trainshed.cli.task_logs import tasks_shown
from trainshed.cli.watch import DetachedError, ending, exit_code_of, facts_of, reasons, watch
from trainshed.cli.words import word
from trainshed.client import Bundle, Client, Job, JobRequest, collect
from trainshed.client.request import Argument, local_code_dir, name_for, parse_arguments
from trainshed.client.staging import Staging, check_inputs
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.lifecycle import Phase
from trainshed.core.names import check_environments, check_parameter_name

# Above this the largest files are listed: most often one of them was not meant.
_LARGE = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Options:
    """The options of ``run``, as they were typed."""

    file: Path
    tokens: tuple[str, ...]
    engine: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    resume: bool
    name: str
    flavor: str
    pool: str
    nodes: int
    logs: str
    processes: int
    env: tuple[str, ...]
    code_dir: Path | None
    gitignore: bool
    priority: int
    max_hours: int
    restarts: int
    annotations: dict[str, str]
    metrics: tuple[str, ...]
    description: str
    warm_start: bool | None
    min_workers: int
    python: str
    requirements: Path | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options once they have been understood, before any service is asked."""

    root: Path
    boot_file: str
    arguments: tuple[Argument, ...]
    environments: dict[str, str]
    metrics: dict[str, str]
    inputs: dict[str, str]
    outputs: dict[str, str]
    requirements: str


def launch(
    options: Options, home: Path | None, *, detach: bool, dry_run: bool, quiet: bool, as_json: bool
) -> int:
    """Run the script; returns the exit code."""
    wanted = understand(options)
    with service.client(home) as client:
        request, staging, bundle = _prepare(client, options, wanted, quiet=quiet, dry_run=dry_run)
        if dry_run:
            _show_plan(client, request, bundle, as_json)
            return 0
        job = client.jobs.create(request)
        if detach:
            for warning in job.raw.get("warnings") or ():
                say(f"! {warning}")
            say_detached(job, as_json)
            return 0
        if not quiet:
            tell("{name} is created ({engine})", name=job.name, engine=_engine(options))
        try:
            tasks = tasks_shown(options.logs, options.nodes)
            ended = watch(client, job, quiet=quiet, log_to_stderr=as_json, tasks=tasks)
        except DetachedError:
            tell("{name} goes on; look again with 'trainshed jobs logs -f {name}'", name=job.name)
            return INTERRUPTED
        staging.fetch()
        _report(client, ended, options, quiet, as_json)
        return exit_code_of(ended)


def _engine(options: Options) -> str:
    """What the script runs in, as it was asked for."""
    return f"Python {options.python}" if options.python else options.engine


def understand(options: Options) -> Wanted:
    """What the options ask for.

    Raises:
        InvalidInput: one of them makes no sense, or names a local path that will not do.
    """
    root, boot_file = locate_code(options.file, options.code_dir)
    inputs, outputs = pairs(options.inputs, "--input"), pairs(options.outputs, "--output")
    for channel in (*inputs, *outputs):
        check_parameter_name(channel)
    check_inputs(inputs)
    tasks_shown(options.logs, options.nodes)
    return Wanted(
        root=root,
        boot_file=boot_file,
        arguments=parse_arguments(options.tokens),
        environments=check_environments(pairs(options.env, "--env")),
        metrics=pairs(options.metrics, "--metric"),
        inputs=inputs,
        outputs=outputs,
        requirements=requirements_of(options.python, options.requirements),
    )


def locate_code(given: Path, code_dir: Path | None) -> tuple[Path, str]:
    """The code directory (the script's own unless given), and the script's path in it.

    Raises:
        InvalidInput: no such file, or it is not in the code directory.
    """
    file = given.expanduser()
    if not file.is_file():
        hint = "it is a folder" if file.is_dir() else "there is no such file"
        raise InvalidInput(f"{given}: {hint}; name the training script", code=Code.BOOT_FILE_MISSING)
    root = (code_dir or file.parent).expanduser().resolve()
    try:
        relative = file.resolve().relative_to(root)
    except ValueError:
        raise InvalidInput(
            f"{given} is not in the code directory {code_dir}: choose one that holds it",
            code=Code.BOOT_FILE_OUTSIDE_CODE,
        ) from None
    return root, relative.as_posix()


def _prepare(
    client: Client, options: Options, wanted: Wanted, *, quiet: bool, dry_run: bool
) -> tuple[JobRequest, Staging, Bundle]:
    name = options.name or name_for(options.file.name)
    request = _request(options, wanted, name)
    client.jobs.check(request)
    with Steps(quiet=quiet) as steps:
        staging = Staging(client, name, steps.share)
        inputs, outputs = staging.inputs(wanted.inputs), staging.outputs(wanted.outputs)
        ours = [client.connection.home] if client.connection.home else []
        bundle = collect(wanted.root, exclude=[*staging.folders, *ours], gitignore=options.gitignore)
        sending = word("sending the code")
        upload = client.code.upload(bundle, lambda sent, total: steps.share(sending, sent, total))
    if not quiet and not dry_run:
        _say_code(bundle, upload.cached)
    return replace(request, code_dir=upload.uri, inputs=inputs, outputs=outputs), staging, bundle


def _request(options: Options, wanted: Wanted, name: str) -> JobRequest:
    """The job, but for where its files will be."""
    return JobRequest(
        name=name,
        boot_file=wanted.boot_file,
        local_code_dir=local_code_dir(wanted.root.name),
        engine=options.engine,
        predownload=frozenset(wanted.outputs) if options.resume else frozenset(),
        arguments=wanted.arguments,
        environments=wanted.environments,
        flavor=options.flavor,
        pool=options.pool,
        nodes=options.nodes,
        processes=options.processes,
        priority=options.priority,
        description=options.description,
        max_hours=options.max_hours,
        restarts=options.restarts,
        annotations=options.annotations,
        metrics=wanted.metrics,
        warm_start=options.warm_start,
        min_workers=options.min_workers,
        python=options.python,
        requirements=wanted.requirements,
    )


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` options as a dictionary.

    Raises:
        InvalidInput: no ``=``, nothing before it, or a name twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise InvalidInput(f"{option} {text!r} is not NAME=VALUE", code=Code.FIELD_INVALID)
        if name in found:
            raise InvalidInput(f"{option} {name} is given twice: keep one", code=Code.FIELD_INVALID)
        found[name] = value
    return found


def _say_code(bundle: Bundle, cached: bool) -> None:
    sent = "unchanged, not sent again" if cached else "sent"
    files = count_text(len(bundle.entries), "file")
    tell("code: {files}, {size}, " + sent, files=files, size=size_text(bundle.size))
    if bundle.size > _LARGE:
        for entry in bundle.largest(10):
            say(f"  {size_text(entry.size):>9}  {entry.path}")
        tell("to leave a file out, add a line to .trainshedignore")


def _show_plan(client: Client, request: JobRequest, bundle: Bundle, as_json: bool) -> None:
    plan = client.jobs.dry_run(request)
    if as_json:
        files = [output.plain(entry) for entry in bundle.entries]
        output.print_json({**plan, "code": {"files": files, "left_out": list(bundle.left_out)}})
        return
    print(f"job {request.name} would run:")
    for task in plan.get("tasks", []):
        for process in task.get("processes", []):
            print(f"  {task.get('task', '')}: {process.get('command', '')}")
    if script := plan.get("script"):
        print(f"by this script, submitted to pool {plan.get('pool')}:\n\n{script}")
    facts = ((name, value) for name, value in plan.items() if name != "script")
    output.print_facts((name, value) for name, value in facts if isinstance(value, (str, int, float)))
    print(f"code: {count_text(len(bundle.entries), 'file')}, {size_text(bundle.size)}")
    for entry in bundle.largest(10):
        print(f"  {size_text(entry.size):>9}  {entry.path}")
    for path in bundle.left_out[:10]:
        print(f"   left out  {path}")


def say_detached(job: Job, as_json: bool) -> None:
    """The job's name, and how to look at it from now on."""
    if as_json:
        output.print_json(job)
        return
    print(job.name)
    tell("it runs by itself; follow it with 'trainshed jobs logs -f {name}'", name=job.name)


def _report(client: Client, job: Job, options: Options, quiet: bool, as_json: bool) -> None:
    if as_json:
        output.print_json(facts_of(job))
    if quiet and job.phase is Phase.COMPLETED:
        return
    say(f"trainshed: {ending(job)}")
    if job.phase in (Phase.FAILED, Phase.ABNORMAL):
        for line in reasons(client.jobs.diagnosis(job.id)):
            say(f"trainshed: {line}")
    if options.outputs:
        files = client.jobs.outputs(job.id)
        size = size_text(sum(item.size for item in files))
        tell("outputs: {files}, {size}", files=count_text(len(files), "file"), size=size)
    tell("look again with 'trainshed jobs show {name}' and 'trainshed jobs logs {name}'", name=job.name)
