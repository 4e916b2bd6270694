"""Calendars against a plain reading, minute by minute, around the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tables.calendar import Calendar

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHANGES = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # by half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Sao_Paulo", date(2017, 10, 15)),  # at midnight
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("Africa/Cairo", date(2023, 4, 28)),
    ("Africa/Cairo", date(2023, 10, 27)),
    ("Asia/Kathmandu", date(1986, 1, 1)),  # by a quarter of an hour, with the year
    ("Asia/Kathmandu", date(2026, 1, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),  # left out
    ("Asia/Gaza", date(2040, 10, 20)),  # twice within seven days
)


@st.composite
def intervals(draw: st.DrawFn) -> list[list[str]]:
    times = st.one_of(st.integers(0, 1440), st.sampled_from((0, 60, 120, 150, 180, 1380, 1440)))
    pairs = draw(st.lists(st.tuples(times, times).filter(lambda pair: pair[0] != pair[1]), max_size=2))
    return [[f"{minute // 60:02d}:{minute % 60:02d}" for minute in sorted(pair)] for pair in pairs]


@st.composite
def calendars(draw: st.DrawFn) -> tuple[dict[str, Any], int]:
    """A configuration, and an instant on the day before a change of the clocks of its zone."""
    zone, change = draw(st.sampled_from(CHANGES))
    days = [(change + timedelta(n)).isoformat() for n in (-1, 0, 1)]
    by_date = st.dictionaries(st.sampled_from(days), intervals(), max_size=3)
    hours = st.fixed_dictionaries(dict.fromkeys(WEEK, intervals()))
    config = {
        "tz": zone,
        "hours": draw(hours.filter(lambda hours: any(hours.values()))),
        "holidays": draw(st.lists(st.sampled_from(days), max_size=2)),
        "date_overrides": draw(by_date),
        "breaks": draw(by_date),
    }
    midnight = round(datetime(change.year, change.month, change.day, tzinfo=UTC).timestamp()) * 1000
    return config, midnight - draw(st.integers(0, 36)) * HOUR - draw(st.integers(0, HOUR))


def lengths(days: int) -> st.SearchStrategy[int]:
    """ms; from two draws, as of a wide range Hypothesis gives little but small numbers."""
    return st.builds(lambda hours, ms: hours * HOUR + ms, st.integers(0, days * 24 - 1), st.integers(1, HOUR))


def is_open(config: dict[str, Any], instant: int) -> bool:
    local = datetime.fromtimestamp(instant // 1000, ZoneInfo(config["tz"]))
    today, time = local.date().isoformat(), f"{local:%H:%M}"
    hours = config["hours"].get(WEEK[local.weekday()], [])
    if today in config["holidays"]:
        hours = []
    hours = config["date_overrides"].get(today, hours)
    breaks = config["breaks"].get(today, [])
    return any(a <= time < b for a, b in hours) and not any(a <= time < b for a, b in breaks)


def open_ms(config: dict[str, Any], start: int, end: int) -> int:
    minutes = range(start - start % MINUTE, end, MINUTE)
    return sum(min(each + MINUTE, end) - max(each, start) for each in minutes if is_open(config, each))


@settings(deadline=None)
@given(calendars(), lengths(3))
def test_elapsed_is_what_a_look_at_the_clock_each_minute_gives(given: tuple[dict[str, Any], int], length: int) -> None:
    config, start = given
    assert Calendar.from_config(config).elapsed_ms(start, start + length) == open_ms(config, start, start + length)


@settings(deadline=None)
@given(calendars(), lengths(14), st.booleans())
def test_add_gives_the_earliest_instant(given: tuple[dict[str, Any], int], length: int, anyhow: bool) -> None:
    config, start = given
    calendar = Calendar.from_config(config)
    amount = (
        min(length, DAY) if anyhow else max(1, calendar.elapsed_ms(start, start + length))
    )  # often up to a closing time
    deadline = calendar.add_ms(start, amount)
    assert calendar.elapsed_ms(start, deadline) == amount
    assert calendar.elapsed_ms(start, deadline - 1) == amount - 1


@settings(deadline=None)
@given(calendars(), lengths(14), st.booleans())
def test_subtract_gives_the_latest_instant(given: tuple[dict[str, Any], int], length: int, anyhow: bool) -> None:
    config, end = given
    calendar = Calendar.from_config(config)
    amount = (
        min(length, DAY) if anyhow else max(1, calendar.elapsed_ms(end - length, end))
    )  # often back to an opening time
    start = calendar.subtract_ms(end, amount)
    assert calendar.elapsed_ms(start, end) == amount
    assert calendar.elapsed_ms(start + 1, end) == amount - 1


@settings(deadline=None)
@given(calendars(), st.lists(lengths(2000), min_size=3, max_size=3).map(sorted))
def test_open_time_adds_up_over_years(given: tuple[dict[str, Any], int], offsets: list[int]) -> None:
    config, start = given
    calendar = Calendar.from_config(config)
    a, b, c = (start - 1000 * DAY + offset for offset in offsets)
    assert calendar.elapsed_ms(a, b) + calendar.elapsed_ms(b, c) == calendar.elapsed_ms(a, c)
    assert calendar.elapsed_ms(c, a) == 0
    assert calendar.elapsed_ms(c, c) == 0
