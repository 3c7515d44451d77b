"""Buckets in the console: added, tried, filled, looked into, emptied, removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from playwright.sync_api import expect

from tests.console.conftest import Tab
from tests.server.running import Running

OpenTab = Callable[..., Tab]
HOSTILE = "<img src=x onerror=alert(1)>.py"
SOURCE = 'import os\n\nprint("<b>not bold</b>", os.name)\n'


def test_a_bucket_is_added_filled_read_and_removed(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    name = f"data-{uuid4().hex[:8]}"
    opened = tab()
    opened.sign_in()
    page = opened.page
    page.get_by_role("link", name="Buckets").click()
    page.get_by_role("button", name="Add a bucket").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("dialog").get_by_role("button", name="Add a bucket").click()
    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_role("button", name="Test").click()
    expect(page.get_by_text(f"{name} answers")).to_be_visible()

    row.get_by_role("link", name=name).click()
    expect(page.get_by_text("Nothing is here yet")).to_be_visible()
    for file, content in (("a.txt", "one"), (HOSTILE, SOURCE)):
        (tmp_path / file).write_text(content)
    page.get_by_label("Upload files").set_input_files([tmp_path / "a.txt", tmp_path / HOSTILE])
    expect(page.get_by_text("2 files uploaded")).to_be_visible()
    uri = f"obs://{name}/{HOSTILE}"
    assert service.api.get(service.v2("objects"), params={"uri": uri}).text == SOURCE

    page.get_by_role("table").get_by_text(HOSTILE, exact=True).click()
    shown = page.get_by_role("region", name=HOSTILE)
    expect(shown).to_contain_text('print("<b>not bold</b>", os.name)')
    expect(shown.locator(".hljs-keyword").first).to_have_text("import")
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("link", name="Download").click()
    assert download.value.path().read_text() == SOURCE
    page.keyboard.press("Escape")

    page.get_by_role("button", name=f"Delete {HOSTILE}").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("table").get_by_text(HOSTILE, exact=True)).to_have_count(0)
    page.get_by_role("link", name="Buckets").click()
    page.get_by_role("row").filter(has_text=name).get_by_role("button", name="Remove").click()
    page.get_by_role("tooltip").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("link", name=name)).to_have_count(0)


def test_what_went_wrong_is_said_where_it_went_wrong(tab: OpenTab) -> None:
    opened = tab()
    opened.sign_in()
    page = opened.go("buckets")
    page.get_by_role("button", name="Add a bucket").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Not A Bucket")
    dialog.get_by_role("button", name="Add a bucket").click()
    expect(dialog.get_by_role("alert").filter(has_text="Not A Bucket")).to_be_visible()
