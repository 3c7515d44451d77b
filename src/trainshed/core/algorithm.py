"""The algorithm: code, boot file, engine, channels, hyperparameters, constraints; versioned."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any


class ParameterType(enum.StrEnum):
    """Type of a hyperparameter, by ModelArts' names."""

    STRING = "String"
    INTEGER = "Integer"
    FLOAT = "Float"
    BOOLEAN = "Boolean"


class Access(enum.StrEnum):
    """How a channel's directory reaches the script: ``--name=dir/`` or ``$name``."""

    PARAMETER = "parameter"
    ENV = "env"


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """A declared hyperparameter.

    Attributes:
        valid_type: what ``valid_range`` means: ``Range`` (two bounds) or ``Choice``. With ``None`` it
            still binds, as ``core.parameters`` says.
        sensitive: whether its value is masked wherever it is shown.
    """

    name: str
    type: ParameterType = ParameterType.STRING
    default: str = ""
    description: str = ""
    required: bool = False
    editable: bool = True
    sensitive: bool = False
    valid_type: str = "None"
    valid_range: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """A declared input or output.

    Attributes:
        name: the code parameter, such as ``data_url``.
        constraints: what may be bound to it, as the ModelArts API words it.
        predownload: outputs only: a run gets what the output holds already, unless it says otherwise.
    """

    name: str
    description: str = ""
    access: Access = Access.PARAMETER
    constraints: tuple[dict[str, Any], ...] = ()
    predownload: bool = False


@dataclass(frozen=True, slots=True)
class SearchPolicy:
    """What a hyperparameter search may vary, and what it aims for (wire shapes of the v2 API)."""

    reward_attrs: tuple[dict[str, Any], ...] = ()
    search_params: tuple[dict[str, Any], ...] = ()
    algo_configs: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What is trained, apart from one run's own values.

    Attributes:
        code_dir: URI of the code directory.
        boot_file: path of the entry point inside ``code_dir``; empty with ``command``.
        command: command line for custom images, instead of a boot file.
        engine_id: engine of the catalogue, or empty with ``image``.
        parameters_customization: whether a run may add hyperparameters not declared here.
        resource_requirements: chip, multi-card and distributed constraints (wire shape).
    """

    code_dir: str
    boot_file: str
    engine_id: str
    command: str = ""
    image: str = ""
    parameters: tuple[Hyperparameter, ...] = ()
    inputs: tuple[Channel, ...] = ()
    outputs: tuple[Channel, ...] = ()
    parameters_customization: bool = True
    resource_requirements: tuple[dict[str, Any], ...] = ()
    search: SearchPolicy = field(default_factory=SearchPolicy)
