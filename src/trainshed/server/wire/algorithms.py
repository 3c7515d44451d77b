"""Algorithms on the wire, and their way into ``core`` and back."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from trainshed.core.algorithm import Access, Algorithm, Channel
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.names import check_parameter_name
from trainshed.core.parameters import check_declared
from trainshed.server.wire.base import Bytes, Int, Millis, Text, WireModel
from trainshed.server.wire.common import (
    MAX_ITEMS,
    AdvancedConfig,
    CodeTree,
    EngineModel,
    InputModel,
    OutputModel,
    ParameterModel,
    RemoteConstraint,
    ResourceRequirement,
    channel,
    hyperparameter,
    parameter_model,
    search_model,
    search_policy,
)
from trainshed.storage import ObjectInfo

MAX_CHANNELS = 50


class AlgorithmMetadata(WireModel):
    """What an algorithm is called."""

    id: Text | None = Field(default=None, description="Given by the service.")
    name: str = Field(default="", examples=["mnist"])
    description: str = ""
    workspace_id: str = Field(default="0", max_length=64)
    ai_project: str = Field(default="default-ai-project", max_length=64)


class JobConfig(WireModel):
    """What an algorithm runs, and what a run may choose."""

    code_dir: str = Field(default="", examples=["obs://trainshed/code/mnist/"])
    boot_file: str = Field(default="", examples=["train.py"])
    command: str = ""
    parameters: list[ParameterModel] = Field(default_factory=list[ParameterModel], max_length=MAX_ITEMS)
    inputs: list[InputModel] = Field(default_factory=list[InputModel], max_length=MAX_ITEMS)
    outputs: list[OutputModel] = Field(default_factory=list[OutputModel], max_length=MAX_ITEMS)
    engine: EngineModel | None = None
    parameters_customization: bool = True


class AlgorithmRequest(WireModel):
    """An algorithm to be, or its next version."""

    metadata: AlgorithmMetadata = Field(default_factory=AlgorithmMetadata)
    job_config: JobConfig = Field(default_factory=JobConfig)
    resource_requirements: list[ResourceRequirement] = Field(
        default_factory=list[ResourceRequirement], max_length=MAX_ITEMS
    )
    advanced_config: AdvancedConfig | None = None


class AlgorithmMetadataAnswer(WireModel):
    """What an algorithm is called, and what the service knows of it."""

    id: str
    name: str
    description: str = ""
    workspace_id: str = "0"
    ai_project: str = "default-ai-project"
    user_name: str = ""
    domain_id: str = ""
    source: str = "custom"
    api_version: str = "modelarts.huawei.com/v2"
    is_valid: bool = True
    state: str = ""
    tags: list[dict[str, str]] = Field(default_factory=list[dict[str, str]])
    attr_list: list[str] = Field(default_factory=list[str])
    version_num: Int
    size: Bytes
    create_time: Millis
    update_time: Millis


class JobConfigAnswer(JobConfig):
    """What an algorithm runs, with the tree of its code."""

    code_tree: CodeTree | None = None


class AlgorithmModel(WireModel):
    """An algorithm."""

    metadata: AlgorithmMetadataAnswer
    job_config: JobConfigAnswer
    resource_requirements: list[ResourceRequirement] = Field(default_factory=list[ResourceRequirement])
    advanced_config: AdvancedConfig | None = None


class AlgorithmList(WireModel):
    """One page of algorithms."""

    total: Int
    count: Int
    limit: Int
    offset: Int
    sort_by: str
    order: str
    group_by: str = ""
    items: list[AlgorithmModel]


class AlgorithmVersion(WireModel):
    """Ours: one version of an algorithm."""

    version_num: Int
    create_time: Millis
    job_config: JobConfigAnswer
    resource_requirements: list[ResourceRequirement] = Field(default_factory=list[ResourceRequirement])
    advanced_config: AdvancedConfig | None = None


class AlgorithmVersionList(WireModel):
    """Ours: all versions of an algorithm, newest first."""

    total: Int
    items: list[AlgorithmVersion]


def declared(request: AlgorithmRequest, *, code_dir: str, boot_file: str, engine_id: str) -> Algorithm:
    """What a request declares, with code and engine as they were found.

    Raises:
        InvalidInput: a parameter or channel is wrong, or two have one name.
    """
    config = request.job_config
    algorithm = Algorithm(
        code_dir=code_dir,
        boot_file=boot_file,
        engine_id=engine_id,
        command=config.command,
        image=config.engine.image_url if config.engine else "",
        parameters=check_declared(hyperparameter(model) for model in config.parameters),
        inputs=_channels(config.inputs),
        outputs=_channels(config.outputs),
        parameters_customization=config.parameters_customization,
        resource_requirements=tuple(
            {"key": item.key, "values": item.values or [], "operator": item.operator}
            for item in request.resource_requirements
        ),
        search=search_policy(request.advanced_config),
    )
    _check_distinct(algorithm)
    return algorithm


def _channels(models: Sequence[InputModel | OutputModel]) -> tuple[Channel, ...]:
    if len(models) > MAX_CHANNELS:
        message = f"{len(models)} inputs or outputs; {MAX_CHANNELS} at most"
        raise InvalidInput(message, code=Code.CHANNEL_INVALID)
    for model in models:
        check_parameter_name(model.name)
    return tuple(channel(model) for model in models)


def _check_distinct(algorithm: Algorithm) -> None:
    seen = {parameter.name for parameter in algorithm.parameters}
    for declared_channel in (*algorithm.inputs, *algorithm.outputs):
        name = declared_channel.name
        if name in seen:
            message = f"{name!r} is named twice among channels and hyperparameters"
            raise InvalidInput(message, code=Code.CHANNEL_INVALID)
        if declared_channel.access is Access.ENV and not (name.isascii() and name.isidentifier()):
            message = f"channel {name!r} cannot be an environment variable: use letters, digits and '_'"
            raise InvalidInput(message, code=Code.CHANNEL_INVALID)
        seen.add(name)


def job_config(
    algorithm: Algorithm, engine: EngineModel | None, code_tree: CodeTree | None = None
) -> JobConfigAnswer:
    """What an algorithm runs, as the wire has it."""
    return JobConfigAnswer(
        code_dir=algorithm.code_dir,
        boot_file=algorithm.boot_file,
        command=algorithm.command,
        parameters=[parameter_model(parameter) for parameter in algorithm.parameters],
        inputs=[_input(item) for item in algorithm.inputs],
        outputs=[
            OutputModel(
                name=item.name,
                description=item.description,
                access_method=item.access.value,
                predownload=item.predownload or None,
            )
            for item in algorithm.outputs
        ],
        engine=engine or EngineModel(engine_id=algorithm.engine_id, image_url=algorithm.image),
        parameters_customization=algorithm.parameters_customization,
        code_tree=code_tree,
    )


def _input(declared_channel: Channel) -> InputModel:
    constraints = [RemoteConstraint.model_validate(item) for item in declared_channel.constraints]
    return InputModel(
        name=declared_channel.name,
        description=declared_channel.description,
        access_method=declared_channel.access.value,
        remote_constraints=constraints or None,
    )


def requirements(algorithm: Algorithm) -> list[ResourceRequirement]:
    """The constraints on where an algorithm runs."""
    return [ResourceRequirement.model_validate(item) for item in algorithm.resource_requirements]


def search(algorithm: Algorithm) -> AdvancedConfig | None:
    """The search policy of an algorithm."""
    return search_model(algorithm.search)


def code_tree(name: str, files: Sequence[ObjectInfo]) -> CodeTree:
    """The files of a code directory as a tree.

    >>> code_tree("code", [ObjectInfo("a/b.py", 3)]).children[0].children[0].name
    'b.py'
    """
    folders: dict[str, list[CodeTree]] = {"": []}
    for info in files:
        *parents, leaf = info.key.split("/")
        at = ""
        for parent in parents:
            above, at = folders[at], f"{at}{parent}/"
            if at not in folders:
                folders[at] = []
                above.append(CodeTree.model_construct(name=parent, size=None, children=folders[at]))
        folders[at].append(CodeTree(name=leaf, size=info.size))
    return CodeTree.model_construct(name=name, size=None, children=folders[""])
