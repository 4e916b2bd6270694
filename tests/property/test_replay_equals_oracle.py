"""The product's replay against the plain reading of the contract: scenarios from seeds, and real logs."""

from __future__ import annotations

import gzip
import json
import os
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.comparison import differences
from tests.quarter_scenarios import quarter_scenario
from tests.scenario_parts import DAY, HOUR, Scenario
from tests.scenarios import in_order, scenario, sorted_scenario

SEEDS = int(os.environ.get("SIGAP_TEST_SEEDS", "60"))
CHUNK = 20
LOGS = Path(__file__).parents[3] / "shared" / "data" / "events"
POLICIES = {
    "timezone": "America/New_York",
    "calendars": {
        "office": {
            "tz": "Asia/Jakarta",
            "hours": {day: [["08:00", "12:00"], ["13:00", "17:30"]] for day in ("mon", "tue", "wed", "thu", "fri")},
            "country_holidays": "ID",
        },
        "shop": {
            "tz": "America/New_York",  # where clocks change
            "hours": {"sat": [["10:00", "24:00"]], "sun": [["00:00", "04:00"]], "wed": [["18:00", "22:00"]]},
            "date_overrides": {"2014-12-24": [["09:00", "12:00"]]},
        },
    },
    "sla_policies": [
        {
            "name": "urgent",
            "match": {"priority": "urgent"},
            "calendar": "office",
            "targets": {"first_response": 60, "next_response": 300, "resolution": 7_200},
            "warn": [0.5, "-30s"],
        },
        {
            "name": "chats",
            "match": {"channel": "chat"},
            "calendar": "shop",
            "targets": {"first_response": 600, "resolution": 14_400},
            "warn": [0.5],
        },
        {
            "name": "rest",
            "calendar": "office",
            "targets": {"first_response": 300, "next_response": 900, "resolution": 86_400},
            "warn": [0.75],
            "pause_on": {"resolution": ["pending", "on_hold"], "next_response": ["pending"]},
        },
    ],
}


def sorted_quarter_scenario(seed: int) -> Scenario:
    return in_order(*quarter_scenario(seed))


@pytest.mark.parametrize("start", range(0, SEEDS, CHUNK))
@pytest.mark.parametrize("write", [scenario, sorted_scenario, quarter_scenario, sorted_quarter_scenario])
def test_scenarios(write: Callable[[int], Scenario], start: int) -> None:
    for seed in range(start, start + CHUNK):
        config, events, until = write(seed)
        assert differences(events, config, until) == [], f"{write.__name__}({seed})"


@pytest.mark.parametrize(("name", "every"), [("chat-stripe", 1), ("phone-incidents", 1), ("chat-ubuntu", 16)])
def test_real_logs(name: str, every: int) -> None:
    """`every` 16: of every sixteenth conversation all events, in their order of arrival."""
    events = log(name)
    places = {identity: n for n, identity in enumerate(dict.fromkeys(e.get("conversation_id") for e in events))}
    events = [event for event in events if places[event.get("conversation_id")] % every == 0]
    instants = sorted(event["at"] for event in events)
    for until in (None, instants[len(instants) // 2] + 59_999):
        assert differences(events, POLICIES, until, intervals=False) == []


@pytest.mark.parametrize(("name", "days"), [("chat-stripe", 60), ("phone-incidents", 14), ("chat-ubuntu", 7)])
def test_intervals_of_real_logs(name: str, days: int) -> None:
    """The days on end with the most events: the oracle takes its time over each quarter of an hour."""
    events = log(name)
    span, instants = days * DAY, sorted(event["at"] for event in events)
    start = max(instants, key=lambda at: bisect_left(instants, at + span) - bisect_left(instants, at))
    events = [event for event in events if start <= event["at"] < start + span]
    assert differences(events, POLICIES, start + span + HOUR) == []


def log(name: str) -> list[Any]:
    paths = [path for path in (LOGS / f"{name}.ndjson", LOGS / f"{name}.ndjson.gz") if path.exists()]
    if not paths:
        pytest.skip("the folder of real logs is not there")
    with gzip.open(paths[0]) if paths[0].suffix == ".gz" else paths[0].open("rb") as lines:
        return [json.loads(line) for line in lines]
