"""A seed's run: time goes on, records arrive, workers take steps, things break; then all is mended and ends."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from unittest.mock import patch

from streams.engine import journal
from streams.engine.core import TICK_HEADER
from streams.engine.journal import Replay
from streams.engine.local import Log
from tables.scope_panes import Scope
from tests.simulation.broker import Kafka
from tests.simulation.group import CHOICES, Group
from tests.simulation.scenario import HOUR, MINUTE, SECOND, Arrival, scenario
from tests.simulation.worker import Worker

_LAST_TURNS = 60
_SUDDEN = 0.015
"""How often, when a worker takes steps, it dies after one of them with something on its way."""
_SMALL_BATCH = 1_500
"""Bytes, in some seeds: what changes then needs several batches, and of these some may be written."""


class World:
    """One seed. `say` is told every fault and step."""

    def __init__(self, seed: int, say: Callable[[str], None] = lambda _: None) -> None:
        self.rng = Random(seed)
        self.scenario = scenario(self.rng)
        self.now = self.scenario.arrivals[0].instant
        self.instant = 0
        """Where every clock stands in the end."""
        self.turn = 0
        self._tell = say
        self.kafka = Kafka(self.scenario.partitions, lambda: self.now)
        self.clocks_jump = self.rng.random() < 0.3
        self.calm = self.rng.random() < 0.1
        """Whether nothing breaks."""
        self.batch = self.rng.choice((journal.MAX_BATCH, journal.MAX_BATCH, _SMALL_BATCH))
        self._waiting = list(reversed(self.scenario.arrivals))
        self.group = Group(self.rng, self.kafka, self._hire, self.say)

    def say(self, what: str) -> None:
        """Note what happens."""
        self._tell(f"{self.turn:4} {self.now} {what}")

    def run(self) -> None:
        """To the end, where every roll-up is final."""
        # Scopes stand in sets: without a hash of their own the order would be that of their addresses.
        hashed = patch.object(Scope, "__hash__", lambda scope: scope.place)
        with hashed, patch.object(journal, "MAX_BATCH", self.batch):
            while self._waiting or self.rng.random() < 0.9:
                self._turn()
            self._finish()

    def _hire(self, name: str) -> Worker:
        return Worker(name, self.kafka, self.scenario.settings, lambda: self.now)

    # --- with faults -------------------------------------------------------------------------------

    def _turn(self) -> None:
        self.turn += 1
        self._go_on()
        for _ in range(self.rng.randrange(1, 12)):
            if workers := self.group.awake:
                self._act(self.rng.choice(workers))
                self.group.bury()
        if not self.calm and self.rng.random() < 0.2:
            self._break()
            self.group.bury()
        if self.rng.random() < 0.6:
            self.group.assign()

    def _go_on(self) -> None:
        """Let time pass, often just to the next arrival."""
        dice = self.rng.random()
        if dice < 0.5 and self._waiting:
            self.now = max(self.now, self._waiting[-1].instant)
        elif dice < 0.8:
            self.now += self.rng.randrange(2 * SECOND)
        else:
            self.now += self.rng.choice((10 * SECOND, MINUTE, MINUTE, 5 * MINUTE, self.rng.randrange(HOUR)))
        while self._waiting and self._waiting[-1].instant <= self.now:
            self._arrive(self._waiting.pop())

    def _arrive(self, arrival: Arrival) -> None:
        self.kafka.source[arrival.partition].add(arrival.key, arrival.value, arrival.instant)
        self.say(f"source {arrival.partition} takes {arrival.value.decode()}")

    def _act(self, worker: Worker) -> None:
        """Some steps of one part of a worker."""
        rng = self.rng
        steps = rng.choice((1, 2, 5, 200))
        if worker.sources and (not worker.rollups or rng.random() < 0.7):
            partition = rng.choice(list(worker.sources))
            self._act_source(worker, partition, steps)
        elif worker.rollups:
            partition = rng.choice(list(worker.rollups))
            self._act_rollup(worker, partition, steps)
        busy = any(run.busy for run in worker.rollups.values()) or any(
            run.core.in_flight for run in worker.sources.values()
        )
        if busy and not self.calm and rng.random() < _SUDDEN:
            self.group.crash(worker, "killed between two steps")
            return
        if rng.random() < 0.3:
            worker.land(rng.randrange(self.kafka.partitions), rng.choice((1, 5, 100)))

    def _act_source(self, worker: Worker, partition: int, steps: int) -> None:
        rng, run = self.rng, worker.sources[partition]
        dice = rng.random()
        if dice < 0.55:
            self.say(f"{worker.name} source {partition}: up to {steps} steps")
            while steps and run.step(rng.randrange(CHOICES)):
                steps -= 1
        elif dice < 0.75:
            self.say(f"{worker.name} source {partition}: tick")
            worker.tick(partition)
        elif dice < 0.92:
            self.say(f"{worker.name} source {partition}: views")
            worker.views(partition, turns=rng.random() < 0.5)
        elif self.group.owns(worker, partition):
            self.say(f"{worker.name} source {partition}: commit")
            worker.commit(partition)

    def _act_rollup(self, worker: Worker, partition: int, steps: int) -> None:
        rng, run = self.rng, worker.rollups[partition]
        dice = rng.random()
        if dice < 0.4:
            run.fetch(rng.choice((1, 10, 1000)))
        elif dice < 0.6:
            run.begin()
        self.say(f"{worker.name} rollup {partition}: up to {steps} steps")
        while steps and run.step():
            steps -= 1
        run.land(rng.choice((0, 1)))

    def _break(self) -> None:
        rng, group = self.rng, self.group
        if stopped := [each for each in (*group.workers, *group.zombies) if each.paused]:
            if rng.random() < 0.4:
                group.expel()
                return
            if rng.random() < 0.5:
                group.wake(rng.choice(stopped))
                return
        match rng.randrange(9):
            case 0 | 1 if group.awake:
                group.crash(rng.choice(group.awake), "killed")
            case 2 | 3 if workers := [each for each in group.workers if not each.paused]:
                group.pause(rng.choice(workers))
            case 4:
                group.rebalance()
            case 5 | 6 if self.clocks_jump and group.workers:
                group.step_clock(rng.choice(group.workers))
            case 7:
                group.hire()
            case _:
                self._compact()

    def _compact(self) -> None:
        """A topic is compacted, but for what is to be repaired first.

        Segments are closed after ten minutes, owners are replaced within one; here a minute may be an hour.
        """
        kafka = self.kafka
        logs = {"_conversations": kafka.changelog, "_partials": kafka.partials, **kafka.owned}
        del logs["kpi.intervals"]
        name = self.rng.choice(list(logs))
        self.say(f"{name} is compacted")
        for partition, log in enumerate(logs[name]):
            if name == "_conversations" and _stolen(log):
                continue
            if name == "_partials" and not self.group.has_read(partition):
                continue
            kafka.compact(log)

    # --- the end -----------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Every partition gets its tick, and all runs without faults."""
        group = self.group
        for worker in [*group.workers, *group.zombies]:
            worker.skew, worker.paused = 0, False
        for worker in list(group.zombies):
            group.crash(worker, "killed at the end")
        clocks = [run.core.clock.now for worker in group.workers for run in worker.sources.values()]
        self.instant = max([self.now, *clocks]) + group.ahead + 2 * SECOND
        self.now = self.instant + 1
        header = (TICK_HEADER, str(self.instant).encode())
        for source in self.kafka.source:
            source.add(None, b"", self.now, (header,))
        self.say(f"the end is at {self.instant}")
        for _ in range(_LAST_TURNS):
            self.turn += 1
            self.now += 600
            group.bury()
            group.assign()
            for worker in list(group.workers):
                self._work(worker)
            if self._final:
                return
        raise AssertionError("the roll-ups are not final")

    def _work(self, worker: Worker) -> None:
        for partition, run in worker.sources.items():
            run.run()
            worker.tick(partition)
            run.run()
            worker.views(partition, turns=True)
            if run.crashed is None:
                worker.commit(partition)
        worker.land_all()
        for rollup in worker.rollups.values():
            rollup.run()
            rollup.begin()
            rollup.run()

    @property
    def _final(self) -> bool:
        workers = self.group.workers
        rollups = {place: run for each in workers for place, run in each.rollups.items()}
        return len(rollups) == self.kafka.partitions and all(
            run.rollup.final_published and not run.busy and run.crashed is None for run in rollups.values()
        )


def _stolen(log: Log) -> set[bytes]:
    replay = Replay(lambda _key, _value: None)
    replay.apply(log.records)
    return replay.stolen
