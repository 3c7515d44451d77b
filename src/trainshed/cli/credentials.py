"""``trainshed tokens`` and ``trainshed keys``: what programs get in with."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from trainshed.cli.options import AsJson, Home, group

tokens = group("tokens", "Personal tokens.")
keys = group("keys", "Access keys, for the official SDK and signed requests.")


def register(main: typer.Typer) -> None:
    """Add both groups."""
    main.add_typer(tokens)
    main.add_typer(keys)


Whose = Annotated[
    str, typer.Option("--user", help="Another user's, as an administrator.", show_default="mine")
]
Key = Annotated[str, typer.Argument(metavar="ACCESS_KEY", show_default=False)]


@tokens.command("list")
def list_tokens(user: Whose = "", as_json: AsJson = False, home: Home = None) -> None:
    """List personal tokens, newest first.

    \b
    Examples:
      trainshed tokens list
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.tokens.list(user)
    if as_json:
        output.print_json(found)
        return
    rows = [
        (
            t["id"],
            t["name"],
            " ".join(filter(None, (t.get("role"), t.get("project_id") and f"in {t['project_id']}"))) or "all",
            output.moment_text(t.get("expire_time")) or "never",
            output.moment_text(t.get("last_used_time")),
        )
        for t in found
    ]
    output.print_table(("ID", "NAME", "MAY", "EXPIRES", "LAST USED"), rows)


@tokens.command("create")
def create_token(
    *,
    name: Annotated[str, typer.Option(help="What it is for.", show_default=False)] = "",
    days: Annotated[int, typer.Option(min=1, max=3650, help="Until it expires.")] = 90,
    project: Annotated[str, typer.Option(help="Opens this project only.", show_default="all of mine")] = "",
    role: Annotated[
        str | None, typer.Option(help="Cuts it down to viewer or member.", show_default="all that I may")
    ] = None,
    user: Whose = "",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Make a token and print it. It is shown this once: the service keeps a hash.

    \b
    Examples:
      trainshed tokens create --name laptop
      trainshed tokens create --name ci --project vision --role member --days 30
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        made = client.tokens.create(name=name, days=days, project=project, role=role, user=user)
    if as_json:
        output.print_json(made)
        return
    print(made["token"])
    until = output.moment_text(made["expire_time"])
    output.say(f"token {made['id']} expires {until}; use it as TRAINSHED_TOKEN")


@tokens.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(metavar="ID", help="As 'list' shows it.", show_default=False)],
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """End a token at once.

    \b
    Examples:
      trainshed tokens revoke 3f2a910c77aa01be
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.tokens.revoke(token)
    if as_json:
        output.print_json({"revoked": token})


@keys.command("list")
def list_keys(user: Whose = "", as_json: AsJson = False, home: Home = None) -> None:
    """List access keys, newest first, without their secrets.

    \b
    Examples:
      trainshed keys list
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.keys.list(user)
    if as_json:
        output.print_json(found)
        return
    rows = [
        (
            k["access_key"],
            k["project_id"],
            "disabled" if k["disabled"] else "",
            output.moment_text(k.get("expire_time")),
            output.moment_text(k.get("last_used_time")),
            k["description"],
        )
        for k in found
    ]
    output.print_table(("ACCESS KEY", "PROJECT", "", "EXPIRES", "LAST USED", "DESCRIPTION"), rows)


@keys.command("create")
def create_key(
    *,
    project: Annotated[str, typer.Option(help="What it opens.", show_default="the present project")] = "",
    description: Annotated[str, typer.Option(help="What it is for.", show_default=False)] = "",
    user: Whose = "",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Make an access key for a project. Its secret is shown this once.

    \b
    Examples:
      trainshed keys create --project vision --description "nightly runs"
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        made = client.keys.create(project or client.project_id, description=description, user=user)
    _print_new(made, as_json=as_json, write=output.print_json)


@keys.command("rotate")
def rotate_key(
    access_key: Key,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="The old key goes on working so long.")
    ] = 24,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Put a new access key in the place of another.

    \b
    Examples:
      trainshed keys rotate 4Q0Z8K1N2M3P4R5S6T7V --overlap-hours 2
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        made = client.keys.rotate(access_key, overlap_hours)
    _print_new(made, as_json=as_json, write=output.print_json)


@keys.command()
def disable(access_key: Key, as_json: AsJson = False, home: Home = None) -> None:
    """Let an access key open nothing, until it is enabled again.

    \b
    Examples:
      trainshed keys disable 4Q0Z8K1N2M3P4R5S6T7V
    """
    _set(access_key, home, disabled=True, as_json=as_json)


@keys.command()
def enable(access_key: Key, as_json: AsJson = False, home: Home = None) -> None:
    """Let a disabled access key work again.

    \b
    Examples:
      trainshed keys enable 4Q0Z8K1N2M3P4R5S6T7V
    """
    _set(access_key, home, disabled=False, as_json=as_json)


@keys.command("delete")
def delete_key(access_key: Key, as_json: AsJson = False, home: Home = None) -> None:
    """End an access key for good.

    \b
    Examples:
      trainshed keys delete 4Q0Z8K1N2M3P4R5S6T7V
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.keys.delete(access_key)
    if as_json:
        output.print_json({"deleted": access_key})


def _set(access_key: str, home: Home, *, disabled: bool, as_json: bool) -> None:
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.keys.change(access_key, disabled=disabled)
    if as_json:
        output.print_json(found)
        return
    output.say(f"{access_key} is {'disabled' if disabled else 'enabled'}")


def _print_new(made: dict[str, Any], *, as_json: bool, write: Any) -> None:
    from trainshed.cli import output

    if as_json:
        write(made)
        return
    output.print_facts([("access key", made["access_key"]), ("secret key", made["secret_key"])])
    output.say("the secret key is shown this once")
