"""Opening hours, date by date: contract section 10, read plainly.

It is open at an instant if the wall clock of the zone then shows a time within the hours of its date. When the clocks
are set back, a time comes twice and is open twice; when they are set forward, what is left out is never open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import holidays

MINUTE, QUARTER, HOUR, DAY = 60_000, 900_000, 3_600_000, 86_400_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FOREVER = 10**18
LONGEST_CLOSED = 4000  # days: after so many without an open minute it is taken to stay closed
Stretch = tuple[int, int]  # half-open, in ms


class Hours(Protocol):
    def elapsed(self, start: int, end: int) -> int:
        """Open ms from `start` to `end`; 0 when that is not later."""

    def add(self, start: int, ms: int) -> int:
        """The earliest instant not before `start` by which so many ms have been open since."""


class AroundTheClock:
    def elapsed(self, start: int, end: int) -> int:
        return max(0, end - start)

    def add(self, start: int, ms: int) -> int:
        return start + ms


AROUND_THE_CLOCK = AroundTheClock()


@dataclass(slots=True)
class Calendar:
    """`config` as in contract section 10; the other fields remember what was worked out."""

    zone: ZoneInfo
    config: Mapping[str, Any]
    days: dict[date, list[Stretch]] = field(default_factory=dict)
    spans: dict[Stretch, int] = field(default_factory=dict)

    def elapsed(self, start: int, end: int) -> int:
        if end <= start:
            return 0
        if (start, end) not in self.spans:
            days = (date_at(end, self.zone) - date_at(start, self.zone)).days
            stretches = self.stretches(start, days + 3)
            self.spans[start, end] = sum(max(0, min(end, b) - max(start, a)) for a, b in stretches)
        return self.spans[start, end]

    def add(self, start: int, ms: int) -> int:
        if ms <= 0:
            return start
        for a, b in self.stretches(start, LONGEST_CLOSED):
            since = max(a, start)
            if b - since >= ms:
                return since + ms
            ms -= max(0, b - since)
        return FOREVER

    def stretches(self, start: int, days: int) -> Iterable[Stretch]:
        """The open stretches of so many dates from the one before that of `start` on."""
        first = date_at(start, self.zone) - timedelta(days=1)
        for n in range(days):
            day = first + timedelta(days=n)
            if day not in self.days:
                self.days[day] = list(self.open_on(day))
            yield from self.days[day]

    def open_on(self, day: date) -> Iterable[Stretch]:
        minutes = sorted(self.minutes(day))
        runs = [[m for _, m in group] for _, group in groupby(enumerate(minutes), lambda pair: pair[1] - pair[0])]
        for start, end, offset in pieces(self.zone, day):
            for run in runs:
                a, b = (midnight(day) + minute * MINUTE - offset for minute in (run[0], run[-1] + 1))
                if max(a, start) < min(b, end):
                    yield max(a, start), min(b, end)

    def minutes(self, day: date) -> set[int]:
        """The open minutes of a date, counted as the wall clock does."""
        name, closed = day.isoformat(), self.config.get("holidays") or ()
        hours = (self.config.get("hours") or {}).get(WEEKDAYS[day.weekday()]) or ()
        if name in closed or any(is_holiday(country, day) for country in countries(self.config)):
            hours = ()
        hours = (self.config.get("date_overrides") or {}).get(name, hours)
        breaks = (self.config.get("breaks") or {}).get(name) or ()
        return minutes_of(hours) - minutes_of(breaks)


def calendar(config: Mapping[str, Any]) -> Calendar:
    return Calendar(ZoneInfo(config["tz"]), config)


def minutes_of(hours: Iterable[Iterable[str]]) -> set[int]:
    out: set[int] = set()
    for interval in hours:
        start, end = (60 * int(time[:2]) + int(time[3:]) for time in interval)
        out |= set(range(start, end))
    return out


def countries(config: Mapping[str, Any]) -> list[str]:
    given = config.get("country_holidays") or []
    return [given] if isinstance(given, str) else list(given)


@cache
def is_holiday(code: str, day: date) -> bool:
    """`code`: a country, or a part of one such as `DE-BY`."""
    country, _, part = code.partition("-")
    return day in holidays.country_holidays(country, subdiv=part or None, years=day.year)


def date_at(at: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at // 1000, zone).date()


def midnight(day: date) -> int:
    """As if the zone were UTC."""
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


@cache
def pieces(zone: ZoneInfo, day: date) -> list[tuple[int, int, int]]:
    """(from, until, offset from UTC in ms): when it is that date in the zone. Clocks change at a quarter of an hour."""
    out: list[tuple[int, int, int]] = []
    for at in range(midnight(day) - 15 * HOUR, midnight(day) + DAY + 15 * HOUR, QUARTER):
        local = datetime.fromtimestamp(at // 1000, zone)
        if local.date() != day:
            continue
        offset = (local.utcoffset() or timedelta()) // timedelta(milliseconds=1)
        if out and out[-1][1:] == (at, offset):
            out[-1] = (out[-1][0], at + QUARTER, offset)
        else:
            out.append((at, at + QUARTER, offset))
    return out
