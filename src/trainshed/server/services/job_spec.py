"""From what a request says to a :class:`JobSpec`: everything is checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainshed.core.algorithm import Algorithm, Hyperparameter
from trainshed.core.engine import Engine
from trainshed.core.errors import Code, Forbidden, InvalidInput, NotFound
from trainshed.core.job import JobSpec, Parameter
from trainshed.core.names import (
    check_description,
    check_environments,
    check_name,
    check_parameter_name,
)
from trainshed.core.parameters import MAX_PARAMETERS, check_declared, check_text, check_value
from trainshed.core.resources import Flavor
from trainshed.server.services import algorithms, boot_check, elastic, fault_tolerance, job_channels
from trainshed.server.services import job_checks as checks
from trainshed.server.services.resources import Resources, pick_engine, pick_flavor, pick_pool
from trainshed.server.wire import common
from trainshed.server.wire.common import ParameterModel

if TYPE_CHECKING:
    from trainshed.pools.base import Pool
    from trainshed.server.context import Context, Principal
    from trainshed.server.wire.jobs import JobAlgorithm, JobRequest, JobSpecification

MAX_STOP_S = 10_000 * 3600
HIGHEST_PRIORITY = 3
DEFAULT_GRACE_S = 30

_UNITS = {"HOURS": 3600, "MINUTES": 60, "SECONDS": 1, "DAYS": 86_400}


@dataclass(frozen=True, slots=True)
class Named:
    """The algorithm that a job was made from; empty for code given inline."""

    id: str = ""
    name: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Resolved:
    """A job that may be created.

    Attributes:
        extra: what the request said and the service only gives back.
        warnings: what is likely to go wrong, in English and in Chinese.
    """

    name: str
    description: str
    workspace_id: str
    annotations: dict[str, str]
    spec: JobSpec
    engine: Engine
    flavor: Flavor
    algorithm: Named = field(default_factory=Named)
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    warnings: boot_check.Warnings = ()


def resolve(context: Context, caller: Principal, request: JobRequest) -> Resolved:
    """Check a request and settle everything that it leaves open.

    Raises:
        InvalidInput: something in it is wrong; the sentence says what.
        NotFound: an algorithm or bucket is not there.
        Forbidden: it asks for what the caller may not have.
    """
    meta = request.metadata
    _check_kind_and_name(request)
    named, algorithm = _algorithm(context, caller, request.algorithm)
    resources = _resources(context, request, algorithm)
    spec = _spec(context, caller, request, algorithm, resources)
    return Resolved(
        name=meta.name,
        description=check_description(meta.description),
        workspace_id=meta.workspace_id or "0",
        annotations=_annotations(meta.annotations),
        spec=spec,
        engine=resources.engine,
        flavor=resources.flavor,
        algorithm=named,
        extra=_extra(request),
        warnings=boot_check.warnings(context, caller, spec, resources.engine),
    )


def check_without_files(context: Context, caller: Principal, request: JobRequest) -> Resources:
    """Check what can be checked before code and data are there; what the job would run on.

    Raises:
        TrainshedError: as :func:`resolve`.
    """
    _check_kind_and_name(request)
    _, algorithm = _algorithm(context, caller, request.algorithm)
    resources = _resources(context, request, algorithm)
    _parameters(request.algorithm.parameters, algorithm)
    _variables(request.algorithm.environments)
    _metrics(request.algorithm, algorithm)
    policy = request.spec.schedule_policy
    _priority(caller, policy.priority if policy else None)
    check_description(request.metadata.description)
    return resources


def _check_kind_and_name(request: JobRequest) -> None:
    if request.kind not in ("job", ""):
        raise InvalidInput(f"kind {request.kind[:40]!r} is not offered: use job", code=Code.FIELD_INVALID)
    check_name(request.metadata.name, "job name")


# ---- what runs


def _algorithm(context: Context, caller: Principal, given: JobAlgorithm) -> tuple[Named, Algorithm | None]:
    """The algorithm that the request names; none where it brings its own code."""
    if given.subscription_id or given.item_version_id:
        raise NotFound(
            f"there is no subscription {given.subscription_id[:80]!r} in this project",
            code=Code.ALGORITHM_NOT_FOUND,
        )
    wanted = given.id or ("" if given.code_dir or given.command else given.name)
    if not wanted:
        return Named(), None
    if given.code_dir or given.boot_file:
        raise InvalidInput(
            "algorithm.id and algorithm.code_dir exclude each other: give one of them",
            code=Code.FIELD_INVALID,
        )
    found = algorithms.find(context, caller.project_id, wanted)
    return Named(found.id, found.name, found.version), found.algorithm


def _resources(context: Context, request: JobRequest, algorithm: Algorithm | None) -> Resources:
    wanted = request.spec.resource
    pool = pick_pool(context.pools, wanted.pool_id)
    engine = pick_engine(
        context.catalogue, pool, request.algorithm.engine, algorithm, context.settings.files.engines
    )
    flavor = pick_flavor(pool, wanted.flavor_id, wanted.node_count, engine, algorithm)
    checks.nodes(wanted.node_count, flavor, pool)
    checks.processes(wanted.processes)
    return Resources(pool, engine, flavor)


def _spec(
    context: Context, caller: Principal, request: JobRequest, algorithm: Algorithm | None, found: Resources
) -> JobSpec:
    given, rules = request.algorithm, request.spec
    command = given.command or (algorithm.command if algorithm else "")
    parameters = _parameters(given.parameters, algorithm)
    inputs, outputs = job_channels.bind(given, algorithm)
    job_channels.check_distinct(parameters, inputs, outputs)
    storage = checks.Storage(context, caller)
    code_dir, boot_file = storage.code(
        algorithm.code_dir if algorithm else given.code_dir,
        algorithm.boot_file if algorithm else given.boot_file,
        command,
    )
    policy = rules.schedule_policy
    preemptible = bool(policy and policy.preemptible)
    return JobSpec(
        code_dir=code_dir,
        boot_file=boot_file,
        engine_id=found.engine.id,
        flavor_id=found.flavor.id,
        pool_id=found.pool.id,
        command=checks.command(command),
        node_count=rules.resource.node_count,
        processes=rules.resource.processes,
        inputs=storage.inputs(inputs),
        outputs=storage.outputs(outputs),
        parameters=parameters,
        environments=_variables(given.environments),
        priority=_priority(caller, policy.priority if policy else None),
        preemptible=preemptible,
        working_dir=checks.local_dir(given.working_dir, "working_dir"),
        local_code_dir=checks.local_dir(given.local_code_dir, "local_code_dir"),
        log_uri=storage.log_export(rules.log_export_path.obs_url if rules.log_export_path else ""),
        auto_stop_s=context.quotas.longest(caller.project_id, _auto_stop(rules)),
        grace_s=DEFAULT_GRACE_S if rules.grace_s is None else rules.grace_s,
        restart=fault_tolerance.restarts(request.metadata.annotations, preemptible=preemptible),
        hang=fault_tolerance.hangs(request.metadata.annotations),
        metric_regexes=_metrics(given, algorithm),
        warm_start=_warm_start(rules.warm_start, request.metadata.annotations, found.pool),
        min_workers=elastic.min_workers(rules, request.metadata.annotations, found, command),
    )


# ---- hyperparameters


def _parameters(given: list[ParameterModel], algorithm: Algorithm | None) -> tuple[Parameter, ...]:
    """What the script gets, in order: an algorithm's own parameters, then what the run adds."""
    if len(given) > MAX_PARAMETERS:
        raise _parameter(f"{len(given)} hyperparameters; {MAX_PARAMETERS} at most")
    values: dict[str, ParameterModel] = {}
    for model in given:
        check_parameter_name(model.name)
        if model.name in values:
            raise _parameter(f"hyperparameter {model.name!r} is given twice")
        values[model.name] = model
    if algorithm is None:
        return tuple(_inline(model) for model in given)
    declared = {parameter.name: parameter for parameter in algorithm.parameters}
    own = [_declared(parameter, values.get(parameter.name)) for parameter in algorithm.parameters]
    added = [model for name, model in values.items() if name not in declared]
    if added and not algorithm.parameters_customization:
        known = ", ".join(declared) or "none"
        raise InvalidInput(
            f"hyperparameter {added[0].name!r} is not declared by the algorithm (which has: {known})",
            code=Code.PARAMETER_UNDECLARED,
        )
    return (*own, *(_inline(model) for model in added))


