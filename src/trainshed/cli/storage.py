"""``trainshed ls``, ``cp``, ``cat``, ``du``, ``rm`` and ``sync`` on any bucket, and ``trainshed storage``."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainshed.cli.options import AsJson, Home, group
from trainshed.core.errors import Code, InvalidInput

if TYPE_CHECKING:
    from trainshed.storage import CopyReport, Progress
    from trainshed.storage.report import OnProgress

app = group("storage", "Buckets and their keys.")

Uri = Annotated[
    str,
    typer.Argument(metavar="URI", help="obs://bucket/path, s3://bucket/path or a path.", show_default=False),
]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="URI or path.", show_default=False)]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="URI or path.", show_default=False)]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="All that lies below.")]
Threads = Annotated[int, typer.Option("--threads", min=0, help="Transfers at once; 0 for what suits.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def register(main: typer.Typer) -> None:
    """Put the commands where a person looks for them."""
    for command in (ls, cp, sync, cat, du, rm):
        main.command()(command)
    main.add_typer(app)


def ls(uri: Uri, recursive: Recursive = False, as_json: AsJson = False, home: Home = None) -> None:
    """List what is in a bucket or folder.

    \b
    Examples:
      trainshed ls obs://trainshed/
      trainshed ls -r obs://trainshed/data/
    """
    from trainshed.cli import output
    from trainshed.cli.store_access import buckets
    from trainshed.storage import faults

    with buckets(home, uri) as found:
        kind = found.kind(uri)
        if kind == "":
            raise faults.object_not_found(uri)
        infos = [found.stat(uri)] if kind == "file" else found.list(uri, recursive=recursive)
        if as_json:
            output.print_json(list(infos))
            return
        for info in infos:
            size = "-" if info.is_directory else str(info.size)
            print(f"{size:>14}  {_time_text(info.mtime):19}  {info.key}")


def cp(  # noqa: PLR0917 (options)
    source: Source,
    target: Target,
    threads: Threads = 0,
    force: Annotated[bool, typer.Option("--force", help="Also what is there already.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Copy a file, or all that is in a folder. What is there already, the same in size and time, stays,
    so that a copy that broke off goes on when it is run again.

    \b
    Examples:
      trainshed cp ./data obs://trainshed/data/
      trainshed cp obs://trainshed/out/model.pt .
    """
    _copy(source, target, _Options(threads, skip_same=not force), quiet=quiet, as_json=as_json, home=home)


def sync(  # noqa: PLR0917 (options)
    source: Source,
    target: Target,
    threads: Threads = 0,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove at the target what the source does not have.")
    ] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Make a folder equal to another.

    \b
    Examples:
      trainshed sync ./data obs://trainshed/data/ --delete
    """
    _copy(
        source,
        target,
        _Options(threads, delete=delete, directory=True),
        quiet=quiet,
        as_json=as_json,
        home=home,
    )


def cat(uri: Uri, home: Home = None) -> None:
    """Write an object to standard output.

    \b
    Examples:
      trainshed cat obs://trainshed/out/log.txt
    """
    from trainshed.cli.store_access import buckets

    with buckets(home, uri) as found, found.open_read(uri) as stream:
        while block := stream.read(1 << 20):
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()


def du(uri: Uri, as_json: AsJson = False, home: Home = None) -> None:
    """Say how many objects there are, and how large together.

    \b
    Examples:
      trainshed du obs://trainshed/data/
    """
    from trainshed.cli import output
    from trainshed.cli.store_access import buckets
    from trainshed.storage import faults

    files = size = 0
    with buckets(home, uri) as found:
        kind = found.kind(uri)
        if kind == "":
            raise faults.object_not_found(uri)
        for info in [found.stat(uri)] if kind == "file" else found.list(uri):
            files += not info.is_directory
            size += info.size
    if as_json:
        output.print_json({"uri": uri, "files": files, "bytes": size})
        return
    print(f"{output.count_text(files, 'file')}, {output.size_text(size)} ({size} bytes)")


def rm(
    uri: Uri,
    recursive: Recursive = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Delete an object or, with --recursive, all that lies below.

    \b
    Examples:
      trainshed rm obs://trainshed/out/old.pt
      trainshed rm -r obs://trainshed/out/run-1/
    """
    from trainshed.cli import output
    from trainshed.cli.store_access import buckets
    from trainshed.storage import parse_uri

    location = parse_uri(uri)
    if not location.key.strip("/"):
        raise InvalidInput(f"{uri} is a whole bucket; name what to delete in it", code=Code.URI_INVALID)
    with buckets(home, uri) as found:
        if not recursive and found.kind(uri) == "directory":
            raise InvalidInput(f"{uri} is a directory; add --recursive to delete it", code=Code.URI_INVALID)
        count = found.delete(uri, recursive=recursive)
    if as_json:
        output.print_json({"deleted": count})
    else:
        output.say(f"deleted {count} objects" if count != 1 else "deleted 1 object")


