"""``trainshed pools``: where jobs run, and what they may ask for."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from trainshed.cli.options import AsJson, Home, group

app = group("pools", "Pools and flavors.")


def register(main: typer.Typer) -> None:
    """Add the group."""
    main.add_typer(app)


adding = group("add", "Add a pool.")
app.add_typer(adding)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the pool.", show_default=False)]


@app.command("list")
def list_pools(as_json: AsJson = False, home: Home = None) -> None:
    """List the pools with their flavors.

    \b
    Examples:
      trainshed pools list
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        pools, flavors = client.pools.list(), client.pools.flavors()
    if as_json:
        output.print_json({"pools": pools, "flavors": flavors})
        return
    rows = [
        (
            f.pool or pools[0].id,
            f.id,
            f.chip,
            f"{f.cores:g}",
            f"{f.memory_gb:g} GB",
            f.cards or "",
            f.max_nodes,
        )
        for f in flavors
    ]
    output.print_table(("POOL", "FLAVOR", "CHIP", "CORES", "MEMORY", "CARDS", "NODES"), rows)


@adding.command("slurm")
def add_slurm(
    name: Name,
    *,
    partition: Annotated[str, typer.Option(help="Where its jobs go.", show_default=False)],
    shared: Annotated[
        str, typer.Option(help="Folder that the service and all nodes see at this path.", show_default=False)
    ],
    account: Annotated[str, typer.Option(help="Of all its jobs.", show_default="Slurm's default")] = "",
    qos: Annotated[str, typer.Option(help="Of all its jobs.", show_default="Slurm's default")] = "",
    constraint: Annotated[str, typer.Option(help="Features of nodes, as sbatch takes them.")] = "",
    options: Annotated[
        list[str] | None,
        typer.Option("--option", help="One more option of sbatch, such as --reservation=ai; repeatable."),
    ] = None,
    scratch: Annotated[
        str,
        typer.Option(help="Folder on each node's own disk for what scripts write.", show_default="shared"),
    ] = "",
    endpoint: Annotated[
        str, typer.Option(help="URL at which nodes reach the service.", show_default="that of everybody")
    ] = "",
    tunnel: Annotated[
        str, typer.Option(help="Command that makes the service reachable at a node's port {port}.")
    ] = "",
    python: Annotated[str, typer.Option(help="Of the nodes, 3.11 or later; runs the agent.")] = "python3",
    environments: Annotated[
        str, typer.Option(help="Folder of engines' environments on the nodes.", show_default="in shared")
    ] = "",
    build: Annotated[str, typer.Option(help="Where environments are built: node or server.")] = "node",
    wheelhouse: Annotated[
        str, typer.Option(help="Folder of wheels that nodes without a network build from.")
    ] = "",
    conf: Annotated[str, typer.Option(help="Slurm's configuration file.", show_default="Slurm's")] = "",
    max_nodes: Annotated[int, typer.Option(help="Most nodes of one job; 0 for all.")] = 0,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Add a partition of a Slurm cluster, after trying it out with a small job of its own.

    \b
    Examples:
      trainshed pools add slurm hpc --partition gpu --shared /shared/trainshed
      trainshed pools add slurm hpc --partition gpu --shared /lustre/ts --account ai --option=--reservation=ai
    """
    from trainshed.cli import output, service

    settings = {
        "partition": partition,
        "shared": shared,
        "account": account,
        "qos": qos,
        "constraint": constraint,
        "options": options or [],
        "scratch": scratch,
        "endpoint": endpoint,
        "tunnel": tunnel,
        "python": python,
        "environments": environments,
        "build": build,
        "wheelhouse": wheelhouse,
        "conf": conf,
        "max_nodes": max_nodes,
    }
    with service.client(home) as client:
        made = client.pools.add(name, "slurm", settings)
    if as_json:
        output.print_json(made)
        return
    _print_findings(made["findings"])
    output.say(f"pool {name} is added; use it with 'trainshed run --pool {name}'")


@app.command()
def show(name: Name, as_json: AsJson = False, home: Home = None) -> None:
    """Show the settings of a pool that was added.

    \b
    Examples:
      trainshed pools show hpc
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.pools.show(name)
    if as_json:
        output.print_json(found)
        return
    given = ((key.replace("_", " "), value) for key, value in found["settings"].items() if value)
    output.print_facts([("name", found["name"]), ("kind", found["kind"]), *given])


@app.command("test")
def try_out(name: Name, as_json: AsJson = False, home: Home = None) -> None:
    """Test whether jobs can run in a pool that was added: Slurm, the shared folder, a node.

    Exit code 1 where they cannot.

    \b
    Examples:
      trainshed pools test hpc
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.pools.test(name)
    if as_json:
        output.print_json(found)
    else:
        _print_findings(found["findings"])
    if not found["usable"]:
        raise typer.Exit(1)


@app.command()
def remove(name: Name, as_json: AsJson = False, home: Home = None) -> None:
    """Remove a pool that has no unfinished jobs. Its folders stay.

    \b
    Examples:
      trainshed pools remove hpc
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.pools.remove(name)
    if as_json:
        output.print_json({"removed": name})
        return
    output.say(f"pool {name} is removed")


def _print_findings(findings: list[dict[str, Any]]) -> None:
    from trainshed.cli import output

    output.print_table(
        ("", "TESTED", "FOUND"), [(each["result"], each["what"], each["detail"]) for each in findings]
    )
