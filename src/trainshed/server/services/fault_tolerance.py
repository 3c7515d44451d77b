"""Restarts and hangs as a job's annotations ask for them: ModelArts' names, and more beside them."""

from __future__ import annotations

from collections.abc import Mapping

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.job import HangAction, HangRules, RestartPolicy

PREFIX = "fault-tolerance/"
MOST_RESTARTS = 3
_MOST_OF_OURS = 100
_LONGEST_S = 7 * 86_400
_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


def restarts(annotations: Mapping[str, str], *, preemptible: bool = False) -> RestartPolicy:
    """When the job is started again.

    ``job-retry-num`` counts faults of the infrastructure; ``job-unconditional-retry`` and
    ``hang-retry`` (or ``hang-action: restart``) need it only for another number than three. A
    preemptible job comes back after a preemption unless it says otherwise.

    >>> restarts({"fault-tolerance/job-unconditional-retry": "true"}).infrastructure
    3

    Raises:
        InvalidInput: an annotation does not hold what it should.
    """
    read = _Reader(annotations)
    unconditional = read.flag("job-unconditional-retry")
    hang = read.flag("hang-retry") or read.text("hang-action").lower() == HangAction.RESTART
    number = read.number("job-retry-num", MOST_RESTARTS)
    wanted = MOST_RESTARTS if number is None else number
    return RestartPolicy(
        infrastructure=wanted if unconditional else number or 0,
        user_error=read.number("user-error-retry-num", _MOST_OF_OURS) or 0,
        unconditional=unconditional,
        hang=_first(read.number("hang-retry-num", _MOST_OF_OURS), wanted if hang else 0),
        preemption=_first(
            read.number("preemption-retry-num", _MOST_OF_OURS), _MOST_OF_OURS if preemptible else 0
        ),
        retry_codes=read.codes("retry-exit-codes"),
        never_codes=read.codes("never-retry-exit-codes"),
        backoff_s=float(read.number("backoff-s", _LONGEST_S) or 0),
        backoff_max_s=float(_first(read.number("backoff-max-s", _LONGEST_S), 300)),
        avoid_nodes=not read.denied("avoid-nodes"),
    )


def hangs(annotations: Mapping[str, str]) -> HangRules:
    """When the job counts as hanging, and what is done then: ``hang-retry`` restarts it.

    >>> hangs({"fault-tolerance/hang-retry": "true"}).action.value, hangs({}).action.value
    ('restart', 'notify')

    Raises:
        InvalidInput: an annotation does not hold what it should.
    """
    read = _Reader(annotations)
    restart = read.flag("hang-retry") or bool(read.number("hang-retry-num", _MOST_OF_OURS))
    said = read.text("hang-action").lower()
    if said not in ("", *HangAction):
        raise read.wrong("hang-action", f"one of {', '.join(HangAction)}")
    return HangRules(
        action=HangAction(said) if said else HangAction.RESTART if restart else HangAction.NOTIFY,
        window_s=float(read.number("hang-window-s", _LONGEST_S) or 0),
        confirm_s=float(read.number("hang-confirm-s", _LONGEST_S) or 0),
        start_s=float(read.number("hang-start-s", _LONGEST_S) or 0),
    )


def _first(said: int | None, else_: int) -> int:
    return else_ if said is None else said


class _Reader:
    def __init__(self, annotations: Mapping[str, str]) -> None:
        self._annotations = annotations

    def text(self, name: str) -> str:
        return self._annotations.get(PREFIX + name, "").strip()

    def wrong(self, name: str, wanted: str) -> InvalidInput:
        said = self.text(name)[:40]
        return InvalidInput(
            f"annotation {PREFIX}{name} is {said!r}; it must be {wanted}", code=Code.FIELD_INVALID
        )

    def flag(self, name: str) -> bool:
        said = self.text(name).lower()
        if said not in (*_YES, *_NO):
            raise self.wrong(name, "true or false")
        return said in _YES

    def denied(self, name: str) -> bool:
        """Whether what is on by default is turned off."""
        return bool(self.text(name)) and not self.flag(name)

    def number(self, name: str, most: int) -> int | None:
        said = self.text(name)
        if not said:
            return None
        if not said.isascii() or not said.isdigit() or len(said) > 9 or int(said) > most:
            raise self.wrong(name, f"from 0 to {most}")
        return int(said)

    def codes(self, name: str) -> tuple[int, ...]:
        """Exit codes as ``1,137``."""
        parts = [part.strip() for part in self.text(name).split(",") if part.strip()]
        if not all(p.isascii() and p.isdigit() and int(p[:4]) <= 255 for p in parts) or len(parts) > 64:
            raise self.wrong(name, "exit codes from 0 to 255, such as 75,137")
        return tuple(int(part) for part in parts)
