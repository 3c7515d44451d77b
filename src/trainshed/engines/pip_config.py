"""The machine's own pip configuration, in the words that uv understands.

uv reads none of pip's files. People (and companies) have set an index, extra indexes and
wheel folders there, so every installation of ours passes them on. Run as a program this
prints shell assignments, for the project's own set-up, which has nothing installed yet.

The files are read as pip reads them (global, then user, then site, then ``PIP_CONFIG_FILE``;
section ``install`` over ``global``; ``PIP_*`` variables over all), without asking pip, which
would take a third of a second and may not be installed.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_OPTIONS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}
_WHERE_FROM = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
)
_COMMA_SEPARATED = ("UV_FIND_LINKS",)
_TRUE = ("1", "true", "yes", "on")


def uv_variables() -> dict[str, str]:
    """uv's environment variables that say what pip's configuration says.

    A variable that is already set for uv is left as it is. pip looks at all its indexes alike
    (``unsafe-best-match`` in uv's words), and so does a person who has configured pip.
    """
    found = _options()
    variables = {uv: found[pip] for pip, uv in _OPTIONS.items() if pip in found}
    for name in _COMMA_SEPARATED:
        if name in variables:
            variables[name] = ",".join(variables[name].split())
    if found.get("no-index", "").lower() in _TRUE:
        variables["UV_NO_INDEX"] = "1"
    variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in variables.items() if name not in os.environ}


def sources() -> dict[str, str]:
    """Where packages come from: the part of :func:`uv_variables` and of our own environment
    that decides what an installation may find."""
    everything = {**uv_variables(), **os.environ}
    return {name: everything[name] for name in _WHERE_FROM if everything.get(name)}


def index() -> str:
    """The index that packages come from, without name and password; empty where none is set."""
    found = sources()
    parts = urlsplit(found.get("UV_DEFAULT_INDEX") or found.get("UV_INDEX_URL") or "")
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _options() -> dict[str, str]:
    found: dict[str, str] = {}
    files = [_read(file) for file in _files()]
    for section in ("global", "install"):
        for parsed in files:
            found.update({_fold(k): " ".join(v.split()) for k, v in parsed.get(section, {}).items()})
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            found[_fold(name[4:])] = " ".join(value.split())
    return found


def _files() -> Iterable[Path]:
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    home = Path.home()
    for folder in reversed(os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if named:
        yield Path(named)


def _read(file: Path) -> dict[str, dict[str, str]]:
    """The file's sections; none where there is no such file."""
    try:
        found = file.stat()
    except OSError:
        return {}
    if not stat.S_ISREG(found.st_mode):
        return {}
    return _parse(file, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=16)
def _parse(file: Path, _changed: int, _size: int) -> dict[str, dict[str, str]]:
    """The sections of this version of the file."""
    import configparser  # an agent on a node without such a file goes without

    parsed = configparser.RawConfigParser()
    try:
        parsed.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}
    return {section: dict(parsed.items(section)) for section in parsed.sections()}


def _fold(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


if __name__ == "__main__":
    for _name, _value in uv_variables().items():
        print(f"export {_name}={shlex.quote(_value)}")
