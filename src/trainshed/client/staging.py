"""Local folders bound to a job's channels.

A service on this machine reads and writes them where they are. For a service elsewhere they are
copied: inputs to the project's bucket before the job, outputs from it after its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from trainshed.client.client import Client
from trainshed.core.errors import Code, InvalidInput

Progress = Callable[[str, int, int], None]
_BUCKET = "obs://trainshed"


class Staging:
    """The local side of one job's channels.

    Args:
        client: of the service that will run the job.
        job_name: names the place of what has to be copied.
        progress: called with what is copied, bytes done and bytes in all.

    Attributes:
        folders: the local folders among the channels; they are no part of the code.
    """

    def __init__(self, client: Client, job_name: str, progress: Progress | None = None) -> None:
        self._client = client
        self._place = f"{_BUCKET}/jobs/{job_name}"
        self._progress = progress
        self._fetched: dict[str, Path] = {}
        self.folders: list[Path] = []

    def inputs(self, bindings: Mapping[str, str]) -> dict[str, str]:
        """Channel → URI, after local files have been brought where the service can read them.

        Raises:
            InvalidInput: a local path that is not there, or is empty.
        """
        return {name: self._input(name, value) for name, value in bindings.items()}

    def outputs(self, bindings: Mapping[str, str]) -> dict[str, str]:
        """Channel → URI; local folders are made.

        Raises:
            InvalidInput: a local path that cannot be written.
        """
        return {name: self._output(name, value) for name, value in bindings.items()}

    def fetch(self) -> None:
        """Copy what the job wrote into the local folders of its outputs, where it is not there yet."""
        for uri, folder in self._fetched.items():
            for item in self._client.objects.list(uri):
                self._client.objects.download(uri + item.key, folder / item.key)

    def _input(self, name: str, value: str) -> str:
        if "://" in value:
            return value
        path = Path(value).expanduser().absolute()
        _check_input(name, value, path)
        self.folders.append(path)
        return _local_uri(path) if self._client.connection.local else self._upload(name, path)

    def _output(self, name: str, value: str) -> str:
        if "://" in value:
            return value
        path = Path(value).expanduser().absolute()
        _make_output(name, value, path)
        self.folders.append(path)
        if self._client.connection.local:
            return _local_uri(path)
        uri = f"{self._place}/{name}/"
        self._fetched[uri] = path
        return uri

    def _upload(self, name: str, path: Path) -> str:
        uri = f"{self._place}/{name}/"
        files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
        total, done = sum(item.stat().st_size for item in files), 0
        for item in files:
            key = item.name if path.is_file() else item.relative_to(path).as_posix()
            self._client.objects.upload(item, uri + key)
            done += item.stat().st_size
            if self._progress is not None:
                self._progress(f"input {name}", done, total)
        return uri + (path.name if path.is_file() else "")


def check_inputs(bindings: Mapping[str, str]) -> None:
    """Look whether the local inputs are there, before anything else is done.

    Raises:
        InvalidInput: a local path that is not there, or is empty.
    """
    for name, value in bindings.items():
        if "://" not in value:
            _check_input(name, value, Path(value).expanduser().absolute())


def _local_uri(path: Path) -> str:
    return f"file://{quote(str(path))}" + ("/" if path.is_dir() else "")


def _check_input(name: str, value: str, path: Path) -> None:
    if not path.exists():
        raise InvalidInput(f"input {name}: there is no {value}: check the path", code=Code.INPUT_MISSING)
    if path.is_dir() and not any(path.iterdir()):
        raise InvalidInput(
            f"input {name}: {value} is an empty folder: put the data there first", code=Code.INPUT_EMPTY
        )


def _make_output(name: str, value: str, path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"output {name}: {value} cannot be made ({error.strerror}): choose another folder",
            code=Code.OUTPUT_UNWRITABLE,
        ) from error
