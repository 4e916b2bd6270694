"""The computation alone, in this process, without a server: CPU per event of each part."""

from __future__ import annotations

import resource
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from agents.sinks.pending import KpiQueue, SeriesQueue
from streams.codecs import decode
from streams.engine.ports import Output, Record
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard
from tests.bench.shape import TENANT, Load, settings

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
CHUNK = 4_000
"""Events folded between two looks at the partials: what a worker that catches up reads in a fifth of a second."""
VIEWS_MS = 200
LAG_MS = 60_000


class Timers:
    """CPU time of this thread by what it was spent on."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, int] = defaultdict(int)

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        began = time.thread_time_ns()
        result = work()
        self.spent[name] += time.thread_time_ns() - began
        return result


class Pipeline:
    """Shards and roll-ups of all partitions, wired to each other without a broker."""

    def __init__(self, load: Load, partitions: int, now_ms: int) -> None:
        loaded = Settings.from_mapping(settings(now_ms))
        self.load = load
        self.now = now_ms
        self.wall = now_ms
        self.shards = [Shard(each, partitions, loaded, lambda: self.now, "events") for each in range(partitions)]
        self.rollups = [Rollup(each, partitions, loaded) for each in range(partitions)]
        for shard in self.shards:
            shard.recovered(0)
        self.timers = Timers()
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.told: list[Output] = []
        """Partials that go by way of the outbox, until the next publication."""
        self.latest: dict[bytes | None, bytes | None] = {}
        self._kpi, self._series = KpiQueue(1 << 30), SeriesQueue(1 << 30)

    def run(self) -> None:
        """Everything, chunk by chunk."""
        offset = 0
        for begin in range(0, len(self.load.items), CHUNK):
            items = self.load.items[begin : begin + CHUNK]
            by_partition: defaultdict[int, list[Record]] = defaultdict(list)
            for item in items:
                by_partition[item.partition].append(Record(item.key, item.value, offset, self.now))
                offset += 1
            for partition, records in sorted(by_partition.items()):
                self._fold(self.shards[partition], records)
            self.wall += VIEWS_MS
            self._publish(items[-1].at, final=False)
        self._publish(self.load.items[-1].at, final=True)

    def _fold(self, shard: Shard, records: list[Record]) -> None:
        timers = self.timers
        before = shard.greatest_at
        effects = timers("fold_encode", lambda: shard.fold(records, before, event_time=True))
        effects2 = timers("timers", lambda: shard.advance(shard.greatest_at))
        # Part of the two above, done once more to be seen by itself.
        timers("decode", lambda: [decode(record.value or b"", self.now) for record in records])
        histories = [shard.histories[key] for key, _ in effects.changelog if key in shard.histories]
        timers("changelog", lambda: [history.encode() for history in histories])
        for each in (effects, effects2):
            self.counts["alerts"] += len(each.alerts)
            self.counts["changelog_records"] += len(each.changelog)
            self.counts["changelog_bytes"] += sum(len(value or b"") for _, value in each.changelog)
            self.told += each.snapshots

    def _publish(self, clock: int, *, final: bool) -> None:
        timers, counts = self.timers, self.counts
        told, self.told = self.told, []
        for shard in self.shards:
            if final:
                told += timers("timers", lambda shard=shard: shard.advance(clock)).snapshots  # type: ignore[misc]
            told += timers("views", lambda shard=shard: shard.views(clock, LAG_MS, final=final, turn=self.wall // 100))  # type: ignore[misc]
            timers("movements", shard.movements)
        incoming: list[list[Record]] = [[] for _ in self.rollups]
        for each in told:
            incoming[each.partition or 0].append(Record(each.key, each.value, 0, clock))
        counts["partials"] += len(told)
        counts["partial_bytes"] += sum(len(each.value or b"") + len(each.key or b"") for each in told)
        for rollup, records in zip(self.rollups, incoming, strict=True):
            timers("rollup_apply", lambda rollup=rollup, records=records: rollup.apply(records, self.wall))  # type: ignore[misc]
            out = timers("rollup_due", lambda rollup=rollup: rollup.due(self.wall))  # type: ignore[misc]
            counts["kpi"] += sum(each.topic == "kpi" for each in out)
            counts["kpi_bytes"] += sum(len(each.value or b"") for each in out)
            timers("redis", lambda out=out: self._pack(out))  # type: ignore[misc]
            self.latest.update({each.key: each.value for each in out if each.topic == "kpi"})

    def _pack(self, out: list[Output]) -> None:
        for each in out:
            scope, _, window = (each.key or b"").decode().partition("/")[2].rpartition("/")
            if each.topic == "kpi":
                self._kpi.put([(TENANT, scope, window, 1, each.value or b"")])
            elif each.topic in {"kpi.minutes", "kpi.intervals"}:
                self._series.put([(TENANT, scope, int(window), 1, each.value or b"")])
        for queue in (self._kpi, self._series):
            for batch in queue.take():
                batch.owner.pack(batch)
                batch.owner.written(batch, [])


def run(load: Load, partitions: int, now_ms: int) -> dict[str, Any]:
    """The figures, per event in microseconds of CPU; `equal` says that the totals came out."""
    pipeline = Pipeline(load, partitions, now_ms)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pipeline.run()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    events = len(load.items)
    spent = {name: value / 1000 / events for name, value in pipeline.timers.spent.items()}
    fold = spent["fold_encode"] + spent["timers"] - spent["changelog"]
    publication = sum(spent[name] for name in ("views", "movements", "rollup_apply", "rollup_due", "redis"))
    record = msgspec.json.decode(pipeline.latest[f"{TENANT}/tenant/today".encode()] or b"")
    expected = load.expected(record["as_of"])
    wrong = {
        name: (record["metrics"][name], value) for name, value in expected.items() if record["metrics"][name] != value
    }
    return {
        "us_per_event": {
            "fold": round(fold, 2),
            "changelog": round(spent["changelog"], 2),
            "publication": round(publication, 2),
            "all": round(fold + spent["changelog"] + publication, 2),
        },
        "parts_us_per_event": {name: round(value, 2) for name, value in sorted(spent.items())},
        "per_event": {name: round(value / events, 3) for name, value in sorted(pipeline.counts.items())},
        "kb_per_conversation": round(grown / max(1, sum(len(each.histories) for each in pipeline.shards)), 2),
        "equal": not wrong,
        "wrong": wrong,
    }
