"""From evidence to an answer: the rank that failed first of its own, and why."""

from __future__ import annotations

import math
import signal as signals
from collections.abc import Sequence
from dataclasses import replace

from trainshed.core.task import Cause, Stage, TaskOutcome
from trainshed.diagnosis.evidence import Evidence, RankEnd, Stream
from trainshed.diagnosis.findings import Finding, Reading, read
from trainshed.diagnosis.lines import Window, shown
from trainshed.diagnosis.rules import Rule, fill, load
from trainshed.diagnosis.stacks import of_rank
from trainshed.diagnosis.tracebacks import Frame, Traceback
from trainshed.diagnosis.verdict import Diagnosis, EvidenceLine

CASCADE_S = 30.0
SKEW_S = 3.0
STACKS = "stacks"
_MOST_TRACEBACK = 60
_MOST_STACKS = 32
_BY_OUTCOME = (Cause.STOPPED, Cause.TIMEOUT, Cause.PREEMPTED, Cause.HANG)


def diagnose(evidence: Evidence, rules: Sequence[Rule] | None = None) -> Diagnosis | None:
    """What went wrong; None for a job that succeeded or of which nothing is known.

    Args:
        rules: those that come with trainshed where None.
    """
    rules = load() if rules is None else rules
    outcome = evidence.outcome
    if outcome and outcome.cause is Cause.SUCCESS:
        return None
    told = _by_outcome(evidence, rules)
    if outcome and outcome.cause in _BY_OUTCOME:
        return _with_stacks(told, evidence) if told else None
    apply = _applying(rules, outcome)
    everyone = [read(end, _streams_of(evidence, end), apply, evidence.facts) for end in _failed(evidence)]
    readings = [reading for reading in everyone if reading.best or not reading.end.suspect]
    if not readings:
        return told
    first = min(readings, key=lambda reading: _order(reading, readings))
    best = max((f for f in (first.best, _by_kernel(evidence, apply)) if f), key=_score, default=None)
    weight = next((rule.weight for rule in rules if told and rule.id == told.rule), 0)
    if best is None or weight > best.score:
        return told
    return _answer(first, best, readings, evidence)


def _score(finding: Finding) -> int:
    return finding.score


def _applying(rules: Sequence[Rule], outcome: TaskOutcome | None) -> list[Rule]:
    """Before the script has run, nothing is its doing."""
    if outcome is None or outcome.stage in (Stage.RUN, Stage.PRE_START):
        return list(rules)
    return [rule for rule in rules if rule.family != "script"]


# ---- which rank


def _failed(evidence: Evidence) -> list[RankEnd]:
    """Ranks that failed; one is made up where only the outcome or the logs are known."""
    failed = [end for end in evidence.ends if end.failed]
    if failed:
        return failed
    outcome = evidence.outcome
    if outcome and (outcome.exit_code or outcome.signal or outcome.cause is not Cause.SUCCESS):
        task = next((s.task for s in evidence.streams if s.rank == outcome.rank), 0)
        return [RankEnd(outcome.rank, outcome.exit_code, outcome.signal, outcome.failed_at, task)]
    return []


def _streams_of(evidence: Evidence, end: RankEnd) -> list[Stream]:
    """The rank's own streams where there are any, else those of its task."""
    own = [stream for stream in evidence.streams if stream.rank == end.rank and end.rank >= 0]
    if own:
        return own
    return [s for s in evidence.streams if s.rank < 0 and s.task == end.task] or list(evidence.streams)


def _order(reading: Reading, readings: Sequence[Reading]) -> tuple[bool, bool, bool, float, int]:
    """First is what failed of its own; of what failed at once, what was killed; then by time."""
    end = reading.end
    times = [r.end.at for r in readings if r.end.at]
    after = (end.at or math.inf) - min(times, default=0.0)
    killed = end.signal not in (0, signals.SIGTERM, signals.SIGPIPE)
    return (
        after > CASCADE_S,
        _taken_along(reading, after),
        not (killed and after <= SKEW_S),
        end.at or math.inf,
        end.rank,
    )


def _taken_along(reading: Reading, after: float) -> bool:
    """Whether a rank failed because another had: by itself, or ended by the agent (TERM, then KILL)."""
    signal = reading.end.signal
    ended = signal == signals.SIGTERM or (signal == signals.SIGKILL and after > SKEW_S)
    return ended or is_consequence(reading)


def is_consequence(reading: Reading) -> bool:
    """Whether the rank failed because a peer went away."""
    return bool(reading.best and reading.best.rule.consequence)


# ---- what is told without a log


def _by_outcome(evidence: Evidence, rules: Sequence[Rule]) -> Diagnosis | None:
    outcome = evidence.outcome
    if outcome is None:
        return None
    fitting = [rule for rule in rules if _fits(rule, outcome)]
    if not fitting:
        return None
    rule = max(fitting, key=lambda rule: rule.weight)
    finding = Finding(rule, rule.weight, rule.confidence, groups={"text": outcome.message})
    end = RankEnd(outcome.rank, outcome.exit_code, outcome.signal, outcome.failed_at)
    return _answer(Reading(end, finding), finding, [], evidence)


def _fits(rule: Rule, outcome: TaskOutcome) -> bool:
    if not (rule.by_end and (rule.stage or rule.code or rule.outcome)):
        return False
    return (
        (not rule.stage or outcome.stage.value in rule.stage)
        and (not rule.code or outcome.code in rule.code)
        and (not rule.outcome or outcome.cause.value in rule.outcome)
    )


