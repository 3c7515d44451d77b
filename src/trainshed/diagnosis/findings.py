"""What the rules find in one stream, and which finding explains the end of a rank best."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from trainshed.diagnosis.evidence import Facts, RankEnd, Stream
from trainshed.diagnosis.lines import PLATFORM_MARK, Line, Window
from trainshed.diagnosis.rules import Rule
from trainshed.diagnosis.tracebacks import Link, Traceback, chains, find
from trainshed.diagnosis.verdict import Confidence

WINDOWS = (1 << 20, 16 << 20, 64 << 20)
ENOUGH = 60
_NEAR_END = 8192
_CRASHES = (4, 6, 7, 8, 11)
_WRAPPERS = (
    "ImportError",
    "ModuleNotFoundError",
    "KeyError",
    "StopIteration",
    "AttributeError",
    "IndexError",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that holds, and where.

    Attributes:
        score: how well it explains the end; the highest is believed.
        offset: where it shows in ``stream``; -1 where it does not.
        rank: whose it is, where a launcher's log tells of another rank; else -1.
    """

    rule: Rule
    score: int
    confidence: Confidence
    stream: str = ""
    offset: int = -1
    groups: dict[str, str] = field(default_factory=dict[str, str])
    lines: tuple[Line, ...] = ()
    traceback: Traceback | None = None
    rank: int = -1


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is to see of one rank.

    Attributes:
        best: the finding that explains its end best.
        traceback: the exception that ended it, if one did.
    """

    end: RankEnd
    best: Finding | None
    traceback: Traceback | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where findings are looked for."""

    window: Window
    end: RankEnd
    stream: Stream

    def near(self, offset: int) -> bool:
        """Whether the log ends soon after ``offset``."""
        return self.window.base + len(self.window.data) - offset < _NEAR_END


def read(end: RankEnd, streams: Sequence[Stream], rules: Sequence[Rule], facts: Facts) -> Reading:
    """Look at all streams of a rank, further back as long as nothing tells enough."""
    rules = [rule for rule in rules if all(getattr(facts, name) for name in rule.fact)]
    by_end = [] if end.suspect else [f for rule in rules if (f := _by_end(rule, end))]
    found, fatal = list(by_end), None
    for size in WINDOWS:
        found, fatal = list(by_end), None
        for stream in streams:
            more, ended_by = _look(stream, size, end, rules)
            found += more
            fatal = fatal or ended_by
        best = _best(found)
        if (best and best.score >= ENOUGH) or all(stream.source.size <= size for stream in streams):
            break
    return Reading(end, _best(found), fatal)


def _best(found: Iterable[Finding]) -> Finding | None:
    return max(found, key=lambda f: (f.score, -f.offset), default=None)


def _by_end(rule: Rule, end: RankEnd) -> Finding | None:
    """A rule that needs no log."""
    if not rule.by_end or rule.stage or rule.code or rule.outcome:
        return None
    if rule.signal and end.signal not in rule.signal:
        return None
    if rule.exit_code and end.exit_code not in rule.exit_code:
        return None
    return Finding(rule, rule.weight, rule.confidence)


def _look(
    stream: Stream, size: int, end: RankEnd, rules: Sequence[Rule]
) -> tuple[list[Finding], Traceback | None]:
    start = max(0, stream.source.size - size)
    window = Window(stream.source.read(start, size), start)
    rank = end.rank if stream.rank < 0 else None
    all_chains = chains(find(window, rank))
    chain = _fatal(all_chains, end, window)
    place = _Place(window, end, stream)
    found = _by_exceptions(rules, chain, place)
    if wrapper := next((f for f in found if f.rule.wrapper), None):
        inside, inner = _behind(wrapper, rules, [c for c in all_chains if c is not chain], place)
        found, chain = (inside, inner) if inside else (found, chain)
    found += [f for rule in rules if rule.line and (f := _by_line(rule, place, chain))]
    return found, _shown(chain)


def _by_exceptions(rules: Sequence[Rule], chain: tuple[Traceback, ...], place: _Place) -> list[Finding]:
    return [f for rule in rules if rule.by_exception for f in _by_exception(rule, chain, place)]


def _behind(
    wrapper: Finding, rules: Sequence[Rule], others: Sequence[tuple[Traceback, ...]], place: _Place
) -> tuple[list[Finding], tuple[Traceback, ...]]:
    """What ended the process that a launcher complains of: the first that failed of its own."""
    rank = int(wrapper.groups.get("rank", -1))
    own = [chain for chain in others if rank < 0 or chain[-1].rank in (-1, rank)]
    for chain in own:
        found = _by_exceptions(rules, chain, place)
        best = _best(found)
        if best and not best.rule.consequence:
            whose = chain[-1].rank if chain[-1].rank >= 0 else rank
            return [replace(finding, rank=whose) for finding in found], chain
    return [], ()


