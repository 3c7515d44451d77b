"""The v2 description of an algorithm, from what was typed."""

from __future__ import annotations

from typing import Any

from trainshed.core.algorithm import ParameterType
from trainshed.core.errors import Code, InvalidInput


def algorithm_body(
    *,
    name: str,
    description: str,
    code_dir: str,
    boot_file: str,
    engine: str,
    inputs: list[str],
    outputs: list[str],
    parameters: list[dict[str, Any]],
    strict: bool,
) -> dict[str, Any]:
    """The body of ``POST /v2/{project_id}/algorithms``."""
    return {
        "metadata": {"name": name, "description": description},
        "job_config": {
            "code_dir": code_dir,
            "boot_file": boot_file,
            "engine": {"engine_id": engine},
            "inputs": [{"name": channel} for channel in inputs],
            "outputs": [{"name": channel} for channel in outputs],
            "parameters": parameters,
            "parameters_customization": not strict,
        },
    }


def parameter_of(text: str) -> dict[str, Any]:
    """A declared hyperparameter out of ``NAME[:TYPE][=DEFAULT]``.

    >>> parameter_of("lr:Float=0.1")
    {'name': 'lr', 'value': '0.1', 'constraint': {'type': 'Float', 'editable': True, 'required': False}}

    Raises:
        InvalidInput: no name, or a type that there is not.
    """
    head, _, value = text.partition("=")
    name, _, kind = head.partition(":")
    types = {member.value.lower(): member.value for member in ParameterType}
    if not name or (kind and kind.lower() not in types):
        raise InvalidInput(
            f"--parameter {text!r} is not NAME[:TYPE][=DEFAULT] with a type of {', '.join(types.values())}",
            code=Code.PARAMETER_INVALID,
        )
    constraint = {"type": types.get(kind.lower(), "String"), "editable": True, "required": False}
    return {"name": name, "value": value, "constraint": constraint}
