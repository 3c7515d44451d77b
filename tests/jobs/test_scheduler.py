"""The scheduler in cases that a person would check by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trainshed.core.resources import Arch, Chip, Node, Placement, Resources
from trainshed.jobs.queue import QueueEntry, Quota, Reason, RunningGang, Unit
from trainshed.jobs.scheduler import Scheduler


def gpus(name: str, cards: int = 4, **more: object) -> Node:
    return replace(Node(name, Resources(cpus=8, memory_mb=1024, cards=cards), Chip.GPU), **more)  # pyright: ignore


def job(job_id: str, cards: int = 1, at: float = 0.0, **more: object) -> QueueEntry:
    unit = Unit(Resources(cpus=1, memory_mb=64, cards=cards), Chip.GPU if cards else Chip.CPU)
    return replace(QueueEntry(job_id, unit, submitted=at), **more)  # pyright: ignore


def started(scheduler: Scheduler, now: float = 0.0) -> list[str]:
    return [decision.job_id for decision in scheduler.place(now)]


def test_tasks_of_a_gang_go_to_different_nodes_where_there_are_enough() -> None:
    scheduler = Scheduler([gpus("a"), gpus("b")])
    scheduler.submit(job("two", node_count=2))
    (decision,) = scheduler.place(0.0)
    assert decision.placements == (Placement("a", ("0",)), Placement("b", ("0",)))


def test_tasks_of_a_gang_share_a_node_where_there_is_only_one() -> None:
    scheduler = Scheduler([gpus("a")])
    scheduler.submit(job("three", node_count=3))
    (decision,) = scheduler.place(0.0)
    assert decision.placements == tuple(Placement("a", (card,)) for card in "012")


def test_cards_are_named_as_the_node_names_them_and_taken_as_neighbours() -> None:
    scheduler = Scheduler([gpus("a", devices=("4", "5", "6", "7"))])
    scheduler.submit(job("one", 1))
    scheduler.submit(job("pair", 2, at=1.0))
    placed = {d.job_id: d.placements[0].devices for d in scheduler.place(1.0)}
    assert placed == {"one": ("4",), "pair": ("6", "7")}


def test_the_tightest_node_is_filled_first() -> None:
    scheduler = Scheduler([gpus("big", 4), gpus("small", 1)])
    scheduler.submit(job("one"))
    assert scheduler.place(0.0)[0].placements[0].node == "small"


def test_a_job_without_cards_leaves_card_nodes_alone_where_it_can() -> None:
    scheduler = Scheduler([gpus("a"), Node("plain", Resources(cpus=64, memory_mb=4096))])
    scheduler.submit(job("cpu", 0))
    assert scheduler.place(0.0)[0].placements[0].node == "plain"


def test_a_node_on_which_it_failed_is_left_out_where_others_will_do() -> None:
    scheduler = Scheduler([gpus("a"), gpus("b"), gpus("c")])
    scheduler.submit(job("again", node_count=2, avoid=("a",)))
    (decision,) = scheduler.place(0.0)
    assert [placement.node for placement in decision.placements] == ["b", "c"]


def test_a_node_on_which_it_failed_is_better_than_none() -> None:
    scheduler = Scheduler([gpus("a"), gpus("b")])
    scheduler.submit(job("again", 4, node_count=2, avoid=("a",)))
    (decision,) = scheduler.place(0.0)
    assert [placement.node for placement in decision.placements] == ["a", "b"]


def test_architecture_chip_and_labels_must_match() -> None:
    ascend = replace(gpus("npu"), chip=Chip.ASCEND, arch=Arch.AARCH64)
    scheduler = Scheduler([gpus("a"), ascend, gpus("rack2", labels={"rack": "2"})])
    scheduler.submit(replace(job("x"), unit=Unit(Resources(cards=1), Chip.ASCEND, Arch.AARCH64)))
    scheduler.submit(replace(job("y"), unit=Unit(Resources(cards=1), Chip.GPU, labels=(("rack", "2"),))))
    assert {d.job_id: d.placements[0].node for d in scheduler.place(0.0)} == {"x": "npu", "y": "rack2"}


def test_priority_goes_before_time() -> None:
    scheduler = Scheduler([gpus("a", 1)])
    scheduler.submit(job("early", at=0.0))
    scheduler.submit(job("urgent", at=1.0, priority=3))
    assert started(scheduler) == ["urgent"]
    scheduler.submit(job("later", at=2.0))
    assert scheduler.set_priority("later", 2)
    scheduler.release("urgent")
    assert started(scheduler) == ["later"]


def test_a_short_job_passes_and_a_long_one_does_not() -> None:
    scheduler = Scheduler([gpus("a")])
    scheduler.submit(job("running", 2, duration=100.0))
    assert started(scheduler) == ["running"]
    scheduler.submit(job("head", 4, at=1.0))
    scheduler.submit(job("long", 1, at=2.0, duration=200.0))
    scheduler.submit(job("unknown", 1, at=3.0))
    scheduler.submit(job("short", 1, at=4.0, duration=50.0))
    (decision,) = scheduler.place(10.0)
    assert (decision.job_id, decision.ahead) == ("short", "head")
    assert scheduler.why("head", 10.0).eta == 100.0


def test_a_long_job_passes_on_what_the_head_leaves() -> None:
    scheduler = Scheduler([gpus("a"), gpus("b", 2)])
    scheduler.submit(job("running", 2, duration=100.0))
    scheduler.submit(job("also", 3, duration=100.0))
    assert started(scheduler) == ["running", "also"]
    scheduler.submit(job("head", 4, at=1.0))
    scheduler.submit(job("long", 0, at=2.0))
    assert started(scheduler, 10.0) == ["long"]


def test_without_known_ends_only_what_the_head_can_never_need_is_given() -> None:
    scheduler = Scheduler([gpus("a"), Node("plain", Resources(cpus=1, memory_mb=64))])
    scheduler.submit(job("running", 2))
    assert started(scheduler) == ["running"]
    scheduler.submit(job("head", 4, at=1.0))
    scheduler.submit(job("card", 1, at=2.0))
    scheduler.submit(job("cpu", 0, at=3.0))
    scheduler.submit(job("more", 0, at=4.0))
    # on "a", the head takes one core of eight: others may have seven less the running one's
    assert started(scheduler, 5.0) == ["cpu", "more"]
    assert scheduler.why("card", 5.0).reason is Reason.AHEAD


def test_strict_order_lets_nobody_pass() -> None:
    scheduler = Scheduler([gpus("a")], backfill=False)
    scheduler.submit(job("running", 2, duration=100.0))
    scheduler.submit(job("head", 4, at=1.0))
    scheduler.submit(job("short", 1, at=2.0, duration=1.0))
    assert started(scheduler) == ["running"]


def test_a_job_over_quota_neither_starts_nor_holds_up() -> None:
    scheduler = Scheduler([gpus("a")])
    scheduler.set_quota("p", Quota(jobs=1))
    for i in range(2):
        scheduler.submit(job(f"p{i}", at=float(i), project="p"))
    scheduler.submit(job("q", 3, at=5.0, project="q"))
    assert started(scheduler) == ["p0", "q"]
    why = scheduler.why("p1", 0.0)
    assert why.reason is Reason.QUOTA
    assert why.facts == {"what": "jobs", "held": 1, "quota": 1}
    scheduler.release("p0")
    assert started(scheduler) == ["p1"]


def test_card_quota() -> None:
    scheduler = Scheduler([gpus("a")])
    scheduler.submit(job("p", 3, project="p"))
    scheduler.set_quota("p", Quota(cards=2))
    assert started(scheduler) == []
    why = scheduler.why("p", 0.0)
    assert why.reason is Reason.QUOTA
    assert "quota of 2" in why.sentence
    scheduler.set_quota("p", None)
    assert started(scheduler) == ["p"]


def test_a_paused_job_and_a_paused_pool_wait() -> None:
    scheduler = Scheduler([gpus("a")])
    scheduler.submit(job("x", paused=True))
    assert started(scheduler) == []
    assert scheduler.why("x", 0.0).reason is Reason.PAUSED
    assert scheduler.position("x") == 0
    scheduler.set_paused("x", False)
    scheduler.paused = True
    assert started(scheduler) == []
    assert scheduler.why("x", 0.0).facts == {"what": "pool"}
    scheduler.paused = False
    assert started(scheduler) == ["x"]


def test_why_no_node_could_ever_hold_it() -> None:
    scheduler = Scheduler([gpus("a")])
    scheduler.submit(job("huge", 8))
    scheduler.submit(job("small", 1, at=1.0))
    assert started(scheduler) == ["small"]
    assert scheduler.why("huge", 0.0).reason is Reason.NO_FLAVOR


def test_why_nodes_are_not_ready() -> None:
    scheduler = Scheduler([gpus("a", ready=False), gpus("b", 1)])
    scheduler.submit(job("four", 4))
    assert started(scheduler) == []
    why = scheduler.why("four", 0.0)
    assert why.reason is Reason.NODES_NOT_READY
    assert "a" in why.sentence
    scheduler.set_nodes([gpus("a"), gpus("b", 1)])
    assert started(scheduler) == ["four"]


def test_why_fragmented_waiting_and_ahead() -> None:
    scheduler = Scheduler([gpus("a", 2), gpus("b", 2)])
    for i in range(2):
        scheduler.submit(job(f"r{i}", node_count=1, at=float(i)))
    # the tightest fit puts both on one node, so fill it and empty half of each
    scheduler.submit(job("r2", at=2.0))
    scheduler.submit(job("r3", at=3.0))
    assert len(started(scheduler)) == 4
    scheduler.submit(job("pair", 2, at=4.0))
    scheduler.submit(job("next", 2, at=5.0))
    assert started(scheduler) == []
    why = scheduler.why("pair", 5.0)
    assert why.reason is Reason.WAITING
    assert (why.position, why.queued) == (1, 2)
    assert why.facts["needed"] == 2
    scheduler.release("r0")
    scheduler.release("r2")
    assert started(scheduler) == []
    assert scheduler.why("pair", 5.0).reason is Reason.FRAGMENTED
    behind = scheduler.why("next", 5.0)
    assert behind.reason is Reason.AHEAD
    assert behind.facts == {"ahead": 1, "head": "pair"}


def test_why_of_a_job_that_does_not_wait() -> None:
    with pytest.raises(KeyError):
        Scheduler().why("nobody", 0.0)


def test_gangs_of_an_earlier_life_are_adopted() -> None:
    scheduler = Scheduler([gpus("a")])
    unit = job("x").unit
    scheduler.adopt(RunningGang("old", unit, (Placement("a", ("0",)), Placement("gone", ("0",)))))
    scheduler.submit(job("four", 4))
    assert started(scheduler) == []
    scheduler.release("old")
    assert started(scheduler) == ["four"]


def test_a_node_that_left_takes_no_job_and_its_gang_stays_counted() -> None:
    scheduler = Scheduler([gpus("a"), gpus("b")])
    scheduler.submit(job("x", 4))
    scheduler.place(0.0)
    scheduler.set_nodes([gpus("b")])
    scheduler.submit(job("y", 4, at=1.0))
    scheduler.submit(job("z", 4, at=2.0))
    assert started(scheduler) == ["y"]
    scheduler.set_nodes([gpus("a"), gpus("b")])
    assert started(scheduler) == []
    scheduler.release("x")
    assert started(scheduler) == ["z"]


def test_a_card_that_a_node_lost_is_not_given() -> None:
    scheduler = Scheduler([gpus("a", 2, devices=("0", "1"))])
    scheduler.submit(job("x", 1))
    scheduler.place(0.0)
    scheduler.set_nodes([gpus("a", 1, devices=("1",))])
    scheduler.submit(job("y", 1, at=1.0))
    assert started(scheduler) == []
    scheduler.release("x")
    assert scheduler.place(1.0)[0].placements[0].devices == ("1",)


def test_at_most_so_many_decisions_at_once() -> None:
    scheduler = Scheduler([gpus("a")])
    for i in range(4):
        scheduler.submit(job(f"j{i}", at=float(i)))
    assert len(scheduler.place(0.0, most=3)) == 3
    assert started(scheduler) == ["j3"]


def test_a_job_that_stays_past_its_known_end_counts_as_unknown() -> None:
    scheduler = Scheduler([gpus("a")])
    scheduler.submit(job("running", 2, duration=100.0))
    scheduler.submit(job("head", 4, at=1.0))
    scheduler.place(0.0)
    assert scheduler.why("head", 50.0).eta == 100.0
    scheduler.submit(job("short", 1, at=2.0, duration=5.0))
    assert started(scheduler, 120.0) == []
    assert scheduler.why("head", 120.0).eta is None
