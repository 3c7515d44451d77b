"""The engine apart from its rules: which rank, how far back, what is shown."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.task import Cause, Stage, TaskOutcome
from trainshed.diagnosis import Bytes, Confidence, Diagnosis, Evidence, Facts, RankEnd, Stream, diagnose, load
from trainshed.diagnosis.lines import shown
from trainshed.diagnosis.rules import Rule, parse

PEER = b"""Traceback (most recent call last):
  File "train.py", line 9, in <module>
    dist.all_reduce(x)
  File "/opt/engine/lib/python3.11/site-packages/torch/distributed/distributed_c10d.py", line 3, in all_reduce
    work.wait()
RuntimeError: [x/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:40121.
"""
OWN = b"""Traceback (most recent call last):
  File "train.py", line 4, in main
    load(shard)
LookupError: shard 7 is not in the index
"""


def ranks(
    *logs: tuple[bytes, int | None, int, float], outcome: TaskOutcome | None = None
) -> Diagnosis | None:
    streams = tuple(Stream(f"worker-{i}", Bytes(log[0]), i, i) for i, log in enumerate(logs))
    ends = tuple(RankEnd(i, code, signal, at, i) for i, (_, code, signal, at) in enumerate(logs))
    return diagnose(Evidence(streams, ends, outcome))


def test_a_job_that_succeeded_has_none() -> None:
    assert ranks((OWN, 0, 0, 1.0), outcome=TaskOutcome(Cause.SUCCESS, Stage.REPORT)) is None
    assert diagnose(Evidence()) is None


def test_the_rank_that_failed_of_its_own_is_named_though_another_ended_first() -> None:
    diagnosis = ranks((PEER, 1, 0, 100.0), (OWN, 1, 0, 100.4))
    assert diagnosis
    assert (diagnosis.rank, diagnosis.rule, diagnosis.consequences) == (1, "script.exception", (0,))


def test_a_rank_that_the_agent_ended_is_a_consequence() -> None:
    diagnosis = ranks((b"", None, 15, 100.0), (OWN, 1, 0, 100.1), (b"", None, 9, 131.0))
    assert diagnosis
    assert (diagnosis.rank, diagnosis.consequences) == (1, (0, 2))


def test_a_rank_that_was_killed_goes_before_those_that_noticed() -> None:
    diagnosis = ranks((PEER, 1, 0, 100.0), (b"epoch 1\n", None, 9, 100.2), (PEER, 1, 0, 100.1))
    assert diagnosis
    assert (diagnosis.rank, diagnosis.rule) == (1, "memory.killed")


def test_if_all_lost_a_peer_the_answer_is_unsure() -> None:
    diagnosis = ranks((PEER, 1, 0, 100.0), (b"", 0, 0, 99.0))
    assert diagnosis
    assert (diagnosis.rule, diagnosis.confidence) == ("communication.peer_lost", Confidence.MEDIUM)


@pytest.mark.parametrize("mark", [b"[rank %d] ", b"[rank%d]: ", b"[%d]<stderr>:", b"[1,%d]<stderr>:"])
def test_a_log_of_several_ranks_is_read_by_its_marks(mark: bytes) -> None:
    lines = []
    for peer, own in zip(PEER.splitlines(), [*OWN.splitlines(), b"", b""], strict=True):
        lines += [mark % 0 + peer, mark % 1 + own]
    stream = Stream("worker-0", Bytes(b"\n".join(lines)), -1)
    ends = (RankEnd(0, 1, 0, 100.0), RankEnd(1, 1, 0, 100.1))
    diagnosis = diagnose(Evidence((stream,), ends))
    assert diagnosis
    assert (diagnosis.rank, diagnosis.location) == (1, "train.py:4 in main")
    offset = diagnosis.evidence[0].offset
    assert stream.source.read(offset, 200).startswith(mark % 1 + b"LookupError")


@dataclass
class Big:
    """A traceback, and then noise without end; counts what is read."""

    head: bytes
    noise: int
    read_bytes: int = 0

    @property
    def size(self) -> int:
        return len(self.head) + self.noise

    def read(self, offset: int, limit: int) -> bytes:
        limit = max(0, min(limit, self.size - offset))
        self.read_bytes += limit
        part = self.head[offset : offset + limit]
        line = b"progress: still at it, nothing to see, no error of any kind at all\n"
        return part + (line * (limit // len(line) + 1))[: limit - len(part)]


def test_a_root_line_far_before_the_end_is_found() -> None:
    source = Big(b"step 1\n" + OWN, 10 << 20)
    diagnosis = diagnose(Evidence((Stream("worker-0", source, 0),), (RankEnd(0, 1),)))
    assert diagnosis
    assert diagnosis.rule == "script.exception"
    assert diagnosis.evidence[0].offset == len(b"step 1\n") + OWN.rindex(b"LookupError")
    assert diagnosis.confidence is Confidence.MEDIUM


def test_a_log_without_end_is_not_read_whole() -> None:
    source = Big(b"", 10 << 30)
    diagnosis = diagnose(Evidence((Stream("worker-0", source, 0),), (RankEnd(0, 3),)))
    assert diagnosis
    assert diagnosis.rule == "script.exit_code"
    assert source.read_bytes < 200 << 20


def test_what_is_shown_cannot_steer_a_terminal_or_a_page() -> None:
    message = b"\x1b]0;x\x07\x1b[2J\x00\xe2\x80\xaeabc<b>"
    log = b'Traceback (most recent call last):\n  File "t.py", line 1, in <module>\nValueError: ' + message
    diagnosis = ranks((log, 1, 0, 1.0))
    assert diagnosis
    everything = diagnosis.cause + diagnosis.traceback + "".join(line.text for line in diagnosis.evidence)
    assert not set(everything) & {"\x1b", "\x00", "\x07", "\u202e"}
    assert "<b>" in diagnosis.cause  # pages escape, we do not
    assert len(shown("x" * 9999)) == 500


def test_progress_bars_do_not_hide_an_error() -> None:
    log = b"10%\r20%\rtrain.py: error: unrecognized arguments: --data_url=/x/\n"
    diagnosis = ranks((log, 2, 0, 1.0))
    assert diagnosis
    assert diagnosis.rule == "python.arguments_unrecognized"


def test_platform_lines_are_not_the_script_own() -> None:
    log = b"[ModelArts Service Log] error: unrecognized arguments: --x\nbye\n"
    diagnosis = ranks((log, 2, 0, 1.0))
    assert diagnosis
    assert diagnosis.rule == "script.exit_code"
    assert [line.text for line in diagnosis.evidence][-1] == "bye"


def test_a_long_traceback_is_cut_in_the_middle() -> None:
    frames = b"".join(b'  File "a.py", line %d, in f%d\n    call()\n' % (i, i) for i in range(150))
    log = b"Traceback (most recent call last):\n" + frames + b"KeyError: 'x'\n"
    diagnosis = ranks((log, 1, 0, 1.0))
    assert diagnosis
    assert len(diagnosis.traceback.splitlines()) == 61
    assert diagnosis.traceback.endswith("KeyError: 'x'")
    assert diagnosis.location == "a.py:149 in f149"


@pytest.mark.parametrize(
    ("outcome", "rule"),
    [
        (TaskOutcome(Cause.STOPPED, Stage.RUN, "stopped by li"), "stopped.person"),
        (TaskOutcome(Cause.TIMEOUT, Stage.RUN, "the limit of 2 h"), "stopped.limit"),
        (TaskOutcome(Cause.PREEMPTED, Stage.RUN), "stopped.preempted"),
        (TaskOutcome(Cause.HANG, Stage.RUN), "stopped.hang"),
        (TaskOutcome(Cause.INFRASTRUCTURE, Stage.RUN, "gone", code="agent_lost"), "platform.node_lost"),
        (TaskOutcome(Cause.INFRASTRUCTURE, Stage.REPORT, "odd"), "platform.infrastructure"),
        (TaskOutcome(Cause.USER_ERROR, Stage.PRE_START, "exit code 1", exit_code=1), "platform.pre_start"),
        (TaskOutcome(Cause.USER_ERROR, Stage.REQUIREMENTS, "it failed"), "environment.stage_failed"),
        (
            TaskOutcome(Cause.USER_ERROR, Stage.INPUTS, "no", code=Code.OBJECT_NOT_FOUND),
            "storage.input_missing",
        ),
        (TaskOutcome(Cause.USER_ERROR, Stage.OUTPUTS, "no", code=Code.STORAGE_DENIED), "storage.job_denied"),
        (
            TaskOutcome(Cause.INFRASTRUCTURE, Stage.CODE, "no", code=Code.STORAGE_UNREACHABLE),
            "storage.job_unreachable",
        ),
        (
            TaskOutcome(Cause.INFRASTRUCTURE, Stage.PRECHECK, "no", code=Code.DISK_FULL),
            "storage.node_disk_full",
        ),
        (
            TaskOutcome(Cause.USER_ERROR, Stage.ENVIRONMENT, "no 3.6", code=Code.INTERPRETER_MISSING),
            "environment.interpreter_missing",
        ),
    ],
)
def test_ends_that_need_no_log(outcome: TaskOutcome, rule: str) -> None:
    diagnosis = diagnose(Evidence((Stream("worker-0", Bytes(b"hello\n")),), outcome=outcome))
    assert diagnosis
    assert diagnosis.rule == rule


@pytest.mark.parametrize(("code", "signal", "rule"), [(127, 0, "environment.shell_command_missing")])
def test_ends_without_any_output(code: int, signal: int, rule: str) -> None:
    diagnosis = ranks((b"", code, signal, 1.0))
    assert diagnosis
    assert diagnosis.rule == rule


def test_the_kernel_knows_better_than_an_empty_log() -> None:
    kernel = ("[1.0] Memory cgroup out of memory: Killed process 77 (python3) total-vm:1kB",)
    stream = Stream("worker-0", Bytes(b""), 0)
    diagnosis = diagnose(Evidence((stream,), (RankEnd(0, None, 9),), facts=Facts(kernel=kernel)))
    assert diagnosis
    assert diagnosis.rule == "memory.kernel_oom"
    assert diagnosis.cause.startswith("The kernel log says that python3 (process 77)")
    assert diagnosis.evidence[0].stream == "kernel"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('id = "x.a"\ncolour = "red"', "unknown field colour"),
        ('id = "y.a"', "is in the file of x"),
        ('id = "x.a"\nline = ["a"]', "no strings that they contain"),
        ('id = "x.a"\nmessage = "("', "is wrong"),
        ('id = "x.a"\ncause = "{module}"', "no group module"),
        ('id = "x.a"\nconfidence = "SURE"', "is wrong"),
    ],
)
def test_a_mistake_in_a_rule_is_named(row: str, problem: str) -> None:
    texts = {"title": "t", "title_zh": "t", "cause": "c", "cause_zh": "c", "advice": "a", "advice_zh": "a"}
    rest = "\n".join(f'{name} = "{text}"' for name, text in texts.items() if f"\n{name} =" not in row)
    with pytest.raises(InvalidInput, match=problem):
        parse(f"[[rule]]\n{row}\n{rest}", "x")


def test_texts_are_sentences_in_both_languages() -> None:
    def chinese(text: str) -> bool:
        return any("\u4e00" <= letter <= "\u9fff" for letter in text)

    for rule in load():
        assert rule.advice.endswith((".", '"', ":")), rule.id
        for text in (rule.title_zh, rule.advice_zh):
            assert chinese(text), rule.id
        assert chinese(rule.cause_zh) or rule.cause_zh == "{text}", rule.id
        assert not chinese(rule.title + rule.cause + rule.advice), rule.id


def test_rules_can_be_given() -> None:
    rule = Rule("x.y", "t", "t", "c {rank}", "c", "a", "a", exit_code=(7,))
    diagnosis = diagnose(Evidence((), (RankEnd(3, 7),)), [rule])
    assert diagnosis
    assert diagnosis.cause == "c 3"


def test_a_process_that_was_killed_near_its_limit() -> None:
    stream = Stream("worker-0", Bytes(b"epoch 1\n"), 0)
    end = RankEnd(0, None, 9)
    near = diagnose(Evidence((stream,), (end,), facts=Facts(memory_limit_mb=1000, memory_peak_mb=950.4)))
    far = diagnose(Evidence((stream,), (end,), facts=Facts(memory_limit_mb=1000, memory_peak_mb=300.0)))
    oom = diagnose(Evidence((stream,), (end,), facts=Facts(oom_kills=1, memory_limit_mb=1000)))
    assert near is not None
    assert (near.rule, near.confidence) == ("memory.killed_near_limit", "MEDIUM")
    assert "950 MiB of the 1000 MiB" in near.cause
    assert far is not None
    assert far.rule == "memory.killed"
    assert oom is not None
    assert oom.rule == "memory.oom_killed"
