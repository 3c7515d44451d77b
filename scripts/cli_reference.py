"""Writes docs/reference/cli.md from the command line itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "reference" / "cli.md"
_GROUPS = {"jobs", "algorithms", "engines", "pools", "storage", "buckets"}


def help_of(*words: str) -> str:
    command = [ROOT / ".venv" / "bin" / "trainshed", *words, "--help"]
    environment = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def commands_in(text: str) -> list[str]:
    """The names under ``Commands:``."""
    _, _, listing = text.partition("Commands:\n")
    lines = listing.split("\n\n")[0].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]


def page() -> str:
    top = help_of()
    parts = ["# Command line", "", "Written by `make docs` from the commands themselves.", ""]
    parts += ["```", top.rstrip(), "```", ""]
    for name in commands_in(top):
        text = help_of(name)
        parts += [f"## {name}", "", "```", text.rstrip(), "```", ""]
        for verb in commands_in(text) if name in _GROUPS else []:
            parts += [f"### {name} {verb}", "", "```", help_of(name, verb).rstrip(), "```", ""]
    return "\n".join(parts)


def main() -> int:
    text = page()
    if "--check" in sys.argv and TARGET.read_text() != text:
        print(f"{TARGET.relative_to(ROOT)} is not what the commands say: run 'make docs'", file=sys.stderr)
        return 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
