"""Shards and roll-ups without an engine: any number of partitions, restarts at any point, one clock for all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any
from zlib import crc32

from streams.clock import wall_ms
from streams.codecs import decode
from streams.engine.ports import Effects, Output, Record
from streams.rejects import Rejected
from tables.rollup import Rollup
from tables.settings import Settings
from tables.shard import Shard

Alert = dict[str, Any]


class House:
    """What replay does, over several partitions, keeping every log that a restart needs."""

    def __init__(self, config: dict[str, Any], partitions: int = 1) -> None:
        self.settings = Settings.from_mapping(config)
        self.partitions = partitions
        self.clock = 0
        self.alerts: list[Alert] = []
        """In order of publication."""
        self.counts: Counter[str] = Counter()
        self.changelogs: list[dict[bytes, bytes]] = [{} for _ in range(partitions)]
        self._partials: list[dict[bytes, Output]] = [{} for _ in range(partitions)]
        self._offset = 0
        self._epoch = 0
        self.shards: list[Shard] = []
        for place in range(partitions):
            self.shards.append(self._shard(place, 0))
        self.rollups = [self._rollup(place) for place in range(partitions)]

    def _shard(self, place: int, mark: int) -> Shard:
        shard = Shard(place, self.partitions, self.settings, wall_ms, "events")
        for key, value in self.changelogs[place].items():
            shard.restore(key, value)
        shard.recovered(self._epoch, self.clock, mark)
        self._epoch += 1
        return shard

    def _rollup(self, place: int) -> Rollup:
        rollup = Rollup(place, self.partitions, self.settings)
        rollup.recovered(self._epoch)
        self._epoch += 1
        rollup.apply(self._records(self._partials[place].values()), self.clock)
        return rollup

    def restart(self, place: int) -> None:
        """A new owner of a partition, with nothing but the logs."""
        self.counts += self.shards[place].counts
        self.shards[place] = self._shard(place, self.shards[place].mark)
        self.rollups[place] = self._rollup(place)
        self._keep(place, self.shards[place].advance(self.clock))

    def arrive(self, event: dict[str, Any]) -> None:
        """One source record."""
        value = json.dumps(event).encode()
        try:
            valid = decode(value, wall_ms())
        except Rejected:
            at = 0
        else:
            at = valid.at
        place = crc32(str(event.get("conversation_id")).encode()) % self.partitions
        self.advance(at)
        record = Record(None, value, self._offset, at)
        self._offset += 1
        self._keep(place, self.shards[place].fold([record], self.clock, event_time=True))

    def advance(self, at: int) -> None:
        """Let the clock of all partitions go on to `at`, unless it is further."""
        self.clock = max(self.clock, at)
        for place, shard in enumerate(self.shards):
            self._keep(place, shard.advance(self.clock))

    def show(self, *, final: bool = False) -> None:
        """Let the roll-ups have what has changed."""
        for shard in self.shards:
            self._tell(shard.views(self.clock, 0, final=final))

    def _tell(self, views: Iterable[Output]) -> None:
        for view in views:
            assert view.partition is not None
            assert view.key is not None
            log = self._partials[view.partition]
            # As compaction does: the newest, where it came. Minutes of agents rest on those before them for a while.
            key = view.key if b"|o" not in view.key else b"%b %d" % (view.key, len(log))
            log.pop(key, None)
            log[key] = view
            self.rollups[view.partition].apply(self._records([view]), self.clock)

    def records(self) -> list[dict[str, Any]]:
        """The KPI records now, without `seq`."""
        self.show(final=True)
        out: list[Output] = []
        for rollup in self.rollups:
            rollup.publish_all(self.clock, self.clock, out)
        records = [json.loads(each.value) for each in out if each.topic == "kpi" and each.value is not None]
        for record in records:
            del record["seq"]
        return sorted(records, key=lambda r: (r["tenant"], r["scope"], r["window"]))

    def run(self, events: Iterable[dict[str, Any]], until: int | None = None) -> House:
        """Let events arrive, and the clock go on to `until`."""
        for event in events:
            self.arrive(event)
        self.advance(until or 0)
        return self

    def outcomes(self) -> Counter[str]:
        """Records by outcome, over restarts."""
        return sum((shard.counts for shard in self.shards), self.counts)

    def _keep(self, place: int, effects: Effects) -> None:
        self.alerts += [json.loads(alert.value) for alert in effects.alerts if alert.value is not None]
        self._tell(effects.snapshots)
        for key, value in effects.changelog:
            if value is None:
                self.changelogs[place].pop(key, None)
            else:
                self.changelogs[place][key] = value

    def _records(self, views: Iterable[Output]) -> list[Record]:
        return [Record(view.key, view.value, 0, self.clock) for view in views]
