"""The Python SDK: speaks to a trainshed service over HTTP and nothing else.

from trainshed.client import Client

with Client() as client:
    for job in client.jobs.list(phases=["Running"]).jobs:
        print(job.name, job.duration)
"""

from trainshed.client.bundle import Bundle, collect
from trainshed.client.client import Client
from trainshed.client.connection import Connection, discover
from trainshed.client.estimator import Estimator, InputData, OutputData, TrainingFiles, TrainingRun
from trainshed.client.models import Algorithm, Diagnosis, Engine, Event, Flavor, Job, JobList, Outcome, Pool
from trainshed.client.request import Argument, JobRequest

__all__ = [
    "Algorithm",
    "Argument",
    "Bundle",
    "Client",
    "Connection",
    "Diagnosis",
    "Engine",
    "Estimator",
    "Event",
    "Flavor",
    "InputData",
    "Job",
    "JobList",
    "JobRequest",
    "Outcome",
    "OutputData",
    "Pool",
    "TrainingFiles",
    "TrainingRun",
    "collect",
    "discover",
]
