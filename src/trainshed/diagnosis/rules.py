"""The rules: one TOML file a family, checked when they are loaded.

A rule names what it looks at, and every thing it names must hold:

* ``exception`` (type names without module) and ``message``, ``frame`` (regexes): the exception
  that ended the script, or one that led to it; ``frame`` is matched against ``file:function`` of
  the line that raised it
* ``line`` (regexes) on a line of the log that holds one of the strings ``contains``
* ``signal``, ``exit_code``: how the rank ended
* ``fact``: a field of :class:`~trainshed.diagnosis.evidence.Facts` that is set
* ``kernel`` (regex): on a line of the kernel log
* ``stage``, ``code``, ``outcome`` (its cause): of the job's outcome; no log is needed then

Named groups fill the placeholders in the texts.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from typing import Any, cast

from trainshed.core.errors import Code, InvalidInput
from trainshed.diagnosis.verdict import Confidence

_REGEXES = ("message", "frame", "kernel")
_TEXTS = ("title", "cause", "advice")


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to fail.

    Attributes:
        weight: how telling it is against other rules that hold too; 50 is usual, under 25 a
            fallback.
        consequence: it shows that a peer went away, not why.
        wrapper: it is what a launcher says of a process that it started; that one's own exception,
            in the same log, tells more. The group ``rank`` says which process.
        over_traceback: a line that tells more than the exception that ended the script.
        source: the public report it was learned from; "" where its test really ran.
    """

    id: str
    title: str
    title_zh: str
    cause: str
    cause_zh: str
    advice: str
    advice_zh: str
    confidence: Confidence = Confidence.HIGH
    weight: int = 50
    exception: tuple[str, ...] = ()
    message: re.Pattern[str] | None = None
    frame: re.Pattern[str] | None = None
    line: tuple[re.Pattern[str], ...] = ()
    contains: tuple[bytes, ...] = ()
    signal: tuple[int, ...] = ()
    exit_code: tuple[int, ...] = ()
    fact: tuple[str, ...] = ()
    kernel: re.Pattern[str] | None = None
    stage: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    consequence: bool = False
    wrapper: bool = False
    over_traceback: bool = False
    source: str = ""

    @property
    def family(self) -> str:
        """The first part of the id."""
        return self.id.partition(".")[0]

    @property
    def by_exception(self) -> bool:
        """Whether it looks at exceptions."""
        return bool(self.exception or self.message or self.frame)

    @property
    def by_end(self) -> bool:
        """Whether how the rank or the job ended is enough."""
        return not (self.by_exception or self.line or self.kernel)


@functools.cache
def load() -> tuple[Rule, ...]:
    """All rules that come with trainshed.

    Raises:
        InvalidInput: a file has a mistake.
    """
    found: list[Rule] = []
    for path in sorted(
        resources.files("trainshed.diagnosis").joinpath("rules").iterdir(), key=lambda p: p.name
    ):
        if path.name.endswith(".toml"):
            found += parse(path.read_text(encoding="utf-8"), path.name.removesuffix(".toml"))
    ids = [rule.id for rule in found]
    if twice := {rule_id for rule_id in ids if ids.count(rule_id) > 1}:
        raise _wrong(f"the rule {sorted(twice)[0]} is there twice")
    return tuple(found)


def parse(text: str, family: str) -> list[Rule]:
    """The rules of one file.

    Raises:
        InvalidInput: it has a mistake.
    """
    rows: list[dict[str, Any]] = tomllib.loads(text).get("rule", [])
    return [_rule(row, family) for row in rows]


def _rule(row: dict[str, Any], family: str) -> Rule:
    name = row.get("id", "?")
    known = {field.name for field in fields(Rule)}
    if unknown := row.keys() - known:
        raise _wrong(f"the rule {name} has the unknown field {sorted(unknown)[0]}")
    try:
        rule = Rule(**_values(row))
    except (re.error, TypeError, ValueError) as error:
        raise _wrong(f"the rule {name} is wrong: {error}") from error
    if rule.family != family:
        raise _wrong(f"the rule {name} is in the file of {family}")
    if rule.line and not rule.contains:
        raise _wrong(f"the rule {name} has lines but no strings that they contain")
    _check_texts(rule)
    return rule


def _values(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a rule from its row."""
    values: dict[str, Any] = {}
    for key, value in row.items():
        values[key] = tuple(cast("list[Any]", value)) if isinstance(value, list) else value
    for key in _REGEXES:
        if key in values:
            values[key] = re.compile(values[key])
    values["line"] = tuple(re.compile(pattern) for pattern in values.get("line", ()))
    values["contains"] = tuple(str(text).encode() for text in values.get("contains", ()))
    values["confidence"] = Confidence(values.get("confidence", "HIGH"))
    return values


GIVEN = frozenset(
    {
        "exception",
        "message",
        "location",
        "rank",
        "exit_code",
        "signal",
        "text",
        "memory_limit_mb",
        "memory_peak_mb",
        "shm_mb",
    }
)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def _check_texts(rule: Rule) -> None:
    groups = set(GIVEN)
    for pattern in (rule.message, rule.frame, rule.kernel, *rule.line):
        names = pattern.groupindex if pattern else ()
        groups |= {name.removesuffix("_2").removesuffix("_3") for name in names}
    for key in _TEXTS:
        for text in (getattr(rule, key), getattr(rule, f"{key}_zh")):
            if missing := set(_PLACEHOLDER.findall(text)) - groups:
                raise _wrong(f"the rule {rule.id} has no group {sorted(missing)[0]} for its {key}")


def fill(text: str, groups: dict[str, str]) -> str:
    """``text`` with its placeholders filled; a group that did not match becomes "?"."""
    return _PLACEHOLDER.sub(lambda found: groups.get(found[1]) or "?", text)


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, code=Code.CATALOGUE_INVALID)
