"""Opening hours as the wall clock shows them: which time of which local date is open.

A date is its ordinal (1 January of the year 1 is 1); a time of day is in ms since midnight, as the clock counts them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from tables.country_days import public_holidays

if TYPE_CHECKING:
    from tables.settings_model import Calendar

Spans = tuple[tuple[int, int], ...]
"""Half-open, in order, apart from each other."""

WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTE_MS: Final = 60_000


class OpenDays:
    """The open times of every date of a calendar.

    What `date_overrides` say of a date replaces its hours, holiday or not; on other holidays it is closed; `breaks` are
    taken off what is left. Times given twice count once.
    """

    __slots__ = ("_breaks", "_countries", "_holidays", "_overrides", "_week")

    def __init__(self, calendar: Calendar) -> None:
        self._week = [_spans(calendar.hours.get(day, ())) for day in WEEK]
        self._overrides = {_ordinal(date): _spans(given) for date, given in calendar.date_overrides.items()}
        self._breaks = {_ordinal(date): _spans(given) for date, given in calendar.breaks.items()}
        self._holidays = frozenset(map(_ordinal, calendar.holidays))
        self._countries = tuple(calendar.country_holidays)

    def of(self, day: int) -> Spans:
        """The open times of a date."""
        spans = self._overrides.get(day)
        if spans is None:
            spans = () if self._is_holiday(day) else self._week[(day - 1) % 7]
        breaks = self._breaks.get(day)
        return spans if breaks is None else _without(spans, breaks)

    def _is_holiday(self, day: int) -> bool:
        if day in self._holidays:
            return True
        if not self._countries:
            return False
        year = dt.date.fromordinal(day).year
        return any(day in public_holidays(country, year) for country in self._countries)


def _ordinal(date: str) -> int:
    return dt.date.fromisoformat(date).toordinal()


def _ms(time: str) -> int:
    hour, minute = time.split(":")
    return (int(hour) * 60 + int(minute)) * _MINUTE_MS


def _spans(given: Iterable[tuple[str, str]]) -> Spans:
    """The union of intervals of `HH:MM`.

    >>> _spans([("00:02", "00:03"), ("00:00", "00:01"), ("00:01", "00:02")])
    ((0, 180000),)
    """
    out: list[tuple[int, int]] = []
    for begin, end in sorted((_ms(begin), _ms(end)) for begin, end in given):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((begin, end))
    return tuple(out)


def _without(spans: Spans, breaks: Spans) -> Spans:
    """What the breaks leave of the spans.

    >>> _without(((0, 9), (12, 20)), ((8, 13), (15, 16)))
    ((0, 8), (13, 15), (16, 20))
    """
    for begin, end in breaks:
        pieces = (piece for a, b in spans for piece in ((a, min(b, begin)), (max(a, end), b)))
        spans = tuple((a, b) for a, b in pieces if a < b)
    return spans
