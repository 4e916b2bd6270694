"""Calendars against the business-hours cases of three other systems (facts from their tests, read in place)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from tables.calendar import Calendar

SLA = Path(__file__).parents[3] / "shared" / "data" / "sla"
Case = dict[str, Any]

OTHERWISE: Final = {
    # There no time at all from a closed instant leads to an open one; here to that instant itself.
    ("biz_cases", "005"): "2006-01-03T00:00:00Z",
    ("biz_cases", "009"): "2006-01-03T00:00:00Z",
}
"""What Sigap says where it follows another convention."""
NO_COUNTERPART: Final = {"add_business_days"}  # targets are seconds of open time, never days


def given(*files: str) -> list[Any]:
    if not SLA.is_dir():
        return [pytest.param("", {}, {}, marks=pytest.mark.skip(reason=f"no {SLA}"))]
    found = []
    for name in files:
        content = json.loads((SLA / f"{name}.json").read_text(encoding="utf-8"))
        for case in content["cases"]:
            if case["op"] not in NO_COUNTERPART:
                calendar = content["calendars"][case["calendar"]]
                found.append(pytest.param(name, calendar, case, id=f"{name}-{case['id']}-{case['op']}"))
    return found


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def answer(calendar: Calendar, config: dict[str, Any], case: Case) -> int | float | bool:
    match case["op"]:
        case "elapsed":
            return calendar.elapsed(ms(case["start"]), ms(case["end"]))
        case "add":
            return calendar.add(ms(case["start"]), case["seconds"])
        case "subtract":
            return calendar.subtract(ms(case["start"]), case["seconds"])
        case "is_open":
            return calendar.elapsed_ms(ms(case["at"]), ms(case["at"]) + 1) == 1
        case "is_holiday":
            local = datetime.fromisoformat(case["at"]).astimezone(ZoneInfo(config["tz"]))
            midnight = local.replace(hour=0, minute=0, second=0)
            days = (midnight, midnight + timedelta(days=1))
            return calendar.elapsed_ms(*(round(day.timestamp() * 1000) for day in days)) == 0
        case other:
            pytest.fail(f"a case of a kind not known: {other}")


@pytest.mark.parametrize(
    ("name", "config", "case"), given("biz_cases", "zammad_deadline_cases", "chatwoot_business_hours_cases")
)
def test_what_another_system_says(name: str, config: dict[str, Any], case: Case) -> None:
    expected = case["expected"]
    here = OTHERWISE.get((name, case["id"]), expected)
    found = answer(Calendar.from_config(config), config, case)
    assert found == (ms(here) if isinstance(here, str) else here)
    assert (here == expected) == ((name, case["id"]) not in OTHERWISE)
