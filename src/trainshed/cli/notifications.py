"""``trainshed notifications``: who is told of what, and where."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from trainshed.cli.options import AsJson, Home, group

app = group("notifications", "Have people told of what happens to jobs.")


def register(main: typer.Typer) -> None:
    """Add the group."""
    main.add_typer(app)


Name = Annotated[str, typer.Argument(metavar="NAME", help="Name or id.", show_default=False)]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--on",
        metavar="EVENT",
        help="job.started, job.completed, job.failed, job.stopped, job.restarted, job.hang, service.disk; "
        "may be repeated.",
        show_default=False,
    ),
]
Secret = Annotated[
    str | None,
    typer.Option(
        envvar="TRAINSHED_NOTIFICATION_SECRET",
        help="What requests are signed with (webhook, feishu, dingtalk).",
        show_default=False,
    ),
]
Language = Annotated[str | None, typer.Option(help="en or zh.", show_default=False)]
Mine = Annotated[bool | None, typer.Option("--mine/--all", help="Only of my own jobs, or of all.")]


@app.command("list")
def list_notifications(as_json: AsJson = False, home: Home = None) -> None:
    """List the project's notifications.

    \b
    Examples:
      trainshed notifications list
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.notifications.list()
    if as_json:
        output.print_json(found)
        return
    rows = [
        (
            n["name"],
            n["kind"],
            n["address"],
            ", ".join(n["events"]),
            f"{n['user_name']}'s jobs" if n["mine"] else "all jobs",
            "" if n["enabled"] else "disabled",
        )
        for n in found
    ]
    output.print_table(("NAME", "KIND", "TO", "ON", "OF", ""), rows)


@app.command()
def show(name: Name, as_json: AsJson = False, home: Home = None) -> None:
    """Show one notification.

    \b
    Examples:
      trainshed notifications show failures
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.notifications.show(name)
    _print(found, as_json=as_json, write=output.print_json)


@app.command()
def create(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.", show_default=False)],
    kind: Annotated[str, typer.Option(help="webhook, email, feishu, dingtalk, wecom or slack.")] = "webhook",
    to: Annotated[
        str, typer.Option("--to", help="The bot's or the hook's URL; for mail addresses with commas between.")
    ],
    on: Events = None,
    secret: Secret = None,
    mine: Mine = None,
    language: Language = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Have somebody told. A webhook without a secret gets one, which is shown this once.

    \b
    Examples:
      trainshed notifications create failures --kind feishu --to https://open.feishu.cn/… --on job.failed
      trainshed notifications create me --kind email --to ann@example.com --mine
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        made = client.notifications.create(
            name=name,
            kind=kind,
            address=to,
            events=on or ["job.failed", "job.hang"],
            secret=secret,
            mine=mine,
            language=language,
        )
    _print(made, as_json=as_json, write=output.print_json)
    if not as_json and made.get("secret"):
        output.say(f"its requests are signed with {made['secret']}, which is shown this once")


@app.command()
def update(
    *,
    name: Name,
    to: Annotated[
        str | None, typer.Option("--to", help="A new address; it needs its secret again.", show_default=False)
    ] = None,
    on: Events = None,
    secret: Secret = None,
    mine: Mine = None,
    language: Language = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether it tells at all.")
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Change a notification.

    \b
    Examples:
      trainshed notifications update failures --on job.failed --on job.hang
      trainshed notifications update failures --disable
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.notifications.change(
            name, address=to, events=on, secret=secret, mine=mine, language=language, enabled=enabled
        )
    _print(found, as_json=as_json, write=output.print_json)


@app.command("test")
def try_out(name: Name, as_json: AsJson = False, home: Home = None) -> None:
    """Send a test message, and say whether it arrived.

    \b
    Examples:
      trainshed notifications test failures
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.notifications.test(name)
    if as_json:
        output.print_json({"delivered": True})
        return
    output.say("it has arrived")


@app.command()
def deliveries(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """List what became of messages, newest first.

    \b
    Examples:
      trainshed notifications deliveries failures
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.notifications.deliveries(name, limit)
    if as_json:
        output.print_json(found)
        return
    rows = [
        (output.moment_text(d["create_time"]), d["event"], d["title"], d["state"], d["tries"], d["error"])
        for d in found
    ]
    output.print_table(("TIME", "EVENT", "MESSAGE", "STATE", "TRIES", "ERROR"), rows)


@app.command()
def delete(name: Name, as_json: AsJson = False, home: Home = None) -> None:
    """Remove a notification.

    \b
    Examples:
      trainshed notifications delete failures
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.notifications.delete(name)
    if as_json:
        output.print_json({"deleted": name})


def _print(found: dict[str, Any], *, as_json: bool, write: Any) -> None:
    from trainshed.cli import output

    if as_json:
        write(found)
        return
    output.print_facts(
        [
            ("name", found["name"]),
            ("kind", found["kind"]),
            ("to", found["address"]),
            ("on", ", ".join(found["events"])),
            ("of", f"the jobs of {found['user_name']}" if found["mine"] else "all jobs of the project"),
            ("signed", "yes" if found["has_secret"] else ""),
            ("language", found["language"]),
            ("disabled", "" if found["enabled"] else "yes"),
        ]
    )
