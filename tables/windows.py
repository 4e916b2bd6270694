"""Windows: running sums of minute panes for one scope, merged over the source partitions (contract section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from tables.days import QUARTER
from tables.partials import PANES_KEPT
from tables.sketch import quantiles
from tables.tally import ACTIVE_LAST, ACTIVE_MINUTE, ACTIVE_QUARTER, BUCKETS, DURATIONS, MAXIMA, Tally

ROLLING = {"5m": 5, "15m": 15, "30m": 30, "1h": 60}
"""Rolling windows, in minutes: the current pane and those before it."""
WINDOWS = ("now", *ROLLING, "today")
RANKS = (0.5, 0.9, 0.95)

_IN_BUCKET = (1 << BUCKETS) - 1
_decode = msgspec.msgpack.Decoder(Tally).decode
_encode = msgspec.msgpack.Encoder().encode


class Stamped(NamedTuple):
    """A tally as it was sent: newer ones have a greater (epoch, seq)."""

    epoch: int
    seq: int
    packed: bytes
    largest: Tally
    """Its maxima, so that they can be looked up without unpacking it."""


Parts = tuple[list[tuple[int, int]], list[tuple[int, int, int]]]
"""A tally to be added to several windows: (code, amount) of its counts, (kind, bucket, amount) of its sketches."""
_NONE: Tally = {}


def parts(tally: Tally) -> Parts:
    """A tally without its maxima, taken apart.

    >>> parts({1: 2, 9 << 12 | 700: 1})
    ([(1, 2)], [(9, 700, 1)])
    """
    counts: list[tuple[int, int]] = []
    buckets: list[tuple[int, int, int]] = []
    for each, amount in tally.items():
        if each > _IN_BUCKET:
            buckets.append((each >> BUCKETS, each & _IN_BUCKET, amount))
        elif each not in MAXIMA:
            counts.append((each, amount))
    return counts, buckets


def _largest(tally: Tally) -> Tally:
    if MAXIMA.keys().isdisjoint(tally):
        return _NONE
    return {each: tally[each] for each in MAXIMA if each in tally}


class Window:
    """One window of one scope: counts and sketches that add up."""

    __slots__ = ("_kept", "counts", "largest", "moved", "sketches", "touch")

    def __init__(self, touch: int = ACTIVE_LAST) -> None:
        self.counts: Tally = {}
        self.sketches: dict[int, dict[int, int]] = {kind: {} for kind in DURATIONS}
        self.largest: dict[int, int] = {}
        """The maximum in ms of each kind of duration; brought up to date by whoever holds the panes."""
        self.touch = touch - ACTIVE_LAST
        """Which of the distinct counts adds up in this window."""
        self.moved = True
        """Whether it has changed since whoever publishes it set this to False."""
        self._kept: dict[int, list[float]] = {}

    def add(self, tally: Tally, sign: int) -> None:
        """Add a tally, or take it back; its maxima are not looked at."""
        self.change(parts(tally), sign)

    def change(self, parts: Parts, sign: int) -> None:
        """Add what `parts` made of a tally, or take it back."""
        counts, buckets = parts
        held = self.counts
        self.moved = True
        for each, amount in counts:
            value = held.get(each, 0) + sign * amount
            if value:
                held[each] = value
            else:
                held.pop(each, None)
        for kind, each, amount in buckets:
            self._kept.pop(kind, None)
            sketch = self.sketches[kind]
            value = sketch.get(each, 0) + sign * amount
            if value:
                sketch[each] = value
            else:
                sketch.pop(each, None)

    def percentiles(self, kind: int) -> list[float]:
        """The 50th, 90th and 95th percentile in seconds; of at least one sample."""
        kept = self._kept.get(kind)
        if kept is None:
            found = quantiles(self.sketches[kind], RANKS, self.largest.get(kind, 1 << 62))
            kept = self._kept[kind] = [round(each) / 1000 for each in found]
        return kept

    @property
    def empty(self) -> bool:
        """Whether it holds no sample."""
        return not self.counts and not any(self.sketches.values())

    def set_largest(self, kind: int, value: int) -> None:
        """Note the maximum of a kind of duration, in ms."""
        if self.largest.get(kind) != value:
            self.largest[kind] = value
            self.moved = True
            self._kept.pop(kind, None)


class ScopeWindows:
    """All windows of one scope. Minutes count from the epoch."""

    __slots__ = ("_partitions", "day", "gauges", "minutes", "now", "rolling", "sealed", "stale", "today")

    def __init__(self) -> None:
        self.minutes: dict[tuple[int, int], Stamped] = {}
        """By minute and source partition."""
        self.sealed: dict[tuple[int, int], Stamped] = {}
        """By first minute of the quarter-hour and source partition; it stands for the minutes it covers."""
        self.gauges: dict[int, tuple[int, int, Tally]] = {}
        self.rolling = {name: Window() for name in ROLLING}
        self.today = Window()
        self.day = 0
        """The minute at which the local day began."""
        self.now = 0
        """The minute that the windows end in."""
        self.stale = True
        """Whether the maxima must be looked up again."""
        self._partitions: set[int] = set()
        """The source partitions that have sent minutes."""

    # -- partials -------------------------------------------------------------------------------------

    def put_minute(self, minute: int, partition: int, epoch: int, seq: int, tally: Tally) -> bool:
        """Take a pane over; False if a newer one is known."""
        key = (minute, partition)
        held = self.minutes.get(key)
        if held is not None and (held.epoch, held.seq) >= (epoch, seq):
            return False
        self._partitions.add(partition)
        delta = tally if held is None else _difference(tally, held)
        stamped = self.minutes[key] = Stamped(epoch, seq, _encode(tally), _largest(tally))
        if not delta:
            return True
        if stamped.largest != (_NONE if held is None else held.largest):
            self.stale = True
        if minute <= self.now:
            change = parts(delta)
            for name, length in ROLLING.items():
                if minute > self.now - length:
                    self.rolling[name].change(change, 1)
            if minute >= self.day and (minute - minute % QUARTER, partition) not in self.sealed:
                self.today.change(change, 1)
        return True

    def put_quarter(self, quarter: int, partition: int, epoch: int, seq: int, tally: Tally) -> bool:
        """Take a quarter-hour over; False if a newer one is known."""
        key = (quarter, partition)
        held = self.sealed.get(key)
        if held is not None and (held.epoch, held.seq) >= (epoch, seq):
            return False
        self._partitions.add(partition)
        if self.day <= quarter <= self.now:
            if held is not None:
                self.today.add(_decode(held.packed), -1)
            else:
                self._add_minutes(quarter, partition, -1)
            self.today.add(tally, 1)
        self.sealed[key] = Stamped(epoch, seq, _encode(tally), _largest(tally))
        self.stale = True
        return True

    def put_gauges(self, partition: int, epoch: int, seq: int, tally: Tally) -> bool:
        """Take the gauges of a partition over; False if newer ones are known."""
        held = self.gauges.get(partition)
        if held is not None and held[:2] >= (epoch, seq):
            return False
        self.gauges[partition] = (epoch, seq, tally)
        return True

    def stamp(self, what: bytes, partition: int) -> tuple[int, int] | None:
        """Epoch and number of what is known of a partition under the last part of a partial's key."""
        if what == b"g":
            gauges = self.gauges.get(partition)
            return None if gauges is None else gauges[:2]
        stamped = (self.minutes if what[:1] == b"m" else self.sealed).get((int(what[1:]), partition))
        return None if stamped is None else (stamped.epoch, stamped.seq)

    def held(self, what: str, partition: int) -> tuple[int, int, Tally] | None:
        """What is known of a partition under the last part of a partial's key, with epoch and number."""
        if what == "g":
            return self.gauges.get(partition)
        stamped = (self.minutes if what[0] == "m" else self.sealed).get((int(what[1:]), partition))
        return None if stamped is None else (stamped.epoch, stamped.seq, _decode(stamped.packed))

    def forget(self, partition: int, epoch: int) -> bool:
        """Drop what owners before `epoch` have said of a partition; whether there was any."""
        found = False
        for minute in [m for m, p in self.minutes if p == partition and self.minutes[m, p].epoch < epoch]:
            self.put_minute(minute, partition, epoch, 0, {})
            found = True
        for quarter in [q for q, p in self.sealed if p == partition and self.sealed[q, p].epoch < epoch]:
            self.put_quarter(quarter, partition, epoch, 0, {})
            found = True
        held = self.gauges.get(partition)
        if held is not None and held[0] < epoch:
            del self.gauges[partition]
            found = True
        return found

    # -- the passing of time --------------------------------------------------------------------------

    def roll(self, now: int, day: int, open_from: int) -> None:
        """Let the windows end in the minute `now` of the local day that began at the minute `day`.

        From the minute `open_from` on there may be intervals that are not closed.
        """
        before = self.now
        if now == before and day == self.day:
            return
        sums: dict[tuple[int, int], Parts] = {}
        for name, length in ROLLING.items():
            window = self.rolling[name]
            window.change(self._sum(before - length, min(before, now - length), sums), -1)
            window.change(self._sum(max(before, now - length), now, sums), 1)
        if day != self.day:
            self.day, self.now = day, now
            self._recount_day()
        else:
            if self.sealed and max(self.sealed)[0] + QUARTER > before + 1:
                self._go_on_with_the_day(before, now)
            else:
                self.today.change(self._sum(before, now, sums), 1)
            self.now = now
        self.stale = True
        self._discard(min(day, open_from))

    def _between(self, after: int, last: int) -> list[Stamped]:
        """The panes of the minutes after `after` up to `last`."""
        minutes = self.minutes
        if (last - after) * len(self._partitions) > len(minutes):
            return [held for (minute, _), held in minutes.items() if after < minute <= last]
        keys = ((minute, each) for minute in range(after + 1, last + 1) for each in self._partitions)
        return [minutes[key] for key in keys if key in minutes]

    def _sum(self, after: int, last: int, known: dict[tuple[int, int], Parts]) -> Parts:
        """The panes after the minute `after` up to `last`, added up; kept in `known`, for windows share stretches."""
        found = known.get((after, last))
        if found is None:
            total: Tally = {}
            for held in self._between(after, last) if after < last else ():
                for each, amount in _decode(held.packed).items():
                    total[each] = total.get(each, 0) + amount
            found = known[after, last] = parts(total)
        return found

    def _go_on_with_the_day(self, before: int, now: int) -> None:
        """Another partition is ahead and has told quarter-hours of minutes not reached here yet."""
        for (minute, partition), held in self.minutes.items():
            if before < minute <= now and (minute - minute % QUARTER, partition) not in self.sealed:
                self.today.add(_decode(held.packed), 1)
        for (quarter, _), held in self.sealed.items():
            if before < quarter <= now:
                self.today.add(_decode(held.packed), 1)

    def _recount_day(self) -> None:
        self.today = Window()
        for (quarter, _), held in self.sealed.items():
            if self.day <= quarter <= self.now:
                self.today.add(_decode(held.packed), 1)
        for (minute, partition), held in self.minutes.items():
            if self.day <= minute <= self.now and (minute - minute % QUARTER, partition) not in self.sealed:
                self.today.add(_decode(held.packed), 1)

    def _add_minutes(self, quarter: int, partition: int, sign: int) -> None:
        for minute in range(quarter, min(quarter + QUARTER, self.now + 1)):
            held = self.minutes.get((minute, partition))
            if held is not None:
                self.today.add(_decode(held.packed), sign)

    def _discard(self, needed: int) -> None:
        oldest = self.now - PANES_KEPT
        oldest -= oldest % QUARTER
        for minute, partition in [key for key in self.minutes if key[0] < oldest]:
            if (minute - minute % QUARTER, partition) in self.sealed or minute < needed:
                del self.minutes[minute, partition]
        for key in [key for key in self.sealed if key[0] < needed]:
            del self.sealed[key]

    # -- reading --------------------------------------------------------------------------------------

    def _of_quarter(self, quarter: int) -> Iterator[Stamped]:
        for partition in self._partitions:
            held = self.sealed.get((quarter, partition))
            if held is not None:
                yield held
                continue
            for minute in range(quarter, quarter + QUARTER):
                held = self.minutes.get((minute, partition))
                if held is not None:
                    yield held

    @property
    def quiet(self) -> bool:
        """Whether the clock alone changes nothing here."""
        return not self.minutes and not self.today.counts

    def look_up_largest(self) -> None:
        """Bring the maxima of all windows up to date."""
        if not self.stale:
            return
        self.stale = False
        found = [(minute, each, held.largest) for (minute, each), held in self.minutes.items() if held.largest]
        closed = [held.largest for (quarter, _), held in self.sealed.items() if self.day <= quarter <= self.now]
        for each, kind in MAXIMA.items():
            values = [
                (minute, partition, largest[each])
                for minute, partition, largest in found
                if minute <= self.now and each in largest
            ]
            for name, length in ROLLING.items():
                oldest = self.now - length
                self.rolling[name].set_largest(kind, max((v for m, _, v in values if m > oldest), default=0))
            today = [v for m, p, v in values if m >= self.day and (m - m % QUARTER, p) not in self.sealed]
            today += [largest[each] for largest in closed if each in largest]
            self.today.set_largest(kind, max(today, default=0))

    def one_minute(self, minute: int) -> Window:
        """A window of one closed minute."""
        window = Window(ACTIVE_MINUTE)
        for held in self._between(minute - 1, minute):
            window.add(_decode(held.packed), 1)
            for maximum, kind in MAXIMA.items():
                if maximum in held.largest:
                    window.set_largest(kind, max(held.largest[maximum], window.largest.get(kind, 0)))
        return window

    def one_quarter(self, quarter: int) -> Window:
        """A window of the quarter-hour that begins at a minute."""
        window = Window(ACTIVE_QUARTER)
        for held in self._of_quarter(quarter):
            window.add(_decode(held.packed), 1)
            for maximum, kind in MAXIMA.items():
                if maximum in held.largest:
                    window.set_largest(kind, max(held.largest[maximum], window.largest.get(kind, 0)))
        return window


def _difference(tally: Tally, held: Stamped) -> Tally:
    """What a new absolute value adds to the one before it. A changed maximum is kept, to tell the change."""
    before = _decode(held.packed)
    delta = {each: amount - before.get(each, 0) for each, amount in tally.items() if amount != before.get(each, 0)}
    delta.update({each: -amount for each, amount in before.items() if each not in tally})
    return delta
