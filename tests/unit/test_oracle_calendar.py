"""The oracle's calendar against hours counted by hand, and against a clock looked at every minute."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.calendar import calendar

HOUR, MINUTE = 3_600_000, 60_000
BERLIN = "Europe/Berlin"
WORK = [["09:00", "12:00"], ["13:00", "18:00"]]
OFFICE: dict[str, Any] = {"tz": BERLIN, "hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), WORK)}


def local(text: str, tz: str = BERLIN, fold: int = 0) -> int:
    instant = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz), fold=fold)
    return round(instant.timestamp() * 1000)


def hours(config: dict[str, Any], start: str, end: str) -> float:
    return calendar(config).elapsed(local(start, config["tz"]), local(end, config["tz"])) / HOUR


@pytest.mark.parametrize(
    ("start", "end", "open_hours"),
    [
        ("2024-06-12T08:00", "2024-06-12T10:30", 1.5),  # a Wednesday
        ("2024-06-12T11:30", "2024-06-12T13:30", 1),  # lunch
        ("2024-06-12T17:00", "2024-06-13T10:00", 2),
        ("2024-06-14T17:00", "2024-06-17T10:00", 2),  # a weekend
        ("2024-06-10T00:00", "2024-06-17T00:00", 40),
        ("2024-06-12T18:00", "2024-06-13T09:00", 0),
        ("2024-06-12T10:00", "2024-06-12T10:00", 0),
        ("2024-06-12T11:00", "2024-06-12T10:00", 0),
    ],
)
def test_elapsed_counts_open_time(start: str, end: str, open_hours: float) -> None:
    assert hours(OFFICE, start, end) == open_hours


@pytest.mark.parametrize(
    ("start", "open_hours", "end"),
    [
        ("2024-06-12T10:00", 1, "2024-06-12T11:00"),
        ("2024-06-12T10:00", 2, "2024-06-12T12:00"),  # as early as closing time, not when it opens again
        ("2024-06-12T10:00", 2.5, "2024-06-12T13:30"),
        ("2024-06-12T07:00", 8, "2024-06-12T18:00"),
        ("2024-06-14T18:00", 0.25, "2024-06-17T09:15"),
        ("2024-06-15T18:00", 0, "2024-06-15T18:00"),
    ],
)
def test_add_is_the_earliest_instant(start: str, open_hours: float, end: str) -> None:
    assert calendar(OFFICE).add(local(start), round(open_hours * HOUR)) == local(end)


@pytest.mark.parametrize(
    ("day", "hours_", "open_hours"),
    [
        ("2024-03-31", [["00:00", "24:00"]], 23),
        ("2024-03-31", [["01:00", "04:00"]], 2),
        ("2024-03-31", [["02:00", "03:00"]], 0),
        ("2024-03-31", [["02:30", "03:30"]], 0.5),
        ("2024-10-27", [["00:00", "24:00"]], 25),
        ("2024-10-27", [["01:00", "04:00"]], 4),
        ("2024-10-27", [["02:00", "02:30"]], 1),  # comes twice
        ("2024-10-27", [["22:00", "24:00"]], 2),
    ],
)
def test_clocks_that_change(day: str, hours_: list[list[str]], open_hours: float) -> None:
    config = {"tz": BERLIN, "hours": {"sun": hours_}}
    after = datetime.fromisoformat(day) + timedelta(days=1)
    assert hours(config, f"{day}T00:00", after.isoformat()) == open_hours


def test_an_hour_that_comes_twice_is_open_in_two_pieces() -> None:
    twice = calendar({"tz": BERLIN, "hours": {"sun": [["02:00", "02:30"]]}})
    start = local("2024-10-27T00:00")
    assert twice.add(start, 30 * MINUTE) == local("2024-10-27T02:30")
    assert twice.add(start, 31 * MINUTE) == local("2024-10-27T02:01", fold=1)


def test_days_that_differ() -> None:
    config = OFFICE | {
        "holidays": ["2024-06-12", "2024-06-13"],
        "date_overrides": {"2024-06-13": [["10:00", "11:00"]], "2024-06-15": [["23:00", "24:00"]]},
        "breaks": {"2024-06-14": [["09:30", "10:00"], ["17:00", "20:00"]], "2024-06-13": [["10:30", "10:45"]]},
    }
    days = [hours(config, f"2024-06-{n}T00:00", f"2024-06-{n + 1}T00:00") for n in range(11, 17)]
    assert days == [8, 0, 0.75, 8 - 1.5, 1, 0]


@pytest.mark.parametrize(("country", "open_hours"), [("ID", 0), (["US", "ID"], 0), ("US", 24), ("DE-BY", 24)], ids=str)
def test_a_countrys_holidays_are_closed(country: Any, open_hours: int) -> None:
    config = {"tz": "Asia/Jakarta", "hours": {"sat": [["00:00", "24:00"]]}, "country_holidays": country}
    assert hours(config, "2024-08-17T00:00", "2024-08-18T00:00") == open_hours  # Indonesia's independence


def test_the_holidays_of_a_part_of_a_country() -> None:
    friday = OFFICE | {"hours": {"fri": [["08:00", "09:00"]]}}
    all_saints = [friday | {"country_holidays": code} for code in ("DE", "DE-BY", "DE-BE")]
    assert [hours(config, "2024-11-01T00:00", "2024-11-02T00:00") for config in all_saints] == [1, 0, 1]


TIMES = ["00:00", "00:30", "01:00", "02:00", "02:30", "03:00", "09:00", "17:30", "23:30", "24:00"]
INTERVALS = st.lists(st.sampled_from([[a, b] for a in TIMES for b in TIMES if a < b]), max_size=3)
DATES = ["2024-03-31", "2024-10-27", "2024-11-03", "2024-03-10", "2024-06-12"]
CONFIGS = st.fixed_dictionaries(
    {
        "tz": st.sampled_from([BERLIN, "America/New_York", "Asia/Jakarta", "Asia/Kathmandu", "Australia/Lord_Howe"]),
        "hours": st.dictionaries(st.sampled_from(["mon", "wed", "sat", "sun"]), INTERVALS),
        "holidays": st.lists(st.sampled_from(DATES), max_size=1),
        "date_overrides": st.dictionaries(st.sampled_from(DATES), INTERVALS, max_size=2),
        "breaks": st.dictionaries(st.sampled_from(DATES), INTERVALS, max_size=2),
    }
)


def looked_at(config: dict[str, Any], minute: int) -> bool:
    """Whether it is open when the clock on the wall is looked at."""
    now = datetime.fromtimestamp(minute * 60, ZoneInfo(config["tz"]))
    day, time = now.date().isoformat(), f"{now:%H:%M}"
    hours_ = [] if day in config["holidays"] else config["hours"].get(f"{now:%a}".lower(), [])
    hours_ = config["date_overrides"].get(day, hours_)
    in_break = any(a <= time < b for a, b in config["breaks"].get(day, []))
    return any(a <= time < b for a, b in hours_) and not in_break


@settings(max_examples=100, deadline=None)
@given(CONFIGS, st.sampled_from(DATES), st.integers(-1500, 1500), st.integers(0, 3000), st.integers(0, 59_999))
def test_a_calendar_says_what_a_look_at_the_clock_every_minute_says(
    config: dict[str, Any], day: str, minutes: int, length: int, ms: int
) -> None:
    start = local(f"{day}T00:00", config["tz"]) // MINUTE + minutes
    open_minutes = [looked_at(config, minute) for minute in range(start, start + length)]
    found = calendar(config)
    assert found.elapsed(start * MINUTE, (start + length) * MINUTE) == sum(open_minutes) * MINUTE
    into = start * MINUTE + ms
    if (left := found.elapsed(into, (start + length) * MINUTE)) > 0:
        half = left // 2 + 1
        reached = found.add(into, half)
        assert (found.elapsed(into, reached), found.elapsed(into, reached - 1)) == (half, half - 1)
