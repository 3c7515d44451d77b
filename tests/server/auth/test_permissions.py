"""Every route, tried by everybody: it lets in just those whom the declared table lets in."""

from __future__ import annotations

import re
from collections.abc import Generator

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from tests.server.people import People, people_of
from tests.server.running import Running
from trainshed.core.errors import Code, NotFound
from trainshed.server.auth.permissions import TABLE, MethodNotAllowed, Rules, rules_of
from trainshed.server.auth.roles import Need, Role
from trainshed.server.routers import all_routers

ROUTES = sorted(
    (method, route.path)
    for router in all_routers()
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods
)
NEEDS = {route: need for need, routes in TABLE.items() for route in routes}
# what each may do in the project of the path; None for one who is in another project
ROLES: dict[str, Role | None] = {
    "viewer": Role.VIEWER,
    "member of another": None,
    "member": Role.MEMBER,
    "admin": Role.ADMIN,
    "operator": Role.ADMIN,
}
FORBIDDEN = {Code.PROJECT_FORBIDDEN, Code.ROLE_FORBIDDEN, Code.CREDENTIAL_TOO_NARROW}


@pytest.fixture(scope="module")
def people(shared_server: Running) -> Generator[People]:
    with people_of(shared_server) as found:
        yield found


@pytest.fixture(scope="module")
def clients(people: People) -> dict[str, httpx.Client]:
    return {
        "nobody": people.client(),
        "viewer": people.add("viewer").api,
        "member of another": people.add("member", project=people.project()).api,
        "member": people.add("member").api,
        "admin": people.add("admin").api,
        "operator": people.add(operator=True).api,
    }


def may(who: str, need: Need, path: str) -> bool:
    """What the words of the roles promise."""
    role = ROLES[who]
    if "{project_id}" in path and role is None:
        return False
    if need is Need.OPERATOR:
        return who == "operator"
    return need.role is None or (role is not None and role.reaches(need.role))


def asked(client: httpx.Client, method: str, url: str, query: dict[str, str]) -> httpx.Response:
    """The answer; without its body where that is a stream of events, which has no end."""
    with client.stream(method, url, params=query) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return httpx.Response(answer.status_code)
        answer.read()
        return answer


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda value: value)
def test_a_route_lets_in_just_those_whom_the_table_lets_in(
    shared_server: Running, clients: dict[str, httpx.Client], method: str, path: str
):
    need = NEEDS.get(f"{method} {path}")
    if need is None:
        assert path == "/healthz", "a new route: declare in auth.permissions who may use it"
        return
    url = re.sub(r"\{(\w+)\}", "nothing-there", path.replace("{project_id}", shared_server.project_id))
    query = {"uri": "obs://nothing-there/x", "job_name": "x"}
    for who, client in clients.items():
        answer = asked(client, method, url, query)
        code = answer.json().get("error_code", "") if answer.content else ""
        if who == "nobody":
            # the routes of sessions say so themselves
            own = path.startswith("/v1/sessions")
            assert own or (answer.status_code == 401) == (need is not Need.OPEN), (who, answer.text)
        elif may(who, need, path):
            assert answer.status_code < 500, (who, answer.text)
            assert code not in FORBIDDEN, (who, answer.text)
        else:
            assert answer.status_code == 403, (who, answer.text)
            assert method == "HEAD" or code in FORBIDDEN, (who, answer.text)


def test_what_changes_something_is_not_for_viewers():
    searches = {"POST /v2/{project_id}/training-job-searches"}
    assert {r for r in TABLE[Need.VIEWER] if not r.startswith(("GET ", "HEAD "))} == searches
    changing = {r for r in NEEDS if not r.startswith(("GET ", "HEAD "))} - searches
    open_ones = {r for r in changing if NEEDS[r] is Need.OPEN}
    assert open_ones == {"POST /v1/sessions", "DELETE /v1/sessions/current"}


def test_the_service_does_not_start_with_a_route_that_nobody_declared():
    extra = APIRouter()
    extra.add_api_route("/v2/{project_id}/secrets", lambda: None, methods=["GET"])
    with pytest.raises(RuntimeError, match="not declared"):
        rules_of([*all_routers(), extra])
    with pytest.raises(RuntimeError, match="no such route"):
        rules_of(all_routers()[:-2])


