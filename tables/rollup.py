"""The roll-up: partials of all source partitions become KPI records (contract section 5).

It holds the windows of the scopes that are at home in one partition, and decides which records are due: a scope of
which partials have come, once those of all partitions can have come, and every scope that the clock changes once in
`ROUND_MS`. Only a record whose metrics have changed is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zlib import crc32

import msgspec

from streams.engine.ports import Output, Record
from tables import gauges, partials
from tables.days import QUARTER, QUARTER_MS, day_start
from tables.facts import MINUTE
from tables.intervals import WINDOW, Mark, Pending, add_up, decode_mark, encode_mark
from tables.kpis import read_gauges, read_window
from tables.scopes import has_trend
from tables.settings import Settings
from tables.tally import Tally
from tables.tracked import Published, Source, Tracked, record
from tables.windows import ROLLING, WINDOWS

GATHER_MS = 30
"""Partitions tell of a scope in the same turn of the wall clock; so long the others are waited for."""
EVERY_MS = 300
"""The least time between two publications of a key because of events, for partials that miss their turn (see ADR 3)."""
BEHIND_EVERY_MS = 3_000
"""The same while the sources are being caught up with: nothing can be out in time, so nothing is hurried."""
ROUND_MS = 8_000
"""Every scope that ages is looked at this often."""
LOOKED_AT_MS = 1_500
"""A scope published no longer ago needs no look."""

_encode = msgspec.json.Encoder().encode


_decode_record = msgspec.json.Decoder(Published)


class Rollup:
    """The state of one partition of the roll-up; see `streams.engine.ports.Rollup`."""

    def __init__(self, partition: int, partitions: int, settings: Settings) -> None:
        self.partition = partition
        self.settings = settings
        self.scopes: dict[str, Tracked] = {}
        self.sources = {each: Source() for each in range(partitions)}
        self.final_published = False
        self.epoch = -1
        """Which owner of the partition this is; -1 before it has recovered."""
        self._routes: dict[bytes, tuple[Tracked, int]] = {}
        self._restless: dict[str, Tracked] = {}
        self._minutes: set[tuple[str, int]] = set()
        """Scopes and minutes whose minute record is to be published once the minute is over."""
        self._overwritten: set[bytes] = set()
        """Keys of partials whose last record in the log is not the newest: compaction would keep the wrong one."""
        self._sent_again: dict[bytes, tuple[int, int]] = {}
        """Stamps of what was sent again and has not come back yet."""
        self._pending = Pending()
        self._closed: set[bytes] = set()
        """Keys of interval records that are out although the mark does not say so."""
        self.mark = Mark(0, 0)
        """How far intervals have been closed, as the topic of the partials has it."""
        self.unmarked = False
        """Whether intervals were closed since `marked` was called."""
        self._round = 0
        self._began = 0
        """When the first record was asked for, in ms of the wall clock."""

    # -- input ----------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:  # noqa: ARG002 - the record names itself
        """Apply one record of the topic `kpi`: what was published last."""
        if value is None:
            return
        was = _decode_record.decode(value)
        tracked = self._track(was.tenant, was.scope)
        if was.seq >= tracked.seqs.get(was.window, 0):
            tracked.seqs[was.window] = was.seq
            tracked.published[was.window] = bytes(was.metrics)
            tracked.values[was.window] = value
            tracked.shade = None

    def recovered(self, epoch: int) -> None:
        """All that was published is known; every record is looked at once."""
        self.epoch = epoch
        self._restless.update(self.scopes)

    def apply(self, records: Sequence[Record], now: int) -> None:
        """Take over partials; `now` is the wall clock."""
        for key, value, *_ in records:
            if key is None or value is None:
                continue
            if key.endswith(b"|closed"):
                self.mark = max(self.mark, decode_mark(value))
            elif key.endswith(b"|clock"):
                self._beat(int(key.split(b"|")[0]), partials.decode_beat(value), now)
            else:
                self._partial(key, value, now)

    def ahead(self, records: Sequence[Record], now: int) -> None:
        """Take over partials before they come by way of Kafka; a beat says what came before it there, so it waits."""
        self.apply([each for each in records if not (each.key or b"").endswith(b"|clock")], now)

    @property
    def closed_from(self) -> int:
        """Where the roll-up's partition of the intervals ended when the mark was set."""
        return self.mark.offset

    def latest(self) -> list[tuple[str, str, str, int, bytes]]:
        """The record last published of every key: (tenant, scope, window, seq, JSON)."""
        return [
            (tracked.tenant, tracked.name, window, tracked.seqs[window], value)
            for tracked in self.scopes.values()
            for window, value in tracked.values.items()
        ]

    def _beat(self, partition: int, beat: partials.Beat, now: int) -> None:
        source = self.sources[partition]
        if (beat.epoch, beat.seq) <= (source.epoch, source.seq):
            return
        if beat.epoch > source.epoch:
            source.complete = False
        if beat.complete and not source.complete:
            for tracked in self.scopes.values():
                if tracked.windows.forget(partition, beat.epoch):
                    self._restless[tracked.key] = tracked
        source.told, source.since = max(source.told, beat.told), beat.since
        if beat.epoch > source.epoch:
            source.epoch = beat.epoch
            for tracked in self.scopes.values():
                self._end(tracked, partition)
        source.epoch, source.seq = beat.epoch, beat.seq
        source.clock = max(source.clock, beat.clock)
        source.lag_ms, source.complete, source.final, source.heard = beat.lag_ms, beat.complete, beat.final, now

    def _partial(self, key: bytes, value: bytes, now: int) -> None:
        stem, _, what = key.rpartition(b"|")
        route = self._routes.get(stem)
        if route is None:
            partition, tenant, scope = stem.decode().split("|")
            route = self._routes[stem] = (self._track(tenant, scope), int(partition))
        tracked, source = route
        if what == b"s":
            self._snapshot(tracked, source, partials.decode_snapshot(value))
            return
        windows = tracked.windows
        stamp = partials.decode_stamp(value)
        held = windows.stamp(what, source)
        if self._is_known(key, stamp, held):
            return
        partial = partials.decode_partial(value)
        if partial.epoch < self.sources[source].epoch and self.sources[source].complete:
            if held is not None:
                self._overwritten.add(key)
            return
        if what == b"g":
            taken = windows.put_gauges(source, partial.epoch, partial.seq, partial.tally)
        elif what[:1] == b"m":
            minute = int(what[1:])
            self._stir(tracked, (minute - minute % QUARTER) * MINUTE)
            taken = windows.put_minute(minute, source, partial.epoch, partial.seq, partial.tally)
            if taken and partial.tally and has_trend(tracked.name):
                self._minutes.add((tracked.key, minute))
        else:
            self._stir(tracked, int(what[1:]) * MINUTE)
            taken = windows.put_quarter(int(what[1:]), source, partial.epoch, partial.seq, partial.tally)
        if taken:
            self.sources[source].clock = max(self.sources[source].clock, partial.clock)
        if taken and tracked.key not in self._restless:
            tracked.stirred_at = now
            self._restless[tracked.key] = tracked
        if not taken and held is not None and partial.epoch < held[0]:
            self._overwritten.add(key)
        else:
            self._overwritten.discard(key)

    def _is_known(self, key: bytes, stamp: partials.Stamp, held: tuple[int, int] | None) -> bool:
        """Whether a partial is what is held, or was sent again and has come behind a newer one."""
        came = (stamp.epoch, stamp.seq)
        again = bool(self._sent_again) and self._sent_again.get(key) == came
        if again:
            del self._sent_again[key]
        if held == came:  # handed over by this worker, before it went through Kafka
            self._overwritten.discard(key)
        elif again:
            self._overwritten.add(key)
        return again or held == came

    def _snapshot(self, tracked: Tracked, partition: int, snapshot: partials.Snapshot) -> None:
        if tracked.past.put(partition, snapshot):
            self._stir(tracked, snapshot.at - QUARTER_MS)
            self._end(tracked, partition)

    def _end(self, tracked: Tracked, partition: int) -> None:
        """What a former owner said of the gauges holds until the first quarter-hour that the owner of now has seen."""
        source, last = self.sources[partition], tracked.past.newest(partition)
        if last is not None and last.epoch < source.epoch and last.at < source.since and last.tally:
            self._snapshot(tracked, partition, partials.Snapshot(source.epoch, -1, source.since, {}, last.tally))

    def _stir(self, tracked: Tracked, start: int) -> None:
        self._pending.stir(start, self.settings.tenant(tracked.tenant).lateness_ms, tracked.key)

    def _send_again(self, out: list[Output]) -> None:
        """Send the newest value of every key that an older one has overwritten: a former owner's, arrived late."""
        for key in self._overwritten:
            stem, _, what = key.rpartition(b"|")
            tracked, source = self._routes[stem]
            held = tracked.windows.held(what.decode(), source)
            if held is not None:
                self._sent_again[key] = held[:2]
                value = partials.encode(partials.Partial(held[0], held[1], self.sources[source].clock, held[2]))
                out.append(Output(partials.TOPIC, key, value, self.partition))
        self._overwritten.clear()

    def _track(self, tenant: str, scope: str) -> Tracked:
        key = f"{tenant}/{scope}"
        tracked = self.scopes.get(key)
        if tracked is None:
            tracked = self.scopes[key] = Tracked(tenant, scope)
            self._restless[key] = tracked
        return tracked

    # -- output ---------------------------------------------------------------------------------------

    @property
    def clock(self) -> int:
        """The instant that records speak of: the greatest clock of the source partitions, in ms."""
        return max(source.clock for source in self.sources.values())

    def shade(self, now: int) -> tuple[bool, int]:
        """Whether records are partial at the wall clock's `now`, and by how many ms they lag."""
        lag, partial = 0, False
        self._began = self._began or now
        for source in self.sources.values():
            behind = max(source.lag_ms, now - (source.heard or self._began) if not source.final else 0)
            if behind > partials.BEHIND_MS or not source.complete:
                partial, lag = True, max(lag, behind)
        return partial, lag

    def due(self, now: int) -> list[Output]:
        """The records that are due at the wall clock's `now`."""
        as_of = self.clock
        if not as_of:
            return []
        out: list[Output] = []
        self._send_again(out)
        shade = self.shade(now)
        if all(source.final and source.complete for source in self.sources.values()):
            if not self.final_published:
                self.final_published = True
                self.publish_all(as_of, now, out)
                self.close(as_of, out)
            return out
        self.final_published = False
        every = BEHIND_EVERY_MS if shade[0] else EVERY_MS
        for key, tracked in list(self._restless.items()):
            if now - tracked.published_at >= every and now - tracked.stirred_at >= GATHER_MS:
                del self._restless[key]
                self._publish(tracked, as_of, now, shade, out)
        for tracked in self._of_round(now):
            if now - tracked.published_at < LOOKED_AT_MS and tracked.shade == shade:
                continue
            if tracked.shade != shade or not tracked.windows.quiet or gauges.OLDEST_WAITING in self._gauges(tracked):
                self._publish(tracked, as_of, now, shade, out)
        self._publish_minutes(as_of, out)
        self.close(min(source.told for source in self.sources.values()), out)
        return out

    def publish_all(self, as_of: int, now: int, out: list[Output]) -> None:
        """Publish every record once more, as of the same instant."""
        self._restless.clear()
        for tracked in self.scopes.values():
            tracked.published.clear()
            self._publish(tracked, as_of, now, (False, 0), out)
        self._publish_minutes(as_of, out)

    def _of_round(self, now: int) -> list[Tracked]:
        """The scopes whose turn has come since the last call: each once in ROUND_MS, at a place of its own."""
        before, self._round = self._round or now - 1, now
        if now - before >= ROUND_MS:
            return list(self.scopes.values())
        start, end = before % ROUND_MS, now % ROUND_MS
        turn = []
        for tracked in self.scopes.values():
            place = tracked.due = tracked.due or 1 + crc32(tracked.key.encode()) % ROUND_MS
            if start < place <= end or (end < start and (place > start or place <= end)):
                turn.append(tracked)
        return turn

    @staticmethod
    def _gauges(tracked: Tracked) -> Tally:
        return add_up(tally for _, _, tally in tracked.windows.gauges.values())

    def _publish(self, tracked: Tracked, as_of: int, now: int, shade: tuple[bool, int], out: list[Output]) -> None:
        count = len(out)
        tenant = self.settings.tenant(tracked.tenant)
        windows = tracked.windows
        day = day_start(as_of, tenant.timezone) // MINUTE
        minute = as_of // MINUTE
        windows.roll(minute, day, (self._pending.watermark - tenant.lateness_ms) // MINUTE - QUARTER)
        windows.look_up_largest()
        shaded = tracked.shade != shade
        tracked.shade = shade
        for name in WINDOWS:
            if name == "now":
                start = as_of
                metrics = _encode(read_gauges(self._gauges(tracked), as_of))
            else:
                window = windows.today if name == "today" else windows.rolling[name]
                if not window.moved and not shaded and name in tracked.published:
                    continue
                window.moved = False
                start = (day if name == "today" else minute - ROLLING[name] + 1) * MINUTE
                metrics = _encode(read_window(window, tenant.formula))
            if metrics != tracked.published.get(name) or shaded:
                seq = max(tracked.seqs.get(name, 0) + 1, now)
                tracked.published[name], tracked.seqs[name] = metrics, seq
                value = tracked.values[name] = record(tracked, name, start, as_of, seq, shade, metrics)
                out.append(Output("kpi", f"{tracked.key}/{name}".encode(), value, self.partition))
        if len(out) > count:
            tracked.published_at = now

    def _publish_minutes(self, as_of: int, out: list[Output]) -> None:
        current = as_of // MINUTE
        over = [each for each in self._minutes if each[1] < current]
        self._minutes.difference_update(over)
        for key, minute in sorted(over):
            tracked = self.scopes[key]
            window = tracked.windows.one_minute(minute)
            formula = self.settings.tenant(tracked.tenant).formula
            value = record(
                tracked, "1m", minute * MINUTE, as_of, as_of, (False, 0), _encode(read_window(window, formula))
            )
            out.append(Output("kpi.minutes", f"{key}/{minute * MINUTE}".encode(), value))

    def already_closed(self, keys: Iterable[bytes]) -> None:
        """Keys of interval records found behind the mark: they are out."""
        self._closed.update(keys)
        self._pending.watermark = self.mark.watermark

    def close(self, least: int, out: list[Output]) -> None:
        """Publish the records of the intervals that close before the least clock (ms) of the source partitions."""
        for start, key in self._pending.take(least):
            self._close(self.scopes[key], start, out)
            self.unmarked = True

    def marked(self, offset: int) -> Output:
        """What says that all interval records published until now are out; the topic ends at `offset`."""
        self.unmarked = False
        self._closed.clear()
        mark = Mark(self._pending.watermark, offset)
        return Output(partials.TOPIC, b"%d|closed" % self.partition, encode_mark(mark), self.partition)

    def _close(self, tracked: Tracked, start: int, out: list[Output]) -> None:
        end = start + QUARTER_MS
        now, before = tracked.past.at(end), tracked.past.at(start)
        tracked.past.forget(end)
        window = tracked.windows.one_quarter(start // MINUTE)
        key = f"{tracked.key}/{start}".encode()
        if (window.empty and now == before) or key in self._closed:
            return
        formula = self.settings.tenant(tracked.tenant).formula
        metrics = _encode(read_window(window, formula) | read_gauges(now, end))
        value = record(tracked, WINDOW, start, end, end, (False, 0), metrics)
        out.append(Output("kpi.intervals", key, value, self.partition))
