"""The roll-up: partials of all source partitions become KPI records (contract section 5).

It holds the windows of the scopes that are at home in one partition, and decides which records are due: a scope of
which partials have come, once those of all partitions can have come, and every scope that the clock changes once in
`ROUND_MS`. Only a record whose metrics have changed is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from zlib import crc32
from zoneinfo import ZoneInfo

import msgspec

from streams.engine.ports import Output, Record
from tables import gauges, partials
from tables.day_windows import decode as decode_day
from tables.day_windows import decode_worked, encode_worked
from tables.day_windows import encode as encode_day
from tables.days import QUARTER, QUARTER_MS, day_start, today
from tables.facts import MINUTE
from tables.intervals import WINDOW, Mark, add_up, encode_mark
from tables.kpis import read_gauges, read_window
from tables.listener import Listener
from tables.occupancy import Occupancy
from tables.settings import Settings
from tables.tally import Tally
from tables.teller import horizon
from tables.tracked import Published, Tracked, record

GATHER_MS = 30
"""Partitions tell of a scope in the same turn of the wall clock; so long the others are waited for."""
EVERY_MS = 300
"""The least time between two publications of a key because of events, for partials that miss their turn (see ADR 3)."""
BEHIND_EVERY_MS = 3_000
"""The same while the sources are being caught up with: nothing can be out in time, so nothing is hurried."""
ROUND_MS = 8_000
"""Every scope that ages is looked at this often."""
_PLACE_MS = 100
LOOKED_AT_MS = 1_500
"""A scope published no longer ago needs no look."""

STATE_TOPIC = "_rollup"
"""The roll-up's own state: closed days."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Published).decode


