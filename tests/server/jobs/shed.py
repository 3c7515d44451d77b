"""What the tests of jobs do with a running server, in few words."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.server.running import Running

Json = dict[str, Any]

DEADLINE_S = 60.0
ENDED = ("Completed", "Failed", "Abnormal", "Terminated")


class Shed:
    """A running server, and a folder of scripts."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running = running
        self.folder = folder
        self.count = 0

    @property
    def api(self) -> httpx.Client:
        return self.running.api

    def url(self, *parts: str) -> str:
        return self.running.v2("/".join(("training-jobs", *parts)))

    def code(self, script: str, name: str = "train.py") -> str:
        """A new code directory with one script; its path."""
        self.count += 1
        place = self.folder / f"code{self.count}"
        place.mkdir(parents=True)
        (place / name).write_text(script)
        return str(place)

    def body(self, script: str = "print('hello')", **changes: Any) -> Json:
        """A request for a job with this script; ``a__b=value`` sets what lies deeper."""
        code_dir = changes.pop("code_dir", None) or self.code(script)
        self.count += 1
        body: Json = {
            "kind": "job",
            "metadata": {"name": f"job-{self.count}"},
            "algorithm": {
                "code_dir": code_dir,
                "boot_file": "train.py",
                "engine": {"engine_id": "python"},
            },
            "spec": {"resource": {"flavor_id": "cpu-1", "node_count": 1}, "grace_s": 5},
        }
        for path, value in changes.items():
            *above, last = path.split("__")
            at = body
            for part in above:
                at = at.setdefault(part, {})
            at[last] = value
        return body

    def submit(self, script: str = "print('hello')", **changes: Any) -> Json:
        """Create a job; its details."""
        answer = self.api.post(self.url(), json=self.body(script, **changes))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def refused(self, body: Json) -> tuple[int, str, str]:
        """Try to create a job that must be refused; status, code and sentence."""
        before = self.total()
        answer = self.api.post(self.url(), json=body)
        assert self.total() == before, "something was created"
        found = answer.json()
        return answer.status_code, found["error_code"], found["error_msg"]

    def total(self) -> int:
        return self.search()["total"]

    def search(self, **body: Any) -> Json:
        answer = self.api.post(self.running.v2("training-job-searches"), json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, *parts: str, **query: Any) -> Any:
        answer = self.api.get(self.url(*parts), params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def show(self, job: Json | str) -> Json:
        return self.get(job if isinstance(job, str) else job["metadata"]["id"])

    def follow(self, job: Json, **query: Any) -> Iterator[tuple[str, Json]]:
        """Events of a job until its end."""
        url = self.url(job["metadata"]["id"], "follow")
        with self.api.stream("GET", url, params=query, timeout=DEADLINE_S) as stream:
            assert stream.status_code == 200, stream.read()
            yield from sse(stream.iter_lines())

    def wait(self, job: Json) -> Json:
        """The job once it has ended."""
        for _ in self.follow(job):
            pass
        found = self.show(job)
        assert found["status"]["phase"] in ENDED
        return found

    def until(self, job: Json, phase: str) -> Json:
        """Wait until the job is in this phase."""
        for kind, data in self.follow(job):
            if kind == "phase" and data["phase"] == phase:
                return data
        raise AssertionError(f"the job ended without being {phase}: {self.show(job)['status']}")

    def until_log(self, job: Json, text: str, task: str = "worker-0") -> str:
        """Wait until this text is in the log."""
        url = self.url(job["metadata"]["id"], "tasks", task, "logs", "follow")
        seen = ""
        with self.api.stream("GET", url, timeout=DEADLINE_S) as stream:
            for kind, data in sse(stream.iter_lines()):
                seen += data.get("text", "") if kind == "log" else ""
                if text in seen:
                    return seen
        raise AssertionError(f"{text!r} is not in the log: {seen}")

    def log(self, job: Json, task: str = "worker-0", **query: Any) -> str:
        url = self.url(job["metadata"]["id"], "tasks", task, "logs")
        answer = self.api.get(url, params={"platform": "false", **query})
        assert answer.status_code == 200, answer.text
        return answer.text

    def stop(self, job: Json, **body: Any) -> httpx.Response:
        url = self.url(job["metadata"]["id"], "actions")
        return self.api.post(url, json={"action_type": "terminate", **body})

    def kinds(self, job: Json) -> list[tuple[str, str, str]]:
        """Source, stage and kind of every event, in order."""
        found = self.get(job["metadata"]["id"], "events", order="asc", limit=1000)["events"]
        return [(event["source"], event["stage"], event["kind"]) for event in found]


def sse(lines: Iterator[str]) -> Iterator[tuple[str, Json]]:
    """Name and data of each event."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def eventually(check: Any, deadline_s: float = DEADLINE_S) -> Any:
    """The first true answer of ``check``, asked again and again until the deadline."""
    end = time.monotonic() + deadline_s
    while not (found := check()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found