def _inline(model: ParameterModel) -> Parameter:
    """A parameter that no algorithm declares: just what was given, by its own constraint if it has one."""
    if model.flag:
        return Parameter(model.name, "", flag=True)
    if model.constraint is None:
        return Parameter(model.name, check_text(model.name, model.value))
    (rule,) = check_declared([common.hyperparameter(model)])
    return Parameter(model.name, check_value(rule, model.value), rule.sensitive)


def _declared(parameter: Hyperparameter, model: ParameterModel | None) -> Parameter:
    value = parameter.default if model is None else model.value
    if model is not None and not parameter.editable and value != parameter.default:
        raise _parameter(f"hyperparameter {parameter.name!r} is fixed by the algorithm and cannot be changed")
    return Parameter(parameter.name, check_value(parameter, value), parameter.sensitive)


def _parameter(message: str) -> InvalidInput:
    return InvalidInput(message, code=Code.PARAMETER_INVALID)


# ---- rules


def _variables(given: dict[str, str]) -> dict[str, str]:
    return checks.not_masked(check_environments(checks.whole_variables(given)))


def _priority(caller: Principal, priority: int | None) -> int:
    return check_priority(caller, 1 if priority is None else priority)


def check_priority(caller: Principal, priority: int) -> int:
    """``priority`` itself, if the caller may have it.

    Raises:
        InvalidInput: not from 1 to 3.
        Forbidden: the highest one, for somebody who is no admin.
    """
    if not 1 <= priority <= HIGHEST_PRIORITY:
        raise InvalidInput(
            f"priority {priority} is not offered: use 1, 2 or {HIGHEST_PRIORITY}", code=Code.FIELD_INVALID
        )
    if priority == HIGHEST_PRIORITY and caller.role != "admin":
        raise Forbidden("only an admin may give the highest priority", code=Code.ROLE_FORBIDDEN)
    return priority


