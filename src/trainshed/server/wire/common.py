"""Shapes that algorithms and training jobs have in common, and their way into ``core``."""

from __future__ import annotations

from pydantic import Field, model_validator

from trainshed.core.algorithm import Access, Channel, Hyperparameter, ParameterType, SearchPolicy
from trainshed.core.errors import Code, InvalidInput
from trainshed.server.wire.base import Bytes, Kept, Text, WireModel

MAX_ITEMS = 1000


class ParameterConstraint(WireModel):
    """What values a hyperparameter may take."""

    type: str = Field(
        default="String", examples=["Integer"], description="String, Integer, Float or Boolean."
    )
    editable: bool = True
    required: bool = False
    sensitive: bool = False
    valid_type: str = Field(
        default="None", description="Range (two bounds) or Choice; None: as valid_range looks."
    )
    valid_range: list[Text] = Field(default_factory=list, max_length=MAX_ITEMS)


class I18nDescription(WireModel):
    """A description in another language."""

    language: str = ""
    description: str = ""


class ParameterModel(WireModel):
    """A hyperparameter: declared by an algorithm, or with a value for one job."""

    name: str = Field(default="", examples=["lr"])
    value: Text = Field(default="", examples=["0.1"])
    description: str = ""
    constraint: ParameterConstraint | None = None
    i18n_description: I18nDescription | None = None
    flag: bool | None = Field(default=None, description="Ours: passed as --name, without a value.")


class EngineModel(WireModel):
    """An engine: by id, by name and version, or an image."""

    engine_id: str = Field(default="", examples=["pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64"])
    engine_name: str = Field(default="", examples=["PyTorch"])
    engine_version: str = ""
    image_url: str = ""
    v1_compatible: bool | None = None
    run_user: str | None = None
    install_sys_packages: bool | None = None
    image_repo_id: str | None = None
    python: str | None = Field(
        default=None, description="Ours: with `requirements`, an engine made of these.", examples=["3.11"]
    )
    requirements: str | None = Field(
        default=None, max_length=200_000, description="Ours: packages, as in a requirements.txt."
    )


class ObsRemote(WireModel):
    """A place in a bucket."""

    obs_url: str = Field(default="", examples=["obs://trainshed/data/"])


class DatasetRemote(WireModel):
    """A version of a dataset."""

    id: str = ""
    version_id: str = ""
    obs_url: str = ""
    service_type: str = ""
    name: str = ""


class Remote(WireModel):
    """Where a channel's data is."""

    obs: ObsRemote | None = None
    dataset: DatasetRemote | None = None

    @property
    def uri(self) -> str:
        """The remote path, or nothing."""
        if self.obs and self.obs.obs_url:
            return self.obs.obs_url
        return self.dataset.obs_url if self.dataset else ""


class RemoteConstraint(WireModel):
    """What may be bound to an input: ``obs``, or a kind of dataset."""

    data_type: str = ""
    attributes: Kept = None


class InputModel(WireModel):
    """An input channel: declared by an algorithm, or bound to a place by a job."""

    name: str = Field(default="", examples=["data_url"])
    description: str = ""
    local_dir: str = ""
    access_method: str = Field(default="", description="parameter or env")
    remote: Remote | None = None
    remote_constraints: list[RemoteConstraint] | None = Field(default=None, max_length=MAX_ITEMS)
    remote_constraint: list[RemoteConstraint] | None = Field(default=None, max_length=MAX_ITEMS)


class OutputModel(WireModel):
    """An output channel: declared by an algorithm, or bound to a place by a job."""

    name: str = Field(default="", examples=["train_url"])
    description: str = ""
    local_dir: str = ""
    access_method: str = Field(default="", description="parameter or env")
    remote: Remote | None = None
    mode: str | None = None
    period: Text | None = None
    prefetch_to_local: bool | None = Field(default=None, description="Fetch what is there before the start.")
    predownload: bool | None = Field(default=None, description="The same as prefetch_to_local.")

    @property
    def fetched(self) -> bool | None:
        """Whether what is there is fetched before the start; None where nothing is said."""
        said = [value for value in (self.prefetch_to_local, self.predownload) if value is not None]
        return any(said) if said else None


class RewardAttribute(WireModel):
    """A metric that a hyperparameter search aims for."""

    name: str = ""
    mode: str = Field(default="", description="max or min")
    regex: str = ""


class SearchParameter(WireModel):
    """A hyperparameter that a search may vary."""

    name: str = ""
    param_type: str = Field(default="", description="continuous or discrete")
    lower_bound: Text | None = None
    upper_bound: Text | None = None
    discrete_points_num: Text | None = None
    discrete_values: list[Text] | str | None = None


class SearchOption(WireModel):
    """One setting of a search algorithm."""

    key: str = ""
    value: Text = ""
    type: str = ""


class SearchAlgorithm(WireModel):
    """A search algorithm with its settings."""

    name: str = ""
    params: list[SearchOption] = Field(default_factory=list[SearchOption], max_length=MAX_ITEMS)
    description: str | None = None


