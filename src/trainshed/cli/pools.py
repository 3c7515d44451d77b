"""``trainshed pools``: where jobs run, and what they may ask for."""

from __future__ import annotations

from trainshed.cli.options import AsJson, Home, group

app = group("pools", "Pools and flavors.")


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
