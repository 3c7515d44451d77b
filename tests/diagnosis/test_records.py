"""Every recorded run gets the diagnosis that its label says, with evidence that is really there."""

from __future__ import annotations

import pytest

from tests.diagnosis.measure import is_right, measure
from tests.diagnosis.quoting import Quote, quotes
from tests.diagnosis.running import LOGS, Case, Record, cases, evidence
from trainshed.diagnosis import Confidence, diagnose, load
from trainshed.diagnosis.lines import clean

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_recorded_run_is_explained(case: Case) -> None:
    record = Record.load(LOGS / case.family / case.name)
    found = evidence(record)
    diagnosis = diagnose(found)
    assert diagnosis
    assert is_right(case, diagnosis), f"{diagnosis.rule} of rank {diagnosis.rank}: {diagnosis.cause}"
    assert "{" not in diagnosis.title + diagnosis.title_zh
    for text in (diagnosis.cause, diagnosis.cause_zh, diagnosis.advice, diagnosis.advice_zh, diagnosis.title):
        assert text
    streams = {stream.name: stream.source for stream in found.streams}
    for line in diagnosis.evidence:
        raw = streams[line.stream].read(line.offset, 8192).split(b"\n", 1)[0]
        shown = clean(raw)[0]
        assert (
            shown[:40].strip(" |") == line.text[:40].strip(" |")
            or line.text[:40] in shown
            or "line " in shown
        )


@pytest.mark.parametrize("quote", quotes(), ids=lambda quote: quote.rule)
def test_a_quoted_report_is_explained(quote: Quote) -> None:
    diagnosis = diagnose(quote.evidence)
    assert diagnosis
    assert diagnosis.rule == quote.rule
    assert quote.source or diagnosis.source.startswith("https://github.com/")


def test_every_rule_that_reads_logs_has_a_log() -> None:
    shown = {rule for case in CASES for rule in (case.rule, *case.accept)} | {q.rule for q in quotes()}
    # what launchers wrap is shown by torchrun_child and horovod_peer, which look through it
    unshown = {r.id for r in load() if not (r.by_end or r.wrapper)} - shown
    assert unshown == set()


def test_few_answers_are_wrong() -> None:
    *_, (_, labelled, _, precision, recall) = measure(CASES).rows()
    assert labelled >= 60
    assert precision >= 0.95
    assert recall >= 0.95


def test_the_script_own_traceback_comes_first_and_names_its_line() -> None:
    case = next(case for case in CASES if case.id == "data/numpy_file_missing")
    diagnosis = diagnose(evidence(Record.load(LOGS / case.family / case.name)))
    assert diagnosis
    assert diagnosis.confidence is Confidence.HIGH
    assert diagnosis.location == "train.py:3"
    assert diagnosis.traceback.startswith("Traceback (most recent call last):\n")
    assert diagnosis.traceback.endswith("'data/train_images.npy'")
    assert diagnosis.evidence[0].text.startswith("FileNotFoundError: ")


def test_consequences_are_named_as_such() -> None:
    diagnosis = diagnose(evidence(Record.load(LOGS / "communication" / "peer_missing_file")))
    assert diagnosis
    assert (diagnosis.rank, diagnosis.consequences) == (2, (0, 1))
