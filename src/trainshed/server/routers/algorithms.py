"""Algorithms and the search algorithms that they may name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from trainshed.core.errors import TrainshedError
from trainshed.server.context import Caller, Context, Ctx
from trainshed.server.services import algorithms
from trainshed.server.services.algorithms import Page, Stored
from trainshed.server.wire.algorithms import (
    AlgorithmList,
    AlgorithmMetadataAnswer,
    AlgorithmModel,
    AlgorithmRequest,
    AlgorithmVersion,
    AlgorithmVersionList,
    code_tree,
    job_config,
    requirements,
    search,
)
from trainshed.server.wire.base import Empty
from trainshed.server.wire.common import CodeTree, EngineModel, SearchAlgorithm, SearchOption
from trainshed.server.wire.engines import engine_model
from trainshed.server.wire.search import SearchAlgorithmList

router = APIRouter(tags=["algorithms"])

AlgorithmName = Annotated[str, Path(max_length=128, description="Id or name.", examples=["mnist"])]


@router.post(
    "/v2/{project_id}/algorithms",
    summary="Create an algorithm",
    status_code=201,
    response_model_exclude_none=True,
)
def create_algorithm(context: Ctx, caller: Caller, body: AlgorithmRequest) -> AlgorithmModel:
    """Code directory and boot file must be there, and the name free."""
    caller.record["name"] = body.metadata.name
    return _model(context, algorithms.create(context, caller, body))


@router.get("/v2/{project_id}/algorithms", summary="List algorithms", response_model_exclude_none=True)
def list_algorithms(
    context: Ctx,
    caller: Caller,
    *,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    sort_by: Annotated[str, Query(max_length=32, examples=["create_time"])] = "create_time",
    order: Annotated[str, Query(max_length=8, examples=["desc"])] = "desc",
    group_by: Annotated[str, Query(max_length=64)] = "",
    searches: Annotated[str, Query(max_length=256, description="Text, or name:text.")] = "",
    workspace_id: Annotated[str, Query(max_length=64)] = "",
) -> AlgorithmList:
    """Newest first, unless told otherwise."""
    page = Page(offset, limit, sort_by, order, searches, workspace_id)
    total, found = algorithms.listed(context, caller.project_id, page)
    return AlgorithmList(
        total=total,
        count=len(found),
        limit=limit,
        offset=offset,
        sort_by=sort_by,
        order=order,
        group_by=group_by,
        items=[_model(context, stored) for stored in found],
    )


@router.get(
    "/v2/{project_id}/algorithms/{algorithm_id}", summary="One algorithm", response_model_exclude_none=True
)
def show_algorithm_by_uuid(context: Ctx, caller: Caller, algorithm_id: AlgorithmName) -> AlgorithmModel:
    """With the tree of its code directory, where that is still there."""
    stored = algorithms.find(context, caller.project_id, algorithm_id)
    return _model(context, stored, _tree(context, caller.project_id, stored))


@router.put(
    "/v2/{project_id}/algorithms/{algorithm_id}",
    summary="Make an algorithm's next version",
    response_model_exclude_none=True,
)
def change_algorithm(
    context: Ctx, caller: Caller, algorithm_id: AlgorithmName, body: AlgorithmRequest
) -> AlgorithmModel:
    """The body is the whole new version; older versions stay, and so do jobs made from them."""
    return _model(context, algorithms.change(context, caller, algorithm_id, body))


@router.delete("/v2/{project_id}/algorithms/{algorithm_id}", summary="Delete an algorithm", status_code=202)
def delete_algorithm(context: Ctx, caller: Caller, algorithm_id: AlgorithmName) -> Empty:
    """With all its versions; jobs made from it stay."""
    algorithms.delete(context, caller.project_id, algorithm_id)
    return Empty()


@router.get(
    "/v2/{project_id}/algorithms/{algorithm_id}/versions",
    summary="All versions of an algorithm",
    response_model_exclude_none=True,
)
def list_algorithm_versions(
    context: Ctx, caller: Caller, algorithm_id: AlgorithmName
) -> AlgorithmVersionList:
    """Newest first."""
    found = algorithms.versions(context, caller.project_id, algorithm_id)
    items = [
        AlgorithmVersion(
            version_num=version.number,
            create_time=int(version.created_at * 1000),
            job_config=job_config(version.algorithm, _engine(context, version.algorithm.engine_id)),
            resource_requirements=requirements(version.algorithm),
            advanced_config=search(version.algorithm),
        )
        for version in found
    ]
    return AlgorithmVersionList(total=len(items), items=items)


@router.get("/v2/{project_id}/search-algorithms", summary="Search algorithms and their settings")
async def show_search_algorithms(_: Caller) -> SearchAlgorithmList:
    """What a search policy may name, with the default of every setting."""
    found = [
        SearchAlgorithm(
            name=name,
            description=description,
            params=[SearchOption(key=key, value=value, type=kind) for key, value, kind in options],
        )
        for name, description, options in SEARCH_ALGORITHMS
    ]
    return SearchAlgorithmList(search_algo_count=len(found), search_algo_list=found)


SEARCH_ALGORITHMS = (
    (
        "bayes_opt_search",
        "Bayesian optimisation with a Gaussian process",
        (
            ("num_samples", "20", "Integer"),
            ("kind", "ucb", "String"),
            ("kappa", "2.5", "Float"),
            ("xi", "0.0", "Float"),
        ),
    ),
    (
        "tpe_search",
        "Tree-structured Parzen estimator",
        (("num_samples", "20", "Integer"), ("n_initial_points", "20", "Integer"), ("gamma", "0.25", "Float")),
    ),
    (
        "anneal_search",
        "Simulated annealing",
        (("num_samples", "20", "Integer"), ("avg_best_idx", "2.0", "Float"), ("shrink_coef", "0.1", "Float")),
    ),
)


def _model(context: Context, stored: Stored, tree: CodeTree | None = None) -> AlgorithmModel:
    return AlgorithmModel(
        metadata=AlgorithmMetadataAnswer(
            id=stored.id,
            name=stored.name,
            description=stored.description,
            workspace_id=stored.workspace_id,
            user_name=stored.user_name,
            version_num=stored.version,
            size=stored.size,
            create_time=int(stored.created_at * 1000),
            update_time=int(stored.updated_at * 1000),
        ),
        job_config=job_config(stored.algorithm, _engine(context, stored.algorithm.engine_id), tree),
        resource_requirements=requirements(stored.algorithm),
        advanced_config=search(stored.algorithm),
    )


def _engine(context: Context, engine_id: str) -> EngineModel | None:
    return engine_model(context.catalogue.get(engine_id)) if engine_id in context.catalogue else None


def _tree(context: Context, project_id: str, stored: Stored) -> CodeTree | None:
    code_dir = stored.algorithm.code_dir
    if not code_dir:
        return None
    try:
        files = list(context.buckets.stores(project_id).list(code_dir))
    except TrainshedError:
        return None
    return code_tree(code_dir.rstrip("/").rpartition("/")[2], files)
