"""Checks of single things that a request for a job names: files, places, sizes, patterns."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from trainshed.core.errors import Code, Forbidden, InvalidInput, NotFound, TrainshedError
from trainshed.core.job import ChannelBinding
from trainshed.core.resources import Flavor
from trainshed.core.secrets import MASK
from trainshed.storage import Location
from trainshed.storage.folder import FolderStore

if TYPE_CHECKING:
    from trainshed.pools.base import Pool
    from trainshed.server.context import Context, Principal

MAX_PROCESSES = 1024
MAX_COMMAND = 8192
MAX_REGEXES = 50
MAX_REGEX = 512
MAX_PATH = 1024
MAX_DEPTH = 32
BOOT_SUFFIXES = (".py", ".pyc")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOCAL_ROOTS = ("/home/", "/cache/", "/tmp/")  # noqa: S108 - private to each job
_RESERVED = ("/home/ma-user/modelarts-dev", "/home/ma-user/infer")


def nodes(count: int, flavor: Flavor, pool: Pool) -> None:
    """Whether a job may have this many nodes.

    Raises:
        InvalidInput: none, or more than there are.
    """
    if count < 1:
        raise InvalidInput(f"node_count is {count}; it must be at least 1", code=Code.FIELD_INVALID)
    if count > flavor.max_nodes:
        raise InvalidInput(
            f"node_count is {count}; pool {pool.id!r} gives a job of flavor {flavor.id!r} "
            f"{flavor.max_nodes} nodes at most",
            code=Code.TOO_MANY_NODES,
        )


def processes(count: int) -> None:
    """Whether a node may have this many processes.

    Raises:
        InvalidInput: more than 1,024.
    """
    if count > MAX_PROCESSES:
        raise InvalidInput(f"{count} processes a node; {MAX_PROCESSES} at most", code=Code.FIELD_INVALID)


def command(text: str) -> str:
    """``text`` itself, if it can be a command line.

    Raises:
        InvalidInput: too long, or with a NUL character.
    """
    if len(text) > MAX_COMMAND or "\x00" in text:
        raise InvalidInput(
            f"command has more than {MAX_COMMAND} characters, or a NUL character", code=Code.FIELD_INVALID
        )
    return text


def whole_variables(variables: dict[str, str]) -> dict[str, str]:
    """``variables`` itself, if all of it can be written as UTF-8.

    Raises:
        InvalidInput: half a character, or NUL.
    """
    for name, value in variables.items():
        try:
            f"{name}{value}".encode()
        except UnicodeEncodeError:
            raise InvalidInput(f"{name[:80]!r} holds half a character", code=Code.FIELD_INVALID) from None
        if "\x00" in name or "\x00" in value:
            raise InvalidInput(f"{name[:80]!r} holds a NUL character", code=Code.FIELD_INVALID)
    return variables


def variable_name(name: str) -> str:
    """``name`` itself, if an environment variable may be called so.

    Raises:
        InvalidInput: it may not.
    """
    if not _VARIABLE.fullmatch(name):
        raise InvalidInput(
            f"channel {name!r} cannot be an environment variable: use letters, digits and '_'",
            code=Code.CHANNEL_INVALID,
        )
    return name


def local_dir(path: str, what: str) -> str:
    """``path`` itself, if a job may have something there; empty for the usual place.

    Raises:
        InvalidInput: not absolute, with ``..``, or outside of /home, /cache and /tmp.
    """
    if not path:
        return ""
    plain = posixpath.normpath(path)
    wrong = ".." in PurePosixPath(path).parts or not path.startswith("/") or "\x00" in path
    if wrong or len(path) > MAX_PATH:
        raise InvalidInput(
            f"{what} is {path[:120]!r}; it must be an absolute path without '..'", code=Code.PATH_INVALID
        )
    if not f"{plain}/".startswith(_LOCAL_ROOTS) or f"{plain}/" in (*_LOCAL_ROOTS, "/home/ma-user/"):
        raise InvalidInput(
            f"{what} is {path[:120]!r}; choose a directory below /home, /cache or /tmp",
            code=Code.PATH_INVALID,
        )
    if any(f"{plain}/".startswith(f"{reserved}/") for reserved in _RESERVED):
        raise InvalidInput(f"{what} is {path[:120]!r}, which is reserved", code=Code.PATH_INVALID)
    return plain


def metric_regexes(regexes: dict[str, str]) -> dict[str, str]:
    """``regexes`` itself, if numbers can be picked with them.

    Raises:
        InvalidInput: too many, too long, no regular expression, or without a group.
    """
    if len(regexes) > MAX_REGEXES:
        raise InvalidInput(f"{len(regexes)} metrics; {MAX_REGEXES} at most", code=Code.FIELD_INVALID)
    for name, pattern in whole_variables(regexes).items():
        if not name or len(name) > 64:
            raise InvalidInput(
                f"metric name {name[:80]!r} must have 1 to 64 characters", code=Code.FIELD_INVALID
            )
        try:
            groups = re.compile(pattern).groups if len(pattern) <= MAX_REGEX else 0
        except (re.error, RecursionError, OverflowError):
            groups = 0
        if not groups:
            raise InvalidInput(
                f"metric {name!r} needs a regular expression of up to {MAX_REGEX} characters with one group",
                code=Code.FIELD_INVALID,
            )
    return regexes


def not_masked(variables: dict[str, str]) -> dict[str, str]:
    """``variables`` itself, unless one holds the mask that another job was shown with.

    Raises:
        InvalidInput: one does.
    """
    for name, value in variables.items():
        if value == MASK:
            raise InvalidInput(
                f"environment variable {name} holds {MASK!r}, the mask of a secret: give the secret itself",
                code=Code.ENVIRONMENT_VARIABLE_INVALID,
            )
    return variables


class Storage:
    """Looks at what a request names in storage, for whoever sent it."""

    def __init__(self, context: Context, caller: Principal) -> None:
        self._buckets = context.buckets
        self._stores = context.buckets.stores(caller.project_id)
        self._caller = caller
        self._max_files = context.settings.max_code_files
        self._max_bytes = context.settings.max_code_bytes

    def code(self, code_dir: str, boot_file: str, command: str) -> tuple[str, str]:
        """URI of the code directory and path of the boot file in it; both are there.

        Raises:
            InvalidInput: one is missing, outside, or too large.
        """
        if not code_dir:
            if command:
                return "", ""
            raise InvalidInput(
                "there is no code: give algorithm.id, or algorithm.code_dir with boot_file",
                code=Code.FIELD_INVALID,
            )
        location = self._buckets.locate(self._caller, code_dir).as_directory()
        inside = "" if command and not boot_file else self._boot_path(location, boot_file)
        self._look_at_code(location, inside)
        return str(location), inside

    def inputs(self, channels: Iterable[ChannelBinding]) -> tuple[ChannelBinding, ...]:
        """The channels with the URI as it is written from now on; something lies at each.

        Raises:
            InvalidInput: nothing is there, or it is empty.
        """
        return tuple(self._input(channel) for channel in channels)

    def outputs(self, channels: Iterable[ChannelBinding]) -> tuple[ChannelBinding, ...]:
        """The channels with the URI as it is written from now on; each can be written to.

        Raises:
            InvalidInput: one cannot, or two are the same place.
        """
        found: list[ChannelBinding] = []
        for channel in channels:
            location = self._buckets.locate(self._caller, channel.uri).as_directory()
            uri = str(location)
            if any(other.uri == uri for other in found):
                raise InvalidInput(
                    f"two outputs go to {uri[:200]}: give each a place of its own", code=Code.CHANNEL_INVALID
                )
            self._look_at_output(f"output {channel.name!r}", location)
            found.append(replace(channel, uri=uri))
        return tuple(found)

    def log_export(self, uri: str) -> str:
        """URI that logs are exported to; empty for none.

        Raises:
            InvalidInput: it cannot be written to.
        """
        if not uri:
            return ""
        location = self._buckets.locate(self._caller, uri).as_directory()
        self._look_at_output("log_export_path", location)
        return str(location)

    def _boot_path(self, code: Location, boot_file: str) -> str:
        """Path of the boot file below the code directory, however the request writes it."""
        if not boot_file:
            raise InvalidInput(
                "no boot file is named: give algorithm.boot_file, such as train.py",
                code=Code.BOOT_FILE_MISSING,
            )
        path = boot_file
        if "://" in path or path.startswith("/"):
            whole = str(self._buckets.locate(self._caller, path))
            if not whole.startswith(str(code)):
                raise _outside(boot_file)
            path = whole[len(str(code)) :]
        parts = PurePosixPath(path).parts
        if ".." in parts or "\x00" in path or len(path) > MAX_PATH:
            raise _outside(boot_file)
        path = "/".join(part for part in parts if part != ".")
        if not path.endswith(BOOT_SUFFIXES):
            raise InvalidInput(
                f"boot file {boot_file[:120]!r} is no Python file: it must end in .py",
                code=Code.BOOT_FILE_MISSING,
            )
        return path

    def _look_at_code(self, location: Location, boot_file: str) -> None:
        if boot_file and self._stores.kind(location / boot_file) != "file":
            raise InvalidInput(
                f"boot file {boot_file[:200]!r} is not in {str(location)[:200]}: upload it there first",
                code=Code.BOOT_FILE_MISSING,
            )
        size = count = 0
        for info in self._stores.list(location):
            count += not info.is_directory
            size += info.size
            if count > self._max_files or size > self._max_bytes:
                raise InvalidInput(
                    f"the code directory has more than {self._max_files} files or "
                    f"{self._max_bytes >> 20} MiB: keep data out of it, as an input",
                    code=Code.CODE_TOO_LARGE,
                )
            if info.key.count("/") > MAX_DEPTH:
                raise InvalidInput(
                    f"the code directory is nested deeper than {MAX_DEPTH} levels", code=Code.CODE_TOO_LARGE
                )
        if not count:
            raise InvalidInput(f"there is no code in {str(location)[:200]}", code=Code.BOOT_FILE_MISSING)

    def _input(self, channel: ChannelBinding) -> ChannelBinding:
        location = self._buckets.locate(self._caller, channel.uri)
        try:
            kind = self._stores.kind(location)
        except NotFound as error:
            raise InvalidInput(f"input {channel.name!r}: {error.message}", code=Code.INPUT_MISSING) from error
        if not kind:
            raise InvalidInput(
                f"input {channel.name!r}: nothing is at {str(location)[:200]}", code=Code.INPUT_MISSING
            )
        if kind == "file":
            return replace(channel, uri=str(location))
        location = location.as_directory()
        if all(info.is_directory for info in self._stores.list(location)):
            raise InvalidInput(
                f"input {channel.name!r}: {str(location)[:200]} is empty", code=Code.INPUT_EMPTY
            )
        return replace(channel, uri=str(location))

    def _look_at_output(self, what: str, location: Location) -> None:
        try:
            store, key = self._stores.resolve(location)
            if isinstance(store, FolderStore):
                _check_folder(what, store.path(key.rstrip("/")), str(location))
            else:
                probe = f"{key}.trainshed/write-check"
                store.write(probe, b"")
                store.delete([probe])
        except (Forbidden, NotFound) as error:
            raise InvalidInput(f"{what}: {error.message}", code=Code.OUTPUT_UNWRITABLE) from error


def _check_folder(what: str, path: str, shown: str) -> None:
    """Whether a folder can be made, or written to, at ``path``."""
    at = path
    while at and not os.path.lexists(at) and at != os.path.dirname(at):  # noqa: PTH120
        at = os.path.dirname(at)  # noqa: PTH120
    if not os.path.isdir(at):  # noqa: PTH112
        raise InvalidInput(f"{what}: {shown[:200]} is no directory", code=Code.OUTPUT_UNWRITABLE)
    if not os.access(at, os.W_OK | os.X_OK):
        raise InvalidInput(
            f"{what}: {shown[:200]} cannot be written to by the service", code=Code.OUTPUT_UNWRITABLE
        )


def _outside(boot_file: str) -> TrainshedError:
    return InvalidInput(
        f"boot file {boot_file[:120]!r} is outside of the code directory: name a file inside it",
        code=Code.BOOT_FILE_OUTSIDE_CODE,
    )