def test_a_route_that_is_not_in_the_table_is_not_found_even_for_the_admin(shared_server: Running):
    for path in ("/v1/nothing", "/v2", "/v2//algorithms", "/v4/x", "/docs", "/redoc", "/v1/users/a/b"):
        answer = shared_server.api.get(path)
        assert (answer.status_code, answer.json()["error_code"]) == (404, Code.ROUTE_NOT_FOUND), path


def test_fixed_parts_of_a_path_go_before_variable_ones():
    jobs = "/v2/{project_id}/training-jobs"
    rules = Rules(
        [("POST", f"{jobs}/dry-run", "dry", None), ("DELETE", jobs + "/{training_job_id}", "remove", None)]
    )
    assert rules.find("POST", "/v2/p/training-jobs/dry-run")[0].action == "dry"
    rule, values = rules.find("DELETE", "/v2/p/training-jobs/dry-run")
    assert (rule.action, values) == ("remove", ["p", "dry-run"])
    with pytest.raises(MethodNotAllowed, match="it takes DELETE, POST"):
        rules.find("GET", "/v2/p/training-jobs/dry-run")
    for path in ("/v2/p/training-jobs/", "/v2/p/training-jobs/x/y", "/", ""):
        with pytest.raises(NotFound):
            rules.find("DELETE", path)


# ---- credentials that are cut down


def test_a_token_with_a_lesser_role_is_no_more_than_that(shared_server: Running, people: People):
    viewer = people.add("admin", cut={"role": "viewer"}).api
    url = shared_server.v2("algorithms")
    assert viewer.get(url).status_code == 200
    assert viewer.post(url, json={}).json()["error_code"] == Code.ROLE_FORBIDDEN
    operator = people.add(operator=True).name
    made = shared_server.api.post("/v1/tokens", json={"user": operator, "role": "member"}).json()
    cut = people.client(made["token"])
    assert cut.get("/v1/users").json()["error_code"] == Code.ROLE_FORBIDDEN
    assert cut.get(url).status_code == 200


def test_a_token_for_one_project_opens_no_other(shared_server: Running, people: People):
    second = people.project()
    person = people.add("member", project=second)
    shared_server.api.put(
        f"/v1/projects/{shared_server.project_id}/members/{person.name}", json={"role": "admin"}
    )
    made = person.api.post("/v1/tokens", json={"project": second})
    cut = people.client(made.json()["token"])
    assert cut.get(f"/v2/{second}/algorithms").status_code == 200
    assert cut.get(shared_server.v2("algorithms")).json()["error_code"] == Code.PROJECT_FORBIDDEN
    assert [p["id"] for p in cut.get("/v1/projects").json()["items"]] == [second]


@pytest.mark.parametrize("cut", [{"role": "admin"}, {"project": "default"}])
def test_what_is_cut_down_makes_nothing_that_is_worth_more(
    people: People, shared_server: Running, cut: dict[str, str]
):
    api = people.add("admin", cut=cut).api
    for path, body in (("tokens", {}), ("keys", {"project": shared_server.project_id})):
        assert api.post(f"/v1/{path}", json=body).json()["error_code"] == Code.CREDENTIAL_TOO_NARROW
    answer = api.put("/v1/account/password", json={"new": "a new long password"})
    assert answer.json()["error_code"] == Code.CREDENTIAL_TOO_NARROW
    token = api.headers["Authorization"].removeprefix("Bearer ")
    answer = people.client().post("/v1/sessions", json={"token": token})
    assert answer.json()["error_code"] == Code.CREDENTIAL_TOO_NARROW


def test_roles_are_lost_at_once(shared_server: Running, people: People):
    person = people.add("admin")
    url = shared_server.v2("algorithms")
    assert person.api.get(url).status_code == 200
    shared_server.api.delete(f"/v1/projects/{shared_server.project_id}/members/{person.name}")
    assert person.api.get(url).json()["error_code"] == Code.PROJECT_FORBIDDEN
    assert shared_server.api.put(f"/v1/users/{person.name}", json={"disabled": True}).status_code == 200
    assert person.api.get("/v1/account").status_code == 401
