"""Printing a log: whole, its end, its matches, or live."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from trainshed.cli import output, service
from trainshed.cli.log_view import LogView
from trainshed.client import Client
from trainshed.client.jobs import Jobs
from trainshed.client.models import Json

_PIECE = 4 * 1024 * 1024
_LINE_GUESS = 200


def show_log(
    job: str,
    task: str,
    home: Path | None,
    *,
    follow: bool,
    tail: int | None,
    search: str | None,
    quiet: bool,
    as_json: bool,
    attempt: int | None = None,
) -> None:
    """Print the log of one task as the options say."""
    with service.client(home) as client:
        if search is not None:
            _show_matches(client, job, task, search, as_json=as_json, attempt=attempt)
            return
        start = 0 if tail is None else tail_offset(client.jobs, job, task, tail, attempt)
        if follow and attempt is None and start:  # an offset belongs to the newest start
            attempt = client.jobs.show(job).attempt
        if as_json:
            _print_pieces(client, job, task, start, attempt=attempt, follow=follow)
            return
        view = LogView(platform=None if quiet else sys.stderr)
        try:
            _write(client, view, job, task, start, attempt=attempt, follow=follow)
        finally:
            view.close()


def _write(
    client: Client, view: LogView, job: str, task: str, start: int, *, attempt: int | None, follow: bool
) -> None:
    if follow:
        for text in client.jobs.follow_log(job, task, offset=start, attempt=attempt):
            view.write(text)
        return
    rest = b""
    while piece := client.jobs.log(job, task, offset=start, limit=_PIECE, attempt=attempt):
        start += len(piece)
        whole, _, rest = (rest + piece).rpartition(b"\n")
        if whole:
            view.write(whole.decode(errors="replace") + "\n")
    view.write(rest.decode(errors="replace"))


def _print_pieces(
    client: Client, job: str, task: str, start: int, *, attempt: int | None, follow: bool
) -> None:
    """One JSON object a piece while following, else one with all of it."""
    if follow:
        for text in client.jobs.follow_log(job, task, offset=start, attempt=attempt):
            print(json.dumps({"text": text}, ensure_ascii=False), flush=True)
        return
    text = client.jobs.log(job, task, offset=start, attempt=attempt).decode(errors="replace")
    output.print_json({"task": task, "offset": start, "text": text})


def _show_matches(
    client: Client, job: str, task: str, search: str, *, as_json: bool, attempt: int | None
) -> None:
    matches = client.jobs.search_log(job, search, task, attempt=attempt)
    if as_json:
        output.print_json(matches)
        return
    for match in matches:
        print(match.get("text", ""))


def save_logs(
    job: str, folder: Path, home: Path | None, *, task: str | None, attempt: int | None, as_json: bool
) -> None:
    """Write all logs of the job, or of one task, into ``folder`` under ModelArts' names."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = list[Path]()
    with service.client(home) as client:
        tasks = [task] if task else [f"worker-{i}" for i in range(client.jobs.show(job).task_count)]
        for each in tasks:
            for stream in client.jobs.log_streams(job, each, attempt=attempt):
                saved.append(folder / Path(str(stream["file_name"])).name)
                _save(client, job, each, stream, saved[-1])
                output.say(str(saved[-1]))
    if as_json:
        output.print_json({"saved": [str(path) for path in saved]})


def _save(client: Client, job: str, task: str, stream: Json, path: Path) -> None:
    """One log, whole, a piece at a time."""
    at, name = 0, str(stream["name"]).partition(".")[2]
    with path.open("wb") as file:
        while piece := client.jobs.log(
            job, task, offset=at, limit=_PIECE, attempt=stream["attempt"], stream=name
        ):
            at += file.write(piece)


def tail_offset(jobs: Jobs, job: str, task: str, lines: int, attempt: int | None = None) -> int:
    """Where the last ``lines`` lines of the log begin."""
    size, wanted = jobs.log_size(job, task, attempt=attempt), max(lines, 1) * _LINE_GUESS
    while True:
        start = max(0, size - wanted)
        piece = jobs.log(job, task, offset=start, limit=size - start, attempt=attempt)
        body = piece.removesuffix(b"\n")
        if start == 0 or body.count(b"\n") >= lines:
            break
        wanted *= 4
    at = len(body)
    for _ in range(lines):
        at = body.rfind(b"\n", 0, at)
        if at < 0:
            return start
    return start + at + 1 if lines else size
