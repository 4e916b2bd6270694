"""Business calendars: open time between two instants, and the instant by which so much of it has passed.

An instant is open if the wall clock of the calendar's zone then shows an open time of its date: an hour that comes
twice is open twice, one that is left out is never. Open time is known for the years 1900 to 2299 (UTC); outside of
them there is none.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from tables import settings_model
from tables.open_days import OpenDays
from tables.settings_load import check

_DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
_YEARS: Final = [(datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1) for year in range(1900, 2301)]
"""The beginnings of the years known, and the end of the last one, in ms."""
_COUNT: Final = len(_YEARS) - 1


class Calendar:
    """Opening hours of one zone. Calendars of equal configuration are equal.

    What is open in a year is worked out when it is first asked for, and kept.
    """

    __slots__ = ("_config", "_days", "_years", "_zone")

    def __init__(self, model: settings_model.Calendar) -> None:
        self._config = json.dumps(model.model_dump(), sort_keys=True)
        self._days = OpenDays(model)
        self._zone = ZoneInfo(model.tz)
        self._years: dict[int, _Year] = {}

    @classmethod
    def from_config(cls, mapping: Mapping[str, Any]) -> Self:
        """The calendar that one entry of `calendars` describes (contract section 10); raises `SettingsError`."""
        file, _ = check({"calendars": {"calendar": mapping}})
        return cls(file.calendars["calendar"])

    def elapsed(self, start_ms: int, end_ms: int) -> float:
        """Open seconds from `start_ms` to `end_ms`; 0 when that is not later."""
        return self.elapsed_ms(start_ms, end_ms) / 1000

    def add(self, start_ms: int, seconds: float) -> int:
        """`add_ms` of seconds, rounded to the nearest ms."""
        return self.add_ms(start_ms, round(seconds * 1000))

    def subtract(self, start_ms: int, seconds: float) -> int:
        """`subtract_ms` of seconds, rounded to the nearest ms."""
        return self.subtract_ms(start_ms, round(seconds * 1000))

    def elapsed_ms(self, start: int, end: int) -> int:
        """Open ms from `start` to `end`; 0 when that is not later."""
        if end <= start:
            return 0
        first, last = _place(start), _place(end)
        whole = sum(self._year(place).total for place in range(first, last))
        return whole + self._year(last).until(end) - self._year(first).until(start)

    def add_ms(self, start: int, ms: int) -> int:
        """The earliest instant, in ms, by which so many ms have been open since `start`; `start` itself for 0.

        If the years known hold too little open time it is their end, 2300. Raises ValueError for less than 0.
        """
        if ms <= 0:
            return _nothing(start, ms)
        first = _place(start)
        left = ms + self._year(first).until(start)
        for place in range(first, _COUNT):
            year = self._year(place)
            if left <= year.total:
                return year.earliest(left)
            left -= year.total
        return max(start, _YEARS[-1])

    def subtract_ms(self, start: int, ms: int) -> int:
        """The latest instant, in ms, from which so many ms are open until `start`; `start` itself for 0.

        If the years known hold too little open time it is their beginning, 1900. Raises ValueError for less than 0.
        """
        if ms <= 0:
            return _nothing(start, ms)
        place = _place(start)
        left = self._year(place).until(start) - ms
        while left < 0:
            if place == 0:
                return min(start, _YEARS[0])
            place -= 1
            left += self._year(place).total
        return self._year(place).latest(left)

    def _year(self, place: int) -> _Year:
        year = self._years.get(place)
        if year is None:
            year = self._years[place] = _open_times(self._days, self._zone, _YEARS[place], _YEARS[place + 1])
        return year

    def __eq__(self, other: object) -> bool:
        return self._config == other._config if isinstance(other, Calendar) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._config)

    def __repr__(self) -> str:
        return f"Calendar({self._config})"


@dataclass(frozen=True, slots=True)
class _Year:
    """Open stretches of a year, in order: where each starts, and the open ms before each and after the last."""

    starts: list[int]
    opened: list[int]

    @property
    def total(self) -> int:
        return self.opened[-1]

    def until(self, instant: int) -> int:
        """The open ms of the year before `instant`, which may lie outside of it."""
        place = bisect_right(self.starts, instant) - 1
        return min(self.opened[place] + instant - self.starts[place], self.opened[place + 1]) if place >= 0 else 0

    def earliest(self, opened: int) -> int:
        """The earliest instant by which so many ms of the year have been open; above 0, at most the total."""
        place = bisect_left(self.opened, opened) - 1
        return self.starts[place] + opened - self.opened[place]

    def latest(self, opened: int) -> int:
        """The latest instant by which no more ms of the year have been open; from 0, less than the total."""
        place = bisect_right(self.opened, opened) - 1
        return self.starts[place] + opened - self.opened[place]


def _place(instant: int) -> int:
    """The place in `_YEARS` of the year of an instant, of the first or last one for an instant outside."""
    return min(max(bisect_right(_YEARS, instant) - 1, 0), _COUNT - 1)


def _nothing(start: int, ms: int) -> int:
    if ms < 0:
        raise ValueError(f"{ms} ms of open time; at least 0 allowed")
    return start


def _open_times(days: OpenDays, zone: ZoneInfo, begin: int, end: int) -> _Year:
    """What is open from one whole UTC day to another, in ms."""
    starts: list[int] = []
    opened = [0]
    for since, until, offset in _offsets(zone, begin, end):
        for day in range((since + offset) // _DAY_MS, (until + offset - 1) // _DAY_MS + 1):
            midnight = day * _DAY_MS - offset
            for opens, closes in days.of(_EPOCH_DAY + day):
                start, stop = max(midnight + opens, since), min(midnight + closes, until)
                if start < stop:
                    starts.append(start)
                    opened.append(opened[-1] + stop - start)
    return _Year(starts, opened)


def _offsets(zone: ZoneInfo, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The stretches of [begin, end), whole UTC days in ms, with one UTC offset each: (from, to, offset), in ms.

    Looked at once a day: no zone has ever changed its offset twice within six days. Changes come at whole seconds.
    """
    since, offset = begin, _offset(zone, begin)
    for instant in range(begin + _DAY_MS, end + 1, _DAY_MS):
        if (now := _offset(zone, instant)) != offset:
            change = _change(zone, instant - _DAY_MS, instant)
            yield since, change, offset
            since, offset = change, now
    yield since, end, offset


def _change(zone: ZoneInfo, begin: int, end: int) -> int:
    """The first instant of (begin, end] with the offset of `end`, which `begin` has not."""
    new = _offset(zone, end)
    return begin + 1000 * bisect_left(
        range(begin, end, 1000), x=True, key=lambda instant: _offset(zone, instant) == new
    )


def _offset(zone: ZoneInfo, instant: int) -> int:
    shown = (_EPOCH + timedelta(milliseconds=instant)).astimezone(zone)
    return (shown.utcoffset() or timedelta()) // timedelta(milliseconds=1)
