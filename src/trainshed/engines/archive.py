"""Environments as files: taken to a machine that has no network.

An archive is a tar file (compressed where its name ends in ``.gz``) of a manifest and the
environment's folder without its links to the Python that it was made from. Importing puts in the
links to the Python of the new machine, verifies, and files it as if it had been built there.
"""

from __future__ import annotations

import dataclasses
import io
import json
import platform
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from trainshed.core.engine import Engine
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.task import Interpreter
from trainshed.engines import builder, interpreters, locks, lookup
from trainshed.engines.catalogue import Catalogue
from trainshed.engines.environments import Environments, Place
from trainshed.engines.runner import BuildLog, CommandFailed, Runner, Watcher, nobody

_MANIFEST = "trainshed-environment.json"
_FOLDER = "environment"
_FORMAT = 1


def export(environments: Environments, engine: Engine, target: Path) -> int:
    """Write the engine's environment to ``target``; returns the archive's size in bytes.

    Raises:
        InvalidInput: the environment is not ready.
    """
    interpreter = environments.lookup(engine)
    if interpreter is None:
        raise InvalidInput(
            f"{engine.id} has no environment to export: 'trainshed engines build {engine.id}' makes it",
            code=Code.ENVIRONMENT_BUILD_FAILED,
        )
    folder = Path(interpreter.python).parents[1]
    temporary = target.with_name(f".{target.name}.part")
    with tarfile.open(temporary, "w:gz" if target.name.endswith("gz") else "w") as archive:
        _add_text(archive, _MANIFEST, json.dumps(_manifest(engine, interpreter, folder), indent=1))
        archive.add(folder, _FOLDER, filter=_portable)
    temporary.replace(target)
    return target.stat().st_size


def import_(
    environments: Environments, catalogue: Catalogue, source: Path, progress: Watcher = nobody
) -> tuple[Engine, Interpreter]:
    """File the environment in ``source`` as the environment of its engine here.

    Raises:
        InvalidInput: it is no such archive, is of another platform or recipe, its Python is not
            here, or it does not import.
    """
    try:
        with tarfile.open(source) as archive:
            manifest = _read_manifest(source, archive)
            engine = catalogue.get(manifest["engine_id"])
            python = _check(manifest, engine)
            place = environments.place(engine, python.minor)
            with locks.held(place.lock, place.log, progress), BuildLog(place.log, progress) as log:
                environments.discard(place.folder)
                log.say(f"unpacking the environment of {engine.id} from {source}", 1)
                _unpack(archive, place, python)
                marker = _verified(engine, place, python, log, manifest["marker"])
                marker.write(place.folder)
                lookup.touch(place.folder)
                environments.link(engine, place)
                log.say("ready", 100)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InvalidInput(f"{source} cannot be imported: {error}", code=Code.FIELD_INVALID) from error
    return engine, lookup.interpreter(place.folder, marker)


def _manifest(engine: Engine, interpreter: Interpreter, folder: Path) -> dict[str, Any]:
    marker = lookup.read_marker(folder)
    assert marker is not None
    return {
        "format": _FORMAT,
        "engine_id": engine.id,
        "recipe": _recipe(engine, interpreter.python_version),
        "python": interpreter.python_version,
        "platform": _platform(),
        "marker": dataclasses.asdict(marker),
    }


def _recipe(engine: Engine, python: str) -> str:
    """What the recipe makes, wherever its packages come from."""
    return lookup.digest(engine.recipe, python, gpu=lookup.has_gpu(), sources={})


def _platform() -> str:
    return f"{sys.platform}-{platform.machine()}"


def _portable(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what belongs to this machine: the links to its Python, the marker, the time of use."""
    inside = member.name.removeprefix(_FOLDER + "/")
    if inside in (lookup.MARKER, lookup.USED) or inside.startswith(("build-", "bin/python")):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(data), int(time.time())
    archive.addfile(member, io.BytesIO(data))


def _read_manifest(source: Path, archive: tarfile.TarFile) -> dict[str, Any]:
    first = archive.next()
    file = archive.extractfile(first) if first and first.name == _MANIFEST else None
    if file is None:
        raise InvalidInput(
            f"{source} is no exported environment; make one with 'trainshed engines export'",
            code=Code.FIELD_INVALID,
        )
    manifest: dict[str, Any] = json.load(file)
    if manifest.get("format") != _FORMAT:
        raise InvalidInput(
            f"{source} was exported by another version of trainshed; export it again with this one",
            code=Code.FIELD_INVALID,
        )
    return manifest


def _check(manifest: dict[str, Any], engine: Engine) -> interpreters.BasePython:
    if manifest["platform"] != _platform():
        raise InvalidInput(
            f"the archive is for {manifest['platform']} and this machine is {_platform()}; export it there",
            code=Code.FIELD_INVALID,
        )
    if manifest["recipe"] != _recipe(engine, manifest["python"]):
        raise InvalidInput(
            f"the archive was made by another recipe of {engine.id}, or for another kind of chip; "
            "export it again from a machine with this catalogue",
            code=Code.FIELD_INVALID,
        )
    python = interpreters.find([manifest["python"]])
    if python is None:
        raise InvalidInput(
            f"the archive needs Python {manifest['python']} and none was found; install it and try again",
            code=Code.INTERPRETER_MISSING,
        )
    return python


def _unpack(archive: tarfile.TarFile, place: Place, python: interpreters.BasePython) -> None:
    place.folder.mkdir(parents=True)
    for member in archive:
        if member.name.startswith(_FOLDER + "/"):
            moved = member.replace(name=member.name.removeprefix(_FOLDER + "/"), deep=False)
            if moved.islnk():
                moved = moved.replace(linkname=member.linkname.removeprefix(_FOLDER + "/"), deep=False)
            archive.extract(moved, place.folder, filter="data")
    binaries = place.folder / "bin"
    (binaries / "python").symlink_to(python.path)
    for name in ("python3", f"python{python.minor}"):
        (binaries / name).symlink_to("python")
    config = place.folder / "pyvenv.cfg"
    lines = [
        line for line in config.read_text().splitlines() if not line.startswith(("home", "version_info"))
    ]
    home = [f"home = {Path(python.path).parent}", f"version_info = {python.version}"]
    config.write_text("\n".join([*home, *lines]) + "\n")


def _verified(
    engine: Engine, place: Place, python: interpreters.BasePython, log: BuildLog, exported: dict[str, Any]
) -> lookup.Marker:
    """The marker of the unpacked environment, if it works here."""
    began = time.time()
    known = lookup.Marker(**exported)
    site = builder.Site(engine, place.folder, python, lookup.has_gpu(), "", place.root, Runner(log))
    try:
        seconds = builder.verify(site, known.variables)
    except CommandFailed as error:
        raise InvalidInput(
            f"the imported environment of {engine.id} does not work here: {error.reason}",
            code=Code.ENVIRONMENT_BUILD_FAILED,
        ) from error
    return dataclasses.replace(
        known,
        python_version=python.version,
        built_at=began,
        build_seconds=round(time.time() - began, 1),
        import_seconds=seconds,
        contents=lookup.contents(place.folder),
        note=", ".join(filter(None, (known.note, "imported"))),
    )
