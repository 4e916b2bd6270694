"""What the demo's figures look like: its traffic, replayed with its settings."""

from collections import defaultdict
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agents.demo import without_rules
from agents.runs import differences
from agents.traffic import TENANT, ZONE, Keyed, day_so_far, live
from agents.traffic_house import STYLES, TEAMS, TOPICS
from streams.codecs import encode
from tables.business.metrics import METRICS as BUSINESS
from tables.days import day_start
from tables.kpis import GAUGES, SAMPLED
from tables.replay import Result, replay
from tables.settings import Settings

MINUTE = 60_000
START = 1_795_000_000_000
"""2026-11-18 18:06 in Jakarta."""
END = START + 60 * MINUTE
RATE = 4.0
SETTINGS = Path(__file__).parents[2] / "deploy" / "local" / "demo.yaml"


def replayed(events: list[Keyed], end: int) -> Result:
    return replay([encode(event) for _, event in events], without_rules(SETTINGS), end, wall=lambda: end)


@pytest.fixture(scope="module")
def events() -> list[Keyed]:
    """The day so far and an hour live."""
    return day_so_far(START, RATE) + list(takewhile(lambda keyed: keyed[1].at <= END, live(START, RATE)))


@pytest.fixture(scope="module")
def result(events: list[Keyed]) -> Result:
    return replayed(events, END)


def test_service_is_believable(events: list[Keyed], result: Result) -> None:
    counts = result.counts
    assert counts["folded"] + counts["presence"] + counts["business"] == len(events)
    assert not result.dlq
    assert not counts["late"]
    today = {record["scope"]: record["metrics"] for record in result.kpi if record["window"] == "today"}
    for channel in STYLES:
        metrics = today[f"channel:{channel}"]
        assert 0.7 <= metrics["service_level_ratio"] <= 0.93
        assert metrics["sl_missed"] > 0
        assert metrics["conversations_resolved"] > metrics["conversations_opened"] / 2
    assert {f"agent:{agent}" for team in TEAMS.values() for agent in team} <= today.keys()
    house = today["tenant"]
    assert house["customers_handled"] < 0.95 * house["conversations_handled"]
    assert 0.6 < house["csat_ratio"] < 0.9
    assert 0 < house["nps"] < 60
    assert 0.6 < house["ces_ratio"] < 0.9
    assert 0.05 < house["bot_containment_ratio"] < 0.3
    assert 0 < house["delivery_failed"] < 0.03 * house["messages_out"]
    assert house["frt_business_mean_s"] < house["frt_mean_s"]
    assert house["handle_mean_s"] < house["resolution_mean_s"]
    assert {f"topic:{topic}" for topics in TOPICS.values() for topic in topics} <= today.keys()
    teams = [today[f"team:{team}"]["occupancy_ratio"] for team in TEAMS]
    assert all(0.4 < each < 0.99 for each in teams)


def test_business_is_believable(result: Result) -> None:
    (month,) = [each["metrics"] for each in result.kpi if each["window"] == "30d" and each["scope"] == "tenant"]
    assert 0.9 < month["customer_retention_ratio"] < 1
    assert 0.9 < month["net_revenue_retention_ratio"] < 1.2
    assert 0.05 < month["support_cost_ratio"] < 0.1
    assert 8_000 < month["cost_per_resolution"] < 12_000
    assert 0.02 < month["conversion_ratio"] < 0.08
    assert len(month["top_topics"]) == 10


def test_alerts_come_now_and_then(result: Result) -> None:
    states: dict[str, set[str]] = defaultdict(set)
    for alert in result.alerts:
        if alert["at"] > START:
            states[alert["policy"]].add(alert["state"])
    assert {"imminent", "breached", "met"} <= states["live"]
    assert {"imminent", "met"} <= states["urgent-chat"]
    assert "met" in states["email"]
    levels = [
        each["metrics"]["service_level_ratio"] or 1.0 for each in result.intervals if each["scope"] == "channel:chat"
    ]
    (rule,) = Settings.load(SETTINGS).tenant(TENANT).alert_rules
    assert rule.scope == "channel:chat"
    assert any(level < rule.threshold for level in levels)
    assert sum(level >= rule.threshold for level in levels) > len(levels) / 2


def test_every_figure_of_the_house_has_a_value_and_counts_something(result: Result) -> None:
    records = {each["window"]: each["metrics"] for each in result.kpi if each["scope"] == "tenant"}
    never = {"backlog_age_lt48h", "backlog_age_ge48h"}  # the house is younger
    for window, metrics in (("today", SAMPLED), ("mtd", BUSINESS), ("30d", BUSINESS), ("now", GAUGES)):
        assert {each.name for each in metrics if not records[window][each.name]} <= never


def test_just_after_midnight_every_figure_has_a_value() -> None:
    start = day_start(START, ZoneInfo(ZONE)) + 5 * MINUTE
    found = replayed(day_so_far(start, 30.0), start)
    for each in found.kpi:
        if each["scope"] == "tenant" or (each["scope"] == "channel:chat" and each["window"] in ("15m", "1h")):
            assert [name for name, value in each["metrics"].items() if value is None] == [], each["window"]


def test_the_rules_of_thresholds_change_no_record(events: list[Keyed]) -> None:
    end = events[-1][1].at
    values = [encode(event) for _, event in events[-1_000:]]
    with_rules = Settings.load(SETTINGS)
    without = without_rules(SETTINGS)
    assert with_rules.has_rules
    assert not without.has_rules
    first, second = (replay(values, each, end, wall=lambda: end) for each in (with_rules, without))
    assert differences(first.kpi, second.kpi) == []
