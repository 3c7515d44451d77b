"""Writes the service's OpenAPI description to ``web/openapi.json``; the console's types are made from it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from trainshed.server.app import create_app
from trainshed.server.config import Settings

TARGET = Path(__file__).parents[1] / "web" / "openapi.json"


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        schema = create_app(Settings(home=Path(home))).openapi()
    TARGET.write_text(
        json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