class _Options:
    def __init__(
        self, threads: int, *, skip_same: bool = True, delete: bool = False, directory: bool = False
    ) -> None:
        self.threads = threads
        self.skip_same = skip_same
        self.delete = delete
        self.directory = directory


def _copy(
    source: str, target: str, options: _Options, *, quiet: bool, as_json: bool, home: Path | None
) -> None:
    from trainshed.cli import output
    from trainshed.cli.store_access import buckets
    from trainshed.storage import CopyOptions

    wanted = CopyOptions(threads=options.threads, skip_same=options.skip_same, delete=options.delete)
    with buckets(home, source, target) as found:
        if options.directory and found.kind(source) == "file":
            raise InvalidInput(f"{source} is a file; copy it with 'trainshed cp'", code=Code.URI_INVALID)
        if _is_existing_directory(target) and found.kind(source) == "file":
            target = target.rstrip("/") + "/"
        with _shown(quiet or as_json) as progress:
            report = found.copy(source, target, progress=progress, options=wanted)
    if as_json:
        output.print_json(report)
    else:
        output.say(_report_text(report))


def _is_existing_directory(target: str) -> bool:
    return "://" not in target and Path(target).is_dir()


@contextmanager
def _shown(quiet: bool) -> Generator[OnProgress]:
    from trainshed.cli.steps import Steps

    with Steps(quiet=quiet) as steps:

        def progress(now: Progress) -> None:
            percent = 100 * now.bytes / max(1, now.total_bytes) if now.total_known else None
            steps.progress(_progress_text(now), percent)

        yield progress


def _progress_text(now: Progress) -> str:
    from trainshed.cli.output import duration_text, size_text

    total = f"{now.total_files}{'' if now.total_known else '+'}"
    text = f"{now.files} of {total} files, {size_text(now.bytes)}, {size_text(now.rate)}/s"
    return text if now.eta_s is None else f"{text}, {duration_text(now.eta_s)} left"


def _report_text(report: CopyReport) -> str:
    from trainshed.cli.output import count_text, duration_text, size_text

    files = count_text(report.files, "file")
    parts = [f"copied {files}, {size_text(report.bytes)} in {duration_text(report.seconds)}"]
    if report.skipped:
        parts.append(f"{report.skipped} were there already")
    if report.deleted:
        parts.append(f"{report.deleted} deleted")
    parts.append(f"verified, {report.checksums} by checksum" if report.checksums else "verified")
    return "\n".join(["; ".join(parts), *report.warnings])


