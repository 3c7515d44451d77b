"""``make screenshots``: every page of the console, as docs/console.md and docs/zh/console.md show it.

Starts a service of its own, trains real jobs in it (one that finishes, one that fails, one that is
still running), and takes each page in English and Chinese, light and dark. ``--width 390`` shows
them as a telephone does, ``--only jobs`` takes those whose name begins so, and ``--into DIR`` keeps
the documentation's pictures as they are.

Needs Chromium and a Chinese font (scripts/test_deps.sh), and pngquant.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

from hatch_build import build_console
from playwright.sync_api import Browser, Page, sync_playwright
from tests.console.conftest import ARGUMENTS
from tests.console.work import TRAINING, Gate, submit, wait_for_phase
from tests.server.running import Running, running

ROOT = Path(__file__).resolve().parents[1]
DIGITS = ROOT / "examples" / "digits"
BUCKET = "digits"
RATES = {"digits-fast": "0.01", "digits-careful": "0.003"}
ENGINE = "pytorch"
FORGETFUL = """
import argparse
print("reading the images", flush=True)
import sklearn_extra
"""


class Shot(NamedTuple):
    """A page to take: the picture's name, the page's address, what must be there first, what is filled in."""

    name: str
    path: str
    ready: str = "main h1"
    fill: tuple[tuple[str, str], ...] = ()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--into", type=Path, default=ROOT / "docs" / "images" / "console")
    arguments.add_argument("--width", type=int, default=1280)
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
            for language in ("en", "zh"):
                for theme in ("light", "dark"):
                    take_all(browser, service, chosen, given.into, (language, theme, given.width))
            browser.close()
    pictures = sorted(given.into.glob("*.png"))
    total = sum(picture.stat().st_size for picture in pictures)
    print(f"screenshots: {len(pictures)} pictures, {total / 1e6:.1f} MB in {given.into}")
    return 0


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
    """Buckets, an algorithm and jobs; the pages that show them."""
    put_data(service, folder / "images")
    algorithm = create_algorithm(service)
    finished = [train(service, algorithm, name, lr) for name, lr in RATES.items()]
    failed = submit(service, folder / "failing", FORGETFUL, "digits-clustering")
    wait_for_phase(service, failed, "Failed")
    for job in finished:
        wait_for_phase(service, job, "Completed")
    lasting = submit(service, folder / "lasting", TRAINING, "digits-long-run", lr="0.001", gate=gate.port)
    wait_for_phase(service, lasting, "Running")
    return pages(algorithm, finished[-1], failed, lasting)


def pages(algorithm: str, finished: str, failed: str, lasting: str) -> list[Shot]:
    job = f"jobs/{finished}?tab="
    inline = (("#name", "digits-once-more"),)
    return [
        Shot("sign-in", "", "input[type=password]"),
        Shot("overview", ""),
        Shot("jobs", "jobs", "main table a"),
        Shot("create", f"jobs/new?algorithm={algorithm}", fill=inline),
        Shot("job-diagnosis", f"jobs/{failed}"),
        Shot("job-logs", job + "logs", "[role=log]"),
        Shot("job-running", f"jobs/{lasting}", "[role=log]"),
        Shot("job-events", job + "events"),
        Shot("job-resources", job + "resources"),
        Shot("job-metrics", job + "metrics"),
        Shot("job-outputs", job + "outputs"),
        Shot("job-stacks", f"jobs/{lasting}?tab=stacks"),
        Shot("job-configuration", job + "configuration"),
        Shot("job-restarts", job + "restarts"),
        Shot("algorithms", "algorithms"),
        Shot("algorithm", f"algorithms/{algorithm}"),
        Shot("algorithm-code", f"algorithms/{algorithm}?tab=code&file=train.py"),
        Shot("algorithm-edit", f"algorithms/{algorithm}/edit"),
        Shot("engines", "engines"),
        Shot("engine", "engines?engine=python_3.11", ".ant-drawer-body"),
        Shot("pools", "pools"),
        Shot("buckets", "buckets"),
        Shot("bucket", f"buckets/{BUCKET}"),
        *(Shot(f"settings-{tab}", f"settings?tab={tab}") for tab in SETTINGS),
    ]


SETTINGS = ("profile", "tokens", "keys", "notifications", "users", "projects", "audit")


def put_data(service: Running, folder: Path) -> None:
    """The images and the script, in a bucket of their own."""
    subprocess.run([sys.executable, str(DIGITS / "prepare.py"), str(folder)], check=True)
    service.api.post(service.v2("buckets"), json={"name": BUCKET}).raise_for_status()
    files = {f"data/{path.relative_to(folder)}": path for path in sorted(folder.rglob("*.pgm"))}
    for name, path in {**files, "code/train.py": DIGITS / "train.py"}.items():
        uri = f"obs://{BUCKET}/{name}"
        service.api.put(
            service.v2("objects"), params={"uri": uri}, content=path.read_bytes()
        ).raise_for_status()


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


def take_all(
    browser: Browser, service: Running, shots: list[Shot], into: Path, look: tuple[str, str, int]
) -> None:
    language, theme, width = look
    context = browser.new_context(
        locale="zh-CN" if language == "zh" else "en-US",
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": width, "height": 800},
        reduced_motion="reduce",
    )
    page = context.new_page()
    endpoint = f"{service.endpoint}/console/"
    signed_in = False
    for shot in shots:
        if not signed_in and shot.name != "sign-in":
            sign_in(page, endpoint, service.ready.token)
            signed_in = True
        page.goto(endpoint + shot.path)
        try:
            settle(page, shot)
        except Exception as error:
            print(f"screenshots: {shot.name}: {str(error).splitlines()[0]}", file=sys.stderr)
        keep(page, into / f"{shot.name}-{language}-{theme}.png")
    context.close()


def sign_in(page: Page, endpoint: str, token: str) -> None:
    page.goto(endpoint)
    page.locator("input[type=password]").fill(token)
    page.locator("button[type=submit]").click()
    page.locator("main#page").wait_for()


def settle(page: Page, shot: Shot) -> None:
    """Wait until the page shows what it is for, and nothing that only stands in for it."""
    page.locator(shot.ready).first.wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function("!document.querySelector('.ant-skeleton-active, .ant-spin-spinning')")
    for field, value in shot.fill:
        page.locator(field).first.fill(value)
    # charts come in by an animation
    page.wait_for_timeout(1200 if page.locator("canvas").count() else 300)


def keep(page: Page, path: Path) -> None:
    picture = page.screenshot(animations="disabled", caret="hide")
    squeeze = ["pngquant", "--nofs", "--speed", "1", "--strip", "96", "-"]
    path.write_bytes(subprocess.run(squeeze, input=picture, capture_output=True, check=True).stdout)


if __name__ == "__main__":
    sys.exit(main())
