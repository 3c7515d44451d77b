"""The machine's own pip configuration, in the words that uv understands.

uv reads none of pip's files. People (and companies) have set an index, extra indexes and
wheel folders there, so every installation of ours passes them on. Run as a program this
prints shell assignments, for the project's own set-up, which has nothing installed yet.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

_OPTIONS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}


def uv_variables(python: str = sys.executable) -> dict[str, str]:
    """uv's environment variables that say what pip's configuration says.

    A variable that is already set for uv is left as it is. pip looks at all its indexes alike
    (``unsafe-best-match`` in uv's words), and so does a person who has configured pip.

    Args:
        python: an interpreter that has pip.
    """
    found = _parse(_pip_config(python))
    variables = {uv: found[pip] for pip, uv in _OPTIONS.items() if pip in found}
    if "no-index" in found and found["no-index"].lower() in ("1", "true", "yes", "on"):
        variables["UV_NO_INDEX"] = "1"
    variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in variables.items() if name not in os.environ}


def _pip_config(python: str) -> str:
    command = [python, "-m", "pip", "config", "list", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout if done.returncode == 0 else ""


def _parse(listing: str) -> dict[str, str]:
    """Options by name; the environment wins over ``install``, and that over ``global``.

    >>> _parse("global.index-url='a'\\n:env:.index-url='b'")
    {'index-url': 'b'}
    """
    order = {"global": 0, "site": 0, "user": 0, "install": 1, ":env:": 2}
    found: dict[str, tuple[int, str]] = {}
    for section, name, value in re.findall(r"^(.+?)\.([a-z-]+)='(.*)'$", listing, re.MULTILINE):
        rank = order.get(section, -1)
        if rank >= found.get(name, (0, ""))[0]:
            found[name] = (rank, " ".join(value.replace("\\n", " ").split()))
    return {name: value for name, (_, value) in found.items()}


if __name__ == "__main__":
    for _name, _value in uv_variables().items():
        print(f"export {_name}={shlex.quote(_value)}")
