"""Pools that administrators add, on the wire; all of it is ours."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from trainshed.pools.slurm.check import Finding
from trainshed.server.wire.base import Int, Millis, WireModel

Text = Annotated[str, Field(max_length=512)]


class SlurmSettingsModel(WireModel):
    """A partition, and how its nodes are used."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, protected_namespaces=())

    partition: Text
    shared: Text = Field(description="Folder that the service and all nodes see under this path.")
    account: Text = ""
    qos: Text = ""
    constraint: Text = ""
    options: list[Text] = Field(
        default_factory=list[str], max_length=50, description="Further options of sbatch."
    )
    scratch: Text = Field("", description="Folder on each node's own disk for what scripts write.")
    endpoint: Text = Field("", description="Where nodes reach the service, if not where everybody does.")
    tunnel: Annotated[str, Field(max_length=2048)] = Field(
        "", description="Command that makes the service reachable at a node's port {port}."
    )
    python: Text = Field("python3", description="Of the nodes, 3.11 or later; runs the agent.")
    environments: Text = Field("", description="Folder of engines' environments on the nodes.")
    build: Literal["node", "server"] = "node"
    wheelhouse: Text = Field("", description="Folder of wheels that nodes without a network build from.")
    conf: Text = Field("", description="Slurm's configuration file.")
    max_nodes: Int = 0
    priority_step: Int = 100


class PoolRequest(WireModel):
    """A pool to be."""

    name: str = Field(max_length=64, examples=["hpc"])
    kind: Literal["slurm"] = "slurm"
    settings: SlurmSettingsModel


class FindingModel(WireModel):
    """One thing that was tried."""

    what: str
    result: Literal["ok", "failed", "unsure"]
    detail: str


class PoolDetail(WireModel):
    """A pool that was added."""

    name: str
    kind: str
    settings: dict[str, Any]
    create_time: Millis
    findings: list[FindingModel] = Field(
        default_factory=list[FindingModel], description="What came of the test, where it was just tested."
    )


class PoolTest(WireModel):
    """What came of a test."""

    usable: bool
    findings: list[FindingModel]


def finding_model(finding: Finding) -> FindingModel:
    """A finding on the wire."""
    result = "unsure" if finding.ok is None else "ok" if finding.ok else "failed"
    return FindingModel(what=finding.what, result=result, detail=finding.detail)