def _shown(chain: tuple[Traceback, ...]) -> Traceback | None:
    """The traceback to show first: the last one that has a line of the user's own."""
    own = [traceback for traceback in chain if traceback.own_frame]
    return (own or list(chain) or [None])[-1]


def _fatal(found: Sequence[tuple[Traceback, ...]], end: RankEnd, window: Window) -> tuple[Traceback, ...]:
    """The chain of exceptions that ended the rank, or nothing."""
    if not found or (end.signal and end.signal not in _CRASHES):
        return ()
    mains = [chain for chain in found if not chain[-1].child]
    last = (mains or found)[-1]
    near = window.base + len(window.data) - last[-1].end < _NEAR_END
    return last if near or end.exit_code == 1 else ()


def _by_exception(rule: Rule, chain: tuple[Traceback, ...], place: _Place) -> Iterable[Finding]:
    for index, traceback in enumerate(chain):
        groups = _matches(rule, traceback)
        if groups is None:
            continue
        yield Finding(
            rule,
            rule.weight + 30 - _distance(chain, index),
            _sure(rule, traceback, place),
            place.stream.name,
            traceback.exception_offset,
            groups,
            traceback=traceback,
        )


def _matches(rule: Rule, traceback: Traceback) -> dict[str, str] | None:
    if rule.exception and not {traceback.name, traceback.kind}.intersection(rule.exception):
        return None
    groups: dict[str, str] = {}
    if rule.message:
        text = f"{traceback.message}\n{traceback.detail}"
        found = rule.message.search(text)
        if not found:
            return None
        groups = _groups(found)
    if rule.frame:
        raised = traceback.frames[-1]
        if not rule.frame.search(f"{raised.file}:{raised.name}"):
            return None
    return groups


def _distance(chain: tuple[Traceback, ...], index: int) -> int:
    """How much less an exception of a chain tells than the one to believe first.

    What was raised *from* another is explained by that other. What was raised while another was
    handled is the script's last word, unless the first was no test of what there is.
    """
    if index == len(chain) - 1:
        return 0 if len(chain) == 1 else 5
    if chain[index + 1].link is Link.DURING:
        return 40 if chain[index].name in _WRAPPERS else 10
    return 0


def _sure(rule: Rule, traceback: Traceback, place: _Place) -> Confidence:
    """Less sure where the script went on after its exception, or ended in another way."""
    far = not place.near(traceback.end)
    other = place.end.exit_code not in (None, 1) or bool(place.end.signal)
    return rule.confidence.less() if far or other or traceback.child else rule.confidence


def _by_line(rule: Rule, place: _Place, chain: tuple[Traceback, ...]) -> Finding | None:
    end, window = place.end, place.window
    if chain and not rule.over_traceback:
        return None
    if rule.exit_code and end.exit_code not in rule.exit_code:
        return None
    if rule.signal and end.signal not in rule.signal:
        return None
    found: dict[int, tuple[Line, dict[str, str]]] = {}
    for literal in rule.contains:
        for at in window.find(literal, 50):
            line = window.line(at)
            if line.offset not in found and (groups := _line_matches(rule, line, place)) is not None:
                found[line.offset] = (line, groups)
    if not found:
        return None
    ordered = [found[offset] for offset in sorted(found)]
    near = place.near(ordered[-1][0].end)
    return Finding(
        rule,
        rule.weight + (10 if near else -10),
        rule.confidence if near else rule.confidence.less(),
        place.stream.name,
        ordered[0][0].offset,
        ordered[0][1],
        tuple(line for line, _ in ordered[:3]),
    )


def _line_matches(rule: Rule, line: Line, place: _Place) -> dict[str, str] | None:
    if place.stream.rank < 0 and line.rank not in (-1, place.end.rank):
        return None
    if line.text.startswith(PLATFORM_MARK):
        return None
    for pattern in rule.line:
        if found := pattern.search(line.text):
            return _groups(found)
    return None


def _groups(found: re.Match[str]) -> dict[str, str]:
    """The named groups that took part; ``file_2`` is another place for ``file``."""
    given = {name: value for name, value in found.groupdict().items() if value}
    return {name.removesuffix("_2").removesuffix("_3"): value for name, value in given.items()}
