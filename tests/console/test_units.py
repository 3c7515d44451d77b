"""The console's own unit tests, and that its types are those of the present API."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hatch_build import npm_command

from trainshed.server.app import create_app
from trainshed.server.config import Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("built")
def test_units_of_the_console() -> None:
    npm, environment = npm_command()
    done = subprocess.run(
        [*npm, "test", "--silent"],
        cwd=ROOT / "web",
        env={**environment, "CI": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_are_made_from_the_present_api(tmp_path: Path) -> None:
    written = json.loads((ROOT / "web" / "openapi.json").read_text(encoding="utf-8"))
    assert written == create_app(Settings(home=tmp_path)).openapi(), "run `make api-types`"
