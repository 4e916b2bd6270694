"""Workers that die between any two steps, pause and come back, over an in-process log."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.clock import PartitionClock
from streams.engine.core import Core
from streams.engine.journal import encode_outputs, outbox_key
from streams.engine.local import LocalBroker, LocalWorker
from streams.engine.ports import Record
from tests.toy import ALERT_EVERY, ToyShard

TIMER_AT = 5_000
WALL = 10_000


def new_worker(broker: LocalBroker, chunk: int) -> tuple[LocalWorker, ToyShard]:
    shard = ToyShard()
    return LocalWorker(broker, Core(shard, PartitionClock()), chunk), shard


def expected_alerts(keys: list[bytes], timers: set[bytes]) -> set[bytes]:
    counts = Counter(keys)
    tenths = {b"%s:%d" % (key, n) for key, count in counts.items() for n in range(ALERT_EVERY, count + 1, ALERT_EVERY)}
    return tenths | {b"%s:timer:%d" % (key, TIMER_AT) for key in timers}


def compacted(broker: LocalBroker) -> ToyShard:
    """The state that is left when of every key only the last record is."""
    shard = ToyShard()
    for key, value in {record.key: record.value for record in broker.changelog.records}.items():
        if key and key[0]:
            shard.restore(key, value)
    return shard


class Run:
    """A seeded run: records come in, workers die and are replaced; sometimes the old one is only paused."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.broker = LocalBroker()
        self.keys: list[bytes] = []
        self.timers: set[bytes] = set()
        self.zombies: list[LocalWorker] = []

    def produce(self, count: int) -> None:
        for _ in range(count):
            key = b"k%d" % self.random.randrange(7)
            timer = self.random.random() < 0.05
            if timer:
                self.timers.add(key)
            self.keys.append(key)
            value = b"timer:%d" % TIMER_AT if timer else b"x"
            self.broker.source.append([(key, value)], timestamp=1_000)

    def live(self, worker: LocalWorker, steps: int, *, zombies: bool) -> None:
        for _ in range(steps):
            roll = self.random.random()
            if roll < 0.05:
                worker.tick(WALL)
            elif roll < 0.10:
                worker.views()
            elif zombies and self.zombies and roll < 0.2:
                self.random.choice(self.zombies).step(self.random.randrange(3))
            else:
                worker.step(self.random.randrange(3))

    def finish(self) -> ToyShard:
        for _ in range(100):
            worker, shard = new_worker(self.broker, self.random.randrange(1, 40))
            for _ in range(1_000):
                worker.run()
                worker.tick(WALL)
                worker.tick(WALL + 1)
                if worker.crashed or (worker.caught_up and not worker.core.in_flight and not worker.step()):
                    break
            if worker.crashed is None:
                return shard
        raise AssertionError("no worker lives")


def seeds(count: int) -> Iterator[int]:
    yield from range(count)


@pytest.mark.parametrize("zombies", [False, True], ids=["crashes", "zombies"])
@pytest.mark.parametrize("block", range(8))
def test_nothing_is_lost_and_nothing_counted_twice(block: int, zombies: bool) -> None:
    for seed in range(block * 50, block * 50 + 50):
        run = Run(seed)
        for _ in range(run.random.randrange(1, 7)):
            run.produce(run.random.randrange(60))
            worker, _ = new_worker(run.broker, run.random.randrange(1, 40))
            run.live(worker, run.random.randrange(1, 120), zombies=zombies)
            if zombies and run.random.random() < 0.7:
                run.zombies.append(worker)
        shard = run.finish()
        assert shard.counts == Counter(run.keys), seed
        alerts = {output.key for output in run.broker.published["alerts"]}
        # A timer is set anew by each record that carries it, so only their presence is certain.
        missing = expected_alerts(run.keys, run.timers) - alerts
        assert not missing, (seed, missing)
        assert run.broker.committed == len(run.keys), seed
        assert compacted(run.broker).counts == shard.counts, seed


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 30)), max_size=6), st.integers(0, 2**32))
def test_state_recovered_twice_is_the_same(plan: list[tuple[int, int]], seed: int) -> None:
    run = Run(seed)
    for _, steps in plan:
        run.produce(20)
        worker, _ = new_worker(run.broker, 10)
        run.live(worker, steps, zombies=False)
    first = run.finish()
    again = run.finish()
    assert (first.counts, first.timers) == (again.counts, again.timers)


def test_every_crash_point_of_one_chunk_with_an_alert() -> None:
    steps = 0
    while True:
        broker = LocalBroker()
        broker.source.append([(b"k", b"x")] * ALERT_EVERY)
        worker, _ = new_worker(broker, 100)
        complete = not all(worker.step() for _ in range(steps))
        successor, shard = new_worker(broker, 100)
        successor.run()
        assert shard.counts == {b"k": ALERT_EVERY}
        assert {output.key for output in broker.published["alerts"]} == {b"k:10"}
        if complete:
            return
        steps += 1


def test_a_zombies_records_are_written_again_by_the_next_owner() -> None:
    broker = LocalBroker()
    broker.source.append([(b"a", b"x"), (b"b", b"x")])
    old, _ = new_worker(broker, 1)
    old.run()  # both are folded
    broker.source.append([(b"a", b"x"), (b"b", b"x")])
    old.step()  # folds `a`, and is stopped before its batch is sent
    new, shard = new_worker(broker, 10)
    new.run()
    assert shard.counts == {b"a": 2, b"b": 2}
    old.run()
    assert (old.crashed or "").startswith("fenced")
    third, shard = new_worker(broker, 10)
    third.run()
    assert shard.counts == {b"a": 2, b"b": 2}
    assert compacted(broker).counts == {b"a": 2, b"b": 2}


def test_an_undelivered_outbox_is_published_by_the_next_owner_and_then_deleted() -> None:
    broker = LocalBroker()
    shard = ToyShard()
    alert = shard.fold([Record(b"k", b"x", n, 0) for n in range(ALERT_EVERY)], 0, event_time=False).alerts
    broker.changelog.append([(b"\0f", b""), (outbox_key(0, 1), encode_outputs(alert))])
    worker, _ = new_worker(broker, 10)
    worker.run()
    assert [output.key for output in broker.published["alerts"]] == [b"k:10"]
    broker.source.append([(b"k", b"x")])
    worker.run()
    assert broker.changelog.records[-2][:2] == (outbox_key(0, 1), None)