class AutoSearch(WireModel):
    """The search policy of an algorithm or a job."""

    skip_search_params: str | None = None
    reward_attrs: list[RewardAttribute] = Field(default_factory=list[RewardAttribute], max_length=MAX_ITEMS)
    search_params: list[SearchParameter] = Field(default_factory=list[SearchParameter], max_length=MAX_ITEMS)
    algo_configs: list[SearchAlgorithm] = Field(default_factory=list[SearchAlgorithm], max_length=MAX_ITEMS)


class AdvancedConfig(WireModel):
    """Holder of the search policy (``advanced_config`` or ``policies`` on the wire)."""

    auto_search: AutoSearch | None = None


class ResourceRequirement(WireModel):
    """A constraint on what an algorithm runs on: flavor type, several cards, several nodes."""

    key: str = Field(default="", examples=["flavor_type"])
    value: list[Text] | None = Field(default=None, max_length=MAX_ITEMS)
    values: list[Text] | None = Field(default=None, max_length=MAX_ITEMS)
    operator: str = "in"

    @model_validator(mode="after")
    def _same(self) -> ResourceRequirement:
        # requests say "values", answers say "value": both are kept alike
        self.values = self.value = self.values if self.values is not None else self.value or []
        return self


class CodeTree(WireModel):
    """A code directory, as a tree of names."""

    name: str = ""
    size: Bytes | None = None
    children: list[CodeTree] | None = None


def hyperparameter(model: ParameterModel) -> Hyperparameter:
    """What ``model`` declares (its values are checked by ``core.parameters``).

    Raises:
        InvalidInput: the type is none of ModelArts' four.
    """
    rule = model.constraint or ParameterConstraint()
    types = {kind.value.lower(): kind for kind in ParameterType}
    kind = types.get(rule.type.lower() or "string")
    if kind is None:
        choices = ", ".join(kind.value for kind in ParameterType)
        raise InvalidInput(
            f"parameter {model.name[:64]!r} has type {rule.type[:64]!r}; use one of: {choices}",
            code=Code.PARAMETER_INVALID,
        )
    return Hyperparameter(
        name=model.name,
        type=kind,
        default=model.value,
        description=model.description,
        required=rule.required,
        editable=rule.editable,
        sensitive=rule.sensitive,
        valid_type=rule.valid_type or "None",
        valid_range=tuple(rule.valid_range),
    )


def parameter_model(parameter: Hyperparameter, value: str | None = None) -> ParameterModel:
    """The wire's shape of a declared hyperparameter, with ``value`` in place of its default."""
    return ParameterModel(
        name=parameter.name,
        value=parameter.default if value is None else value,
        description=parameter.description,
        constraint=ParameterConstraint(
            type=parameter.type.value,
            editable=parameter.editable,
            required=parameter.required,
            sensitive=parameter.sensitive,
            valid_type=parameter.valid_type,
            valid_range=list(parameter.valid_range),
        ),
    )


def access(method: str, channel: str) -> Access:
    """How a channel reaches the script; nothing means as an argument.

    Raises:
        InvalidInput: neither ``parameter`` nor ``env``.
    """
    try:
        return Access(method or Access.PARAMETER)
    except ValueError:
        raise InvalidInput(
            f"channel {channel[:64]!r} has access_method {method[:64]!r}; use parameter or env",
            code=Code.CHANNEL_INVALID,
        ) from None


def channel(model: InputModel | OutputModel) -> Channel:
    """What an algorithm declares about one of its channels."""
    constraints: list[RemoteConstraint] = []
    predownload = False
    if isinstance(model, InputModel):
        constraints = model.remote_constraints or model.remote_constraint or []
    else:
        predownload = bool(model.fetched)
    return Channel(
        name=model.name,
        description=model.description,
        access=access(model.access_method, model.name),
        constraints=tuple(constraint.model_dump(exclude_none=True) for constraint in constraints),
        predownload=predownload,
    )


def search_policy(config: AdvancedConfig | None) -> SearchPolicy:
    """What a hyperparameter search may vary, and what it aims for."""
    if config is None or config.auto_search is None:
        return SearchPolicy()
    search = config.auto_search
    return SearchPolicy(
        reward_attrs=tuple(item.model_dump(exclude_none=True) for item in search.reward_attrs),
        search_params=tuple(item.model_dump(exclude_none=True) for item in search.search_params),
        algo_configs=tuple(item.model_dump(exclude_none=True) for item in search.algo_configs),
    )


def search_model(policy: SearchPolicy) -> AdvancedConfig | None:
    """The wire's shape of a search policy; None where there is none."""
    if not (policy.reward_attrs or policy.search_params or policy.algo_configs):
        return None
    return AdvancedConfig(
        auto_search=AutoSearch(
            reward_attrs=[RewardAttribute.model_validate(item) for item in policy.reward_attrs],
            search_params=[SearchParameter.model_validate(item) for item in policy.search_params],
            algo_configs=[SearchAlgorithm.model_validate(item) for item in policy.algo_configs],
        )
    )