def _time_text(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else ""


BucketName = Annotated[str, typer.Argument(metavar="BUCKET", help="Its name here.", show_default=False)]


@app.command("list")
def list_buckets(as_json: AsJson = False, home: Home = None) -> None:
    """List the project's buckets.

    \b
    Examples:
      trainshed storage list
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        found = client.transport.json("GET", f"/v2/{client.project_id}/buckets")["items"]
    if as_json:
        output.print_json(found)
        return
    rows = [(b["name"], b["kind"], b["endpoint"], "yes" if b["is_default"] else "") for b in found]
    output.print_table(("BUCKET", "KIND", "ENDPOINT", "DEFAULT"), rows)


@app.command()
def add(  # noqa: PLR0917 (options)
    name: BucketName,
    endpoint: Annotated[str, typer.Option(help="https://host[:port] of S3 or OBS; none for a folder.")] = "",
    access_key: Annotated[str, typer.Option(envvar="TRAINSHED_ACCESS_KEY", help="Access key (AK).")] = "",
    secret_key: Annotated[
        str, typer.Option(envvar="TRAINSHED_SECRET_KEY", help="Secret key (SK); asked for where missing.")
    ] = "",
    region: Annotated[str, typer.Option(help="Region, where the server wants one.")] = "",
    bucket: Annotated[str, typer.Option(help="Its name at the server, where that differs.")] = "",
    path_style: Annotated[
        bool | None,
        typer.Option(
            "--path-style/--virtual-host",
            help="The bucket's name in the path, or before the host's; told by the address where neither is.",
            show_default=False,
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Certificates (PEM) by which the server's own is checked, instead of the system's.",
            show_default=False,
        ),
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Take any certificate.")] = False,
    as_json: AsJson = False,
    home: Home = None,
) -> None:
    """Add a bucket: one at S3 or OBS, or a new folder of the service. It is tried before it is kept.

    \b
    Examples:
      trainshed storage add data --endpoint https://obs.example.com --access-key AK
      trainshed storage add lab --endpoint https://minio.lab:9000 --path-style --ca lab-ca.pem --access-key AK
      trainshed storage add scratch
    """
    from trainshed.cli import output, service

    body: dict[str, Any] = {"name": name, "kind": "folder"}
    if endpoint:
        access_key, secret_key = _keys(access_key, secret_key)
        body |= {"kind": "s3", "endpoint": endpoint, "region": region, "bucket": bucket}
        body |= {"access_key": access_key, "secret_key": secret_key}
        body |= {"path_style": path_style, "ca": ca.read_text() if ca else "", "verify_tls": not insecure}
    with service.client(home) as client:
        made = client.transport.json("POST", f"/v2/{client.project_id}/buckets", body)
    if as_json:
        output.print_json(made)
    else:
        output.say(f"added obs://{name}/")


@app.command()
def keys(
    name: BucketName,
    access_key: Annotated[str, typer.Option(envvar="TRAINSHED_ACCESS_KEY", help="Access key (AK).")] = "",
    secret_key: Annotated[str, typer.Option(envvar="TRAINSHED_SECRET_KEY", help="Secret key (SK).")] = "",
    home: Home = None,
) -> None:
    """Give a bucket new keys; they are tried first.

    \b
    Examples:
      trainshed storage keys data --access-key AK
    """
    from trainshed.cli import output, service

    access_key, secret_key = _keys(access_key, secret_key)
    body = {"access_key": access_key, "secret_key": secret_key}
    with service.client(home) as client:
        client.transport.json("PUT", f"/v2/{client.project_id}/buckets/{name}/keys", body)
    output.say(f"obs://{name}/ has new keys")


@app.command("test")
def try_bucket(name: BucketName, home: Home = None) -> None:
    """Say whether a bucket answers and lets the service in.

    \b
    Examples:
      trainshed storage test data
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.transport.json("POST", f"/v2/{client.project_id}/buckets/{name}/test")
    output.say(f"obs://{name}/ answers")


@app.command()
def remove(name: BucketName, home: Home = None) -> None:
    """Forget a bucket; what is in it stays where it is.

    \b
    Examples:
      trainshed storage remove data
    """
    from trainshed.cli import output, service

    with service.client(home) as client:
        client.transport.json("DELETE", f"/v2/{client.project_id}/buckets/{name}")
    output.say(f"removed obs://{name}/; what is in it stays where it is")


def _keys(access_key: str, secret_key: str) -> tuple[str, str]:
    if not (access_key and secret_key) and not sys.stdin.isatty():
        raise InvalidInput(
            "the keys are missing: give --access-key, and the secret key in TRAINSHED_SECRET_KEY",
            code=Code.FIELD_INVALID,
        )
    access_key = access_key or typer.prompt("Access key")
    return access_key, secret_key or typer.prompt("Secret key", hide_input=True)
