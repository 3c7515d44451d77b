"""``make demo``: handwritten digits, from image files to a trained network, through the service.

Does what a person would do: writes the data, and calls ``trainshed run`` on an ordinary training
script. The service is the embedded one; it ends by itself a little after the last job.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRAINSHED = ROOT / ".venv" / "bin" / "trainshed"
DATA = Path(".cache/demo/data")
OUT = Path(".cache/demo/out")
WANTED_ACCURACY = 0.95


def main() -> int:
    os.chdir(ROOT)
    started = time.monotonic()
    prepare_data()
    name = time.strftime("digits-%Y%m%d-%H%M%S")
    code = train(name)
    if code != 0:
        print(f"demo: the training ended with code {code}; the lines above say why", file=sys.stderr)
        return code
    return report(name, time.monotonic() - started)


def prepare_data() -> None:
    """Write the images once."""
    if (DATA / "test" / "9").is_dir():
        print(f"demo: the images are in {DATA} already")
        return
    subprocess.run([sys.executable, "examples/digits/prepare.py", str(DATA)], check=True)


def train(name: str) -> int:
    command = [str(TRAINSHED.relative_to(ROOT)), "run", "examples/digits/train.py", "--engine", "pytorch"]
    command += ["--name", name, "--input", f"data_url={DATA}", "--output", f"train_url={OUT}"]
    command += ["--", "--epochs", "10", "--lr", "0.003"]
    print(f"demo: $ {shlex.join(command)}", flush=True)
    return subprocess.run(command, check=False).returncode


def report(name: str, seconds: float) -> int:
    accuracy = json.loads((OUT / "metrics.json").read_text())["accuracy"]
    print()
    print(f"demo: test accuracy {accuracy:.4f}, {seconds:.1f} s from start to end")
    for path in sorted(path for path in OUT.iterdir() if path.is_file()):
        print(f"demo: wrote {path} ({path.stat().st_size:,} bytes)")
    print("demo: look again with")
    for words in (f"jobs show {name}", f"jobs logs {name}", f"jobs events {name}", "up"):
        print(f"    .venv/bin/trainshed {words}")
    if accuracy < WANTED_ACCURACY:
        print(f"demo: the accuracy should be at least {WANTED_ACCURACY}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
