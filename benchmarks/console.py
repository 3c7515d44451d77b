"""The console's first load: the list of jobs, signed in, in a browser that has nothing in its cache.

Run:  python -m benchmarks.console [--rounds 10] [--jobs 30]

Each round opens ``/console/jobs`` in a fresh profile of the system's Chromium. Counted is every byte
of script as it was sent; interactive is when the rows are there and the last long task is over,
by the page's own clock.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import parser_of, request, service
from benchmarks.table import Table
from hatch_build import build_console
from playwright.sync_api import Browser, Response, sync_playwright

from trainshed.client import Client
from trainshed.server.console import FILES

ROOT = Path(__file__).resolve().parents[1]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
# Notes when the first row is there, and when the last task of more than 50 ms was over.
WATCH = """
window.seen = {row: 0, longest: 0, quiet: 0};
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.seen.quiet = task.startTime + task.duration;
}).observe({type: "longtask", buffered: true});
new MutationObserver((_, observer) => {
  if (!document.querySelector("main table tbody tr")) return;
  observer.disconnect();
  requestAnimationFrame(() => { window.seen.row = performance.now(); });
}).observe(document, {childList: true, subtree: true});
"""


class Load(NamedTuple):
    """One first load: bytes of script as sent and as they would be by gzip, requests, milliseconds."""

    sent: int
    gzipped: int
    requests: int
    first_paint: float
    rows: float
    interactive: float


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=30)
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("console: needs Chromium: sh scripts/test_deps.sh")
    build_console(ROOT)
    with tempfile.TemporaryDirectory(prefix="trainshed-bench-") as folder:
        script = Path(folder, "code", "train.py")
        script.parent.mkdir()
        script.write_text("print('trained')\n")
        with service(Path(folder, "home")) as client, sync_playwright() as playwright:
            asked = [request(f"job-{number}", script, "python") for number in range(options.jobs)]
            for job in [client.jobs.create(job) for job in asked]:
                client.jobs.wait(job.id)
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            loads = [first_load(browser, client) for _ in range(options.rounds + 1)][1:]
            browser.close()
    publish(loads)


def first_load(browser: Browser, client: Client) -> Load:
    """Open the list in a profile of its own."""
    connection = client.connection
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    context.request.post(f"{connection.endpoint}/v1/sessions", data={"token": connection.token})
    context.add_init_script(WATCH)
    page = context.new_page()
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    page.on("response", note)
    page.goto(f"{connection.endpoint}/console/jobs")
    page.locator("main table tbody tr").first.wait_for()
    # whatever comes late comes in this time
    page.wait_for_timeout(1000)
    seen = page.evaluate("window.seen")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0")
    scripts = [answer for answer in answers if answer.request.resource_type == "script"]
    sent = sum(answer.request.sizes()["responseBodySize"] for answer in scripts)
    gzipped = sum(gzip_size(answer) for answer in scripts)
    context.close()
    return Load(sent, gzipped, len(answers), paint, seen["row"], max(seen["row"], seen["quiet"]))


def gzip_size(answer: Response) -> int:
    """What the same script weighs for a browser that takes no brotli, as over plain HTTP."""
    packed = FILES / "assets" / (answer.url.rpartition("/")[2] + ".gz")
    return packed.stat().st_size if packed.is_file() else answer.request.sizes()["responseBodySize"]


def publish(loads: list[Load]) -> None:
    def median(what: str) -> float:
        return statistics.median(getattr(load, what) for load in loads)

    table = Table("console", "First load of the list of jobs", ("what", "measured", "budget"))
    table.add("script, KB (brotli, as sent)", median("sent") / 1000, "300")
    table.add("script, KB (gzip, as sent over plain HTTP to another host)", median("gzipped") / 1000, "300")
    table.add("requests", int(median("requests")), None)
    table.add("first paint, ms", median("first_paint"), None)
    table.add("rows shown, ms", median("rows"), None)
    table.add("interactive, ms", median("interactive"), "1,000")
    table.notes.append("Signed in, empty cache, Chromium on the same machine; medians.")
    table.publish()


if __name__ == "__main__":
    main()
