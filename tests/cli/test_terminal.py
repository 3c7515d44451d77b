"""What others wrote does not steer the terminal; what goes into a file is every byte of it."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.cli.output import print_facts, print_table
from trainshed.cli.terminal import GuardedTerminal, harmless, one_line

EVIL = [
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b]8;;http://evil\x1b\\link",
    "\x1b[6n",
    "\x1b[2J",
    "\x1b[H",
    "\x1b[?1049h",
    "\x1bc",
    "\x1bP$qm\x1b\\",
    "\x9b2J",
    "\x9d0;title\x9c",
    "\x1b[8;1;1t",
]
FINE = [
    "plain",
    "\x1b[1;31mred\x1b[0m",
    "\r 50%|###  |\x1b[K",
    "\x1b[A\x1b[2K",
    "\x1b[?25l\x1b[?25h",
    "进度\b\b",
]


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", EVIL)
def test_a_harmful_sequence_is_shown_and_not_obeyed(text: str):
    shown = harmless(f"a{text}b")
    assert not set(shown) & {"\x1b", "\x07", "\x9b", "\x9c", "\x9d"}
    assert shown[0] == "a"


@pytest.mark.parametrize("text", FINE)
def test_colours_and_progress_bars_pass(text: str):
    assert harmless(text) == text


@given(st.lists(st.sampled_from([*EVIL, *FINE, "\x1b", "[", "2J", "31m", "x"]), max_size=12), st.data())
def test_however_it_is_cut_the_same_comes_out(parts: list[str], data: st.DataObject):
    text = "".join(parts) + "."
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    out = Tty()
    stream = GuardedTerminal(out)
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        stream.write(text[start:end])
    assert out.getvalue() == harmless(text)


def test_a_cell_cannot_make_a_line_or_a_colour_of_its_own(capsys: pytest.CaptureFixture[str]):
    print_table(("NAME",), [("a\nb\x1b[31m",)])
    print_facts([("name", "x\r\x1b[2Kfake")])
    assert capsys.readouterr().out == "NAME\na b␛[31m\nname  x ␛[2Kfake\n"
    assert one_line("\x7f\x85") == "␡\\x85"


SCRIPT = r"""
import sys
from trainshed.cli.terminal import guard
if "--raw" not in sys.argv:
    guard()
print("\x1b[32mgreen\x1b[0m \x1b]0;owned\x07", flush=True)
print(sys.stdout.isatty(), sys.stdout.encoding.lower(), sys.stdout.fileno(), flush=True)
"""


def _on_a_terminal(*arguments: str) -> bytes:
    master, slave = pty.openpty()
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], stdout=slave, stderr=slave, stdin=slave, env=environment
    ) as process:
        os.close(slave)
        found = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            if not piece:
                break
            found += piece
        process.wait(60)
    os.close(master)
    return found


def test_a_terminal_is_guarded_unless_asked_otherwise():
    shown = _on_a_terminal()
    assert b"\x1b[32mgreen\x1b[0m" in shown
    assert b"\x1b]0;" not in shown
    assert "␛]0;owned␇".encode() in shown
    assert b"True utf-8 1" in shown
    assert b"\x1b]0;owned\x07" in _on_a_terminal("--raw")


def test_a_file_gets_every_byte():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)
    assert b"\x1b]0;owned\x07" in done.stdout
