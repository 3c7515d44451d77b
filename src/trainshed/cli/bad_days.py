"""Options of what is to happen when a job fails or hangs, for all commands that make jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.job import HangAction

_BUDGETS = {
    "error": "user-error-retry-num",
    "hang": "hang-retry-num",
    "preemption": "preemption-retry-num",
}

RestartOn = Annotated[
    list[str] | None,
    typer.Option(
        "--restart-on",
        metavar="KIND=N",
        help="Start again so often after an error of the script, a hang or a preemption: "
        "error=1, hang=3, preemption=20. Each has a budget of its own, beside --restarts.",
        show_default=False,
    ),
]
RestartCodes = Annotated[
    str,
    typer.Option(
        metavar="CODES",
        help="Exit codes, such as 75,137, that count as faults of the infrastructure (see --restarts).",
        show_default=False,
    ),
]
FinalCodes = Annotated[
    str,
    typer.Option(
        metavar="CODES", help="Exit codes after which it is never started again.", show_default=False
    ),
]
Backoff = Annotated[
    int, typer.Option(min=0, metavar="SECONDS", help="Wait before a restart; doubles each time.")
]
OnHang = Annotated[
    HangAction | None,
    typer.Option(
        "--hang-action",
        help="What to do once it hangs. Stacks of all ranks are taken in any case.",
        show_default="notify; restart with --restart-on hang=N",
    ),
]
HangAfter = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="Without a sign of life of any rank for so long, it is suspected of hanging.",
        show_default="half an hour",
    ),
]


def as_annotations(
    *,
    restart_on: Sequence[str],
    restart_codes: str,
    final_codes: str,
    backoff: int,
    hang_action: HangAction | None,
    hang_after: int,
) -> dict[str, str]:
    """The job's annotations that say so; the service checks what they hold.

    >>> as_annotations(restart_on=["hang=3"], restart_codes="75", final_codes="", backoff=0,
    ...                hang_action=None, hang_after=600)
    {'fault-tolerance/hang-retry-num': '3', 'fault-tolerance/retry-exit-codes': '75', \
'fault-tolerance/hang-window-s': '600'}

    Raises:
        InvalidInput: a kind of end is none.
    """
    said = dict(_budget(text) for text in restart_on)
    said |= {
        "retry-exit-codes": restart_codes,
        "never-retry-exit-codes": final_codes,
        "backoff-s": str(backoff or ""),
        "hang-action": hang_action.value if hang_action else "",
        "hang-window-s": str(hang_after or ""),
    }
    return {f"fault-tolerance/{name}": value for name, value in said.items() if value}


def _budget(text: str) -> tuple[str, str]:
    kind, equals, number = text.partition("=")
    if kind not in _BUDGETS or not equals or not number.isdecimal():
        kinds = ", ".join(_BUDGETS)
        raise InvalidInput(
            f"--restart-on {text!r} is not KIND=N with a kind of {kinds}", code=Code.FIELD_INVALID
        )
    return _BUDGETS[kind], number
