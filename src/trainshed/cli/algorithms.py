"""``trainshed algorithms``: code, engine, channels and hyperparameters under one name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainshed.cli.options import AsJson, Home, group

app = group("algorithms", "Algorithms.")


def register(main: typer.Typer) -> None:
    """Add the group."""
    main.add_typer(app)


AlgorithmName = Annotated[
    str, typer.Argument(metavar="ALGORITHM", help="Id or name of the algorithm.", show_default=False)
]


@app.command()
def create(
    *,
    name: Annotated[str, typer.Argument(help="What to call it.", show_default=False)],
    file: Annotated[
        Path, typer.Argument(help="The training script; its folder is shipped.", show_default=False)
    ],
    engine: Annotated[str, typer.Option("--engine", "-e", help="Engine: an id or a family.")] = "pytorch",
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="NAME", help="An input that a job binds to a path."),
    ] = None,
    outputs: Annotated[
        list[str] | None, typer.Option("--output", "-o", metavar="NAME", help="An output that a job binds.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="NAME[:TYPE][=DEFAULT]",
            help="Hyperparameter: String, Integer, Float, Boolean.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Jobs may set only the declared hyperparameters.")
    ] = False,
    code_dir: Annotated[
        Path | None, typer.Option(help="Folder to ship.", show_default="the script's own")
    ] = None,
    description: Annotated[str, typer.Option(help="A note on it.", show_default=False)] = "",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Create an algorithm from a script.

    \b
    Examples:
      trainshed algorithms create mnist train.py -i data_url -o train_url -p lr:Float=0.1
    """
    from trainshed.cli import output, service
    from trainshed.cli.algorithm_body import algorithm_body, parameter_of
    from trainshed.cli.launch import locate_code
    from trainshed.client import collect

    root, boot_file = locate_code(file, code_dir)
    declared = [parameter_of(text) for text in parameters or []]
    with service.client(home) as client:
        client.engines.show(engine)
        upload = client.code.upload(collect(root))
        body = algorithm_body(
            name=name,
            description=description,
            code_dir=upload.uri,
            boot_file=boot_file,
            engine=engine,
            inputs=inputs or [],
            outputs=outputs or [],
            parameters=declared,
            strict=strict,
        )
        created = client.algorithms.create(body)
    if as_json:
        output.print_json(created)
    else:
        output.say(f"{created.name} is created, id {created.id}")


@app.command("list")
def list_algorithms(as_json: AsJson = False, home: Home = None) -> None:
    """List the algorithms, newest first.

    \b
    Examples:
      trainshed algorithms list
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.algorithms.list()
    if as_json:
        output.print_json(found)
        return
    rows = [(a.name, a.version, a.engine, a.boot_file, output.time_text(a.created_at), a.id) for a in found]
    output.print_table(("NAME", "VERSION", "ENGINE", "BOOT FILE", "CREATED", "ID"), rows)


@app.command()
def show(algorithm: AlgorithmName, as_json: AsJson = False, home: Home = None) -> None:
    """Show one algorithm.

    \b
    Examples:
      trainshed algorithms show mnist
    """
    from trainshed.cli import output, service
    from trainshed.client.models import items, section

    with service.client(home) as client:
        found = client.algorithms.show(algorithm)
    if as_json:
        output.print_json(found.raw)
        return
    config = section(found.raw, "job_config")
    output.print_facts(
        [
            ("name", found.name),
            ("id", found.id),
            ("version", found.version),
            ("description", found.description),
            ("engine", found.engine),
            ("boot file", found.boot_file),
            ("code", found.code_dir),
            ("inputs", ", ".join(str(item["name"]) for item in items(config, "inputs"))),
            ("outputs", ", ".join(str(item["name"]) for item in items(config, "outputs"))),
        ]
    )
    for item in items(config, "parameters"):
        kind = section(item, "constraint").get("type", "String")
        print(f"--{item['name']}  {kind}  {item.get('value') or ''}")


@app.command()
def delete(algorithm: AlgorithmName, as_json: AsJson = False, home: Home = None) -> None:
    """Delete an algorithm with all its versions; its jobs stay.

    \b
    Examples:
      trainshed algorithms delete mnist
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.algorithms.delete(algorithm)
    output.say(f"{algorithm} is deleted")
    if as_json:
        output.print_json({"deleted": [algorithm]})
