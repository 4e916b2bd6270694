from collections import Counter, defaultdict
from itertools import pairwise, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agents.traffic import ZONE, Keyed, Traffic, day_so_far, live
from agents.traffic_plan import STYLES, TEAMS, on_shift, shift_of
from streams.codecs import decode, encode
from streams.events import ConversationEvent, Message, Presence, StatusChanged
from tables.days import day_start
from tables.replay import replay
from tables.settings import Settings

START = 1_795_000_000_000
"""2026-11-18 18:06 in Jakarta."""
MINUTE = 60_000
RATE = 4.0
SETTINGS = Path(__file__).parents[2] / "deploy" / "local" / "demo.yaml"


def until(end: int, rate: float = RATE, seed: int = 0) -> list[Keyed]:
    return list(takewhile(lambda keyed: keyed[1].at <= end, live(START, rate, seed)))


@pytest.fixture(scope="module")
def day() -> list[Keyed]:
    return day_so_far(START, RATE)


@pytest.fixture(scope="module")
def hour() -> list[Keyed]:
    return until(START + 60 * MINUTE)


def test_every_event_is_canonical(day: list[Keyed], hour: list[Keyed]) -> None:
    for key, event in day + hour:
        assert decode(encode(event), START + 60 * MINUTE) == event
        assert isinstance(event, (ConversationEvent, Presence))
        named = event.agent_id if isinstance(event, Presence) else event.conversation_id
        assert key == f"acme/{named}".encode()


def test_in_order_and_of_this_day(day: list[Keyed], hour: list[Keyed]) -> None:
    assert all(a[1].at <= b[1].at for a, b in pairwise(day + hour))
    assert day_start(START, ZoneInfo(ZONE)) <= day[0][1].at
    assert day[-1][1].at <= START < hour[0][1].at


def test_ids_are_unique_and_differ_between_seeds(day: list[Keyed], hour: list[Keyed]) -> None:
    ids = {event.event_id for _, event in day + hour}
    assert len(ids) == len(day) + len(hour)
    assert not ids & {event.event_id for _, event in day_so_far(START, RATE, seed=1)}


def test_the_same_arguments_give_the_same_events(day: list[Keyed], hour: list[Keyed]) -> None:
    assert day_so_far(START, RATE) == day
    assert until(START + 60 * MINUTE) == hour


def test_live_continues_what_the_day_left_open(day: list[Keyed], hour: list[Keyed]) -> None:
    newest = {key: event for key, event in day if isinstance(event, StatusChanged)}
    talked = Counter(key for key, event in day if isinstance(event, Message))
    left_open = {key for key in talked if key not in newest or newest[key].status != "resolved"}
    assert left_open
    continued = {key for key, _ in hour} & left_open
    assert len(continued) > len(left_open) / 2
    for key in continued:
        numbers = [int(event.event_id.rpartition("-")[2]) for each, event in day + hour if each == key]
        assert numbers == list(range(len(numbers)))


def test_one_object_gives_the_day_once_and_goes_on(day: list[Keyed], hour: list[Keyed]) -> None:
    traffic = Traffic(START, RATE)
    assert traffic.day_so_far() == day
    assert list(takewhile(lambda keyed: keyed[1].at <= START + 60 * MINUTE, traffic.live())) == hour


def test_the_rate_is_the_one_asked_for_and_less_at_night(day: list[Keyed]) -> None:
    begun = Counter[int]()
    seen = set()
    for key, event in day + until(START + 240 * MINUTE):
        if key not in seen and not isinstance(event, Presence):
            seen.add(key)
            begun[(event.at - START) // (60 * MINUTE)] += 1
    assert sum(begun[hour] for hour in range(4)) / 240 == pytest.approx(RATE, rel=0.15)
    night = [begun[hour] for hour in range(-17, -13)]
    morning = [begun[hour] for hour in range(-9, -5)]
    assert sum(night) < sum(morning) / 4


def test_service_is_believable(day: list[Keyed], hour: list[Keyed]) -> None:
    end = START + 60 * MINUTE
    result = replay([encode(event) for _, event in day + hour], Settings.load(SETTINGS), end, wall=lambda: end)
    assert result.counts["folded"] + result.counts["presence"] == len(day) + len(hour)
    assert not result.dlq
    today = {record["scope"]: record["metrics"] for record in result.kpi if record["window"] == "today"}
    for channel in STYLES:
        metrics = today[f"channel:{channel}"]
        assert 0.7 <= metrics["service_level_ratio"] <= 0.93
        assert metrics["sl_missed"] > 0
        assert metrics["conversations_resolved"] > metrics["conversations_opened"] / 2
    assert today["tenant"]["sl_abandoned"] > 0
    assert today["tenant"]["conversations_reopened"] > 0
    assert {f"agent:{agent}" for team in TEAMS.values() for agent in team} <= today.keys()
    states: dict[str, set[str]] = defaultdict(set)
    for alert in result.alerts:
        if alert["at"] > START:
            states[alert["policy"]].add(alert["state"])
    assert {"imminent", "breached", "met"} <= states["live"]
    assert {"imminent", "met"} <= states["urgent-chat"]


def test_replies_come_from_agents_at_work(day: list[Keyed]) -> None:
    midnight = day_start(START, ZoneInfo(ZONE))
    for _, event in day:
        if isinstance(event, Message) and event.author == "agent" and not event.private:
            agent = event.agent_id or ""
            hours = (event.at - midnight) / 3_600_000 - shift_of(agent)
            assert hours % 24 < 9.01


def test_a_team_is_never_without_people() -> None:
    for team in TEAMS:
        for hour in range(24):
            assert len(on_shift(team, hour)) >= 2


def test_agents_come_rest_and_go(day: list[Keyed]) -> None:
    states: dict[str, list[str]] = defaultdict(list)
    for _, event in day:
        if isinstance(event, Presence):
            states[event.agent_id].append(event.state)
    assert states["ayu"] == ["online", "away", "online", "offline"]
    assert all(a != b for each in states.values() for a, b in pairwise(each))
