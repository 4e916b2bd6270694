"""Business calendars: hours counted by hand, and what lies at their edges."""

from __future__ import annotations

from datetime import datetime
from timeit import repeat
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tables.calendar import Calendar
from tables.policies import Match, Policy
from tables.settings import SettingsError

SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
WEEK = (*WEEKDAYS, "sat", "sun")
DAY_AND_NIGHT = {day: [["00:00", "24:00"]] for day in WEEK}
OFFICE: dict[str, Any] = {
    "tz": "Europe/Berlin",
    "hours": {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in WEEKDAYS},
}


def local(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def hours(config: dict[str, Any], start: str, end: str) -> float:
    """Open hours between two local times of the calendar's zone."""
    zone = config["tz"]
    return Calendar.from_config(config).elapsed(local(start, zone), local(end, zone)) / 3600


# --- a week in an office ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-06-10T08:00", "2026-06-10T10:30", 1.5),  # a Wednesday
        ("2026-06-10T11:30", "2026-06-10T13:30", 1),
        ("2026-06-10T12:00", "2026-06-10T13:00", 0),
        ("2026-06-12T17:00", "2026-06-15T10:00", 2),
        ("2026-06-08T00:00", "2026-06-15T00:00", 40),
        ("2026-01-01T00:00", "2027-01-01T00:00", 261 * 8),
        ("2026-06-10T10:00", "2026-06-10T10:00", 0),
        ("2026-06-10T11:00", "2026-06-10T10:00", 0),
        ("2027-06-10T11:00", "2026-06-10T10:00", 0),
    ],
)
def test_elapsed(start: str, end: str, expected: float) -> None:
    assert hours(OFFICE, start, end) == expected


@pytest.mark.parametrize(
    ("start", "given", "deadline"),
    [
        ("2026-06-10T10:00", 1, "2026-06-10T11:00"),
        ("2026-06-10T10:00", 2, "2026-06-10T12:00"),  # closing time, not the opening that follows
        ("2026-06-10T10:00", 2.5, "2026-06-10T13:30"),
        ("2026-06-10T07:00", 8, "2026-06-10T18:00"),
        ("2026-06-12T18:00", 0.25, "2026-06-15T09:15"),
        ("2026-12-31T10:00", 7, "2026-12-31T18:00"),
        ("2026-12-31T10:00", 7.5, "2027-01-01T09:30"),
        ("2026-06-10T10:00", 8 * 261, "2027-06-10T10:00"),
        ("2026-06-13T18:00", 0, "2026-06-13T18:00"),
    ],
)
def test_add(start: str, given: float, deadline: str) -> None:
    assert Calendar.from_config(OFFICE).add(local(start), given * 3600) == local(deadline)


@pytest.mark.parametrize(
    ("end", "given", "start"),
    [
        ("2026-06-10T11:00", 1, "2026-06-10T10:00"),
        ("2026-06-10T14:00", 1, "2026-06-10T13:00"),  # opening time, not the closing before it
        ("2026-06-10T14:00", 1.5, "2026-06-10T11:30"),
        ("2026-06-15T08:00", 8, "2026-06-12T09:00"),
        ("2027-01-01T09:30", 0.5, "2027-01-01T09:00"),
        ("2027-01-01T09:30", 1, "2026-12-31T17:30"),
        ("2026-06-13T18:00", 0, "2026-06-13T18:00"),
    ],
)
def test_subtract(end: str, given: float, start: str) -> None:
    assert Calendar.from_config(OFFICE).subtract(local(end), given * 3600) == local(start)


def test_the_new_year_in_utc_is_no_edge() -> None:
    around = Calendar.from_config({"tz": "UTC", "hours": DAY_AND_NIGHT})
    new_year = local("2026-01-01T00:00", "UTC")
    assert around.add_ms(new_year - HOUR, HOUR) == new_year
    assert around.add_ms(new_year - HOUR, HOUR + 1) == new_year + 1
    assert around.subtract_ms(new_year + HOUR, HOUR) == new_year
    assert around.subtract_ms(new_year + HOUR, HOUR + 1) == new_year - 1


def test_seconds_round_to_the_nearest_ms() -> None:
    calendar = Calendar.from_config(OFFICE)
    ten = local("2026-06-10T10:00")
    assert calendar.add(ten, 0.0016) == ten + 2
    assert calendar.subtract(ten, 0.0014) == ten - 1
    assert calendar.elapsed(ten, ten + 1) == 0.001


def test_less_than_no_time_is_refused() -> None:
    calendar = Calendar.from_config(OFFICE)
    with pytest.raises(ValueError, match="-1000 ms of open time; at least 0 allowed"):
        calendar.add(0, -1)
    with pytest.raises(ValueError, match="-1 ms of open time; at least 0 allowed"):
        calendar.subtract_ms(0, -1)


# --- dates that differ -----------------------------------------------------------------------------


