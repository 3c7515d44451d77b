"""Algorithms in the console: created with all that the contract knows, looked into, changed, deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.console.conftest import Tab
from tests.server.running import Running

OpenTab = Callable[..., Tab]

SCRIPT = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--data_url")
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--optimizer", choices=["sgd", "adam"], default="sgd")
print(parser.parse_known_args())
"""


def put_code(service: Running) -> str:
    """A code directory of its own, with a script and a package."""
    code = f"obs://trainshed/code/{uuid4().hex[:8]}/"
    for name, content in (("train.py", SCRIPT), ("lib/model.py", "LAYERS = 3\n")):
        answer = service.api.put(service.v2("objects"), params={"uri": code + name}, content=content.encode())
        answer.raise_for_status()
    return code


def create(service: Running, name: str, code: str) -> str:
    """An algorithm over the API; its id."""
    config: dict[str, Any] = {
        "code_dir": code,
        "boot_file": "train.py",
        "engine": {"engine_id": "python_3.11"},
    }
    config["parameters"] = [{"name": "lr", "value": "0.1", "constraint": {"type": "Float"}}]
    body = {"metadata": {"name": name}, "job_config": config}
    answer = service.api.post(service.v2("algorithms"), json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["metadata"]["id"]


def choose(page: Page, label: str, option: str) -> None:
    """Choose from a list by keyboard, as a person without a mouse would."""
    box = page.get_by_role("combobox", name=label).last
    box.focus()
    page.keyboard.press("ArrowDown")
    page.locator(".ant-select-dropdown:visible .ant-select-item-option-content").get_by_text(
        option, exact=True
    ).click()


def test_an_algorithm_is_created_with_what_the_script_declares(tab: OpenTab, service: Running) -> None:
    name, code = f"digits-{uuid4().hex[:8]}", put_code(service)
    opened = tab()
    opened.sign_in()
    page = opened.page
    page.get_by_role("link", name="Algorithms").click()
    page.get_by_role("link", name="Create an algorithm").first.click()
    page.get_by_role("button", name="Create an algorithm").first.click()
    expect(page.get_by_text("Please fill this in").first).to_be_visible()

    page.get_by_label("Name", exact=True).first.fill(name)
    engine = page.get_by_role("combobox", name="Engine")
    engine.fill("python_3.11")
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Code directory").fill(code)
    page.get_by_role("combobox", name="Boot file").fill("train.py")
    page.get_by_role("button", name="Read them from the boot file").click()
    expect(page.get_by_text("2 were added.")).to_be_visible()
    choose(page, "Allowed values", "a choice")
    page.get_by_label("Fetch what is there before the start").check()
    page.get_by_label("Can use several nodes").uncheck()
    page.get_by_role("switch", name="Search for the best hyperparameters").click()
    page.get_by_label("Metric").fill("acc")
    page.get_by_label("Pattern in the log").fill("acc=([0-9.]+)")
    choose(page, "Search algorithm", "tpe_search")
    expect(page.get_by_label("gamma")).to_have_value("0.25")
    page.get_by_role("button", name="Add a hyperparameter to the search").click()
    choose(page, "Name", "lr")
    page.get_by_label("From").fill("0.01")
    page.get_by_label("To", exact=True).fill("1")
    page.get_by_role("button", name="Create an algorithm").first.click()

    expect(page.get_by_role("heading", name=name)).to_be_visible()
    stored = service.api.get(service.v2(f"algorithms/{name}")).json()
    config = stored["job_config"]
    assert config["engine"]["engine_id"] == "python_3.11"
    assert [one["name"] for one in config["parameters"]] == ["lr", "optimizer"]
    assert config["parameters"][1]["constraint"]["valid_range"] == ["sgd", "adam"]
    assert config["outputs"][0]["predownload"] is True
    assert stored["resource_requirements"][0]["key"] == "host_distributed_mode"
    search = stored["advanced_config"]["auto_search"]
    assert search["search_params"][0]["upper_bound"] == "1"
    assert search["algo_configs"][0]["name"] == "tpe_search"


def test_the_code_of_an_algorithm_is_uploaded_from_this_computer(
    tab: OpenTab, service: Running, tmp_path: Path
) -> None:
    name = f"uploaded-{uuid4().hex[:8]}"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(SCRIPT)
    opened = tab()
    opened.sign_in()
    page = opened.go("algorithms/new")
    page.get_by_label("Name", exact=True).first.fill(name)
    engine = page.get_by_role("combobox", name="Engine")
    engine.fill("python_3.11")
    page.keyboard.press("Enter")
    page.locator("input[type=file][webkitdirectory]").set_input_files(tmp_path / "code")
    expect(page.get_by_role("combobox", name="Boot file")).to_have_value("train.py")
    page.get_by_role("button", name="Create an algorithm").first.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_role("tab", name="Code").click()
    expect(page.get_by_role("region", name="train.py")).to_contain_text("learning rate")
    stored = service.api.get(service.v2(f"algorithms/{name}")).json()["job_config"]
    assert stored["code_dir"].startswith("obs://trainshed/")


def test_code_and_versions_are_looked_into_and_an_old_version_comes_back(
    tab: OpenTab, service: Running
) -> None:
    name = f"versions-{uuid4().hex[:8]}"
    identity = create(service, name, put_code(service))
    opened = tab()
    opened.sign_in()
    page = opened.go(f"algorithms/{identity}/edit")
    page.get_by_role("button", name="Remove lr").click()
    page.get_by_role("button", name="Save as the next version").first.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()

    page.get_by_role("tab", name="Code").click()
    expect(page.get_by_role("region", name="train.py")).to_contain_text("learning rate")
    page.get_by_role("treeitem", name="lib").click()
    page.get_by_role("treeitem", name="model.py").click()
    expect(page.get_by_role("region", name="model.py")).to_contain_text("LAYERS = 3")

    page.get_by_role("tab", name="Versions").click()
    page.get_by_role("link", name="Show: Version 1").click()
    expect(page.get_by_text("This is version 1, not the newest.")).to_be_visible()
    expect(page.get_by_role("cell", name="lr", exact=True)).to_be_visible()
    page.get_by_role("link", name="Edit from this version").click()
    page.get_by_role("button", name="Save as the next version").first.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    stored = service.api.get(service.v2(f"algorithms/{identity}")).json()
    assert stored["metadata"]["version_num"] == 3
    assert [one["name"] for one in stored["job_config"]["parameters"]] == ["lr"]

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("tooltip").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Algorithms")).to_be_visible()
    assert service.api.get(service.v2(f"algorithms/{identity}")).status_code == 404
