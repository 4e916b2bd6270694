"""Windows that are kept by day: the month to date and 30 days of one scope (contract section 4).

The days that can no longer change are summed up and kept as one tally each; behind them live panes go on. What a late
event adds to, or takes from, a day that is closed comes as a correction of one of its quarter-hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from tables.days import NOON, Today, day_end, day_start
from tables.distinct import Distinct
from tables.facts import MINUTE
from tables.stamped import maxima
from tables.tally import ACTIVE_MARKS, CUSTOMERS, HANDLED_MARKS, TOPICS, Tally, add_up, mark
from tables.window import Parts, Window, parts

DAY_WINDOWS = ("mtd", "30d")


class Day(msgspec.Struct, array_like=True, frozen=True):
    """One closed local day of a scope."""

    start: int
    """Its first minute, since the epoch."""
    end: int
    tally: Tally
    levels: dict[int, int]
    """By class of distinct ids, how thin the sample of them is (see `tables.distinct`)."""


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Day).decode


class Correction(NamedTuple):
    """What was added to a quarter-hour after its panes were let go of."""

    epoch: int
    seq: int
    tally: Tally


Worked = tuple[int, int]
"""Agent-minutes of one local day: occupied and online, and online."""
encode_worked = msgspec.msgpack.Encoder().encode
decode_worked = msgspec.msgpack.Decoder(Worked).decode
SETTLED = 26 * 60
"""Minutes after a day's end when its agent-minutes are written down: what could change them would come too late."""


