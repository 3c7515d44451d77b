"""``make screenshots``: every page of the console, as docs/console.md and docs/zh/console.md show it.

Starts a service of its own, trains real jobs in it (some that finish, one that fails, one that is
still running), and takes every page in English, light and dark; those that matter most in Chinese
and on a telephone, too. ``--only jobs`` takes those whose name begins so, ``--into DIR`` keeps the
documentation's pictures as they are.

Needs Chromium and a Chinese font (scripts/test_deps.sh), and pngquant.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

from hatch_build import build_console
from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright
from tests.console.conftest import ARGUMENTS
from tests.console.work import TRAINING, Gate, submit, wait_for_phase
from tests.server.running import Running, running

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "examples" / "digits"
BUCKET = "digits"
RATES = {"digits-fast": "0.01", "digits-careful": "0.003"}
ENGINE = "pytorch"
# every third image is enough to learn from
THIN = 3
FORGETFUL = """
import argparse
print("reading the images", flush=True)
for epoch in range(3):
    print(f"epoch {epoch} loss={1 / (epoch + 1):.3f}", flush=True)
import sklearn_extra
"""
RANKS = """
import os, time
rank = os.environ["VC_TASK_INDEX"]
for step in range(12):
    print(f"rank {rank}: step {step} loss={1 / (step + 1 + int(rank)):.3f}", flush=True)
    time.sleep(0.2)
