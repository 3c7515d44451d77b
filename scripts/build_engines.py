"""``make engines``: builds the environment of each engine that this machine can run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from trainshed.cli import service

TRAINSHED = Path(__file__).resolve().parent.parent / ".venv" / "bin" / "trainshed"


def main() -> int:
    with service.client(None) as client:
        engines = [engine for engine in client.engines.list() if engine.available]
        failed = list[str]()
        for engine in engines:
            if engine.state == "ready":
                print(f"{engine.id} is ready")
            elif subprocess.run([TRAINSHED, "engines", "build", engine.id], check=False).returncode != 0:
                failed.append(engine.id)
    for name in failed:
        print(f"not built: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
