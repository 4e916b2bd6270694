from collections import Counter, defaultdict
from itertools import islice, pairwise, takewhile
from random import Random
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest

from agents.traffic import ZONE, Keyed, Traffic, day_so_far, live
from agents.traffic_house import DAY, HOUR, TEAMS
from agents.traffic_staff import Staff
from agents.traffic_surveys import answer
from streams.business import Conversion, Cost, Revenue, Subscription, Visit
from streams.codecs import decode, encode, key_of
from streams.events import SCORES, Assigned, ConversationEvent, Message, Presence, StatusChanged, Tagged
from tables.days import day_start

START = 1_795_000_000_000
"""2026-11-18 18:06 in Jakarta."""
MINUTE = 60_000
RATE = 4.0
MIDNIGHT = day_start(START, ZoneInfo(ZONE))


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
        assert key == key_of(event)
        assert key.startswith(b"acme/")


def test_in_order_with_what_the_day_has_from_before(day: list[Keyed], hour: list[Keyed]) -> None:
    assert all(a[1].at <= b[1].at for a, b in pairwise(day + hour))
    assert day[-1][1].at <= START < hour[0][1].at
    assert {type(event) for _, event in day if event.at < MIDNIGHT - HOUR} == {Subscription}


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
        if key not in seen and isinstance(event, ConversationEvent):
            seen.add(key)
            begun[(event.at - START) // (60 * MINUTE)] += 1
    assert sum(begun[hour] for hour in range(4)) / 240 == pytest.approx(RATE, rel=0.15)
    night = [begun[hour] for hour in range(-17, -13)]
    morning = [begun[hour] for hour in range(-9, -5)]
    assert sum(night) < sum(morning) / 4


def test_a_busy_day_is_quieter_before_the_start_but_not_after() -> None:
    start = MIDNIGHT + 23 * HOUR
    traffic = Traffic(start, 40.0)
    before = {key for key, event in traffic.day_so_far() if isinstance(event, ConversationEvent)}
    assert 5_000 < len(before) < 9_000
    after = takewhile(lambda keyed: keyed[1].at <= start + 30 * MINUTE, traffic.live())
    begun = {key for key, event in after if isinstance(event, ConversationEvent)} - before
    assert len(begun) / 30 == pytest.approx(40, rel=0.2)


# -- agents ---------------------------------------------------------------------------------------------


def test_replies_come_from_agents_at_work_and_new_conversations_to_those_who_are_free(day: list[Keyed]) -> None:
    states: dict[str, str] = defaultdict(lambda: "offline")
    given: dict[str, list[str]] = defaultdict(list)
    for _, event in day:
        if event.at < MIDNIGHT:
            assert not isinstance(event, Presence)
        elif isinstance(event, Presence):
            states[event.agent_id] = event.state
        elif isinstance(event, Assigned) and isinstance(event.agent_id, str):
            given[states[event.agent_id]].append(event.agent_id)
        elif isinstance(event, Message) and event.author == "agent" and not event.private:
            assert states[event.agent_id or ""] in ("online", "busy")
    assert set(given) == {"online"}
    leads = {agent for members in TEAMS.values() for agent in members[5:]}
    assert 0 < sum(agent in leads for agent in given["online"]) < 0.15 * len(given["online"])


def test_a_team_is_never_without_somebody_free() -> None:
    staff = Staff("any", MIDNIGHT)
    for at in range(MIDNIGHT - HOUR, MIDNIGHT + 3 * DAY, MINUTE):
        for team in TEAMS:
            crew = staff.crew(team, at)
            assert crew.free
            assert crew.leads
            assert {*crew.free, *crew.leads} <= {*crew.there}


def test_agents_come_rest_learn_and_go(day: list[Keyed]) -> None:
    states: dict[str, list[str]] = defaultdict(list)
    for _, event in day:
        if isinstance(event, Presence):
            states[event.agent_id].append(event.state)
    assert states["ayu"] == ["online", "away", "online", "away", "online", "busy", "online", "offline"]
    assert all(a != b for each in states.values() for a, b in pairwise(each))
    first = {event.agent_id: event for _, event in reversed(day) if isinstance(event, Presence)}
    assert {event.state for event in first.values()} == {"online", "busy"}
    at_work = {agent for agent, event in first.items() if event.at == MIDNIGHT}
    assert len(at_work) == 9  # of a third of the house, and some of them learn


def test_the_days_of_agents_do_not_depend_on_what_is_asked_first() -> None:
    early, late = Staff("any", MIDNIGHT), Staff("any", MIDNIGHT)
    late.crew("billing", MIDNIGHT + 5 * DAY)
    changes = [list(islice(staff.changes(MIDNIGHT), 500)) for staff in (early, late)]
    assert changes[0] == changes[1]


# -- conversations and business -------------------------------------------------------------------------


def test_customers_come_back_soon_or_much_later_also_those_of_yesterday(day: list[Keyed]) -> None:
    resolved: dict[bytes, int] = {}
    pauses = []
    of_yesterday = 0
    for key, event in day:
        if isinstance(event, StatusChanged) and event.status == "resolved":
            resolved[key] = event.at
        elif isinstance(event, Message) and event.author == "customer" and key in resolved:
            since = resolved.pop(key)
            pauses.append(event.at - since)
            of_yesterday += since < MIDNIGHT < event.at
    assert of_yesterday
    assert max(pauses) < 72 * HOUR
    assert sum(each > 5 * HOUR for each in pauses) > 5
    assert sum(each < 5 * HOUR for each in pauses) > 20


def test_most_conversations_have_a_topic_many_from_their_opening(day: list[Keyed]) -> None:
    stories: dict[bytes, list[object]] = defaultdict(list)
    for key, event in day:
        if isinstance(event, ConversationEvent):
            stories[key].append(event)
    tagged = sum(any(isinstance(event, Tagged) for event in story) for story in stories.values())
    from_the_start = sum(isinstance(story[0], Tagged) for story in stories.values())
    assert tagged > 0.7 * len(stories)
    assert 0.4 * len(stories) < from_the_start < 0.8 * len(stories)


def test_those_who_waited_too_long_say_so() -> None:
    rng = Random("any")
    scores: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for number in range(3_000):
        upset = number % 2 == 0
        survey, score = answer(rng, upset=upset)
        scores[survey, upset].append(score)
    for asked, (low, high) in SCORES.items():
        assert {*scores[asked, True], *scores[asked, False]} == {*range(low, high + 1)}
        assert fmean(scores[asked, True]) < fmean(scores[asked, False])


def test_subscriptions_make_a_ledger(day: list[Keyed]) -> None:
    plans: dict[str, float] = {}
    kinds = Counter[str]()
    for _, event in day:
        if isinstance(event, Subscription):
            assert event.mrr_before == plans.get(event.customer_id, 0)
            changed = event.mrr_after - event.mrr_before
            assert {"new": changed > 0, "expansion": changed > 0}.get(event.kind, changed < 0)
            assert (event.kind == "new") == (event.mrr_before == 0)
            assert (event.kind == "cancel") == (event.mrr_after == 0)
            plans[event.customer_id] = event.mrr_after
            kinds[event.kind] += event.at > MIDNIGHT - 30 * DAY
    assert all(kinds[kind] > 10 for kind in ("new", "expansion", "contraction", "cancel"))


def test_costs_and_sales_are_booked_for_every_hour_that_has_conversations(day: list[Keyed]) -> None:
    for kind in (Cost, Revenue):
        booked = [event for _, event in day if isinstance(event, kind)]
        assert booked[0].period_start_at == MIDNIGHT - HOUR
        assert all(a.period_end_at == b.period_start_at for a, b in pairwise(booked))
        assert booked[-1].period_end_at > START


def test_who_converts_has_visited(day: list[Keyed]) -> None:
    visitors = set()
    converted = 0
    for _, event in day:
        if isinstance(event, Visit):
            visitors.add(event.visitor_id)
        elif isinstance(event, Conversion):
            converted += 1
            assert event.visitor_id in visitors
    assert 0 < converted < len(visitors) / 5
