"""``trainshed users``: people who may use the service, and one's own account."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from trainshed.cli.options import AsJson, Home, group

app = group("users", "Users and passwords.")


def register(main: typer.Typer) -> None:
    """Add the group."""
    main.add_typer(app)


UserName = Annotated[str, typer.Argument(metavar="USER", help="Id or name.", show_default=False)]
Operator = Annotated[
    bool | None, typer.Option("--admin/--no-admin", help="Whether they administer the whole service.")
]
Email = Annotated[str | None, typer.Option(help="Where mail reaches them.", show_default=False)]


@app.command("list")
def list_users(as_json: AsJson = False, home: Home = None) -> None:
    """List all users. For administrators of the service.

    \b
    Examples:
      trainshed users list
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.users.list()
    if as_json:
        output.print_json(found)
        return
    rows = [
        (
            u["name"],
            u["role"],
            "disabled" if u["disabled"] else "",
            u["email"],
            output.moment_text(u["create_time"]),
        )
        for u in found
    ]
    output.print_table(("NAME", "ROLE", "", "EMAIL", "CREATED"), rows)


@app.command()
def show(user: UserName, as_json: AsJson = False, home: Home = None) -> None:
    """Show one user with their projects.

    \b
    Examples:
      trainshed users show ann
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.users.show(user)
    if as_json:
        output.print_json(found)
        return
    _print(found)


@app.command()
def me(as_json: AsJson = False, home: Home = None) -> None:
    """Show who I am: my projects, and my role in each.

    \b
    Examples:
      trainshed users me
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.users.me()
    if as_json:
        output.print_json(found)
        return
    _print({**found, "name": found["user_name"], "role": "admin" if found["operator"] else "user"})


@app.command()
def create(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new user.", show_default=False)],
    admin: Operator = None,
    email: Email = None,
    password: Annotated[
        bool,
        typer.Option("--password", help="Ask for a password; without one they have tokens and keys only."),
    ] = False,
    project: Annotated[str, typer.Option(help="Take them into this project.", show_default=False)] = "",
    role: Annotated[str, typer.Option(help="Their role there: viewer, member or admin.")] = "member",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Add a user. For administrators of the service.

    \b
    Examples:
      trainshed users create ann --password --project vision --role member
      trainshed users create ci --project vision
    """
    from trainshed.cli import output, service

    fields: dict[str, Any] = {"role": "admin" if admin else "user", "email": email or ""}
    if password:
        fields["password"] = _ask_twice()
    with service.client(home) as client:
        made = client.users.create(name, **fields)
        if project:
            client.projects.set_member(client.projects.id_of(project), name, role)
            made = client.users.show(name)
    if as_json:
        output.print_json(made)
        return
    _print(made)


@app.command()
def update(
    *,
    user: UserName,
    admin: Operator = None,
    email: Email = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="A disabled user cannot get in in any way.")
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Change a user. For administrators of the service.

    \b
    Examples:
      trainshed users update ann --disable
      trainshed users update ann --admin --email ann@example.com
    """
    from trainshed.cli import output, service

    role = None if admin is None else "admin" if admin else "user"
    with service.client(home) as client:
        found = client.users.change(user, role=role, email=email, disabled=disabled)
    if as_json:
        output.print_json(found)
        return
    _print(found)


@app.command()
def password(
    user: Annotated[
        str,
        typer.Argument(metavar="[USER]", help="Whose; one's own where none is named.", show_default=False),
    ] = "",
    home: Home = None,
) -> None:
    """Change a password: one's own, or as an administrator that of another.

    Asks for it, or reads it from standard input, a line each: the old one (of one's own), the new one.

    \b
    Examples:
      trainshed users password
      trainshed users password ann
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        account = client.users.me()
        if user in ("", account["user_name"], account["user_id"]):
            old = _ask("Old password") if account["has_password"] else ""
            client.users.change_my_password(old, _ask_twice())
        else:
            client.users.change(user, password=_ask_twice())
    output.say("the password is changed; all sessions have ended")


@app.command()
def delete(user: UserName, as_json: AsJson = False, home: Home = None) -> None:
    """Remove a user with their tokens and keys; their jobs stay.

    \b
    Examples:
      trainshed users delete ann
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.users.delete(user)
    if as_json:
        output.print_json({"deleted": user})


def _print(user: dict[str, Any]) -> None:
    from trainshed.cli import output

    output.print_facts(
        [
            ("name", user["name"]),
            ("role", "administrator of the service" if user["role"] == "admin" else ""),
            ("email", user.get("email")),
            ("disabled", "yes" if user.get("disabled") else ""),
            ("credential", user.get("credential")),
            *((f"in {p['name']}", p["role"]) for p in user.get("projects") or ()),
        ]
    )


def _ask_twice() -> str:
    import sys

    first = _ask("New password")
    if sys.stdin.isatty() and _ask("Once more") != first:
        raise typer.BadParameter("the two differ; nothing was changed")
    return first


def _ask(what: str) -> str:
    """A secret from the terminal, unseen, or from the next line of standard input."""
    import getpass
    import sys

    if sys.stdin.isatty():
        return getpass.getpass(f"{what}: ")
    return sys.stdin.readline().rstrip("\n")