def test_midnight_is_no_edge_where_both_days_are_open() -> None:
    night = {"tz": "UTC", "hours": {"mon": [["22:00", "24:00"]], "tue": [["00:00", "06:00"]]}}
    monday = local("2026-06-08T23:00", "UTC")
    assert Calendar.from_config(night).add_ms(monday, 2 * HOUR) == monday + 2 * HOUR
    assert hours(night, "2026-06-08T00:00", "2026-06-15T00:00") == 8


def test_times_given_twice_count_once() -> None:
    config = {"tz": "UTC", "hours": {"mon": [["13:00", "15:00"], ["09:00", "14:00"], ["10:00", "11:00"]]}}
    assert hours(config, "2026-06-08T00:00", "2026-06-15T00:00") == 6


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2026-12-21", 8),
        ("2026-12-22", 0),  # a holiday
        ("2026-12-23", 6.5),  # breaks from 11 to 12:30 and from 17:30 to 23
        ("2026-12-24", 3),  # a holiday with hours of its own
        ("2026-12-25", 1.5),  # the same, with a break
        ("2026-12-27", 4),  # a Sunday with hours of its own
        ("2026-12-28", 0),  # a working day with none
    ],
)
def test_dates_that_differ(date: str, expected: float) -> None:
    config = OFFICE | {
        "holidays": ["2026-12-22", "2026-12-24", "2026-12-25"],
        "date_overrides": {
            "2026-12-24": [["09:00", "12:00"]],
            "2026-12-25": [["09:00", "11:00"]],
            "2026-12-27": [["20:00", "24:00"]],
            "2026-12-28": [],
        },
        "breaks": {
            "2026-12-23": [["17:30", "23:00"], ["11:00", "12:30"]],
            "2026-12-25": [["10:30", "13:00"]],
        },
    }
    assert hours(config, f"{date}T00:00", f"{date}T23:59") == pytest.approx(expected, abs=1 / 60)


@pytest.mark.parametrize(
    ("countries", "monday", "expected"),
    [
        ("ID", "2026-08-17", 0),
        ("DE", "2026-08-17", 8),
        ("DE", "2027-03-08", 8),
        ("DE-BE", "2027-03-08", 0),
        ("GB-ENG", "2026-12-28", 0),  # Boxing Day is a Saturday
        ("IN", "2040-06-11", 8),  # so far ahead not every holiday is known
        (["DE", "ID"], "2026-08-17", 0),
        (["DE", "ID"], "2026-05-25", 0),  # Whit Monday in Germany
    ],
)
def test_holidays_of_countries(countries: str | list[str], monday: str, expected: float) -> None:
    config = OFFICE | {"country_holidays": countries}
    assert hours(config, f"{monday}T00:00", f"{monday}T23:00") == expected
    config["date_overrides"] = {monday: [["09:00", "10:00"]]}
    assert hours(config, f"{monday}T00:00", f"{monday}T23:00") == 1


# --- clocks that change ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "date", "length"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("America/Sao_Paulo", "2017-10-15", 23),  # 00:00 is left out
        ("America/Sao_Paulo", "2018-02-17", 25),  # 23:00 comes twice
        ("Africa/Cairo", "2023-04-28", 23),
        ("Africa/Cairo", "2023-10-26", 25),
        ("Asia/Kathmandu", "1986-01-01", 23.75),
        ("Africa/Monrovia", "1972-01-07", 24 - 44.5 / 60),  # an offset with seconds until then
        ("Pacific/Apia", "2011-12-29", 24),
        ("Pacific/Apia", "2011-12-30", 0),  # never was
        ("Pacific/Apia", "2011-12-31", 24),
    ],
)
def test_days_that_are_not_24_hours_long(zone: str, date: str, length: float) -> None:
    far = WEEK[(datetime.fromisoformat(date).weekday() + 3) % 7]
    config = {"tz": zone, "hours": {far: [["00:00", "00:01"]]}, "date_overrides": {date: [["00:00", "24:00"]]}}
    noon = local(f"{date}T12:00", zone)
    assert Calendar.from_config(config).elapsed_ms(noon - 36 * HOUR, noon + 36 * HOUR) == round(length * HOUR)


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    calendar = Calendar.from_config({"tz": "Europe/Berlin", "hours": {"sun": [["02:00", "03:00"]]}})
    first, second = (local("2026-10-25T02:00", fold=fold) for fold in (0, 1))
    assert calendar.elapsed_ms(first - DAY, first + DAY) == 2 * HOUR
    assert calendar.add_ms(first, HOUR) == second
    assert calendar.add_ms(first, HOUR + SECOND) == second + SECOND


