"""Algorithms, engines, flavors and pools through the official client."""

from __future__ import annotations

import pytest
from huaweicloudsdkcore.exceptions import exceptions
from huaweicloudsdkmodelarts.v1 import ModelArtsClient
from huaweicloudsdkmodelarts.v1 import model as m

from tests.server.running import Running
from tests.server.sdk.conftest import official_client
from trainshed.core.errors import Code

CODE = "obs://trainshed/code/mnist/"


def algorithm(name: str = "mnist") -> m.Algorithm:
    rule = m.ParametersConstraint(type="Float", valid_type="Range", valid_range=["0", "1"], required=True)
    reward = m.RewardAttrs(name="acc", mode="max", regex="acc=(.*)")
    search = m.AutoSearch(reward_attrs=[reward], search_params=[], algo_configs=[])
    return m.Algorithm(
        metadata=m.AlgorithmMetadata(name=name, description="digits", workspace_id="0"),
        job_config=m.AlgorithmJobConfig(
            code_dir=CODE,
            boot_file=f"{CODE}train.py",
            parameters=[m.Parameters(name="lr", value="0.1", constraint=rule)],
            inputs=[m.AlgorithmCreateInput(name="data_url", description="data")],
            outputs=[m.AlgorithmCreateOutput(name="train_url", description="model")],
            engine=m.AlgorithmCreateEngine(engine_id="pytorch"),
            parameters_customization=False,
        ),
        resource_requirements=[m.ResourceRequirement(key="flavor_type", values=["CPU"], operator="in")],
        advanced_config=m.AlgorithmAdvancedConfig(auto_search=search),
    )


@pytest.fixture(autouse=True)
def _code(server: Running) -> None:
    server.api.put(
        server.v2("objects"), params={"uri": f"{CODE}train.py"}, content=b"pass"
    ).raise_for_status()


def test_an_algorithm_through_its_whole_life(client: ModelArtsClient):
    made = client.create_algorithm(m.CreateAlgorithmRequest(body=algorithm()))
    assert made.metadata.name == "mnist"
    assert made.metadata.version_num == 1
    assert made.job_config.boot_file == "train.py"
    assert made.job_config.parameters[0].constraint.valid_range == ["0", "1"]
    assert made.job_config.parameters_customization is False
    assert made.advanced_config.auto_search.reward_attrs[0].regex == "acc=(.*)"
    assert made.resource_requirements[0].value == ["CPU"]

    shown = client.show_algorithm_by_uuid(m.ShowAlgorithmByUuidRequest(algorithm_id=made.metadata.id))
    assert shown.metadata.create_time == made.metadata.create_time
    assert shown.job_config.code_tree.children[0].name == "train.py"

    request = m.ChangeAlgorithmRequest(algorithm_id=made.metadata.id, body=algorithm("mnist2"))
    assert client.change_algorithm(request).metadata.version_num == 2

    listed = client.list_algorithms(
        m.ListAlgorithmsRequest(offset=0, limit=10, sort_by="create_time", order="desc", searches="mnist")
    )
    assert (listed.total, [item.metadata.name for item in listed.items]) == (1, ["mnist2"])

    client.delete_algorithm(m.DeleteAlgorithmRequest(algorithm_id=made.metadata.id))
    with pytest.raises(exceptions.ClientRequestException) as caught:
        client.show_algorithm_by_uuid(m.ShowAlgorithmByUuidRequest(algorithm_id=made.metadata.id))
    error = caught.value
    assert (error.status_code, error.error_code) == (404, Code.ALGORITHM_NOT_FOUND)
    assert "no algorithm" in error.error_msg
    assert error.request_id


def test_the_client_understands_why_it_was_refused(client: ModelArtsClient):
    bad = algorithm()
    bad.job_config.boot_file = "../train.py"
    with pytest.raises(exceptions.ClientRequestException) as caught:
        client.create_algorithm(m.CreateAlgorithmRequest(body=bad))
    assert caught.value.error_code == Code.BOOT_FILE_OUTSIDE_CODE


def test_engines_flavors_pools_and_the_rest_are_read(client: ModelArtsClient):
    engines = client.show_training_job_engines(m.ShowTrainingJobEnginesRequest())
    assert engines.total == len(engines.items) > 0
    assert all(item.engine_id and item.engine_name for item in engines.items)

    flavors = client.show_training_job_flavors(m.ShowTrainingJobFlavorsRequest(flavor_type="CPU")).flavors
    assert flavors
    assert all(flavor.flavor_info.cpu.core_num >= 1 for flavor in flavors)
    assert all(flavor.flavor_info.memory.size >= 1 for flavor in flavors)

    pools = client.list_pools(m.ListPoolsRequest()).items
    assert [pool.metadata.name for pool in pools] == ["local"]
    assert pools[0].status.phase == "Running"

    most = client.show_training_flavor_max_available_resource(
        m.ShowTrainingFlavorMaxAvailableResourceRequest(flavor_id=flavors[0].flavor_id, pool_id="local")
    )
    assert most.cpu_core_num >= 1
    assert client.list_resource_flavors(m.ListResourceFlavorsRequest()).items
    assert client.list_workspace(m.ListWorkspaceRequest()).workspaces[0].id == "0"
    searches = client.show_search_algorithms(m.ShowSearchAlgorithmsRequest())
    assert searches.search_algo_count == len(searches.search_algo_list) == 3
    quotas = client.show_training_quotas(m.ShowTrainingQuotasRequest()).quotas
    assert [(quota.resource, quota.used) for quota in quotas] == [("job-num", 0)]


def test_a_name_is_checked(client: ModelArtsClient):
    free = client.validate_training_job_name(m.ValidateTrainingJobNameRequest(job_name="free"))
    assert free.is_duplicate is False
    with pytest.raises(exceptions.ClientRequestException):
        client.validate_training_job_name(m.ValidateTrainingJobNameRequest(job_name="not free!"))


@pytest.mark.parametrize(("access_key", "secret_key"), [("", "wrong"), ("UNKNOWN", "")])
def test_wrong_keys_are_refused(server: Running, access_key: str, secret_key: str):
    client = official_client(server, access_key, secret_key)
    with pytest.raises(exceptions.ClientRequestException) as caught:
        client.list_algorithms(m.ListAlgorithmsRequest())
    assert (caught.value.status_code, caught.value.error_code) == (401, Code.SIGNATURE_WRONG)


def test_by_environment_alone_the_client_finds_service_and_project(
    server: Running, monkeypatch: pytest.MonkeyPatch
):
    from huaweicloudsdkmodelarts.v1.region.modelarts_region import ModelArtsRegion

    variables = {
        "HUAWEICLOUD_SDK_AK": server.ready.access_key,
        "HUAWEICLOUD_SDK_SK": server.ready.secret_key,
        "HUAWEICLOUD_SDK_REGION_MODELARTS_CN_NORTH_4": server.endpoint,
        "HUAWEICLOUD_SDK_IAM_ENDPOINT": server.endpoint,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = ModelArtsClient.new_builder().with_region(ModelArtsRegion.value_of("cn-north-4")).build()
    assert client.list_algorithms(m.ListAlgorithmsRequest()).total == 0
