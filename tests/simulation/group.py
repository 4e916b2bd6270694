"""The consumer group: which worker owns what, and everything that happens to workers."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.simulation.broker import Kafka
from tests.simulation.scenario import JUMP
from tests.simulation.worker import Worker

Unit = tuple[str, int]
"""`source` or `rollup`, and the partition."""
CHOICES = 12
"""A multiple of every number of things that a `LocalWorker` may have to choose from."""


class Group:
    """Faults, chosen by `rng`; `say` is told what happens."""

    def __init__(self, rng: Random, kafka: Kafka, hire: Callable[[str], Worker], say: Callable[[str], None]) -> None:
        self.rng = rng
        self.kafka = kafka
        self.say = say
        self.workers: list[Worker] = []
        self.zombies: list[Worker] = []
        """Paused, and no longer of the group."""
        self.owners: dict[Unit, Worker] = {}
        self.ahead = 0
        """The furthest, in ms, that a worker's wall clock ever was ahead."""
        self.fenced_intervals = False
        """Whether somebody has found intervals of another owner among its own."""
        self._hire = hire
        self._hired = 0
        self._orphans = [(kind, each) for each in range(kafka.partitions) for kind in ("source", "rollup")]
        for _ in range(rng.randrange(1, 4)):
            self.hire()
        self.assign()

    @property
    def awake(self) -> list[Worker]:
        """Whoever takes steps; zombies often, as their time is short."""
        return [each for each in (*self.workers, *self.zombies, *self.zombies) if not each.paused]

    def hire(self) -> None:
        """Start a worker."""
        self._hired += 1
        self.workers.append(self._hire(f"w{self._hired}"))

    def assign(self) -> None:
        """Give what nobody owns to somebody."""
        if not any(not each.paused for each in self.workers):
            self.hire()
        orphans, self._orphans = self._orphans, []
        for unit in orphans:
            worker = self.rng.choice([each for each in self.workers if not each.paused])
            self.owners[unit] = worker
            kind, partition = unit
            how = ""
            if kind == "source":
                how = worker.own_source(partition, self.rng.choice((1, 3, 100)))
            else:
                worker.own_rollup(partition)
            self.say(f"{worker.name} gets {kind} {partition} {how}")
        for worker in self.workers:
            if not worker.paused:  # whoever is stopped does not hear of it
                worker.parked.clear()

    def owns(self, worker: Worker, partition: int) -> bool:
        """Whether the group counts on a worker for a source partition."""
        return self.owners.get(("source", partition)) is worker

    def has_read(self, partition: int) -> bool:
        """Whether a roll-up knows all that was told, and has sent again what was overwritten."""
        owner = self.owners.get(("rollup", partition))
        return owner is not None and owner.rollups[partition].settled

    # --- faults ------------------------------------------------------------------------------------

    def crash(self, worker: Worker, why: str) -> None:
        """A worker is gone; of what was on its way some was taken."""
        self.say(f"{worker.name} dies: {why}")
        self.fenced_intervals = self.fenced_intervals or why.startswith("fenced: kpi.intervals")
        for partition in list(worker.transit):
            worker.land(partition, self.rng.choice((0, 1, 100)))
        for rollup in worker.rollups.values():
            rollup.land(self.rng.choice((0, 1, 100)))
        self._forget(worker)
        if worker in self.zombies:
            self.zombies.remove(worker)
        else:
            self.workers.remove(worker)

    def bury(self) -> None:
        """Whoever must end does."""
        for worker in [each for each in (*self.workers, *self.zombies) if each.crashed]:
            self.crash(worker, str(worker.crashed))

    def pause(self, worker: Worker) -> None:
        """A worker is stopped, and after a while no longer counted on."""
        self.say(f"{worker.name} is stopped")
        worker.paused = True

    def expel(self) -> None:
        """Whoever is stopped loses what he owned, without knowing."""
        for worker in [each for each in self.workers if each.paused]:
            self.say(f"{worker.name} is given up")
            self._forget(worker)
            self.workers.remove(worker)
            self.zombies.append(worker)

    def wake(self, worker: Worker) -> None:
        """Whoever is stopped goes on."""
        self.say(f"{worker.name} goes on")
        worker.paused = False

    def step_clock(self, worker: Worker) -> None:
        """A wall clock is set."""
        worker.skew = self.rng.choice((0, JUMP, -JUMP, self.rng.randrange(-JUMP, JUMP)))
        self.ahead = max(self.ahead, worker.skew)
        self.say(f"{worker.name}'s clock is off by {worker.skew} ms")

    def rebalance(self) -> None:
        """Some partitions are revoked, in order: what is on its way is completed, if there is time."""
        units = [unit for unit, worker in self.owners.items() if not worker.paused and self.rng.random() < 0.5]
        for unit in units:
            kind, partition = unit
            worker = self.owners[unit]
            patience = self.rng.choice((0, 3, 1000, 1000))
            if kind == "source":
                self._drain_source(worker, partition, patience)
            else:
                self._drain_rollup(worker, partition, patience)
            del self.owners[unit]
            self._orphans.append(unit)
            self.say(f"{worker.name} gives {kind} {partition} back")

    def _drain_source(self, worker: Worker, partition: int, patience: int) -> None:
        run = worker.sources[partition]
        run.revoke()
        while patience and run.core.in_flight and run.step(self.rng.randrange(CHOICES)):
            patience -= 1
        if not run.crashed:
            worker.commit(partition)
            worker.lose_source(partition)

    def _drain_rollup(self, worker: Worker, partition: int, patience: int) -> None:
        run = worker.rollups[partition]
        while patience and run.ready and run.busy and run.step():
            patience -= 1
        if not run.crashed:
            run.land(self.rng.choice((0, 100)))
            del worker.rollups[partition]

    def _forget(self, worker: Worker) -> None:
        for unit in [unit for unit, owner in self.owners.items() if owner is worker]:
            del self.owners[unit]
            self._orphans.append(unit)
