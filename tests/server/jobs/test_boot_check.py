"""The look at the boot file when a job is created."""

from __future__ import annotations

from tests.server.jobs.shed import Shed
from trainshed.core.errors import Code


def test_a_boot_file_that_is_no_python_is_refused(shed: Shed) -> None:
    status, code, sentence = shed.refused(shed.body("import os\nfor x in range(3)\n    print(x)\n"))
    assert (status, code) == (400, Code.BOOT_FILE_INVALID)
    assert "line 2 of train.py" in sentence
    assert "for x in range(3)" in sentence


def test_an_argument_that_the_script_will_refuse_is_told(shed: Shed) -> None:
    script = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--epochs')\np.parse_args()\n"
    job = shed.submit(script, algorithm__parameters=[{"name": "lr", "value": "0.1"}])
    [warning] = job["warnings"]
    assert "refuses --lr" in warning
    assert "--epochs" in warning
    assert ("service", "", "warning") in shed.kinds(job)
    assert shed.wait(job)["status"]["phase"] == "Failed"


def test_one_that_knows_its_arguments_is_not_warned_of(shed: Shed) -> None:
    script = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr')\np.parse_args()\n"
    job = shed.submit(script, algorithm__parameters=[{"name": "lr", "value": "0.1"}])
    assert "warnings" not in job
    assert shed.wait(job)["status"]["phase"] == "Completed"
