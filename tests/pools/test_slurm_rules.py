"""What is pure about the Slurm pool: scripts, states and complaints, as Slurm 22.05 words them."""

from __future__ import annotations

import pytest

from trainshed.core.errors import Code, InvalidInput, TrainshedError, Unavailable
from trainshed.core.resources import Chip, Flavor, Resources
from trainshed.core.task import Cause, Stage
from trainshed.jobs import evidence
from trainshed.pools.base import AgentState
from trainshed.pools.slurm import SlurmSettings, inventory, status
from trainshed.pools.slurm.commands import meaning
from trainshed.pools.slurm.script import Order, render

GOLDEN = """\
#!/bin/sh
#SBATCH --job-name=digits
#SBATCH --comment=trainshed:j/1
#SBATCH --partition=main
#SBATCH --account=ai
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=4000M
#SBATCH --gres=gpu:a100:4
#SBATCH --time=71
#SBATCH --nice=200
#SBATCH --exclude=node3
#SBATCH --no-requeue
#SBATCH --open-mode=append
#SBATCH --output=/shared/jobs/j/1/slurm.out
#SBATCH --chdir=/shared/jobs/j/1
#SBATCH --reservation=ai
exec python3 /shared/agents/x /shared/jobs/j/1
"""


def test_the_script_of_a_job() -> None:
    settings = SlurmSettings("main", "/shared", account="ai", options=("--reservation=ai",)).checked()
    flavor = Flavor("gpu-4", Chip.GPU, Resources(8, 4000, 4), card_name="a100")
    order = Order(
        "j", 1, "digits", "/shared/jobs/j/1", "/shared/agents/x", flavor, 2, longest_s=3630, avoid=("node3",)
    )
    assert render(settings, order) == GOLDEN


@pytest.mark.parametrize("option", ["--wrap=x", "-p x", "--x=$(id)", "--requeue", "x"])
def test_options_that_are_refused(option: str) -> None:
    with pytest.raises(InvalidInput):
        SlurmSettings("main", "/shared", options=(option,)).checked()


@pytest.mark.parametrize(
    ("line", "state", "cause"),
    [
        ("3|PENDING|Resources|0||trainshed:j/0|", AgentState.WAITING, None),
        ("18|RUNNING|None|0|node[1-2]|trainshed:j/0|", AgentState.RUNNING, None),
        ("10|TIMEOUT|TimeLimit|0|node0|trainshed:j/0|", AgentState.GONE, Cause.TIMEOUT),
        ("10|PREEMPTED|None|0|node0|trainshed:j/0|", AgentState.GONE, Cause.PREEMPTED),
        ("10|NODE_FAIL|None|0|node0|trainshed:j/0|", AgentState.GONE, Cause.INFRASTRUCTURE),
        ("10|PENDING|BeginTime|1|node0|trainshed:j/0|", AgentState.GONE, Cause.INFRASTRUCTURE),
    ],
)
def test_states(line: str, state: AgentState, cause: Cause | None) -> None:
    [job] = status.parse(line + "\n7|RUNNING|None|0|node0|(null)|\n")
    found = status.status(job, 0)
    assert (found.state, found.cause) == (state, cause)


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [
        ("sbatch: error: invalid partition specified: nope", InvalidInput, Code.PARTITION_UNKNOWN),
        ("sbatch: error: Invalid generic resource (gres) specification", InvalidInput, Code.CARDS_ABSENT),
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", Unavailable,
         Code.CLUSTER_UNREACHABLE),
        ("sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit,"
         " user's size and/or time limits)", Unavailable, Code.CLUSTER_QUOTA_REACHED),
        ("what nobody has ever heard", InvalidInput, Code.CLUSTER_REFUSED),
    ],
)  # fmt: skip
def test_complaints(said: str, kind: type[TrainshedError], code: str) -> None:
    found = meaning(["sbatch"], said)
    assert (type(found), found.code) == (kind, code)


def test_a_kill_for_memory_is_the_jobs_own() -> None:
    text = "slurmstepd-node0: error: StepId=12.batch exceeded memory limit (3 > 2), being killed\n"
    found = evidence.explain(text + "slurmstepd-node0: error: Exceeded job memory limit\n", Stage.RUN, 0.0)
    assert found is not None
    assert (found.cause, found.code) == (Cause.USER_ERROR, evidence.OUT_OF_MEMORY)


def test_flavors_of_a_partition() -> None:
    line = "NodeName=n1 CPUTot=4 Gres=gpu:a100:8,npu:8 RealMemory=4000 State=IDLE Partitions=main"
    nodes = inventory.parse_nodes(line, "main")
    found = {flavor.id: flavor for flavor in inventory.flavors(nodes)}
    assert found["cpu-2"].resources == Resources(2, 2000)
    assert found["gpu-8"].resources == Resources(4, 4000, 8)
    assert inventory.parse_nodes(line, "other") == []


def test_jobs_are_asked_for_by_number_so_that_none_is_missing() -> None:
    """Of a single number that Slurm does not know it complains."""
    assert status.named(["7"])[-1] == "--jobs=7,7"
    assert status.named(["7", "8"])[-1] == "--jobs=7,7,8"
