"""Writes docs/engines.md from the catalogue and from what the tests saw running.

``python scripts/engines_page.py``. The tests write ``docs/engines-seen.json`` where
``TRAINSHED_WRITE_SEEN=1`` is set; a test sees to it that the page is what this program writes.
"""

from __future__ import annotations

import json
from pathlib import Path

from trainshed.core.engine import Engine
from trainshed.engines import catalogue

DOCS = Path(__file__).parents[1] / "docs"
SEEN = DOCS / "engines-seen.json"
PAGE = DOCS / "engines.md"

_HEAD = """\
# Engines

<!-- Written by scripts/engines_page.py; change the catalogue (src/trainshed/engines/catalogue) instead. -->

An engine is a preset training environment. `--engine` takes an id, or a family, framework or alias,
which means the newest that runs here: `--engine pytorch`. `trainshed engines list` shows which of
them this service can run and why not the others; `trainshed engines build ENGINE` makes an
environment before its first job needs it. Where CUDA is not there, the CPU build of the same
version is used.

"Seen running" is written by the test suite: on that day, on a machine without accelerators, a small
network was trained on real handwritten digits in that shape (tasks x processes each). For an Ascend
row that is its launcher and the framework's CPU build, without the chip. A row without a date has not
been seen running by us.

"""
_TABLE = """\
| id | framework | Python | chips | starts by | seen running |
|---|---|---|---|---|---|
"""
_TAIL = """\
## How a script is started

| starts by | what the script sees | one process in all |
|---|---|---|
| `plain` | its arguments, once on each node | the same |
| `torchrun` | torchrun's variables (`RANK`, `WORLD_SIZE`, `MASTER_ADDR` …); we start the ranks | plain |
| `tf_config` | `TF_CONFIG`; parameter servers where the job declares `ps_hosts` | plain |
| `mpi` | an MPI world (MPICH over PMI); no mpirun, no ssh | plain |
| `horovod` | a Horovod world on gloo; no horovodrun, no ssh | plain |
| `kungfu` | what `kungfu-run` tells its workers; one runner a host | one worker |
| `ascend` | `RANK_ID`, `RANK_SIZE`, `DEVICE_ID`, `RANK_TABLE_FILE`; one process a device | one rank |

KungFu and Horovod also run [elastic jobs](guides/elastic.md).

A parameter that the job declares and leaves empty is filled in: `--rank= --world_size= --local_rank=`,
`--init_method=` (torchrun), `--job_name= --task_index= --ps_hosts= --worker_hosts=` (tf_config). One that
is not declared is never added. `trainshed run --dry-run` prints the exact command lines.

A script written for `torch.distributed.launch` that parses `--local_rank` declares that parameter; one
that reads `LOCAL_RANK` needs nothing.

## An engine of your own

Put a TOML file into the folder `engines` of the service's home and start the service again:

```toml
family = "Mine"

[[engine]]
id = "mine_1.0-py_3.11"
framework = "Mine"
framework_version = "1.0"
launcher = "torchrun"            # plain, torchrun, tf_config, mpi, horovod, kungfu, ascend
chips = ["CPU", "GPU"]           # CPU, GPU, Ascend
archs = ["x86_64"]               # x86_64, aarch64
note = "A sentence for people."

[engine.recipe]
python = "3.11"
other_pythons = ["3.12"]         # will do where 3.11 is missing
requirements = ["torch==2.13.0", "numpy"]
cpu_builds = ["torch"]           # take the +cpu build on a machine without a GPU
gpu_requirements = []            # replaces requirements on a machine with one
no_deps = []                     # installed last, without their dependencies
imports = ["torch"]              # must import, or the environment is not taken for good
variables = { MY_VARIABLE = "1" }
```

Every key is checked; an error names the file and the key, and the service does not start with a
wrong file.

## An engine for one script

Without an administrator, a run names a Python and its packages; they make an engine named after what is
in it, whose environment is built once and shared like any other. A `uv.lock` is exported as the
`pyproject.toml` beside it has it. In the API these are `algorithm.engine.python` and
`algorithm.engine.requirements` (the text). With torch the launcher is torchrun, with TensorFlow
TF_CONFIG, else plain.

```
trainshed run train.py --python 3.11 --requirements requirements.txt
trainshed run train.py --python 3.12 --requirements uv.lock
```

`trainshed engines prune` removes environments that nobody used for long, and such engines with them once
nobody has asked for them in that time and no job that has not ended uses them.

An engine that is a container image (`image = "…"`, or `algorithm.engine.image_url` of a job) is accepted by
pools that run containers; the others list it with the reason, and refuse its jobs before anything is built.

## Environments

An environment is named by a hash of its pins, Python, platform and package sources. It is built once,
under a lock, verified by importing its framework, and shared by all jobs; a build that crashed or
whose files were changed is built again. Packages come from wherever pip's configuration on the
machine says (index, extra indexes, wheel folders). PyTorch's CPU build is looked for there first, then in
PyTorch's own index of CPU builds, and only then the full one is taken.

Old Pythons are found in pyenv, on the `PATH`, in `/usr`, `/opt` and among uv's; `TRAINSHED_PYTHON_3_7=/path`
names one. Horovod, mpi4py on Python 3.7 and KungFu are built from source (`g++`, `make`; KungFu also
`cmake` and `golang-go`); wheels built once are kept in `~/.cache/trainshed/wheels`. KungFu is on no
registry: name its source in `TRAINSHED_KUNGFU_SOURCE`.
"""


def page() -> str:
    """The whole page."""
    seen = json.loads(SEEN.read_text(encoding="utf-8")) if SEEN.exists() else {}
    engines = list(catalogue.load())
    published = [engine for engine in engines if engine.published]
    today = [engine for engine in engines if not engine.published]
    parts = [
        _HEAD,
        "## Today's generation\n\n",
        _table(today, seen),
        "\n## ModelArts' published engines\n\n",
        _table(published, seen),
        "\n## Notes\n\n",
        *(f"- `{engine.id}`: {engine.note}\n" for engine in engines if engine.note),
        "\n",
        _TAIL,
    ]
    return "".join(parts)


def _table(engines: list[Engine], seen: dict[str, dict[str, list[str] | str]]) -> str:
    return _TABLE + "".join(_row(engine, seen.get(engine.id, {})) for engine in engines)


def _row(engine: Engine, seen: dict[str, list[str] | str]) -> str:
    shapes = ", ".join(seen.get("shapes", []))
    running = f"{shapes} ({seen['day']})" if shapes else ""
    chips = "/".join(engine.chips) + ("" if "x86_64" in engine.archs else " · aarch64")
    cells = (
        f"`{engine.id}`",
        f"{engine.framework} {engine.framework_version}",
        engine.recipe.python,
        chips,
        f"`{engine.launcher}`",
        running,
    )
    return "| " + " | ".join(cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
