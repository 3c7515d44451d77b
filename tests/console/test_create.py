"""From the form to the trained model, and from a failure to the job that mends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Tab
from tests.console.work import (
    DEADLINE_S,
    FAILING,
    HOSTILE,
    TRAINING,
    Gate,
    submit,
    wait_for_phase,
    write_code,
)
from tests.naming import unique
from tests.server.running import Running

OpenTab = Callable[..., Tab]
PATIENT = DEADLINE_S * 1000

PICKY = """
import sys
label = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])["label"]
print("label is", label, flush=True)
if label != "7":
    raise ValueError(f"no such label: {label}")
print("trained", flush=True)
"""


@pytest.fixture
def algorithm(service: Running, tmp_path: Path, gate: Gate) -> str:
    """An algorithm with a schema for its learning rate; its name."""
    name = unique("digits")
    body = {
        "metadata": {"name": name, "description": "A small network."},
        "job_config": {
            "code_dir": write_code(tmp_path / "algorithm", TRAINING).as_uri() + "/",
            "boot_file": "train.py",
            "engine": {"engine_id": "python_3.11"},
            "parameters": [
                {
                    "name": "lr",
                    "value": "0.1",
                    "description": "Learning rate",
                    "constraint": {
                        "type": "Float",
                        "required": True,
                        "valid_type": "Range",
                        "valid_range": ["0.001", "1"],
                    },
                },
                {"name": "gate", "value": gate.port, "constraint": {"editable": False}},
            ],
            "outputs": [{"name": "train_url"}],
        },
    }
    answer = service.api.post(service.v2("algorithms"), json=body)
    assert answer.status_code == 201, answer.text
    return name


def job_id_of(page: Page) -> str:
    """The id of the job whose page is open."""
    page.wait_for_url(re.compile(r"/console/jobs/[0-9a-f-]{36}"), timeout=PATIENT)
    match = re.search(r"/jobs/([0-9a-f-]{36})", page.url)
    assert match is not None
    return match[1]


def test_algorithm_form_training_metrics_and_model(
    tab: OpenTab, service: Running, algorithm: str, gate: Gate
) -> None:
    page = tab().sign_in()
    page.get_by_role("link", name="Training jobs").click()
    page.get_by_role("link", name="Create job").first.click()
    page.get_by_text("An algorithm", exact=True).click()
    page.get_by_label("Algorithm", exact=True).click()
    page.keyboard.type(algorithm)
    page.get_by_title(f"{algorithm} · v1").click()
    name = unique("trained")
    page.get_by_label("Name", exact=True).first.fill(name)

    # the schema of the algorithm is kept while it is typed
    rate = page.get_by_label("lr", exact=True).get_by_role("textbox", name="lr")
    rate.fill("5")
    expect(page.get_by_text("It must be from 0.001 to 1")).to_be_visible()
    rate.fill("0.25")
    expect(page.get_by_text("It must be from 0.001 to 1")).to_be_hidden()
    expect(page.get_by_role("textbox", name="gate")).to_be_disabled()

    # the output goes to a folder that is made in the bucket browser
    folder = unique("out")
    page.get_by_role("button", name="Browse for Place of train_url").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="trainshed").click()
    dialog.get_by_role("button", name="New folder").click()
    page.get_by_label("Name of the folder").fill(folder)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_text(f"obs://trainshed/{folder}/")).to_be_visible()
    dialog.get_by_role("button", name="Use it").click()

    # the same as a command and as a request
    command = page.get_by_role("group", name="Command line")
    expect(command).to_contain_text(f"trainshed jobs create {name}")
    expect(command).to_contain_text(f"--output train_url=obs://trainshed/{folder}/")
    expect(command).to_contain_text("--lr=0.25")
    page.get_by_text("API body", exact=True).click()
    expect(page.get_by_role("group", name="API body")).to_contain_text('"value": "0.25"')
    page.get_by_role("button", name="Check without creating").click()
    expect(page.get_by_text("nothing was created")).to_be_visible(timeout=PATIENT)

    page.get_by_role("button", name="Create job").click()
    job_id = job_id_of(page)
    expect(page.get_by_role("heading", name=name)).to_be_visible()

    # it trains, and is watched
    expect(page.get_by_role("log")).to_contain_text("epoch 3 loss=0.250", timeout=PATIENT)
    page.get_by_role("tab", name="Metrics").click()
    expect(page.get_by_role("img", name="loss")).to_be_visible(timeout=PATIENT)
    page.get_by_role("tab", name="Logs").click()
    gate.open()
    expect(page.get_by_role("log")).to_contain_text("epoch 7", timeout=PATIENT)
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=PATIENT)

    page.get_by_role("tab", name="Metrics").click()
    card = page.locator(".ant-card", has=page.get_by_role("img", name="accuracy"))
    expect(card).to_contain_text("0.875")
    page.get_by_role("tab", name="Outputs").click()
    page.get_by_role("button", name="<b>notes.txt").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("lr 0.25 <img src=x onerror=alert(1)>")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download model.bin").click()
    assert Path(download.value.path()).read_bytes() == bytes(range(256))
    assert download.value.suggested_filename == "model.bin"
    assert service.api.get(service.v2(f"training-jobs/{job_id}")).json()["algorithm"]["name"] == algorithm


def test_failure_diagnosis_rebuild_success(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    name = unique("picky")
    job_id = submit(service, tmp_path / "code", PICKY, name, label="11")
    wait_for_phase(service, job_id, "Failed")
    page = tab().sign_in()
    page.get_by_role("listitem").filter(has_text=name).get_by_role("link", name="Show the cause").click()
    expect(page.get_by_role("tab", name="Diagnosis")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("What to do")).to_be_visible()
    line = page.get_by_role("link").filter(has_text="ValueError: no such label: 11").first
    line.click()
    marked = page.locator(".log-marked")
    expect(marked).to_contain_text("no such label: 11")
    page.get_by_role("link", name="Build again").click()
    expect(page.get_by_label("Name", exact=True).first).to_have_value(f"{name}-2")
    page.get_by_role("textbox", name="label", exact=True).fill("7")
    page.get_by_role("button", name="Create job").click()
    again = job_id_of(page)
    assert again != job_id
    expect(page.get_by_role("log")).to_contain_text("trained", timeout=PATIENT)
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=PATIENT)


def test_code_is_uploaded_and_refusals_are_shown_at_their_field(
    tab: OpenTab, service: Running, tmp_path: Path
) -> None:
    taken = unique("taken")
    wait_for_phase(service, submit(service, tmp_path / "first", "print(1)", taken), "Completed")
    code = write_code(tmp_path / "project", "import lib.words\nprint(lib.words.WORD, flush=True)\n")
    (code / "lib").mkdir()
    (code / "lib" / "words.py").write_text("WORD = 'from the upload'\n")
    (code / ".git").mkdir()
    (code / ".git" / "HEAD").write_text("ref")
    opened = tab()
    opened.sign_in()
    page = opened.go("jobs/new")
    page.get_by_role("button", name="Create job").click()
    expect(page.get_by_text("fields need your attention")).to_be_visible()
    page.locator("input[type=file][webkitdirectory]").set_input_files(code)
    expect(page.get_by_text("2 files (")).to_be_visible(timeout=PATIENT)
    expect(page.get_by_text("1 left out")).to_be_visible()
    expect(page.get_by_label("Boot file")).to_have_value("train.py")
    page.get_by_label("Engine").click()
    page.keyboard.type("python_3.11")
    page.locator(".ant-select-item-option", has_text="python_3.11").first.click()
    page.get_by_label("Name", exact=True).first.fill(taken)
    expect(page.get_by_text("A job of this name exists")).to_be_visible(timeout=PATIENT)
    page.get_by_label("Name", exact=True).first.fill(unique("uploaded"))
    expect(page.get_by_text("A job of this name exists")).to_be_hidden()
    page.get_by_role("button", name="Add an input").click()
    page.get_by_role("textbox", name="Place of data_url").fill("obs://trainshed/not/there/")
    page.get_by_role("button", name="Create job").click()
    fault = page.get_by_role("group", name="data_url").get_by_text("nothing is at")
    expect(fault).to_be_visible(timeout=PATIENT)
    expect(page.get_by_text("The job was not created")).to_be_visible()
    page.get_by_role("button", name="Remove data_url").click()
    page.get_by_role("button", name="Create job").click()
    job_id_of(page)
    expect(page.get_by_role("log")).to_contain_text("from the upload", timeout=PATIENT)


def test_engines_that_no_pool_offers_are_greyed_with_the_reason(tab: OpenTab) -> None:
    opened = tab()
    opened.sign_in()
    page = opened.go("jobs/new")
    page.get_by_label("Engine").click()
    page.keyboard.type("mindspore_2.10.0-cann")
    option = page.locator(".ant-select-item-option", has_text="mindspore_2.10.0-cann").first
    expect(option).to_contain_text("needs Ascend")
    expect(option).to_have_class(re.compile("ant-select-item-option-disabled"))


def test_hostile_words_stay_words(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    name = unique("hostile")
    job_id = submit(service, tmp_path / "code", FAILING, name, note=HOSTILE)
    wait_for_phase(service, job_id, "Failed")
    opened = tab()
    opened.sign_in()
    for path in (f"jobs/{job_id}?tab=logs", f"jobs/{job_id}?tab=configuration", f"jobs/new?from={job_id}"):
        page = opened.go(path)
        shown = page.get_by_text(HOSTILE[:20]).or_(page.locator("input[value*='<img src=x']"))
        expect(shown.first).to_be_visible()
        assert page.locator("img[src=x]").count() == 0
        assert "owned" not in page.title()


def test_the_form_in_chinese_on_a_narrow_screen(tab: OpenTab) -> None:
    opened = tab(locale="zh-CN", dark=True, width=390)
    opened.sign_in()
    page = opened.go("jobs/new")
    expect(page.get_by_role("heading", name="创建训练作业")).to_be_visible()
    page.get_by_role("button", name="创建作业").click()
    expect(page.get_by_text("个字段需要修改")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
