"""One worker that owns every partition, over the logs of the simulation; nothing breaks, and time goes on by steps."""

from __future__ import annotations

from collections.abc import Iterator

from streams.engine.core import TICK_HEADER
from streams.engine.local import Log
from streams.engine.owner import INTERVALS_TOPIC, OWNED
from streams.engine.ports import Output, Record
from streams.topics import BY_NAME
from tables.settings import Settings
from tests.simulation.broker import Kafka
from tests.simulation.rollups import RollupRun
from tests.simulation.worker import Worker

_STEP = 900_000
_SECOND = 1_000
_LAST_TURNS = 60
_AHEAD_MS = 60_000
_PARTIALS_KEPT = BY_NAME["_partials"].retention_ms or 0
_MINUTES_KEPT = 600_000


class Logs(Kafka):
    """The topics of the simulation, and the minutes."""

    def __init__(self, partitions: int, run: Run) -> None:
        super().__init__(partitions, lambda: run.now)
        self.minutes = Log()

    def publish(self, output: Output) -> None:
        if output.topic == "kpi.minutes":
            self.minutes.add(output.key, output.value, self.now())
        else:
            super().publish(output)

    def all(self) -> dict[str, Log]:
        """Every log by topic and partition, but those of the events."""
        alerts = Log()
        alerts.records = self.alerts
        return divided(self) | {"alerts-0": alerts, "kpi.minutes-0": self.minutes}

    def take_over(self, logs: dict[str, Log]) -> None:
        """Hold what was written down."""
        for place in range(self.partitions):
            self.changelog[place] = logs[f"_conversations-{place}"]
            self.partials[place] = logs[f"_partials-{place}"]
            for topic in OWNED:
                self.owned[topic][place] = logs[f"{topic}-{place}"]
        self.alerts = logs["alerts-0"].records
        self.minutes = logs["kpi.minutes-0"]


class Run:
    """`now` is the instant, in ms, on every clock."""

    def __init__(self, settings: Settings, partitions: int, now: int) -> None:
        self.now = now
        self.kafka = Logs(partitions, self)
        self._settings = settings
        self.worker = self._new_worker()

    def _new_worker(self) -> Worker:
        return Worker("one", self.kafka, self._settings, lambda: self.now)

    def start(self) -> None:
        """A worker starts, and becomes the owner of everything; one before it has ended in order."""
        for source in self.worker.sources.values():
            source.revoke()
            source.run()
        self.worker = self._new_worker()
        for place in range(self.kafka.partitions):
            self.worker.own_source(place, 100)
            self.worker.own_rollup(place)
        self.turn()

    def arrive(self, partition: int, event: Record) -> None:
        """An event comes at its broker's timestamp."""
        self.go_on(event.timestamp)
        self.kafka.source[partition].add(event.key, event.value, self.now)
        self.turn()
        self.go_on(self.now + _SECOND)

    def go_on(self, until: int) -> None:
        """Let time pass; what was folded is committed now and then."""
        while self.now < until:
            self.now = min(self.now + _STEP, until)
            self.turn()
            if self.now % _STEP == 0:
                for place in self.worker.sources:
                    self.worker.commit(place)

    def turn(self) -> None:
        """Whatever there is to do is done."""
        self._speak()
        for rollup in self.worker.rollups.values():
            self._publish(rollup)
        assert self.worker.crashed is None, self.worker.crashed

    def _speak(self) -> None:
        worker = self.worker
        for place, source in worker.sources.items():
            source.run()
            worker.tick(place)
            source.run()
            worker.views(place, turns=False)
        worker.land_all()

    @staticmethod
    def _publish(rollup: RollupRun) -> None:
        rollup.run()
        rollup.begin()
        rollup.run()

    def stop(self, at: int) -> None:
        """The worker is gone at an instant, in the middle of everything.

        One roll-up has heard nothing for a while, and its clock was ahead, when it published last: its records are
        partial. The other has closed intervals and not said so. What timers did is written down and not told.
        """
        worker, (silent, closing) = self.worker, self.worker.rollups.values()
        self.now = at - _SECOND
        worker.skew = _AHEAD_MS
        self._publish(silent)
        worker.skew = 0
        self.now = at - 1
        self._speak()
        closing.run()
        closing.begin()
        intervals = self.kafka.owned[INTERVALS_TOPIC][closing.partition]
        end = intervals.end
        while intervals.end == end:
            assert closing.step()
        self.now = at
        for place, source in worker.sources.items():
            worker.tick(place)
            source.step()

    def finish(self) -> int:
        """Let all clocks stop, and everything be published; the instant at which they stand."""
        end = self.now + 2 * _SECOND
        self.now = end + 1
        for source in self.kafka.source:
            source.add(None, b"", self.now, ((TICK_HEADER, str(end).encode()),))
        for _ in range(_LAST_TURNS):
            self.now += 600
            self.turn()
            if all(run.rollup.final_published and not run.busy for run in self.worker.rollups.values()):
                return end
        raise AssertionError("the roll-ups are not final")

    def clean(self) -> None:
        """What Kafka compacts is compacted, what it lets go of after a while is gone; minutes sooner, to be short."""
        kafka = self.kafka
        for name, log in kafka.all().items():
            if not name.startswith(("kpi.intervals", "alerts")):
                kafka.compact(log)
        for log, kept in [*((each, _PARTIALS_KEPT) for each in kafka.partials), (kafka.minutes, _MINUTES_KEPT)]:
            log.records = [each for each in log.records if each.timestamp > self.now - kept]


def divided(kafka: Kafka) -> dict[str, Log]:
    """The logs that are divided as the events are, by topic and partition: `kpi-0`."""
    topics = {"_conversations": kafka.changelog, "_partials": kafka.partials, **kafka.owned}
    return {f"{topic}-{place}": log for topic, logs in topics.items() for place, log in enumerate(logs)}


def latest(logs: list[Log]) -> Iterator[bytes]:
    """The newest values of the keys of a topic, fences left out."""
    for log in logs:
        last = {record.key: record.value for record in log.records if record.key and record.key[0]}
        yield from (value for value in last.values() if value is not None)
