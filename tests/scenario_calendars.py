"""The calendars of scenarios: hours around the dates of a scenario, with days that differ, and the instants beside
which something opens or closes."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from tests.oracle.calendar import WEEKDAYS, Calendar

Config = dict[str, Any]
DAYS_OF = (  # what a weekday may look like; closed ones aside
    [["09:00", "12:00"], ["13:00", "18:00"]],
    [["00:00", "24:00"]],
    [["22:00", "24:00"]],
    [["00:00", "02:30"], ["10:45", "13:15"]],
    [["00:00", "00:05"], ["11:00", "11:20"], ["23:50", "24:00"]],
    [["01:30", "02:15"], ["02:45", "03:30"]],  # where clocks change
)
COUNTRIES = ("ID", "DE", "DE-BB", "US", ["US-CA", "ID"])
HALF_DAYS: tuple[list[list[str]], ...] = ([], [["10:00", "11:30"]], [["00:00", "12:00"]], [["23:00", "24:00"]])
BREAKS = ([["11:05", "11:10"]], [["00:00", "01:00"], ["12:00", "23:00"]], [["23:58", "24:00"]])


def calendars(rng: random.Random, zone: str, zones: tuple[str, ...], day: date) -> Config:
    """None to three calendars, the first mostly in the scenario's zone; `day` is its first date."""
    names = ("office", "night", "abroad")[: rng.choice((0, 1, 2, 3, 3))]
    return {name: _calendar(rng, zone if rng.random() < 0.7 else rng.choice(zones), day) for name in names}


def _calendar(rng: random.Random, zone: str, day: date) -> Config:
    usual = rng.choice(DAYS_OF)
    hours = {name: rng.choice((usual, usual, usual, rng.choice(DAYS_OF), [])) for name in WEEKDAYS}
    out: Config = {"tz": zone, "hours": hours | {rng.choice(WEEKDAYS): usual}}
    near = [(day + timedelta(days=n)).isoformat() for n in (-1, 0, 0, 1, 1, 2, 3, 9)]
    if rng.random() < 0.4:
        out["holidays"] = sorted({rng.choice(near), rng.choice(near)})
    if rng.random() < 0.3:
        out["country_holidays"] = rng.choice(COUNTRIES)
    if rng.random() < 0.4:
        out["date_overrides"] = {
            name: rng.choice(HALF_DAYS) for name in (*out.get("holidays", ())[:1], rng.choice(near))
        }
    if rng.random() < 0.4:
        out["breaks"] = {rng.choice(near): rng.choice(BREAKS)}
    return out


def turns(calendar: Calendar, at: int, days: int = 3) -> list[int]:
    """The instants from `at` on, in the dates around it, at which it opens or closes."""
    return [turn for stretch in calendar.stretches(at, days) for turn in stretch if turn >= at]
