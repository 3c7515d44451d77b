"""docs/engines.md is what the catalogue says."""

from __future__ import annotations

from scripts.engines_page import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run scripts/engines_page.py and commit docs/engines.md"
    )
