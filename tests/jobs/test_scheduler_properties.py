"""What must hold whatever comes: no node over its room, gangs whole, heads not delayed, order kept."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from trainshed.core.resources import Chip, Node, Resources
from trainshed.jobs.nodes import slots, suits, vector
from trainshed.jobs.queue import Decision, QueueEntry, Quota, RunningGang, Unit
from trainshed.jobs.scheduler import Scheduler
from trainshed.jobs.simulation import Arrival, Simulation

NODES = st.lists(
    st.builds(
        Node,
        name=st.uuids().map(str),
        total=st.builds(Resources, cpus=st.integers(1, 16), memory_mb=st.just(64), cards=st.integers(0, 4)),
        chip=st.sampled_from(list(Chip)),
    ),
    min_size=1,
    max_size=5,
)
UNITS = st.builds(
    Unit,
    resources=st.builds(
        Resources, cpus=st.integers(0, 6), memory_mb=st.sampled_from([0, 8]), cards=st.integers(0, 3)
    ),
    chip=st.sampled_from(list(Chip)),
)
PROJECTS = st.sampled_from(["p", "q"])
DURATIONS = st.one_of(st.none(), st.integers(1, 30).map(float))
ids = itertools.count()


def entries(durations: st.SearchStrategy[float | None] = DURATIONS) -> st.SearchStrategy[QueueEntry]:
    return st.builds(
        QueueEntry,
        job_id=st.builds(lambda: f"job-{next(ids)}"),
        unit=UNITS,
        submitted=st.integers(0, 40).map(float),
        node_count=st.integers(1, 3),
        priority=st.integers(1, 3),
        duration=durations,
        project=PROJECTS,
    )


def recount(nodes: dict[str, Node], gangs: list[RunningGang]) -> None:
    """By hand: nothing is given twice, and nothing that is not there."""
    used: dict[str, Resources] = {name: Resources() for name in nodes}
    cards: Counter[tuple[str, str]] = Counter()
    for gang in gangs:
        for placement in gang.placements:
            node = nodes[placement.node]
            assert suits(gang.unit, node)
            used[node.name] += gang.unit.resources
            assert len(placement.devices) == gang.unit.resources.cards
            cards.update((node.name, card) for card in placement.devices)
            assert all(0 <= int(card) < node.total.cards for card in placement.devices)
    for name, amount in used.items():
        assert amount.fits(nodes[name].total)
    assert all(count == 1 for count in cards.values())


def room(nodes: dict[str, Node], gangs: list[RunningGang], unit: Unit) -> int:
    """By hand: how many tasks of ``unit`` fit now."""
    total = 0
    for node in nodes.values():
        if not (node.ready and suits(unit, node)):
            continue
        free = node.total
        for gang in gangs:
            for placement in gang.placements:
                if placement.node == node.name:
                    free -= gang.unit.resources
        total += slots(vector(free), vector(unit.resources))
    return total


def earliest(
    nodes: list[Node], gangs: list[tuple[RunningGang, float]], head: QueueEntry, now: float
) -> float:
    """When ``head`` starts if nobody else does: the run without backfill."""
    scheduler = Scheduler(nodes)
    for gang, _ in gangs:
        scheduler.adopt(gang)
    scheduler.submit(head)
    if scheduler.place(now):
        return now
    for gang, end in sorted(gangs, key=lambda pair: pair[1]):
        scheduler.release(gang.job_id)
        if scheduler.place(end):
            return end
    raise AssertionError("the head never starts")


class Watch:
    """Looks at every round of a simulation."""

    def __init__(self, nodes: list[Node], arrivals: list[Arrival], *, exact: bool) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.arrivals = {a.entry.job_id: a for a in arrivals}
        self.exact = exact
        self.promises: dict[str, float] = {}
        self.simulation = Simulation(nodes, arrivals, watch=self)

    def __call__(self, now: float, decisions: list[Decision]) -> None:
        scheduler = self.simulation.scheduler
        gangs = self._gangs(now)
        recount(self.nodes, [gang for gang, _ in gangs])
        for decision in decisions:
            arrival = self.arrivals[decision.job_id]
            assert len(decision.placements) == arrival.entry.node_count
            if decision.job_id in self.promises:
                assert now <= self.promises[decision.job_id]
        self._look_at_head(scheduler, gangs, decisions, now)

    def _gangs(self, now: float) -> list[tuple[RunningGang, float]]:
        scheduler = self.simulation.scheduler
        found = ((scheduler.running(job_id), run.ended) for job_id, run in self.simulation.runs.items())
        return [(gang, end) for gang, end in found if gang]

    def _look_at_head(
        self,
        scheduler: Scheduler,
        gangs: list[tuple[RunningGang, float]],
        decisions: list[Decision],
        now: float,
    ) -> None:
        heads = scheduler.heads(now)
        if not heads:
            self.promises.clear()
            return
        head = self.arrivals[heads[0].job_id].entry
        assert room(self.nodes, [gang for gang, _ in gangs], head.unit) < head.node_count
        passed = {decision.job_id for decision in decisions if decision.ahead}
        before = [(gang, end) for gang, end in gangs if gang.job_id not in passed]
        with_them = earliest(list(self.nodes.values()), gangs, head, now)
        without = earliest(list(self.nodes.values()), before, head, now)
        starts = heads[0].starts
        if self.exact or starts is None:
            assert with_them <= without
        if starts is not None:
            assert with_them <= starts
            if not any(not d.ahead for d in decisions) and head.job_id in self.promises:
                assert starts <= self.promises[head.job_id]
        self.promises = {} if starts is None else {head.job_id: starts}


@settings(max_examples=150, deadline=None)
@given(NODES, st.lists(entries(st.integers(1, 30).map(float)), max_size=14))
def test_exact_durations_backfill_never_delays_the_head(nodes: list[Node], queue: list[QueueEntry]) -> None:
    arrivals = [Arrival(entry, entry.duration or 0) for entry in queue]
    Watch(nodes, arrivals, exact=True).simulation.run()


CARD_NODES = st.lists(st.integers(2, 4), min_size=1, max_size=3).map(
    lambda sizes: [Node(f"n{i}", Resources(cpus=9, cards=n), Chip.GPU) for i, n in enumerate(sizes)]
)
CARD_JOBS = st.lists(
    st.builds(
        QueueEntry,
        job_id=st.builds(lambda: f"job-{next(ids)}"),
        unit=st.integers(1, 4).map(lambda n: Unit(Resources(cpus=1, cards=n), Chip.GPU)),
        submitted=st.integers(0, 20).map(float),
        node_count=st.integers(1, 2),
        priority=st.sampled_from([1, 1, 1, 2]),
        duration=st.integers(1, 30).map(float),
    ),
    min_size=6,
    max_size=20,
)


@settings(max_examples=300, deadline=None)
@given(CARD_NODES, CARD_JOBS)
def test_exact_durations_in_a_crowd_of_one_kind(nodes: list[Node], queue: list[QueueEntry]) -> None:
    arrivals = [Arrival(entry, entry.duration or 0) for entry in queue]
    Watch(nodes, arrivals, exact=True).simulation.run()


@settings(max_examples=150, deadline=None)
@given(NODES, st.lists(st.tuples(entries(), st.floats(0.01, 1)), max_size=14))
def test_unknown_and_overestimated_durations_keep_every_promise(
    nodes: list[Node], queue: list[tuple[QueueEntry, float]]
) -> None:
    arrivals = [Arrival(entry, (entry.duration or 30) * part) for entry, part in queue]
    Watch(nodes, arrivals, exact=False).simulation.run()


@settings(max_examples=100, deadline=None)
@given(NODES, st.lists(entries(), max_size=14))
def test_every_job_that_can_run_does(nodes: list[Node], queue: list[QueueEntry]) -> None:
    runs = Simulation(nodes, [Arrival(entry, 5.0) for entry in queue]).run()
    empty = {node.name: node for node in nodes}
    possible = {e.job_id for e in queue if room(empty, [], e.unit) >= e.node_count}
    assert runs.keys() == possible


@settings(max_examples=100, deadline=None)
@given(NODES, st.lists(entries(), max_size=14))
def test_like_jobs_start_in_order(nodes: list[Node], queue: list[QueueEntry]) -> None:
    alike = [
        replace(entry, submitted=0.0, unit=queue[0].unit, node_count=1, duration=None) for entry in queue
    ]
    runs = Simulation(nodes, [Arrival(entry, 5.0) for entry in alike]).run()
    order = {job_id: i for i, job_id in enumerate(runs)}
    started = [(3 - e.priority, order[e.job_id]) for e in alike if e.job_id in order]
    assert sorted(started, key=lambda pair: pair[1]) == sorted(started)


@settings(max_examples=50, deadline=None)
@given(NODES, st.lists(entries(), max_size=14))
def test_the_same_events_give_the_same_decisions(nodes: list[Node], queue: list[QueueEntry]) -> None:
    arrivals = [Arrival(entry, 7.0) for entry in queue]
    assert Simulation(nodes, arrivals).run() == Simulation(nodes, arrivals).run()


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 6), st.lists(st.integers(1, 20), min_size=30, max_size=60))
def test_a_stream_of_small_jobs_does_not_starve_a_big_one(cards: int, lengths: list[int]) -> None:
    node = Node("n", Resources(cpus=99, memory_mb=1, cards=cards), Chip.GPU)
    small = Unit(Resources(cpus=1, cards=1), Chip.GPU)
    big = QueueEntry("big", Unit(Resources(cpus=1, cards=cards), Chip.GPU), submitted=5.0, duration=3.0)
    jobs = [QueueEntry(f"small-{i}", small, submitted=float(i), duration=None) for i in range(len(lengths))]
    arrivals = [Arrival(job, float(n)) for job, n in zip(jobs, lengths, strict=True)]
    runs = Simulation([node], [*arrivals, Arrival(big, 3.0)]).run()
    before = [runs[job.job_id].ended for job in jobs if job.submitted <= 5.0]
    assert runs["big"].started <= max(before)


class Machine(RuleBasedStateMachine):
    """Any sequence of events, looked at after each."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.nodes: dict[str, Node] = {}
        self.entries: dict[str, QueueEntry] = {}
        self.gangs: dict[str, RunningGang] = {}
        self.quotas: dict[str, Quota] = {}
        self.scheduler = Scheduler()

    @initialize(nodes=NODES)
    def start(self, nodes: list[Node]) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.scheduler.set_nodes(nodes)

    @rule(entry=entries(), paused=st.booleans())
    def submit(self, entry: QueueEntry, paused: bool) -> None:
        self.entries[entry.job_id] = replace(entry, paused=paused)
        self.scheduler.submit(self.entries[entry.job_id])

    @rule(data=st.data())
    def change(self, data: st.DataObject) -> None:
        if not self.entries:
            return
        job_id = data.draw(st.sampled_from(sorted(self.entries)))
        action = data.draw(st.sampled_from(["withdraw", "priority", "pause"]))
        entry = self.entries[job_id]
        if action == "withdraw":
            assert self.scheduler.withdraw(job_id)
            del self.entries[job_id]
        elif action == "priority":
            self.entries[job_id] = replace(entry, priority=data.draw(st.integers(1, 3)))
            assert self.scheduler.set_priority(job_id, self.entries[job_id].priority)
        else:
            self.entries[job_id] = replace(entry, paused=not entry.paused)
            assert self.scheduler.set_paused(job_id, not entry.paused)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.gangs:
            job_id = data.draw(st.sampled_from(sorted(self.gangs)))
            del self.gangs[job_id]
            self.scheduler.release(job_id)

    @rule(data=st.data())
    def node(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.nodes)))
        self.nodes[name] = replace(self.nodes[name], ready=not self.nodes[name].ready)
        self.scheduler.set_nodes(self.nodes.values())

    @rule(project=PROJECTS, jobs=st.none() | st.integers(0, 3), cards=st.none() | st.integers(0, 4))
    def quota(self, project: str, jobs: int | None, cards: int | None) -> None:
        self.quotas[project] = Quota(jobs, cards)
        self.scheduler.set_quota(project, self.quotas[project])

    @rule(project=PROJECTS)
    def no_quota(self, project: str) -> None:
        self.quotas.pop(project, None)
        self.scheduler.set_quota(project, None)

    @rule(seconds=st.integers(0, 10))
    def place(self, seconds: int) -> None:
        self.now += seconds
        for decision in self.scheduler.place(self.now):
            entry = self.entries.pop(decision.job_id)
            gang = self.scheduler.running(decision.job_id)
            assert gang
            assert gang.placements == decision.placements
            assert len(gang.placements) == entry.node_count
            assert not entry.paused
            assert all(self.nodes[p.node].ready for p in gang.placements)
            self.gangs[decision.job_id] = gang
            assert self._within_quota(entry.project)
        self._first_in_line_does_not_fit()

    def _within_quota(self, project: str, more: QueueEntry | None = None) -> bool:
        quota = self.quotas.get(project, Quota())
        held = [g for g in self.gangs.values() if g.project == project]
        jobs = len(held) + (more is not None)
        cards = sum(g.cards for g in held) + (more.cards if more else 0)
        few_cards = quota.cards is None or cards <= quota.cards or bool(more and not more.cards)
        return (quota.jobs is None or jobs <= quota.jobs) and few_cards

    def _first_in_line_does_not_fit(self) -> None:
        waiting = [e for e in self.entries.values() if not e.paused]
        for entry in sorted(waiting, key=lambda e: (-e.priority, e.submitted)):
            if not self._within_quota(entry.project, entry):
                continue
            gangs = list(self.gangs.values())
            ready = {n: node for n, node in self.nodes.items() if node.ready}
            if room(ready, [], entry.unit) < entry.node_count:
                continue
            # jobs of one submission time are ordered by arrival, so look at all of the first ones
            first = [e for e in waiting if (e.priority, e.submitted) == (entry.priority, entry.submitted)]
            if len(first) == 1:
                assert room(self.nodes, gangs, entry.unit) < entry.node_count
            return

    @invariant()
    def nothing_is_given_twice(self) -> None:
        recount(self.nodes, list(self.gangs.values()))

    @invariant()
    def every_waiting_job_is_told_why(self) -> None:
        ranked = sorted(self.scheduler.position(j) for j, e in self.entries.items() if not e.paused)
        assert ranked == list(range(1, len(ranked) + 1))
        for job_id in self.entries:
            why = self.scheduler.why(job_id, self.now)
            assert why.sentence.endswith(".")
            assert why.unblock.endswith(".")
            assert why.sentence_zh
            assert why.unblock_zh


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
