"""``trainshed projects``: projects, their members and quotas."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from trainshed.cli.options import AsJson, Home, group

app = group("projects", "Projects, members and quotas.")


def register(main: typer.Typer) -> None:
    """Add the group."""
    main.add_typer(app)


Project = Annotated[str, typer.Argument(metavar="PROJECT", help="Id or name.", show_default=False)]
User = Annotated[str, typer.Argument(metavar="USER", help="Id or name.", show_default=False)]
Description = Annotated[str | None, typer.Option(help="What it is for.", show_default=False)]


@app.command("list")
def list_projects(as_json: AsJson = False, home: Home = None) -> None:
    """List my projects; all, for an administrator of the service.

    \b
    Examples:
      trainshed projects list
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.projects.list()
    if as_json:
        output.print_json(found)
        return
    rows = [(p["name"], p.get("role"), p["id"], p["description"]) for p in found]
    output.print_table(("NAME", "I AM", "ID", "DESCRIPTION"), rows)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new project.", show_default=False)],
    description: Description = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Add a project. For administrators of the service.

    \b
    Examples:
      trainshed projects create vision --description "cameras"
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        made = client.projects.create(name, description or "")
    _print(made, as_json=as_json, write=output.print_json)


@app.command()
def show(project: Project, as_json: AsJson = False, home: Home = None) -> None:
    """Show a project with its members and its quota.

    \b
    Examples:
      trainshed projects show vision
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        project_id = client.projects.id_of(project)
        found = client.projects.show(project_id)
        found["members"], quota = client.projects.members(project_id), client.projects.quota(project_id)
    if as_json:
        output.print_json({**found, **quota})
        return
    _print(found, as_json=False, write=output.print_json)
    output.print_facts([(f"member {m['name']}", m["role"]) for m in found["members"]])
    output.print_facts(_quota_facts(quota))


@app.command()
def update(
    project: Project,
    name: Annotated[str | None, typer.Option(help="A new name.", show_default=False)] = None,
    description: Description = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Rename or describe a project.

    \b
    Examples:
      trainshed projects update vision --name cameras
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.projects.change(client.projects.id_of(project), name=name, description=description)
    _print(found, as_json=as_json, write=output.print_json)


@app.command()
def delete(project: Project, as_json: AsJson = False, home: Home = None) -> None:
    """Remove a project with its algorithms, jobs and logs; what is in its buckets stays.

    \b
    Examples:
      trainshed projects delete vision
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.projects.delete(client.projects.id_of(project))
    if as_json:
        output.print_json({"deleted": project})


@app.command("add-member")
def add_member(
    project: Project,
    user: User,
    role: Annotated[
        str, typer.Option(help="viewer looks, member runs jobs, admin manages members and buckets.")
    ] = "member",
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Take a user into a project, or change the role there.

    \b
    Examples:
      trainshed projects add-member vision ann --role viewer
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.projects.set_member(client.projects.id_of(project), user, role)
    if as_json:
        output.print_json(found)
        return
    output.say(f"{found['name']} is {found['role']} of {project}")


@app.command("remove-member")
def remove_member(project: Project, user: User, as_json: AsJson = False, home: Home = None) -> None:
    """Take a user out of a project; their jobs stay.

    \b
    Examples:
      trainshed projects remove-member vision ann
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.projects.remove_member(client.projects.id_of(project), user)
    if as_json:
        output.print_json({"removed": user})


_None = "A number, or 'none' for no limit."


@app.command()
def quota(
    *,
    project: Project,
    jobs: Annotated[str | None, typer.Option(help=f"Jobs that run at once. {_None}")] = None,
    cards: Annotated[str | None, typer.Option(help=f"Cards that its jobs hold. {_None}")] = None,
    storage_gb: Annotated[str | None, typer.Option(help=f"GiB in its folder buckets. {_None}")] = None,
    job_hours: Annotated[str | None, typer.Option(help=f"Longest time that a job may run. {_None}")] = None,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Show the limits of a project and what is used of them; or set them, as an administrator.

    \b
    Examples:
      trainshed projects quota vision
      trainshed projects quota vision --jobs 4 --cards 8 --job-hours none
    """
    from trainshed.cli import output, service

    given = {
        "jobs": _number(jobs, "--jobs"),
        "cards": _number(cards, "--cards"),
        "storage_bytes": _number(storage_gb, "--storage-gb", 1024**3),
        "job_hours": _number(job_hours, "--job-hours"),
    }
    with service.client(home) as client:
        project_id = client.projects.id_of(project)
        found = client.projects.quota(project_id)
        changed = {name: value for name, value in given.items() if value is not None}
        if changed:
            wanted = {**found["quota"], **changed}
            left = {name: value for name, value in wanted.items() if value >= 0}
            found = client.projects.set_quota(project_id, left)
    if as_json:
        output.print_json(found)
        return
    output.print_facts(_quota_facts(found))


def _number(text: str | None, option: str, unit: int = 1) -> int | None:
    """What an option says; -1 for no limit, None where it is not given."""
    if text is None:
        return None
    if text.lower() == "none":
        return -1
    try:
        return int(float(text) * unit)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no number", param_hint=option) from None


def _quota_facts(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    from trainshed.cli.output import size_text

    quota, used = answer["quota"], answer["used"]
    stored, room = used.get("storage_bytes"), quota.get("storage_bytes")
    hours = quota.get("job_hours")
    return [
        ("jobs", _of(used["jobs"], quota.get("jobs"))),
        ("cards", _of(used["cards"], quota.get("cards"))),
        ("storage", _of("?" if stored is None else size_text(stored), room and size_text(room))),
        ("hours a job", "" if hours is None else f"{hours} at most"),
    ]


def _of(used: Any, limit: Any) -> str:
    return f"{used} of {'no limit' if limit is None else limit}"


def _print(project: dict[str, Any], *, as_json: bool, write: Any) -> None:
    from trainshed.cli import output

    if as_json:
        write(project)
        return
    facts = ("name", "id", "description", "role")
    output.print_facts([("I am" if name == "role" else name, project.get(name)) for name in facts])