"""


class Look(NamedTuple):
    """How a picture is taken: language, theme and width; what its name ends with."""

    name: str
    locale: str = "en-US"
    theme: str = "light"
    width: int = 1280


LOOKS = (
    Look("light"),
    Look("dark", theme="dark"),
    Look("zh", locale="zh-CN"),
    Look("390", width=390),
)
# what is shown in Chinese and on a telephone, too
MAIN = {
    "sign-in", "overview", "jobs", "create", "job-diagnosis", "job-logs", "job-metrics", "job-events",
    "algorithm", "engines", "pools", "settings-tokens",
}  # fmt: skip


def nothing(page: Page) -> None:
    """A page that needs no hand."""


class Shot(NamedTuple):
    """A page to take: the picture's name, its address, what must be there first, what is done to it.

    ``height`` cuts off, in pixels, what is not worth a picture.
    """

    name: str
    path: str
    ready: str = "main h1"
    act: Callable[[Page], None] = nothing
    height: int = 800


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--into", type=Path, default=ROOT / "docs" / "images" / "console")
    arguments.add_argument("--only", default="")
    given = arguments.parse_args()
    chromium, pngquant = shutil.which("chromium"), shutil.which("pngquant")
    if not chromium or not pngquant:
        print("screenshots: needs chromium and pngquant: apt-get install chromium pngquant", file=sys.stderr)
        return 1
    build_console(ROOT)
    given.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, at_work(Path(folder)) as (service, shots):
        chosen = [shot for shot in shots if shot.name.startswith(given.only)]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            failed = [name for look in LOOKS for name in take_all(browser, service, chosen, given.into, look)]
            browser.close()
    pictures = sorted(given.into.glob("*.png"))
    total = sum(picture.stat().st_size for picture in pictures)
    largest = max((picture.stat().st_size for picture in pictures), default=0)
    print(f"screenshots: {len(pictures)} pictures, {total / 1e6:.1f} MB, the largest {largest / 1000:.0f} KB")
    if failed:
        print(f"screenshots: not taken: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


@contextlib.contextmanager
def at_work(folder: Path) -> Generator[tuple[Running, list[Shot]]]:
    """A service in the middle of its day, and the pages of what it does."""
    gate = Gate()
    with running(folder / "home") as service:
        try:
            yield service, fill(service, folder, gate)
        finally:
            gate.open()


def fill(service: Running, folder: Path, gate: Gate) -> list[Shot]:
    """Buckets, an algorithm, jobs and people; the pages that show them."""
    put_data(service, folder / "images")
    put_people(service)
    algorithm = create_algorithm(service)
    finished = [train(service, algorithm, name, lr) for name, lr in RATES.items()]
    failed = submit(service, folder / "failing", FORGETFUL, "digits-clustering")
    gang = submit(service, folder / "gang", RANKS, "digits-two-nodes", nodes=2)
    wait_for_phase(service, failed, "Failed")
    for job in (*finished, gang):
        wait_for_phase(service, job, "Completed")
    lasting = submit(service, folder / "lasting", TRAINING, "digits-long-run", lr="0.001", gate=gate.port)
    wait_for_phase(service, lasting, "Running")
    submit(service, folder / "stopped", TRAINING, "digits-two-rates", lr="0.1", gate=gate.port)
    return pages(algorithm, finished[-1], failed, lasting, gang)


def pages(algorithm: str, finished: str, failed: str, lasting: str, gang: str) -> list[Shot]:
    job = f"jobs/{finished}?tab="
    log = "[role=log] .log-line"
    return [
        Shot("sign-in", "", "input[type=password]"),
        Shot("overview", ""),
        Shot("jobs", "jobs", "main table a"),
        Shot("create", f"jobs/new?algorithm={algorithm}", act=name_it),
        Shot("rebuild", f"jobs/new?from={failed}"),
        Shot("job-diagnosis", f"jobs/{failed}"),
        Shot("job-logs", job + "logs", log, search),
        Shot("job-running", f"jobs/{lasting}", log, plain),
        Shot("job-merged", f"jobs/{gang}?tab=logs&task=all", log, plain),
        Shot("job-events", job + "events"),
        Shot("job-resources", job + "resources"),
        Shot("job-metrics", job + "metrics", "main canvas"),
        Shot("job-compare", job + "metrics", "main canvas", compare),
        Shot("job-outputs", job + "outputs"),
        Shot("job-stacks", f"jobs/{lasting}?tab=stacks"),
        Shot("job-configuration", job + "configuration"),
        Shot("job-restarts", f"jobs/{failed}?tab=restarts"),
        Shot("algorithms", "algorithms", "main table a"),
        Shot("algorithm", f"algorithms/{algorithm}"),
        Shot("algorithm-code", f"algorithms/{algorithm}?tab=code&file=train.py", ".code"),
        Shot("algorithm-edit", f"algorithms/{algorithm}/edit"),
        Shot("engines", "engines"),
        Shot("engine", "engines?engine=python_3.11", ".ant-drawer-body", height=660),
        Shot("pools", "pools"),
        Shot("buckets", "buckets"),
        Shot("bucket", f"buckets/{BUCKET}"),
        *(Shot(f"settings-{tab}", f"settings?tab={tab}") for tab in SETTINGS),
    ]


SETTINGS = ("profile", "tokens", "keys", "notifications", "projects", "users", "audit")


def name_it(page: Page) -> None:
    page.locator("#name").first.fill("digits-once-more")


def plain(page: Page) -> None:
    """Only what the script printed."""
    for switch in page.get_by_role("switch").all():
        switch.click()


def search(page: Page) -> None:
    plain(page)
    page.locator("main input[type=search]").first.fill("accuracy=0.9")
    page.keyboard.press("Enter")
    page.locator(".log mark").first.wait_for()


def compare(page: Page) -> None:
    """Lay another job's curves over this one's."""
    page.locator("main .ant-select").first.click()
    page.locator(".ant-select-item-option", has_text="digits-fast").first.click()
    page.keyboard.press("Escape")


def put_data(service: Running, folder: Path) -> None:
    """The images and the script, in a bucket of their own."""
    subprocess.run([sys.executable, str(DIGITS / "prepare.py"), str(folder)], check=True)
    service.api.post(service.v2("buckets"), json={"name": BUCKET}).raise_for_status()
    images = sorted(folder.rglob("*.pgm"))[::THIN]
    files = {f"data/{path.relative_to(folder)}": path for path in images}
    for name, path in {**files, "code/train.py": DIGITS / "train.py"}.items():
        uri = f"obs://{BUCKET}/{name}"
        service.api.put(
            service.v2("objects"), params={"uri": uri}, content=path.read_bytes()
        ).raise_for_status()


def put_people(service: Running) -> None:
    """What the settings show: a colleague, a project, a token, a key and a notification."""
    wanted: list[tuple[str, dict[str, Any]]] = [
        ("/v1/users", {"name": "lin", "email": "lin@example.com", "password": "correct horse battery"}),
        ("/v1/projects", {"name": "vision", "description": "Cameras and what they see"}),
        ("/v1/tokens", {"name": "nightly training"}),
        ("/v1/keys", {"project": service.project_id}),
        (
            service.v2("notifications"),
            {
                "name": "failures",
                "kind": "webhook",
                "address": "http://127.0.0.1:8065/hooks/training",
                "events": ["job.hang", "service.disk"],
            },
        ),
    ]
    for path, body in wanted:
        answer = service.api.post(path, json=body)
        assert answer.is_success, f"{path}: {answer.text}"


def create_algorithm(service: Running) -> str:
    config: dict[str, Any] = {
        "code_dir": f"obs://{BUCKET}/code/",
        "boot_file": "train.py",
        "engine": {"engine_id": ENGINE},
        "parameters": [
            {
                "name": "lr",
                "value": "0.003",
                "description": "learning rate",
                "constraint": {
                    "type": "Float",
                    "required": True,
                    "editable": True,
                    "valid_type": "Range",
                    "valid_range": ["0", "1"],
                },
            },
            {"name": "epochs", "value": "10", "constraint": {"type": "Integer", "editable": True}},
        ],
        "inputs": [{"name": "data_url", "description": "images, a folder a digit"}],
        "outputs": [{"name": "train_url", "description": "the network and its figures"}],
    }
    body = {
        "metadata": {"name": "digits", "description": "A small network that reads handwritten digits"},
        "job_config": config,
    }
    answer = service.api.post(service.v2("algorithms"), json=body)
    assert answer.is_success, answer.text
    return answer.json()["metadata"]["id"]


def train(service: Running, algorithm: str, name: str, lr: str) -> str:
    body = {
        "kind": "job",
        "metadata": {"name": name},
        "algorithm": {
            "id": algorithm,
            "parameters": [{"name": "lr", "value": lr}, {"name": "epochs", "value": "10"}],
            "inputs": [{"name": "data_url", "remote": {"obs": {"obs_url": f"obs://{BUCKET}/data/"}}}],
            "outputs": [{"name": "train_url", "remote": {"obs": {"obs_url": f"obs://{BUCKET}/out/{name}/"}}}],
        },
        "spec": {"resource": {"flavor_id": "cpu-1", "node_count": 1}},
    }
    answer = service.api.post(service.v2("training-jobs"), json=body)
    assert answer.is_success, answer.text
    return answer.json()["metadata"]["id"]


def take_all(browser: Browser, service: Running, shots: list[Shot], into: Path, look: Look) -> list[str]:
    """Take the pictures of one look; the names of those that did not come out."""
    context = browser.new_context(
        locale=look.locale,
        color_scheme="dark" if look.theme == "dark" else "light",
        viewport={"width": look.width, "height": 800},
        reduced_motion="reduce",
    )
    page = context.new_page()
    endpoint = f"{service.endpoint}/console/"
    failed: list[str] = []
    signed_in = False
    for shot in shots:
        if look.name not in ("light", "dark") and shot.name not in MAIN:
            continue
        if not signed_in and shot.name != "sign-in":
            sign_in(page, endpoint, service.ready.token)
            signed_in = True
        name = f"{shot.name}-{look.name}"
        page.goto(endpoint + shot.path)
        try:
            settle(page, shot)
            keep(page, into / f"{name}.png", shot.height)
        except Exception as error:
            failed.append(name)
            print(f"screenshots: {name}: {str(error).splitlines()[0]}", file=sys.stderr)
    context.close()
    return failed


def sign_in(page: Page, endpoint: str, token: str) -> None:
    page.goto(endpoint)
    page.locator("input[type=password]").fill(token)
    page.locator("button[type=submit]").click()
    page.locator("main#page").wait_for()


def settle(page: Page, shot: Shot) -> None:
    """Wait until the page shows what it is for, and nothing that only stands in for it."""
    page.locator(shot.ready).first.wait_for()
    shot.act(page)
    expect(page.locator(".ant-skeleton-active, .ant-spin-spinning, [aria-busy=true]")).to_have_count(0)
    # charts come in by an animation, and some data comes a moment after the page
    page.wait_for_timeout(1500 if page.locator("canvas").count() else 700)


def keep(page: Page, path: Path, height: int) -> None:
    width = page.evaluate("innerWidth")
    clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
    picture = page.screenshot(animations="disabled", caret="hide", clip=clip)
    squeeze = ["pngquant", "--nofs", "--speed", "1", "--strip", "96", "-"]
    path.write_bytes(subprocess.run(squeeze, input=picture, capture_output=True, check=True).stdout)


if __name__ == "__main__":
    sys.exit(main())