class DayWindows:
    """Both windows, and what is known of closed days. Minutes count from the epoch."""

    __slots__ = ("_days", "closed_before", "corrections", "expired", "starts", "topics_before", "windows", "worked")

    def __init__(self, *, topics: bool = False) -> None:
        self.topics_before: dict[str, dict[int, int]] | None = {} if topics else None
        """By window, how many cycles had each topic in the window before; None where nobody asks."""
        self.windows = {name: Window(None) for name in DAY_WINDOWS}
        self.starts = dict.fromkeys(DAY_WINDOWS, 0)
        self.closed_before = 0
        """The minute before which everything is in closed days."""
        self._days: dict[int, Day] = {}
        self.worked: dict[int, Worked] = {}
        """Of past days, by their first minute."""
        self.expired: list[int] = []
        """The first minutes of days that were let go of; whoever has written them down clears it."""
        self.corrections: dict[tuple[int, int], Correction] = {}
        """By first minute of the quarter-hour and source partition."""

    def put(self, day: Day) -> None:
        """Take a closed day over; its panes count no more."""
        self._days[day.start] = day
        self.closed_before = max(self.closed_before, day.end)

    def change(self, minute: int, now: int, change: Parts, sign: int) -> None:
        """A live pane of this minute, or the quarter-hour that begins with it, has changed."""
        if self.closed_before <= minute <= now:
            for name, window in self.windows.items():
                if minute >= self.starts[name]:
                    window.change(change, sign)

    def put_correction(self, quarter: int, partition: int, epoch: int, seq: int, tally: Tally, now: int) -> bool:
        """Take a correction over; False if a newer one is known."""
        held = self.corrections.get((quarter, partition))
        if held is not None and (held.epoch, held.seq) >= (epoch, seq):
            return False
        self.corrections[quarter, partition] = Correction(epoch, seq, tally)
        for name, window in self.windows.items():
            if self.starts[name] <= quarter <= now:
                if held is not None:
                    window.add(held.tally, -1)
                window.add(tally, 1)
        return True

    def recount(self, today: Today, live: Iterable[tuple[int, Tally]]) -> None:
        """Begin anew where the windows of another day begin; `live` are the panes of minutes not closed."""
        self.starts = {"mtd": today.mtd, "30d": today.last_30d}
        oldest = self.oldest(today)
        for start in [start for start in self._days if start + NOON < oldest]:
            self.expired.append(start)
            del self._days[start]
        for start in [start for start in self.worked if start + NOON < oldest]:
            del self.worked[start]
        for key in [key for key in self.corrections if key[0] < oldest]:
            del self.corrections[key]
        self.windows = {name: Window(None) for name in DAY_WINDOWS}
        for day in self._days.values():
            self._add(day.start + NOON, parts(day.tally), day.levels)
        for (quarter, _), correction in self.corrections.items():
            self._add(quarter, parts(correction.tally))
        panes = [(minute, tally) for minute, tally in live if minute >= self.closed_before]
        for minute, tally in panes:
            self._add(minute, parts(tally))
        if self.topics_before is not None:
            self._look_back(today, panes)

    def oldest(self, today: Today) -> int:
        """The first minute of which anything is asked for."""
        if self.topics_before is None:
            return min(today.mtd, today.last_30d)
        return min(today.mtd_before[0], today.last_30d_before)

    def _look_back(self, today: Today, live: list[tuple[int, Tally]]) -> None:
        """Count the topics of the windows before; they change no more while the day lasts but by corrections."""
        spans = {"mtd": today.mtd_before, "30d": (today.last_30d_before, today.last_30d)}
        self.topics_before = {name: {} for name in spans}
        held = [
            *live,
            *((day.start + NOON, day.tally) for day in self._days.values()),
            *((quarter, correction.tally) for (quarter, _), correction in self.corrections.items()),
        ]
        for name, (start, end) in spans.items():
            counts = self.topics_before[name]
            for minute, tally in held:
                if start <= minute < end:
                    for class_, each, amount in parts(tally).marks:
                        if class_ == TOPICS:
                            counts[each] = counts.get(each, 0) + amount

    def _add(self, minute: int, change: Parts, levels: dict[int, int] | None = None) -> None:
        for name, window in self.windows.items():
            if minute >= self.starts[name]:
                for class_, level in (levels or {}).items():
                    window.distinct[class_].thin(level)
                window.change(change, 1)

    def set_largest(self, live: Iterable[tuple[int, Tally]]) -> None:
        """Bring the maxima up to date; `live` are those of minutes not closed."""
        found = [
            *live,
            *((day.start + NOON, maxima(day.tally)) for day in self._days.values()),
            *((quarter, maxima(correction.tally)) for (quarter, _), correction in self.corrections.items()),
        ]
        for name, window in self.windows.items():
            start = self.starts[name]
            window.set_largest(largest for minute, largest in found if minute >= start)

    def raise_largest(self, minute: int, largest: Tally) -> None:
        """The maxima of a live pane of this minute have become these; none was greater before."""
        if minute >= self.closed_before:
            for name, window in self.windows.items():
                if minute >= self.starts[name]:
                    window.raise_largest(largest)

    def count_days(
        self, minute: int, settled: int, today: Worked, zone: ZoneInfo, count: Callable[[int, int], Worked]
    ) -> list[tuple[int, Worked]]:
        """Bring the agent-minutes up to the minute; what can be written down of days that are past is returned.

        Days that end by the minute `settled` change no more: what is held of them is not counted again. `today` are
        those of the present local day so far, `count` those of the minutes from one to another.
        """
        fixed = []
        days = list(self.worked.items())
        start, known = min(self.starts.values()), self._worked_until(zone)
        while (end := day_end(start * MINUTE, zone) // MINUTE) <= minute:
            if end > known:
                worked = count(max(start, known), end - 1)
                if end <= settled:
                    self.worked[start] = worked
                    if any(worked):
                        fixed.append((start, worked))
                days.append((start, worked))
            start = end
        days.append((start, today))
        for name, window in self.windows.items():
            held = [worked for day, worked in days if day + NOON >= self.starts[name]]
            window.set_occupancy((sum(each for each, _ in held), sum(each for _, each in held)))
        return fixed

    def _worked_until(self, zone: ZoneInfo) -> int:
        """The minute at which the last day ends whose agent-minutes are held; it may have been another zone's."""
        if not self.worked:
            return 0
        last = max(self.worked)
        own = day_start(last * MINUTE, zone) == last * MINUTE
        return day_end(last * MINUTE, zone) // MINUTE if own else last + 2 * NOON

    def close(self, before: int, live: Iterable[tuple[int, Tally]], zone: ZoneInfo) -> list[Day]:
        """Sum up the local days that end by the minute `before`, from the panes of minutes not closed."""
        tallies: dict[int, Tally] = {}
        for minute, tally in live:
            if self.closed_before <= minute < before:
                start = day_start(minute * MINUTE, zone) // MINUTE
                add_up(tallies.setdefault(start, {}), tally)
        closed = []
        for start, tally in sorted(tallies.items()):
            end = day_end(start * MINUTE, zone) // MINUTE
            if end <= before:
                closed.append(_thin(start, end, tally))
                self.put(closed[-1])
        return closed


def _thin(start: int, end: int, tally: Tally) -> Day:
    """A day as it is kept, with a sample of its distinct ids if there are very many."""
    held = {class_: Distinct() for class_ in (CUSTOMERS, ACTIVE_MARKS, HANDLED_MARKS, TOPICS)}
    for class_, each, amount in parts(tally).marks:
        held[class_].add(each, amount)
    levels = {class_: each.level for class_, each in held.items() if each.level}
    if not levels:
        return Day(start, end, tally, levels)
    plain = {code: amount for code, amount in tally.items() if code < mark(CUSTOMERS, 0)}
    kept = {mark(class_, each): amount for class_, ids in held.items() for each, amount in ids.counts.items()}
    return Day(start, end, plain | kept, levels)