def test_the_two_may_lie_apart() -> None:
    calendar = Calendar.from_config({"tz": "Europe/Berlin", "hours": {"sun": [["02:00", "02:30"]]}})
    first, second = (local("2026-10-25T02:00", fold=fold) for fold in (0, 1))
    assert calendar.add_ms(first, HOUR // 2) == first + HOUR // 2
    assert calendar.add_ms(first, HOUR // 2 + 1) == second + 1


def test_an_hour_that_is_left_out_is_never_open() -> None:
    calendar = Calendar.from_config({"tz": "Europe/Berlin", "hours": {"sun": [["02:00", "03:00"]]}})
    before = local("2026-03-29T01:00")
    assert calendar.elapsed_ms(before, before + DAY) == 0
    assert calendar.add_ms(before, HOUR) == local("2026-04-05T03:00")
    assert calendar.subtract_ms(before + DAY, HOUR) == local("2026-03-22T02:00")


def test_hours_across_a_change_keep_the_wall_clock() -> None:
    config = {"tz": "America/New_York", "hours": {"sat": [["22:00", "24:00"]], "sun": [["00:00", "04:00"]]}}
    assert hours(config, "2026-03-07T12:00", "2026-03-08T12:00") == 5
    assert hours(config, "2026-10-31T12:00", "2026-11-01T12:00") == 7
    assert hours(config, "2026-11-07T12:00", "2026-11-08T12:00") == 6


# --- far away --------------------------------------------------------------------------------------


@pytest.mark.parametrize("instant", [-62_135_596_800_000, -(10**18)])  # the year 1; no date
def test_before_1900_nothing_is_open(instant: int) -> None:
    calendar = Calendar.from_config({"tz": "UTC", "hours": DAY_AND_NIGHT})
    opened = local("1900-01-01T00:00", "UTC")
    assert calendar.elapsed_ms(instant, opened + HOUR) == HOUR
    assert calendar.add_ms(instant, HOUR) == opened + HOUR
    assert calendar.subtract_ms(instant, HOUR) == instant
    assert calendar.subtract_ms(opened + HOUR, 2 * HOUR) == opened


@pytest.mark.parametrize("instant", [253_402_300_799_999, 10**18])  # the year 9999; no date
def test_from_2300_on_nothing_is_open(instant: int) -> None:
    calendar = Calendar.from_config({"tz": "UTC", "hours": DAY_AND_NIGHT})
    closed = local("2300-01-01T00:00", "UTC")
    assert calendar.elapsed_ms(closed - HOUR, instant) == HOUR
    assert calendar.subtract_ms(instant, HOUR) == closed - HOUR
    assert calendar.add_ms(instant, HOUR) == instant
    assert calendar.add_ms(closed - HOUR, 2 * HOUR) == closed


def test_more_than_there_is() -> None:
    calendar = Calendar.from_config({"tz": "UTC", "hours": {"mon": [["09:00", "09:01"]]}})
    now = local("2026-06-10T10:00", "UTC")
    century = 3_155_760_000
    assert calendar.add(now, century) == local("2300-01-01T00:00", "UTC")
    assert calendar.subtract(now, century) == local("1900-01-01T00:00", "UTC")


def test_ten_years_are_fast() -> None:
    calendar = Calendar.from_config(OFFICE | {"country_holidays": "DE-BE"})
    start, end = local("2016-06-10T10:00"), local("2026-06-10T10:00")
    calendar.elapsed(start, end)
    assert min(repeat(lambda: calendar.elapsed(start, end), number=20, repeat=50)) / 20 < 50e-6


# --- the configuration -----------------------------------------------------------------------------


def test_calendars_of_equal_configuration_are_equal() -> None:
    one = Calendar.from_config({"tz": "UTC", "hours": {"mon": [["9:00", "10:00"]], "tue": [["09:00", "10:00"]]}})
    same = Calendar.from_config({"hours": {"tue": [("09:00", "10:00")], "mon": [("9:00", "10:00")]}, "tz": "UTC"})
    other = Calendar.from_config({"tz": "UTC", "hours": {"mon": [["9:00", "10:00"]], "tue": [["09:00", "10:01"]]}})
    assert (one == same, hash(one) == hash(same), repr(one) == repr(same)) == (True, True, True)
    assert (one == other, repr(one) == repr(other), one == "UTC") == (False, False, False)


def test_policies_with_a_calendar_can_be_keys() -> None:
    first, second = (Policy("a", Match(), {}, (), {}, Calendar.from_config(OFFICE)) for _ in range(2))
    assert {first: 1}[second] == 1
    assert first != Policy("a", Match(), {}, (), {}, None)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"hours": DAY_AND_NIGHT}, "calendars.calendar.tz: required"),
        ({"tz": "Asia/Jakata", "hours": DAY_AND_NIGHT}, "did you mean Asia/Jakarta?"),
        ({"tz": "UTC"}, "calendars.calendar: never open"),
        ({"tz": "UTC", "hours": {"mon": []}}, "calendars.calendar: never open"),
        ({"tz": "UTC", "date_overrides": {"2026-06-10": [["09:00", "10:00"]]}}, "calendar: open on some dates only"),
        ({"tz": "UTC", "hours": {"mon": [["10:00", "09:00"]]}}, "calendars.calendar.hours.mon[0]: the end"),
        ({"tz": "UTC", "hours": DAY_AND_NIGHT, "country_holidays": "XX"}, "country_holidays[0]: no holidays"),
        (["UTC"], "calendars.calendar: a mapping expected"),
    ],
)
def test_what_is_wrong_is_named(config: Any, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Calendar.from_config(config)
    assert len(caught.value.problems) == 1
    assert problem in caught.value.problems[0]
