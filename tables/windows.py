"""Windows: running sums of minute panes for one scope, merged over the source partitions (contract section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from tables.day_windows import DAY_WINDOWS, Day, DayWindows
from tables.days import QUARTER, Today
from tables.facts import ONE_TOUCH_BACK_LATE
from tables.partials import PANES_KEPT
from tables.stamped import NOTHING, Stamped, difference, maxima, pack, unpack
from tables.tally import ACTIVE_MINUTE, ACTIVE_QUARTER, Tally
from tables.window import Parts, Window, parts

ROLLING = {"5m": 5, "15m": 15, "30m": 30, "1h": 60}
"""Rolling windows, in minutes: the current pane and those before it."""
WINDOWS = ("now", *ROLLING, "today")
"""The windows of every scope; those kept by day are in `day_windows.DAY_WINDOWS`."""
NO_DAY = Today(0, 0, 0)


class ScopeWindows:
    """All windows of one scope. Minutes count from the epoch."""

    __slots__ = (
        "_incoming", "_open", "_partitions",
        "by_day", "day", "gauges", "minutes", "named", "now", "rolling", "sealed", "stale", "today",
    )  # fmt: skip

    def __init__(self, *, by_day: bool = False, topics: bool = False) -> None:
        self.minutes: dict[tuple[int, int], Stamped] = {}
        """By minute and source partition."""
        self.sealed: dict[tuple[int, int], Stamped] = {}
        """By first minute of the quarter-hour and source partition; it stands for the minutes it covers."""
        self.gauges: dict[int, tuple[int, int, Tally]] = {}
        self.rolling = {name: Window() for name in ROLLING}
        self.today = Window()
        self.by_day = DayWindows(topics=topics) if by_day else None
        self.named: dict[str, Window] = {}
        """All windows with a length."""
        self._name()
        self.day = NO_DAY
        """Where the windows kept by day begin."""
        self.now = 0
        """The minute that the windows end in."""
        self.stale = True
        """Whether the maxima must be looked up again."""
        self._partitions: set[int] = set()
        """The source partitions that have sent minutes."""
        self._incoming: Tally = {}
        """What has come of the present minute, from all partitions, and is in no window yet."""
        self._open: dict[int, Tally] = {}
        """The panes of the present minute, by source partition, unpacked: they come again and again."""

    # -- partials -------------------------------------------------------------------------------------

    def put(self, kind: bytes, minute: int, partition: int, epoch: int, seq: int, tally: Tally) -> bool:
        """Take over a partial of minute or quarter-hour, by the letter of its key; False if a newer one is known."""
        if kind == b"m":
            return self.put_minute(minute, partition, epoch, seq, tally)
        if kind == b"q":
            return self.put_quarter(minute, partition, epoch, seq, tally)
        self.stale = True
        return self.by_day is not None and self.by_day.put_correction(minute, partition, epoch, seq, tally, self.now)

    def put_minute(self, minute: int, partition: int, epoch: int, seq: int, tally: Tally) -> bool:
        """Take a pane over; False if a newer one is known."""
        key = (minute, partition)
        held = self.minutes.get(key)
        if held is not None and (held.epoch, held.seq) >= (epoch, seq):
            return False
        self._partitions.add(partition)
        if held is None:
            delta = tally
        else:
            before = self._open.get(partition) if minute == self.now else None
            delta = difference(tally, unpack(held.packed) if before is None else before)
        stamped = self.minutes[key] = Stamped(epoch, seq, pack(tally), maxima(tally))
        if minute == self.now:
            self._open[partition] = tally
        if not delta:
            return True
        largest = NOTHING if held is None else held.largest
        if stamped.largest != largest:
            self._follow_largest(minute, partition, largest, stamped.largest)
        if minute == self.now and (minute - minute % QUARTER, partition) not in self.sealed:
            incoming = self._incoming
            for each, amount in delta.items():
                incoming[each] = incoming.get(each, 0) + amount
        elif minute <= self.now:
            change = parts(delta)
            for name, length in ROLLING.items():
                if minute > self.now - length:
                    self.rolling[name].change(change, 1)
            if (minute - minute % QUARTER, partition) not in self.sealed:
                self._change_days(minute, change, 1)
        return True

    def _follow_largest(self, minute: int, partition: int, before: Tally, largest: Tally) -> None:
        """Bring the maxima of a pane into the windows that hold it; one that has gone leaves them to be looked up."""
        if minute > self.now:
            return  # in no window yet; as they reach it, all is looked up
        sealed = (minute - minute % QUARTER, partition) in self.sealed
        if sealed or any(value > largest.get(each, 0) for each, value in before.items()):
            self.stale = True
            return
        for name, length in ROLLING.items():
            if minute > self.now - length:
                self.rolling[name].raise_largest(largest)
        if minute >= self.day.today:
            self.today.raise_largest(largest)
        if self.by_day is not None:
            self.by_day.raise_largest(minute, largest)

    def put_quarter(self, quarter: int, partition: int, epoch: int, seq: int, tally: Tally) -> bool:
        """Take a quarter-hour over; False if a newer one is known."""
        key = (quarter, partition)
        held = self.sealed.get(key)
        if held is not None and (held.epoch, held.seq) >= (epoch, seq):
            return False
        self._partitions.add(partition)
        if quarter <= self.now:
            if held is not None:
                self._change_days(quarter, parts(unpack(held.packed)), -1)
            else:
                for minute in range(quarter, min(quarter + QUARTER, self.now + 1)):
                    covered = self.minutes.get((minute, partition))
                    if covered is not None:
                        self._change_days(minute, parts(unpack(covered.packed)), -1)
            self._change_days(quarter, parts(tally), 1)
        self.sealed[key] = Stamped(epoch, seq, pack(tally), maxima(tally))
        self.stale = True
        return True

    def _uncover(self, quarter: int, partition: int) -> None:
        """Let go of a quarter-hour: its minutes count again, told one by one by a new owner whose clock is behind."""
        held = self.sealed.pop((quarter, partition))
        self.stale = True
        if quarter <= self.now:
            self._change_days(quarter, parts(unpack(held.packed)), -1)
            for minute in range(quarter, min(quarter + QUARTER, self.now + 1)):
                covered = self.minutes.get((minute, partition))
                if covered is not None:
                    self._change_days(minute, parts(unpack(covered.packed)), 1)

    def put_gauges(self, partition: int, epoch: int, seq: int, tally: Tally) -> bool:
        """Take the gauges of a partition over; False if newer ones are known."""
        held = self.gauges.get(partition)
        if held is not None and held[:2] >= (epoch, seq):
            return False
        self.gauges[partition] = (epoch, seq, tally)
        return True

    def _change_days(self, minute: int, change: Parts, sign: int) -> None:
        if self.day.today <= minute <= self.now:
            self.today.change(change, sign)
        if self.by_day is not None:
            self.by_day.change(minute, self.now, change, sign)

    def stamp(self, what: bytes, partition: int) -> tuple[int, int] | None:
        """Epoch and number of what is known of a partition under the last part of a partial's key."""
        if what == b"g":
            gauges = self.gauges.get(partition)
            return None if gauges is None else gauges[:2]
        place = (int(what[1:]), partition)
        if what[:1] == b"c":
            correction = self.by_day.corrections.get(place) if self.by_day is not None else None
            return None if correction is None else correction[:2]
        stamped = (self.minutes if what[:1] == b"m" else self.sealed).get(place)
        return None if stamped is None else (stamped.epoch, stamped.seq)

    def held(self, what: str, partition: int) -> tuple[int, int, Tally] | None:
        """What is known of a partition under the last part of a partial's key, with epoch and number."""
        if what == "g":
            return self.gauges.get(partition)
        place = (int(what[1:]), partition)
        if what[0] == "c":
            return self.by_day.corrections.get(place) if self.by_day is not None else None
        stamped = (self.minutes if what[0] == "m" else self.sealed).get(place)
        return None if stamped is None else (stamped.epoch, stamped.seq, unpack(stamped.packed))

    def forget(self, partition: int, epoch: int, oldest: int) -> bool:
        """Drop what owners before `epoch` have said of a partition from the minute `oldest` on; whether there was any.

        What is older the owner of now no longer knows: it stands.
        """
        found = False
        for minute in [m for m, p in self.minutes if p == partition and self.minutes[m, p].epoch < epoch]:
            if minute >= oldest:
                self.put_minute(minute, partition, epoch, 0, {})
                found = True
        for quarter in [q for q, p in self.sealed if p == partition and self.sealed[q, p].epoch < epoch]:
            if quarter >= oldest:
                self._uncover(quarter, partition)
                found = True
        held = self.gauges.get(partition)
        if held is not None and held[0] < epoch:
            del self.gauges[partition]
            found = True
        return found

    # -- the passing of time --------------------------------------------------------------------------

    def bring_in(self) -> None:
        """Let the windows hold all that has come."""
        incoming, self._incoming = self._incoming, {}
        if incoming:
            change = parts(incoming)
            for window in self.rolling.values():
                window.change(change, 1)
            self._change_days(self.now, change, 1)

    def roll(self, now: int, day: Today, open_from: int) -> None:
        """Let the windows end in the minute `now` of a local day.

        From the minute `open_from` on there may be intervals that are not closed.
        """
        self.bring_in()
        before = self.now
        if now == before and day == self.day:
            return
        self._open.clear()
        sums: dict[tuple[int, int], Parts] = {}
        for name, length in ROLLING.items():
            window = self.rolling[name]
            window.change(self._sum(before - length, min(before, now - length), sums), -1)
            window.change(self._sum(max(before, now - length), now, sums), 1)
        self.now = now
        if day != self.day:
            self.day = day
            self._recount_days()
        elif self.sealed and max(self.sealed)[0] + QUARTER > before + 1:
            # Another partition is ahead and has told quarter-hours of minutes not reached here yet.
            for minute, held in self._uncovered():
                if before < minute <= now:
                    self._change_days(minute, parts(unpack(held.packed)), 1)
        else:
            change = self._sum(before, now, sums)
            self.today.change(change, 1)
            for window in self.by_day.windows.values() if self.by_day is not None else ():
                window.change(change, 1)
        self.stale = True
        self._discard(min(day.today, open_from))

    def close_days(self, before: int, zone: ZoneInfo) -> list[Day]:
        """Sum up the local days that end by the minute `before`: nothing of them is told any more but corrections."""
        return [] if self.by_day is None else self.by_day.close(before, self._live(), zone)

    def expired_days(self) -> list[int]:
        """The first minutes of closed days that no window holds any more, each once."""
        if self.by_day is None:
            return []
        expired, self.by_day.expired = self.by_day.expired, []
        return expired

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

    def _uncovered(self) -> Iterator[tuple[int, Stamped]]:
        """The quarter-hours, and the minutes that no quarter-hour stands for, up to the present minute."""
        for (quarter, _), held in self.sealed.items():
            if quarter <= self.now:
                yield quarter, held
        for (minute, partition), held in self.minutes.items():
            if minute <= self.now and (minute - minute % QUARTER, partition) not in self.sealed:
                yield minute, held

    def _live(self) -> Iterator[tuple[int, Tally]]:
        return ((minute, unpack(held.packed)) for minute, held in self._uncovered())

    def _recount_days(self) -> None:
        self.today = Window()
        live = list(self._live())
        for minute, tally in live:
            if minute >= self.day.today:
                self.today.add(tally, 1)
        if self.by_day is not None:
            self.by_day.recount(self.day, live)
        self._name()

    def _name(self) -> None:
        days = self.by_day.windows if self.by_day is not None else {}
        self.named = {**self.rolling, "today": self.today, **days}

    def _discard(self, needed: int) -> None:
        """Let go of minutes and quarter-hours that are in no window and no interval that is open."""
        if self.by_day is not None:
            needed = min(needed, max(self.by_day.closed_before, self.by_day.oldest(self.day)))
        oldest = self.now - PANES_KEPT
        oldest -= oldest % QUARTER
        for minute, partition in [key for key in self.minutes if key[0] < oldest]:
            if (minute - minute % QUARTER, partition) in self.sealed or minute < needed:
                del self.minutes[minute, partition]
        for key in [key for key in self.sealed if key[0] < needed]:
            del self.sealed[key]

    # -- reading --------------------------------------------------------------------------------------

    def start(self, name: str) -> int:
        """The minute at which a window begins."""
        if name in DAY_WINDOWS:
            return self.day.mtd if name == "mtd" else self.day.last_30d
        return self.day.today if name == "today" else self.now - ROLLING[name] + 1

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
        return not (self.minutes or self.sealed or self.today.counts or self._holds_days)

    @property
    def _holds_days(self) -> bool:
        return self.by_day is not None and any(window.counts for window in self.by_day.windows.values())

    def look_up_largest(self) -> None:
        """Bring the maxima of all windows up to date."""
        if not self.stale:
            return
        self.stale = False
        found = [(minute, held.largest) for (minute, _), held in self.minutes.items() if held.largest]
        days = [(minute, held.largest) for minute, held in self._uncovered() if held.largest]
        for name, length in ROLLING.items():
            oldest = self.now - length
            self.rolling[name].set_largest(largest for minute, largest in found if oldest < minute <= self.now)
        self.today.set_largest(largest for minute, largest in days if minute >= self.day.today)
        if self.by_day is not None:
            closed = self.by_day.closed_before
            self.by_day.set_largest((minute, largest) for minute, largest in days if minute >= closed)

    def one_minute(self, minute: int) -> Window:
        """A window of one closed minute."""
        return _sum_up(self._between(minute - 1, minute), ACTIVE_MINUTE)

    def one_quarter(self, quarter: int) -> Window:
        """A window of the quarter-hour that begins at a minute."""
        window = _sum_up(self._of_quarter(quarter), ACTIVE_QUARTER)
        window.counts.pop(ONE_TOUCH_BACK_LATE, None)
        return window


def _sum_up(panes: Iterable[Stamped], touch: int) -> Window:
    window = Window(touch)
    held = list(panes)
    for pane in held:
        window.add(unpack(pane.packed), 1)
    window.set_largest(pane.largest for pane in held)
    return window
