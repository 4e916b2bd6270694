"""One worker process: the source partitions and roll-up partitions that it believes to be its own."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable

from streams.clock import PartitionClock
from streams.engine.core import Core
from streams.engine.local import LocalWorker
from streams.engine.ports import Output, Record
from tables.settings import Settings
from tables.shard import Shard
from tests.simulation.broker import Kafka, Seat
from tests.simulation.rollups import RollupRun

VIEWS_MS = 200


class Worker:
    """Steps are taken from outside; a worker that is dropped has crashed. `now` gives the true instant in ms."""

    def __init__(self, name: str, kafka: Kafka, settings: Settings, now: Callable[[], int]) -> None:
        self.name = name
        self.kafka = kafka
        self.settings = settings
        self.skew = 0
        """How far its wall clock is off, in ms."""
        self.paused = False
        self.sources: dict[int, LocalWorker] = {}
        self.rollups: dict[int, RollupRun] = {}
        self.parked: dict[int, Core] = {}
        self.transit: dict[int, deque[Output]] = defaultdict(deque)
        """Partials on their way, by partition."""
        self._now = now

    def wall(self) -> int:
        """This worker's wall clock, in ms."""
        return self._now() + self.skew

    @property
    def crashed(self) -> str | None:
        """Why the process must end, if it must."""
        reasons = [each.crashed for each in self.sources.values()] + [each.crashed for each in self.rollups.values()]
        return next((each for each in reasons if each), None)

    # --- assignments -------------------------------------------------------------------------------

    def own_source(self, partition: int, chunk: int) -> str:
        """Begin with a source partition; how."""
        seat = Seat(self.kafka, partition, self._publish)
        parked = self.parked.pop(partition, None)
        again = parked is not None and parked.reusable(seat.changelog.end, seat.committed)
        core = parked if again and parked is not None else self.new_core(partition)
        self.sources[partition] = LocalWorker(seat, core, chunk)
        return "again" if again else "anew"

    def new_core(self, partition: int) -> Core:
        """A core that knows nothing yet."""
        shard = Shard(partition, self.kafka.partitions, self.settings, self.wall, "events")
        return Core(shard, PartitionClock(), ticks=True)

    def own_rollup(self, partition: int) -> None:
        """Begin with a roll-up partition."""
        self.rollups[partition] = RollupRun(self.kafka, partition, self.settings, self.wall)

    def lose_source(self, partition: int) -> None:
        """Let go of a source partition after a drain; what is complete may be used again."""
        run = self.sources.pop(partition)
        if run.drained:
            self.parked[partition] = run.core

    # --- what it does ------------------------------------------------------------------------------

    def tick(self, partition: int) -> None:
        """Let a partition's clock go on."""
        run = self.sources[partition]
        if run.ready:
            run.tick(self.wall())

    def views(self, partition: int, *, turns: bool) -> None:
        """Tell what has changed: own roll-ups at once, the broker in its time."""
        run = self.sources[partition]
        clock = run.core.clock
        if not (run.ready and clock.now) or run.crashed:
            return
        lag = 0 if clock.final or run.caught_up else max(1, self.wall() - clock.now)
        # Not `run.views`: what it publishes would be there at once.
        told = run.core.views(lag, self.wall() // VIEWS_MS if turns else None)
        for each in told:
            assert each.partition is not None
            self.transit[each.partition].append(each)
        for place, rollup in self.rollups.items():
            if rollup.ready and rollup.crashed is None:
                own = [Record(each.key, each.value, 0, 0) for each in told if each.partition == place]
                rollup.rollup.ahead(own, self.wall())

    def commit(self, partition: int) -> None:
        """Commit what a source partition has done."""
        self.kafka.commits[partition] = self.sources[partition].broker.committed

    def land(self, partition: int, count: int) -> None:
        """Let the broker take some of the partials on their way to a partition."""
        waiting = self.transit[partition]
        while waiting and count > 0:
            self.kafka.publish(waiting.popleft())
            count -= 1

    def land_all(self) -> None:
        """Let the broker take all."""
        for partition, waiting in self.transit.items():
            self.land(partition, len(waiting))
        for rollup in self.rollups.values():
            rollup.land(len(rollup.sent))

    def _publish(self, output: Output) -> None:
        """What a core publishes; in a partition it comes behind what was sent before."""
        if output.topic == "_partials" and output.partition is not None:
            self.land(output.partition, len(self.transit[output.partition]))
        self.kafka.publish(output)