def _auto_stop(rules: JobSpecification) -> int:
    stop = rules.auto_stop
    if stop is None or stop.duration == 0:
        return 0
    unit = _UNITS.get(stop.time_unit.upper())
    if unit is None:
        raise InvalidInput(
            f"auto_stop.time_unit {stop.time_unit[:40]!r} is not offered: use {', '.join(_UNITS)}",
            code=Code.FIELD_INVALID,
        )
    if not 1 <= stop.duration * unit <= MAX_STOP_S:
        raise InvalidInput(
            f"auto_stop.duration must be from 1 to {MAX_STOP_S // unit} {stop.time_unit.lower()}",
            code=Code.FIELD_INVALID,
        )
    return stop.duration * unit


def _warm_start(wanted: bool | None, annotations: Mapping[str, str], pool: Pool) -> bool:
    """As the job says, in one way or the other, else as its pool does."""
    if wanted is not None:
        return wanted
    text = annotations.get("trainshed/warm-start", "").lower()
    if text not in ("", "true", "false"):
        raise InvalidInput(
            f"annotation trainshed/warm-start is {text[:40]!r}; it must be true or false",
            code=Code.FIELD_INVALID,
        )
    return text == "true" if text else pool.warm_start


def _annotations(annotations: dict[str, str]) -> dict[str, str]:
    if len(annotations) > 50 or any(len(k) > 128 or len(v) > 2048 for k, v in annotations.items()):
        raise InvalidInput(
            "50 annotations at most, names up to 128 and values up to 2,048 characters",
            code=Code.FIELD_INVALID,
        )
    return checks.whole_variables(annotations)


def _metrics(given: JobAlgorithm, algorithm: Algorithm | None) -> dict[str, str]:
    """What is picked from the log: what the search policy aims for, and what the request adds."""
    found: dict[str, str] = {}
    policies = [common.search_policy(given.policies), *([algorithm.search] if algorithm else [])]
    for policy in policies:
        for reward in policy.reward_attrs:
            if reward.get("name") and reward.get("regex"):
                found.setdefault(str(reward["name"]), str(reward["regex"]))
    return checks.metric_regexes({**found, **given.metrics})


# ---- what is only given back


def _extra(request: JobRequest) -> dict[str, Any]:
    """What the service does not act on, but shows again."""
    given = request.algorithm
    kept: dict[str, Any] = {
        "parameters": {
            model.name: model.model_dump(
                include={"description", "constraint", "i18n_description"}, exclude_none=True
            )
            for model in given.parameters
            if model.description or model.constraint or model.i18n_description
        },
        "channels": {
            model.name: model.model_dump(
                include={"description", "remote_constraint", "remote_constraints"}, exclude_none=True
            )
            for model in (*given.inputs, *given.outputs)
            if model.description or getattr(model, "remote_constraint", None)
        },
        "policies": given.policies.model_dump(exclude_none=True) if given.policies else None,
        "summary": given.summary,
        "engine": given.engine.model_dump(include={"install_sys_packages"}, exclude_none=True)
        if given.engine
        else None,
        "experiment": request.metadata.training_experiment_reference.model_dump(exclude_none=True)
        if request.metadata.training_experiment_reference
        else None,
        "spec": request.spec.model_dump(
            include={
                "volumes",
                "retention",
                "log_export_config",
                "notification",
                "custom_metrics",
                "output_model",
                "asset_model",
                "asset_id",
                "reserved_time",
                "auto_stop",
            },
            exclude_none=True,
        ),
        "endpoints": request.endpoints,
        "train_type": request.train_type,
        "ftjob_config": request.ftjob_config,
    }
    return {name: value for name, value in kept.items() if value}
