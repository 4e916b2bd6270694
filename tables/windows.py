"""Windows: running sums of minute panes for one scope, merged over the source partitions (contract section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tables.days import QUARTER
from tables.partials import PANES_KEPT
from tables.stamped import NOTHING, Stamped, difference, maxima, pack, unpack
from tables.tally import ACTIVE_MINUTE, ACTIVE_QUARTER, MAXIMA, Tally
from tables.window import Parts, Window, parts

ROLLING = {"5m": 5, "15m": 15, "30m": 30, "1h": 60}
"""Rolling windows, in minutes: the current pane and those before it."""
WINDOWS = ("now", *ROLLING, "today")


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
        delta = tally if held is None else difference(tally, held)
        stamped = self.minutes[key] = Stamped(epoch, seq, pack(tally), maxima(tally))
        if not delta:
            return True
        if stamped.largest != (NOTHING if held is None else held.largest):
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
                self.today.add(unpack(held.packed), -1)
            else:
                self._add_minutes(quarter, partition, -1)
            self.today.add(tally, 1)
        self.sealed[key] = Stamped(epoch, seq, pack(tally), maxima(tally))
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
        return None if stamped is None else (stamped.epoch, stamped.seq, unpack(stamped.packed))

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
                for each, amount in unpack(held.packed).items():
                    total[each] = total.get(each, 0) + amount
            found = known[after, last] = parts(total)
        return found

    def _go_on_with_the_day(self, before: int, now: int) -> None:
        """Another partition is ahead and has told quarter-hours of minutes not reached here yet."""
        for (minute, partition), held in self.minutes.items():
            if before < minute <= now and (minute - minute % QUARTER, partition) not in self.sealed:
                self.today.add(unpack(held.packed), 1)
        for (quarter, _), held in self.sealed.items():
            if before < quarter <= now:
                self.today.add(unpack(held.packed), 1)

    def _recount_day(self) -> None:
        self.today = Window()
        for (quarter, _), held in self.sealed.items():
            if self.day <= quarter <= self.now:
                self.today.add(unpack(held.packed), 1)
        for (minute, partition), held in self.minutes.items():
            if self.day <= minute <= self.now and (minute - minute % QUARTER, partition) not in self.sealed:
                self.today.add(unpack(held.packed), 1)

    def _add_minutes(self, quarter: int, partition: int, sign: int) -> None:
        for minute in range(quarter, min(quarter + QUARTER, self.now + 1)):
            held = self.minutes.get((minute, partition))
            if held is not None:
                self.today.add(unpack(held.packed), sign)

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
        return _sum_up(self._between(minute - 1, minute), ACTIVE_MINUTE)

    def one_quarter(self, quarter: int) -> Window:
        """A window of the quarter-hour that begins at a minute."""
        return _sum_up(self._of_quarter(quarter), ACTIVE_QUARTER)


def _sum_up(panes: Iterable[Stamped], touch: int) -> Window:
    window = Window(touch)
    for held in panes:
        window.add(unpack(held.packed), 1)
        for maximum, kind in MAXIMA.items():
            if maximum in held.largest:
                window.set_largest(kind, max(held.largest[maximum], window.largest.get(kind, 0)))
    return window
