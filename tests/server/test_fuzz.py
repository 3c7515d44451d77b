"""Requests that schemathesis makes up from the OpenAPI description: none is answered with a 5xx.

``TRAINSHED_FUZZ_EXAMPLES`` asks for more requests an operation than the few of every test run.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from tests.server.running import Running, running

EXAMPLES = int(os.environ.get("TRAINSHED_FUZZ_EXAMPLES", "4"))
# What fits the description may still name what is not there, or miss what is needed.
LEFT_OUT = [positive_data_acceptance, negative_data_rejection, ignored_auth]


@schemathesis.serializer("application/x-tar")
def tar(_: Any, value: Any) -> Any:
    """An archive is sent as the bytes that were made up for it."""
    return value.encode() if isinstance(value, str) else value


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fuzzed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    with running(tmp_path_factory.mktemp("fuzz") / "home", database_url=url) as server:
        yield server


@pytest.mark.fuzz
def test_no_request_breaks_the_service(fuzzed: Running):
    schema = schemathesis.openapi.from_dict(fuzzed.api.get("/openapi.json").json())
    # this one takes no input, and its answer has no end
    endless = "/v2/{project_id}/training-job-changes"
    found = (result.ok() for result in schema.get_all_operations())
    operations = [operation for operation in found if operation.path != endless]
    assert len(operations) > 50
    failures = [problem for operation in operations for problem in _problems(operation, fuzzed)]
    assert not failures, "\n\n".join(failures)


def _problems(operation: Any, server: Running) -> list[str]:
    """What went wrong with the requests made up for one operation: the first of each kind."""
    found: list[str] = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            _send(case, server)

        try:
            send()
        except Unsatisfiable:  # nothing can be wrong with a request that has no parts
            continue
        except (Exception, BaseExceptionGroup) as error:
            reasons = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
            found += [f"{operation.label}: {reason}" for reason in reasons]
    return found


def _send(case: Any, server: Running) -> None:
    if "project_id" in (case.path_parameters or {}):
        case.path_parameters["project_id"] = server.project_id
    if case.operation.path.endswith("/build"):
        case.path_parameters["engine"] = "python"
    answer = case.call(base_url=server.endpoint, headers={"X-Auth-Token": server.ready.token}, timeout=120)
    assert answer.status_code < 500, f"{answer.status_code} {answer.text} {case.as_curl_command()}"
    case.validate_response(answer, excluded_checks=LEFT_OUT)