class Rollup:
    """The state of one partition of the roll-up; see `streams.engine.ports.Rollup`."""

    def __init__(self, partition: int, partitions: int, settings: Settings) -> None:
        self.partition = partition
        self.settings = settings
        self.final_published = False
        self.epoch = -1
        """Which owner of the partition this is; -1 before it has recovered."""
        self._listener = Listener(partition, partitions, settings)
        self.scopes = self._listener.scopes
        self._closed: set[bytes] = set()
        """Keys of interval records that are out although the mark does not say so."""
        self.unmarked = False
        """Whether intervals were closed since `marked` was called."""
        self._round: list[list[Tracked]] = [[] for _ in range(ROUND_MS // _PLACE_MS)]
        """The scopes by their place in the round."""
        self._placed = 0
        self._place = 0

    # -- input ----------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:  # noqa: ARG002 - the record names itself
        """Apply one record of the topic `kpi`: what was published last."""
        if value is None:
            return
        was = _decode(value)
        tracked = self._listener.track(was.tenant, was.scope)
        if was.seq >= tracked.seqs.get(was.window, 0):
            tracked.seqs[was.window] = was.seq
            tracked.published[was.window] = bytes(was.metrics)
            tracked.values[was.window] = value
            tracked.shade = None

    def restore_state(self, key: bytes, value: bytes | None) -> None:
        """Apply one record of the roll-up's own state: a closed day of a scope."""
        if value is None:
            return
        kind, place, start = key.decode().split("|")
        tenant, _, scope = place.partition("/")
        by_day = self._listener.track(tenant, scope).windows.by_day
        if by_day is not None and kind == "d":
            by_day.put(decode_day(value))
        elif by_day is not None:
            by_day.worked[int(start)] = decode_worked(value)

    def recovered(self, epoch: int) -> None:
        """All that was published is known; every record is looked at once."""
        self.epoch = epoch
        self._listener.restless.update(self.scopes)

    def apply(self, records: Sequence[Record], now: int) -> None:
        """Take over partials; `now` is the wall clock."""
        self._listener.apply(records, now)

    def ahead(self, records: Sequence[Record], now: int) -> None:
        """Take over partials before they come by way of Kafka; a beat says what came before it there, so it waits."""
        self._listener.apply([each for each in records if not (each.key or b"").endswith(b"|clock")], now)

    @property
    def closed_from(self) -> int:
        """Where the roll-up's partition of the intervals ended when the mark was set."""
        return self._listener.mark.offset

    def latest(self) -> list[tuple[str, str, str, int, bytes]]:
        """The record last published of every key: (tenant, scope, window, seq, JSON)."""
        return [
            (tracked.tenant, tracked.name, window, tracked.seqs[window], value)
            for tracked in self.scopes.values()
            for window, value in tracked.values.items()
        ]

    # -- output ---------------------------------------------------------------------------------------

    def due(self, now: int) -> list[Output]:
        """The records that are due at the wall clock's `now`."""
        listener = self._listener
        as_of = listener.clock
        if not as_of:
            return []
        out: list[Output] = []
        listener.send_again(out)
        shade = listener.shade(now)
        if listener.final:
            if not self.final_published:
                self.final_published = True
                self.publish_all(as_of, now, out)
                self.close(as_of, out)
            return out
        self.final_published = False
        every = BEHIND_EVERY_MS if shade[0] else EVERY_MS
        for key, tracked in list(listener.restless.items()):
            if now - tracked.published_at >= every and now - tracked.stirred_at >= GATHER_MS:
                del listener.restless[key]
                self._publish(tracked, as_of, now, shade, out)
        for tracked in self._of_round(now):
            if now - tracked.published_at < LOOKED_AT_MS and tracked.shade == shade:
                continue
            if tracked.shade != shade or not tracked.quiet or gauges.OLDEST_WAITING in self._gauges(tracked):
                self._publish(tracked, as_of, now, shade, out)
        self._publish_minutes(as_of, out)
        self.close(listener.told, out)
        return out

    def publish_all(self, as_of: int, now: int, out: list[Output]) -> None:
        """Publish every record once more, as of the same instant."""
        self._listener.restless.clear()
        for tracked in self.scopes.values():
            tracked.published.clear()
            self._publish(tracked, as_of, now, (False, 0), out)
        self._publish_minutes(as_of, out)

    def _of_round(self, now: int) -> list[Tracked]:
        """The scopes whose turn has come since the last call: each once in ROUND_MS, at a place of its own."""
        if len(self.scopes) > self._placed:
            for tracked in islice(self.scopes.values(), self._placed, None):
                self._round[crc32(tracked.key.encode()) % len(self._round)].append(tracked)
            self._placed = len(self.scopes)
        place = now // _PLACE_MS
        before, self._place = self._place or place - 1, place
        turn = range(max(before, place - len(self._round)) + 1, place + 1)
        return [tracked for each in turn for tracked in self._round[each % len(self._round)]]

    @staticmethod
    def _gauges(tracked: Tracked) -> Tally:
        return add_up(tally for _, _, tally in tracked.windows.gauges.values())

    def _publish(self, tracked: Tracked, as_of: int, now: int, shade: tuple[bool, int], out: list[Output]) -> None:
        count = len(out)
        tenant = self.settings.tenant(tracked.tenant)
        windows = tracked.windows
        day = today(as_of, tenant.timezone)
        minute = as_of // MINUTE
        windows.roll(minute, day, (self._listener.pending.watermark - tenant.lateness_ms) // MINUTE - QUARTER)
        self._close_days(tracked, as_of, tenant.timezone, out)
        windows.look_up_largest()
        if tracked.occupancy is not None:
            out += self._count_occupancy(tracked, tracked.occupancy, minute, tenant.timezone)
        shaded = tracked.shade != shade
        tracked.shade = shade
        found = [("now", as_of, _encode(read_gauges(self._gauges(tracked), as_of, tracked.name)))]
        for name, window in windows.named.items():
            if window.moved or shaded or name not in tracked.published:
                window.moved = False
                found.append((name, windows.start(name) * MINUTE, _encode(read_window(window, tenant, tracked.name))))
        for name, start, metrics in found:
            if metrics != tracked.published.get(name) or shaded:
                seq = max(tracked.seqs.get(name, 0) + 1, now)
                tracked.published[name], tracked.seqs[name] = metrics, seq
                value = tracked.values[name] = record(tracked, name, start, as_of, seq, shade, metrics)
                out.append(Output("kpi", f"{tracked.key}/{name}".encode(), value, self.partition))
        if len(out) > count:
            tracked.published_at = now

    def _close_days(self, tracked: Tracked, as_of: int, zone: ZoneInfo, out: list[Output]) -> None:
        """Sum up the days of which every source partition has let go, once in a quarter of an hour."""
        before = horizon(min(as_of, self._listener.told)) - QUARTER
        if before > tracked.days_closed_at:
            tracked.days_closed_at = before
            changed: list[tuple[int, bytes | None]] = [
                (day.start, encode_day(day)) for day in tracked.windows.close_days(before, zone)
            ]
            changed += [(start, None) for start in tracked.windows.expired_days()]
            out += [
                Output(STATE_TOPIC, f"d|{tracked.key}|{start}".encode(), value, self.partition)
                for start, value in changed
            ]

    def _count_occupancy(self, tracked: Tracked, occupancy: Occupancy, minute: int, zone: ZoneInfo) -> list[Output]:
        """Bring the agent-minutes of all windows up to date; what is to be written down of past days is returned."""
        if tracked.occupancy_of == minute:
            return []
        tracked.occupancy_of = minute
        windows, online = tracked.windows, self._listener.online(tracked.tenant)
        by_day, day = windows.by_day, windows.day.today
        for name, window in windows.named.items():
            if by_day is None or name not in by_day.windows:
                window.set_occupancy(occupancy.count(windows.start(name), minute, online, day))
        if by_day is None:
            return []
        settled = by_day.count_days(
            minute, windows.today.occupancy, zone, lambda first, last: occupancy.count(first, last, online, first)
        )
        return [
            Output(STATE_TOPIC, f"w|{tracked.key}|{start}".encode(), encode_worked(worked), self.partition)
            for start, worked in settled
        ]

    def _occupancy(self, tracked: Tracked, first: int, last: int, zone: ZoneInfo) -> tuple[int, int]:
        """Agent-minutes of some minutes of one local day."""
        assert tracked.occupancy is not None  # noqa: S101 - asked for by those who have seen it
        day = day_start(first * MINUTE, zone) // MINUTE
        return tracked.occupancy.count(first, last, self._listener.online(tracked.tenant), day)

    def _publish_minutes(self, as_of: int, out: list[Output]) -> None:
        current = as_of // MINUTE
        over = [each for each in self._listener.minutes if each[1] < current]
        self._listener.minutes.difference_update(over)
        for key, minute in sorted(over):
            tracked = self.scopes[key]
            window = tracked.windows.one_minute(minute)
            tenant = self.settings.tenant(tracked.tenant)
            if tracked.occupancy is not None:
                window.set_occupancy(self._occupancy(tracked, minute, minute, tenant.timezone))
            metrics = _encode(read_window(window, tenant, tracked.name))
            value = record(tracked, "1m", minute * MINUTE, as_of, as_of, (False, 0), metrics)
            out.append(Output("kpi.minutes", f"{key}/{minute * MINUTE}".encode(), value))

    # -- intervals ------------------------------------------------------------------------------------

    def already_closed(self, keys: Iterable[bytes]) -> None:
        """Keys of interval records found behind the mark: they are out."""
        self._closed.update(keys)
        self._listener.pending.watermark = self._listener.mark.watermark

    def close(self, least: int, out: list[Output]) -> None:
        """Publish the records of the intervals that close before the least clock (ms) of the source partitions."""
        for start, key in self._listener.pending.take(least):
            self._close(self.scopes[key], start, out)
            self.unmarked = True

    def marked(self, offset: int) -> Output:
        """What says that all interval records published until now are out; the topic ends at `offset`."""
        self.unmarked = False
        self._closed.clear()
        mark = Mark(self._listener.pending.watermark, offset)
        return Output(partials.TOPIC, b"%d|closed" % self.partition, encode_mark(mark), self.partition)

    def _close(self, tracked: Tracked, start: int, out: list[Output]) -> None:
        end = start + QUARTER_MS
        now, before = tracked.past.at(end), tracked.past.at(start)
        tracked.past.forget(end)
        window = tracked.windows.one_quarter(start // MINUTE)
        key = f"{tracked.key}/{start}".encode()
        if (window.empty and now == before) or key in self._closed:
            return
        tenant, first = self.settings.tenant(tracked.tenant), start // MINUTE
        if tracked.occupancy is not None:
            window.set_occupancy(self._occupancy(tracked, first, first + QUARTER - 1, tenant.timezone))
        metrics = _encode(read_window(window, tenant, tracked.name) | read_gauges(now, end, tracked.name))
        value = record(tracked, WINDOW, start, end, end, (False, 0), metrics)
        out.append(Output("kpi.intervals", key, value, self.partition))
