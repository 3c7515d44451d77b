"""Elastic jobs: which may be, and how many workers one is to have while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainshed.core.engine import Engine, LauncherName
from trainshed.core.errors import Code, Conflict, InvalidInput
from trainshed.core.job import JobSpec
from trainshed.core.wire import from_wire
from trainshed.engines import launchers
from trainshed.server.services import queries
from trainshed.server.services.messages import Resize, ThreadReply

if TYPE_CHECKING:
    from trainshed.server.context import Context, Principal
    from trainshed.server.services.queries import Row
    from trainshed.server.services.resources import Resources
    from trainshed.server.wire.jobs import JobSpecification

ANNOTATION = "trainshed/min-workers"


def min_workers(
    rules: JobSpecification, annotations: Mapping[str, str], found: Resources, command: str
) -> int:
    """With how few workers a job to be goes on; 0 where their number is fixed.

    Raises:
        InvalidInput: its engine cannot do that, or not with so few or so many.
    """
    wanted = rules.min_workers or _annotated(annotations)
    if not wanted:
        return 0
    launcher = launchers.elastic(found.engine.launcher)
    if launcher is None or command:
        raise InvalidInput(_why_not(found.engine, command), code=Code.FIELD_INVALID)
    nodes = rules.resource.node_count
    per_node = launchers.processes_per_node(
        found.engine.launcher, found.flavor.resources.cards, rules.resource.processes
    )
    least, most = launcher.least_workers(nodes), nodes * per_node
    if not least <= wanted <= most:
        raise InvalidInput(
            f"min_workers is {wanted}; a job of {nodes} nodes with {per_node} processes each can go on with "
            f"{least} to {most} workers",
            code=Code.FIELD_INVALID,
        )
    return wanted


def _annotated(annotations: Mapping[str, str]) -> int:
    text = annotations.get(ANNOTATION, "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) < 6):
        raise InvalidInput(
            f"annotation {ANNOTATION} is {text[:40]!r}; it must be a number of workers",
            code=Code.FIELD_INVALID,
        )
    return int(text or 0)


def _why_not(engine: Engine, command: str) -> str:
    if command:
        return "min_workers: a job with a command of its own starts its processes by itself; give a boot file"
    able = " and ".join(name.value for name in LauncherName if launchers.elastic(name))
    return (
        f"min_workers: engine {engine.id} starts its processes by {engine.launcher.value}, whose number is "
        f"fixed; elastic jobs are started by {able}"
    )


def resize(context: Context, caller: Principal, job: str, workers: int) -> dict[str, Any]:
    """Have a running job go on with so many workers.

    Raises:
        Conflict: it is not elastic, or does not run.
        InvalidInput: so few or so many it cannot have.
    """
    row = queries.job_row(context.db, caller.project_id, job)
    least, most = _range(context, row)
    if not least <= workers <= most:
        raise InvalidInput(
            f"workers is {workers}; job {row['name']!r} can have from {least} to {most}",
            code=Code.FIELD_INVALID,
        )
    reply = ThreadReply()
    context.services.dispatcher.tell(Resize(row["id"], workers, caller.user_name, reply))
    if not reply.wait():
        phase = queries.job_row(context.db, caller.project_id, row["id"])["phase"]
        raise Conflict(
            f"job {row['name']!r} is {phase}: only a job that runs can be resized",
            code=Code.JOB_FINISHED if row["ended_at"] else Code.JOB_NOT_FINISHED,
        )
    return {"job_id": row["id"], "workers": workers, "least": least, "most": most}


def _range(context: Context, row: Row) -> tuple[int, int]:
    """How few and how many workers a job can have.

    Raises:
        Conflict: it is not elastic.
    """
    spec = from_wire(JobSpec, row["spec"])
    if not spec.min_workers:
        raise Conflict(
            f"job {row['name']!r} has a fixed number of workers: an elastic job is created with min_workers",
            code=Code.NOT_ELASTIC,
        )
    launcher = context.catalogue.get(spec.engine_id).launcher
    flavors = {flavor.id: flavor for flavor in context.pools[spec.pool_id].flavors()}
    cards = flavors[spec.flavor_id].resources.cards if spec.flavor_id in flavors else 0
    per_node = launchers.processes_per_node(launcher, cards, spec.processes)
    return spec.min_workers, spec.node_count * per_node
