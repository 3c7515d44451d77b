"""A log on the screen: whose line it is, however the pieces are cut."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from trainshed.cli.log_view import PLATFORM, LogView

_LINES = st.sampled_from(
    [
        "loss 0.1\n",
        "[ModelArts] mine\n",
        f"{PLATFORM} started\n",
        "\n",
        "[\n",
        "50%\r",
        "数字\n",
        f"x {PLATFORM}\n",
    ]
)


def _show(pieces: list[str]) -> tuple[str, str]:
    out, platform = io.StringIO(), io.StringIO()
    view = LogView(out, platform)
    for piece in pieces:
        view.write(piece)
    view.close()
    return out.getvalue(), platform.getvalue()


@given(st.lists(_LINES), st.integers(1, 30), st.sampled_from(["", "end", "[Model"]))
def test_cut_anywhere(lines: list[str], size: int, end: str) -> None:
    text = "".join(lines) + end
    whole = text.split("\n")
    out, platform = _show([text[i : i + size] for i in range(0, len(text), size)])
    ours = [line + "\n" for line in whole[:-1] if line.startswith(PLATFORM)]
    theirs = [line + "\n" for line in whole[:-1] if not line.startswith(PLATFORM)]
    assert platform == "".join(ours) + (whole[-1] if whole[-1].startswith(PLATFORM) else "")
    assert out == "".join(theirs) + ("" if whole[-1].startswith(PLATFORM) else whole[-1])


def test_a_progress_bar_is_not_held_back() -> None:
    out = io.StringIO()
    view = LogView(out)
    view.write("10%\r20%")
    assert out.getvalue() == "10%\r20%"


def test_platform_lines_may_be_left_out() -> None:
    out = io.StringIO()
    view = LogView(out, None)
    view.write(f"a\n{PLATFORM} b\nc\n")
    assert out.getvalue() == "a\nc\n"
