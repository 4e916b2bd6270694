"""The roll-up: partials of all source partitions become KPI records (contract section 5).

It holds the windows of the scopes that are at home in one partition, and decides which records are due: a scope of
which partials have come, once those of all partitions can have come, and every scope that the clock changes once in
`ROUND_MS`. Only a record whose metrics have changed is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from zlib import crc32

import msgspec

from streams.engine.owner import STATE_TOPIC
from streams.engine.ports import GARBLED, Output, Record, Unreadable
from tables import gauges, partials
from tables.day_windows import DAY_WINDOWS
from tables.days import QUARTER_MS, day_end, day_start
from tables.facts import MINUTE
from tables.intervals import WINDOW, Mark, encode_mark
from tables.listener import Listener
from tables.reading import Reading
from tables.settings import Settings
from tables.subjects import EVERYTHING
from tables.thresholds.rule import Rule
from tables.thresholds.watches import Watches
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

_RULES = b"t|"
"""What the keys of the rules' state begin with, in the roll-up's own."""

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
        self._reading = Reading(self._listener, settings, partition)
        self._watches = Watches(self._rules_of)
        self._about: list[Tracked] = []
        self._looked = 0
        """So many scopes have been asked for rules."""
        self._read = False
        """Whether the rules have seen every value since the start."""
        self._again: list[Output] = []
        """Alerts that a former owner may not have delivered."""
        self._minute = 0

    def _rules_of(self, tenant: str) -> tuple[Rule, ...]:
        return self.settings.tenant(tenant).alert_rules

    def reload(self, settings: Settings) -> None:
        """Go on with other settings; every window is read anew."""
        self.settings = settings
        self._listener.settings = self._reading.settings = settings
        self._watches = self._watches.anew()
        self._about, self._looked, self._read = [], 0, False
        for tracked in self.scopes.values():
            tracked.occupancy_of = 0  # the day may begin at another minute
            for window in tracked.windows.named.values():
                window.moved = EVERYTHING
        self._listener.restless.update(self.scopes)

    # -- input ----------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one record of the topic `kpi`: what was published last."""
        if value is None:
            return
        try:
            was = _decode(value)
        except GARBLED as error:
            raise Unreadable(key, error) from error
        tracked = self._listener.track(was.tenant, was.scope)
        if was.seq >= tracked.seqs.get(was.window, 0):
            tracked.seqs[was.window] = was.seq
            tracked.values[was.window] = value
            tracked.shade = None

    def restore_state(self, key: bytes, value: bytes | None) -> None:
        """Apply one record of the roll-up's own state."""
        try:
            if key.startswith(_RULES):
                self._watches.restore(key.removeprefix(_RULES), value)
            else:
                self._reading.restore(key, value)
        except GARBLED as error:
            raise Unreadable(key, error) from error

    def recovered(self, epoch: int) -> None:
        """All that was published is known; every record is looked at once."""
        self.epoch = epoch
        self._listener.restless.update(self.scopes)
        self._again = self._watches.recovered()

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
        """The records that are due at the wall clock's `now`; one that was set back holds nothing up."""
        listener = self._listener
        as_of = listener.clock
        if not as_of:
            return []
        self._watches.delivered()
        out, self._again = self._again, []
        listener.send_again(now, out)
        shade = listener.shade(now)
        if listener.final:
            if not self.final_published:
                self.final_published = True
                self.publish_all(as_of, now, out)
                self.close(as_of, out)
                out += self.decide(as_of, final=True)
            return out
        self.final_published = False
        every = BEHIND_EVERY_MS if shade[0] else EVERY_MS
        for key, tracked in list(listener.restless.items()):
            if not (0 <= now - tracked.published_at < every or 0 <= now - tracked.stirred_at < GATHER_MS):
                del listener.restless[key]
                self._publish(tracked, as_of, now, shade, out)
        for tracked in self._of_round(now):
            if 0 <= now - tracked.published_at < LOOKED_AT_MS and tracked.shade == shade:
                continue
            if tracked.shade != shade or not tracked.quiet or gauges.OLDEST_WAITING in self._reading.gauges(tracked):
                self._publish(tracked, as_of, now, shade, out)
        self._publish_minutes(as_of, out)
        self.close(listener.told, out)
        self._watch(as_of, out)
        return out

    def publish_all(self, as_of: int, now: int, out: list[Output]) -> None:
        """Publish every record once more, as of the same instant."""
        self._listener.restless.clear()
        for tracked in self.scopes.values():
            tracked.values.clear()
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

    def _publish(self, tracked: Tracked, as_of: int, now: int, shade: tuple[bool, int], out: list[Output]) -> None:
        reading, windows, values = self._reading, tracked.windows, tracked.values
        wanted = self._watches.wanted(tracked.tenant, tracked.name)
        out += reading.bring_up(tracked, as_of)
        count = len(out)
        shaded = tracked.shade != shade
        tracked.shade = shade
        found = [("now", as_of, _encode(reading.now(tracked, as_of)))]
        for name, window in windows.named.items():
            if window.moved or shaded or name not in values or reading.moves(tracked, name, as_of):
                found.append((name, windows.start(name) * MINUTE, reading.text(tracked, name, as_of)))
        for name, start, metrics in found:
            if name in wanted:
                out += self._observe(tracked, name, as_of)
            if shaded or not tracked.says(name, metrics):
                seq = tracked.seqs[name] = max(tracked.seqs.get(name, 0) + 1, now)
                value = values[name] = record(tracked, name, start, as_of, seq, shade, metrics)
                out.append(Output("kpi", f"{tracked.key}/{name}".encode(), value, self.partition))
        if len(out) > count:
            tracked.published_at = now

    def _publish_minutes(self, as_of: int, out: list[Output]) -> None:
        current = as_of // MINUTE
        over = [each for each in self._listener.minutes if each[1] < current]
        self._listener.minutes.difference_update(over)
        for key, minute in sorted(over):
            tracked = self.scopes[key]
            metrics = _encode(self._reading.minute(tracked, minute))
            value = record(tracked, "1m", minute * MINUTE, as_of, as_of, (False, 0), metrics)
            out.append(Output("kpi.minutes", f"{key}/{minute * MINUTE}".encode(), value))

    # -- rules ----------------------------------------------------------------------------------------

    def observe(self, as_of: int) -> list[Output]:
        """Let the rules see the scopes that they are about as they are at `as_of` (ms), without publishing."""
        out: list[Output] = []
        for tracked in self._watched():
            out += self._reading.bring_up(tracked, as_of)
            for name in self._watches.wanted(tracked.tenant, tracked.name):
                out += self._observe(tracked, name, as_of)
        return out

    def _observe(self, tracked: Tracked, name: str, as_of: int) -> list[Output]:
        now = name == "now"
        metrics = self._reading.now(tracked, as_of) if now else self._reading.window(tracked, name, as_of)
        return self._watches.observe(tracked.tenant, tracked.name, name, metrics, as_of)

    def next_change(self, now: int) -> int:
        """The next instant (ms) after `now` at which the clock alone may change what a rule looks at."""
        minute = (now // MINUTE + 1) * MINUTE
        zones = set()
        for tracked in self._watched():
            tracked.windows.bring_in()
            rolling = tracked.windows.rolling.values()
            if any(window.counts or any(window.occupancy) for window in rolling) or any(
                self._reading.moves(tracked, name, now) for name in DAY_WINDOWS
            ):
                return minute
            zones.add(self.settings.tenant(tracked.tenant).timezone)
        midnights = [day_end(day_start(now, zone), zone) for zone in zones]
        return min((each for each in (*midnights, self._watches.next_due()) if each > now), default=0)

    def decide(self, before: int, *, final: bool = False) -> list[Output]:
        """The threshold alerts of the instants before this one (ms), and what must be written down before them."""
        alerts = self._watches.advance(before, final=final)
        state = [Output(STATE_TOPIC, _RULES + key, value, self.partition) for key, value in self._watches.changes()]
        return [*state, *alerts]

    def _watched(self) -> list[Tracked]:
        """The scopes that a rule is about."""
        if len(self.scopes) > self._looked:
            for tracked in islice(self.scopes.values(), self._looked, None):
                if self._watches.wanted(tracked.tenant, tracked.name):
                    self._about.append(tracked)
            self._looked = len(self.scopes)
        return self._about

    def _watch(self, as_of: int, out: list[Output]) -> None:
        """Decide what is known to its end; and once a minute, as panes leave, look at every scope with a rule."""
        if not self._read and not any(tracked.key in self._listener.restless for tracked in self._watched()):
            self._read = True  # every value there was at the start has been seen
        if self._read:
            out += self.decide(self._listener.told)
        if as_of // MINUTE != self._minute:
            self._minute = as_of // MINUTE
            self._listener.restless.update((tracked.key, tracked) for tracked in self._watched())

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
        metrics = _encode(self._reading.quarter(tracked, window, start // MINUTE, now, end))
        value = record(tracked, WINDOW, start, end, end, (False, 0), metrics)
        out.append(Output("kpi.intervals", key, value, self.partition))
