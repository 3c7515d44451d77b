"""The channels of a run, bound to those that its algorithm declares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from trainshed.core.algorithm import Access, Algorithm, Channel
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.job import ChannelBinding, Parameter
from trainshed.core.names import check_parameter_name
from trainshed.server.services import job_checks as checks
from trainshed.server.wire import common
from trainshed.server.wire.common import InputModel, OutputModel

if TYPE_CHECKING:
    from trainshed.server.wire.jobs import JobAlgorithm

MAX_CHANNELS = 50


def bind(
    given: JobAlgorithm, algorithm: Algorithm | None
) -> tuple[list[ChannelBinding], list[ChannelBinding]]:
    """The inputs and outputs of a run: those of its algorithm, or what it says itself.

    Raises:
        InvalidInput: one is missing, unknown, or has no place.
    """
    inputs = [_binding(model, predownload=False) for model in given.inputs]
    outputs = [_binding(model, predownload=bool(_fetched(model, algorithm))) for model in given.outputs]
    if algorithm is None:
        return inputs, outputs
    return (
        _bind("input", inputs, given.inputs, algorithm.inputs),
        _bind("output", outputs, given.outputs, algorithm.outputs),
    )


def _fetched(model: OutputModel, algorithm: Algorithm | None) -> bool | None:
    """What the run says about an output's present content, else what the algorithm says."""
    declared = {channel.name: channel.predownload for channel in algorithm.outputs} if algorithm else {}
    return declared.get(model.name) if model.fetched is None else model.fetched


def _binding(model: InputModel | OutputModel, *, predownload: bool) -> ChannelBinding:
    check_parameter_name(model.name)
    uri = model.remote.uri if model.remote else ""
    if not uri:
        raise _channel(f"channel {model.name!r} has no remote path: give remote.obs.obs_url")
    return ChannelBinding(
        name=model.name,
        uri=uri,
        access=common.access(model.access_method, model.name),
        local_dir=checks.local_dir(model.local_dir, f"local_dir of channel {model.name!r}"),
        predownload=predownload,
    )


def _bind(
    kind: str,
    bindings: list[ChannelBinding],
    models: Iterable[InputModel | OutputModel],
    declared: tuple[Channel, ...],
) -> list[ChannelBinding]:
    """The algorithm's channels in its order, each bound by the run."""
    bound = {binding.name: binding for binding in bindings}
    said = {model.name for model in models if model.access_method}
    known = ", ".join(channel.name for channel in declared) or "none"
    for name in bound:
        if all(channel.name != name for channel in declared):
            raise _channel(f"the algorithm has no {kind} {name!r} (it has: {known})")
    for channel in declared:
        if channel.name not in bound:
            raise _channel(f"{kind} {channel.name!r} of the algorithm has no remote path: bind it to one")
    return [bound[c.name] if c.name in said else replace(bound[c.name], access=c.access) for c in declared]


def check_distinct(
    parameters: Iterable[Parameter], inputs: list[ChannelBinding], outputs: list[ChannelBinding]
) -> None:
    """Nothing may reach the script twice under one name.

    Raises:
        InvalidInput: something would, or there are too many.
    """
    if len(inputs) > MAX_CHANNELS or len(outputs) > MAX_CHANNELS:
        raise _channel(f"{MAX_CHANNELS} inputs and {MAX_CHANNELS} outputs at most")
    seen = {parameter.name for parameter in parameters}
    for channel in (*inputs, *outputs):
        if channel.name in seen:
            raise _channel(f"{channel.name!r} is named twice among channels and hyperparameters")
        seen.add(channel.name)
        if channel.access is Access.ENV:
            checks.variable_name(channel.name)


def _channel(message: str) -> InvalidInput:
    return InvalidInput(message, code=Code.CHANNEL_INVALID)