def _by_kernel(evidence: Evidence, rules: Sequence[Rule]) -> Finding | None:
    for rule in rules:
        for line in evidence.facts.kernel:
            if rule.kernel and (found := rule.kernel.search(line)):
                groups = {name: value for name, value in found.groupdict().items() if value}
                return Finding(rule, rule.weight, rule.confidence, "kernel", -1, {**groups, "text": line})
    return None


# ---- the answer


def _answer(first: Reading, best: Finding, readings: Sequence[Reading], evidence: Evidence) -> Diagnosis:
    rule, end = best.rule, first.end
    traceback = best.traceback or first.traceback
    groups = _groups(best, end, first.traceback or traceback, evidence)
    confidence = best.confidence
    if rule.consequence:
        confidence = confidence.less()
    return Diagnosis(
        rule=rule.id,
        category=rule.family,
        confidence=confidence,
        title=fill(rule.title, groups),
        title_zh=fill(rule.title_zh, groups),
        cause=fill(rule.cause, groups),
        cause_zh=fill(rule.cause_zh, groups),
        advice=fill(rule.advice, groups),
        advice_zh=fill(rule.advice_zh, groups),
        rank=best.rank if best.rank >= 0 else end.rank,
        task=end.task,
        exit_code=end.exit_code,
        signal=end.signal,
        location=_location(first.traceback),
        traceback=_shorten(first.traceback.text) if first.traceback else "",
        consequences=tuple(
            sorted(r.end.rank for r in readings if r is not first and _taken_along(r, r.end.at - end.at))
        ),
        evidence=_evidence(best, first, evidence),
        source=rule.source,
    )


def _groups(best: Finding, end: RankEnd, traceback: Traceback | None, evidence: Evidence) -> dict[str, str]:
    raised = best.traceback or traceback
    given = {
        "exception": raised.kind if raised else "",
        "message": raised.message if raised else "",
        "location": _location(traceback) or "its code",
        "rank": str(end.rank),
        "exit_code": str(end.exit_code),
        "signal": _signal_name(end.signal),
        "memory_limit_mb": str(evidence.facts.memory_limit_mb or ""),
        "memory_peak_mb": f"{evidence.facts.memory_peak_mb or 0:.0f}",
        "shm_mb": str(evidence.facts.shm_mb or ""),
        "text": best.lines[0].text if best.lines else "",
    }
    return {name: shown(value, 200) for name, value in {**given, **best.groups}.items()}


def _signal_name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}" if number else ""


def _with_stacks(told: Diagnosis, evidence: Evidence) -> Diagnosis:
    """Where every rank stands, for a job that was found hanging."""
    stack = of_rank(evidence.stacks, told.rank)
    if stack is None or stack.place is None:
        return told
    lines = [
        EvidenceLine(
            STACKS, -1, f"rank {each.rank}: {each.place.name} ({shown(each.place.file)}:{each.place.line})"
        )
        for each in sorted(evidence.stacks, key=lambda each: each is not stack)[:_MOST_STACKS]
        if each.place
    ]
    return replace(
        told,
        location=_place(stack.place),
        traceback=_shorten(stack.main_thread),
        evidence=(*lines, *told.evidence),
    )


def _location(traceback: Traceback | None) -> str:
    frame = traceback.own_frame if traceback else None
    return _place(frame) if frame else ""


def _place(frame: Frame) -> str:
    where = f"{frame.file.rsplit('/', 1)[-1]}:{frame.line}"
    return f"{where} in {frame.name}" if frame.name and frame.name != "<module>" else where


def _shorten(text: str) -> str:
    lines = [shown(line) for line in text.splitlines()]
    if len(lines) > _MOST_TRACEBACK:
        half = _MOST_TRACEBACK // 2
        lines = [*lines[:half], f"  … {len(lines) - 2 * half} lines …", *lines[-half:]]
    return "\n".join(lines)


def _evidence(best: Finding, first: Reading, evidence: Evidence) -> tuple[EvidenceLine, ...]:
    if best.stream == "kernel":
        return (EvidenceLine("kernel", -1, shown(best.groups["text"])),)
    found = [EvidenceLine(best.stream, line.offset, shown(line.text)) for line in best.lines]
    traceback = best.traceback or first.traceback
    streams = _streams_of(evidence, first.end)
    stream = best.stream or (streams[0].name if streams else "")
    if traceback:
        found.append(EvidenceLine(stream, traceback.exception_offset, shown(_last_line(traceback))))
        if frame := traceback.own_frame:
            place = f'File "{frame.file}", line {frame.line}' + (f", in {frame.name}" if frame.name else "")
            found.append(EvidenceLine(stream, frame.offset, shown(f"{place}: {frame.code}")))
        found.append(EvidenceLine(stream, traceback.offset, shown(traceback.text.split("\n", 1)[0])))
    return tuple(found) or _last_lines(streams)


def _last_line(traceback: Traceback) -> str:
    return f"{traceback.kind}: {traceback.message}" if traceback.message else traceback.kind


def _last_lines(streams: Sequence[Stream], most: int = 3) -> tuple[EvidenceLine, ...]:
    """The last that a rank said, where nothing better is known."""
    for stream in streams:
        start = max(0, stream.source.size - 8192)
        window = Window(stream.source.read(start, 8192), start)
        lines = [line for line in window.backward(len(window.data), 20) if line.text.strip()][:most]
        if lines:
            return tuple(EvidenceLine(stream.name, line.offset, shown(line.text)) for line in reversed(lines))
    return ()
