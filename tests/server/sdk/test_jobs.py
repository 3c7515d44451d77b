"""A training job's whole way, through the official client as its documentation shows it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from huaweicloudsdkcore.exceptions import exceptions
from huaweicloudsdkmodelarts.v1 import ModelArtsClient
from huaweicloudsdkmodelarts.v1 import model as m

from tests.server.running import Running
from trainshed.core.errors import Code

DEADLINE_S = 240
ENDED = {"Completed", "Failed", "Terminated", "Abnormal"}
CODE, DATA, OUT = (f"obs://trainshed/{name}/" for name in ("code", "data", "out"))

TRAIN = """
import argparse, os
parser = argparse.ArgumentParser()
for name in ("data_url", "train_url", "lr"):
    parser.add_argument("--" + name)
args = parser.parse_args()
words = open(os.path.join(args.data_url, "words.txt")).read().split()
for epoch, word in enumerate(words):
    print("epoch", epoch, word, "lr=" + args.lr, flush=True)
open(os.path.join(args.train_url, "model.bin"), "w").write(" ".join(words))
"""
SLEEP = """
import time
print("asleep", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _files(server: Running) -> None:
    files = {"code/train.py": TRAIN, "code/sleep.py": SLEEP, "data/words.txt": "one two three"}
    for key, text in files.items():
        uri = f"obs://trainshed/{key}"
        server.api.put(server.v2("objects"), params={"uri": uri}, content=text).raise_for_status()


def algorithm(client: ModelArtsClient) -> str:
    config = m.AlgorithmJobConfig(
        code_dir=CODE,
        boot_file=f"{CODE}train.py",
        engine=m.AlgorithmCreateEngine(engine_id="python"),
        parameters=[m.Parameters(name="lr", value="0.1", constraint=m.ParametersConstraint(type="Float"))],
        inputs=[m.AlgorithmCreateInput(name="data_url")],
        outputs=[m.AlgorithmCreateOutput(name="train_url")],
    )
    body = m.Algorithm(metadata=m.AlgorithmMetadata(name="words"), job_config=config)
    return client.create_algorithm(m.CreateAlgorithmRequest(body=body)).metadata.id


def job(name: str, **run: object) -> m.CreateTrainingJobRequest:
    body = m.Job(
        kind="job",
        metadata=m.JobMetadata(name=name, description="a test", annotations={"note": "kept"}),
        algorithm=m.JobAlgorithm(**run),
        spec=m.Spec(resource=m.SpecResource(node_count=1)),
    )
    return m.CreateTrainingJobRequest(body=body)


def details(client: ModelArtsClient, job_id: str) -> m.ShowTrainingJobDetailsResponse:
    return client.show_training_job_details(m.ShowTrainingJobDetailsRequest(training_job_id=job_id))


def wait(
    client: ModelArtsClient, job_id: str, until: Callable[[str], bool]
) -> m.ShowTrainingJobDetailsResponse:
    """As a user of the client must: ask until it is so."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = details(client, job_id)
        if until(found.status.phase):
            return found
        time.sleep(0.05)
    raise TimeoutError(f"the job is {details(client, job_id).status}")


def test_a_job_from_an_algorithm_to_its_outputs(server: Running, client: ModelArtsClient):
    made = client.create_training_job(
        job(
            "words-1",
            id=algorithm(client),
            parameters=[m.Parameters(name="lr", value="0.5")],
            inputs=[m.Input(name="data_url", remote=m.InputDataInfo(obs=m.InputDataInfoObs(obs_url=DATA)))],
            outputs=[m.Output(name="train_url", remote=m.Remote(obs=m.RemoteObs(obs_url=OUT)))],
        )
    )
    job_id = made.metadata.id
    assert made.kind == "job"
    assert made.metadata.name == "words-1"
    assert made.status.phase in ("Creating", "Pending", "Running")

    ended = wait(client, job_id, ENDED.__contains__)
    assert ended.status.phase == "Completed", ended.status
    assert ended.status.tasks == ["worker-0"]
    assert ended.status.start_time >= ended.metadata.create_time > 0
    assert ended.status.duration >= 0
    assert ended.metadata.annotations["note"] == "kept"
    assert ended.algorithm.name == "words"
    assert ended.algorithm.inputs[0].remote.obs.obs_url == DATA
    assert ended.algorithm.outputs[0].name == "train_url"
    assert [(p.name, p.value) for p in ended.algorithm.parameters] == [("lr", "0.5")]
    assert ended.spec.resource.node_count == 1
    assert ended.spec.resource.flavor_detail.flavor_info.cpu.core_num >= 1

    preview = client.show_training_job_logs_preview(
        m.ShowTrainingJobLogsPreviewRequest(training_job_id=job_id, task_id="worker-0")
    )
    assert "epoch 2 three lr=0.5" in preview.content
    assert 0 < preview.current_size <= preview.full_size
    lines = client.show_training_job_logs_from_aom(
        m.ShowTrainingJobLogsFromAomRequest(
            training_job_id=job_id, task_id="worker-0", lines=50, order="desc"
        )
    )
    assert "epoch 0 one" in lines.content

    tasks = client.list_training_job_tasks(m.ListTrainingJobTasksRequest(training_job_id=job_id))
    assert [task.task for task in tasks.body] == ["worker-0"]
    events = client.list_training_job_events(m.ListTrainingJobEventsRequest(training_job_id=job_id, limit=50))
    assert events.total == len(events.events) > 3
    assert all(event.message and event.time and event.level for event in events.events)
    stages = client.list_training_job_stages(m.ListTrainingJobStagesRequest(training_job_id=job_id))
    assert stages.running_records
    metrics = client.show_training_job_metrics(
        m.ShowTrainingJobMetricsRequest(training_job_id=job_id, task_id="worker-0")
    )
    assert "cpuUsage" in [metric.metric for metric in metrics.metrics]

    model = server.api.get(server.v2("objects"), params={"uri": f"{OUT}model.bin"})
    assert model.text == "one two three"

    taken = client.validate_training_job_name(m.ValidateTrainingJobNameRequest(job_name="words-1"))
    assert taken.is_duplicate is True
    client.change_training_job_description(
        m.ChangeTrainingJobDescriptionRequest(
            training_job_id=job_id, body=m.JobUpdateRequestBody(description="changed")
        )
    )
    found = client.list_training_jobs(
        m.ListTrainingJobsRequest(
            body=m.JobSearches(
                offset=0,
                limit=10,
                sort_by="create_time",
                order="desc",
                filters=[m.Filter(key="name", operator="like", value=["words"])],
            )
        )
    )
    assert (found.total, found.items[0].metadata.description) == (1, "changed")

    client.delete_training_job(m.DeleteTrainingJobRequest(training_job_id=job_id))
    with pytest.raises(exceptions.ClientRequestException) as caught:
        details(client, job_id)
    assert caught.value.error_code == Code.JOB_NOT_FOUND


def test_a_job_with_inline_code_is_stopped(client: ModelArtsClient):
    made = client.create_training_job(
        job("sleeper", code_dir=CODE, boot_file="sleep.py", engine=m.JobEngine(engine_id="python"))
    )
    job_id = made.metadata.id
    wait(client, job_id, "Running".__eq__)
    with pytest.raises(exceptions.ClientRequestException) as caught:
        client.delete_training_job(m.DeleteTrainingJobRequest(training_job_id=job_id))
    assert caught.value.error_code == Code.JOB_NOT_FINISHED

    stopped = client.stop_training_job(
        m.StopTrainingJobRequest(training_job_id=job_id, body=m.JobActionType(action_type="terminate"))
    )
    assert stopped.status.phase in ("Terminating", "Terminated")
    assert wait(client, job_id, ENDED.__contains__).status.phase == "Terminated"
    client.delete_training_job(m.DeleteTrainingJobRequest(training_job_id=job_id))


def test_what_cannot_run_is_refused(client: ModelArtsClient):
    for run in (
        {"code_dir": CODE, "boot_file": "missing.py", "engine": m.JobEngine(engine_id="python")},
        {"code_dir": CODE, "boot_file": "train.py", "engine": m.JobEngine(engine_id="no-such")},
        {"id": "no-such-algorithm"},
    ):
        with pytest.raises(exceptions.ClientRequestException) as caught:
            client.create_training_job(job("bad", **run))
        assert caught.value.status_code in (400, 404)
    assert client.list_training_jobs(m.ListTrainingJobsRequest(body=m.JobSearches())).total == 0
