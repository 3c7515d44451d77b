"""Brings the agent to the shared folder: nodes need a Python and nothing else of ours.

A copy of the few packages that the agent is made of, under the hash of their content, so that jobs
which still run keep theirs when the service is upgraded. Also uv, with which environments are built.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import trainshed
from trainshed.engines.environments import find_uv
from trainshed.pools.slurm.files import cannot_write

PACKAGES = ("core", "agent", "engines", "storage", "jobs", "diagnosis")
_MAIN = """\
import os, sys
os.environ.setdefault("TRAINSHED_UV", {uv!r})
os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))
if sys.version_info < (3, 11):
    sys.exit("trainshed: this is Python %s and the agent needs 3.11" % sys.version.split()[0])
from trainshed.agent.slurm import main
sys.exit(main(sys.argv[1:]))
"""


def bring(shared: Path) -> Path:
    """The agent's tree below ``shared``, copied there if it is not yet.

    Raises:
        Unavailable: the folder is not there, or cannot be written to.
    """
    tree = shared / "agents" / _digest()
    if (tree / "__main__.py").exists():
        return tree
    fresh = tree.with_name(f".{tree.name}.{os.getpid()}")
    try:
        for name, path in _sources():
            target = fresh / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        main = _MAIN.replace("{uv!r}", repr(str(_bring_uv(shared))))
        (fresh / "__main__.py").write_text(main, encoding="utf-8")
        fresh.rename(tree)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if (tree / "__main__.py").exists():  # another server was faster
            return tree
        raise cannot_write(shared, error) from error
    return tree


def _sources() -> Iterator[tuple[str, Path]]:
    """Every file that the agent may need: its name in the tree, and where it is here."""
    ours = Path(trainshed.__file__).parent
    yield "trainshed/__init__.py", ours / "__init__.py"
    folders = [(f"trainshed/{name}", ours / name) for name in PACKAGES]
    for name, folder in [*folders, ("moxing", ours.parent / "moxing")]:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{name}/{path.relative_to(folder)}", path


@functools.cache
def _digest() -> str:
    """Of what this process would bring; it is what was installed when the process asked first."""
    digest = hashlib.sha256(_MAIN.encode())
    for name, path in _sources():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _bring_uv(shared: Path) -> Path:
    source = Path(find_uv())
    facts = source.stat()
    target = shared / "agents" / f"uv-{facts.st_size}-{int(facts.st_mtime)}"
    if not target.exists():
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copy2(source, fresh)
        fresh.rename(target)
    return target
