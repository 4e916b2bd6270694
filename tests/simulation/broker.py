"""What outlives every worker: the logs of all partitions, the commits, and what was published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streams.engine.journal import Entry
from streams.engine.local import LocalBroker, Log
from streams.engine.owner import OWNED
from streams.engine.ports import Output, Record

CLOSED_MS = 60_000
"""Only what is older than this is compacted: its segment has been closed."""


class Written(NamedTuple):
    """A record of an owned topic, and who has appended it."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    writer: object


class Kafka:
    """All topics; `now` gives the broker's clock in ms."""

    def __init__(self, partitions: int, now: Callable[[], int]) -> None:
        self.partitions = partitions
        self.now = now
        self.source = [Log() for _ in range(partitions)]
        self.changelog = [Log() for _ in range(partitions)]
        self.partials = [Log() for _ in range(partitions)]
        self.owned = {topic: [Log() for _ in range(partitions)] for topic in OWNED}
        self.history: list[Written] = []
        """All that was ever appended to owned topics, whatever has been compacted since."""
        self.commits = [0] * partitions
        self.alerts: list[Record] = []
        self.rejects: list[Output] = []

    def publish(self, output: Output) -> None:
        """Take one record, of a topic that nobody owns."""
        match output.topic:
            case "_partials":
                assert output.partition is not None
                self.partials[output.partition].append([(output.key or b"", output.value)], self.now())
            case "alerts":
                self.alerts.append(Record(output.key, output.value, len(self.alerts), self.now()))
            case "dlq":
                self.rejects.append(output)
            case topic:
                assert topic == "kpi.minutes"

    def append(self, topic: str, partition: int, records: Sequence[Entry], writer: object) -> int:
        """Append to an owned topic; the offset of the first."""
        base = self.owned[topic][partition].append(records, self.now())
        self.history += [Written(topic, partition, key, value, writer) for key, value in records]
        return base

    def compact(self, log: Log) -> None:
        """Keep the last record of every key, as far as segments are closed."""
        log.compact(self.now() - CLOSED_MS)


class Seat(LocalBroker):
    """A source partition as one owner sees it: what he has done is committed only later, and by him."""

    def __init__(self, kafka: Kafka, partition: int, publish: Callable[[Output], None]) -> None:
        self.source = kafka.source[partition]
        self.changelog = kafka.changelog[partition]
        self.committed = kafka.commits[partition]
        self._now = kafka.now
        self._publish = publish

    def append(self, records: Sequence[Entry]) -> int:
        return self.changelog.append(records, self._now())

    def publish(self, output: Output) -> None:
        self._publish(output)
