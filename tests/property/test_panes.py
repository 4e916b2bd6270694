"""Panes are sums of what conversations have booked: kept up to date, rebuilt after a restart, split over partitions."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.day_windows import DAY_WINDOWS
from tables.days import QUARTER
from tables.facts import FRT, MESSAGES_IN, MESSAGES_OUT, NRT, OPENED, SEEN, SL_MET, Fact
from tables.foot import Foot
from tables.history import FACTS_KEPT
from tables.panes import Panes
from tables.presence import Presences
from tables.staff import Staff
from tables.tally import ACTIVE_LAST, ACTIVE_MINUTE, ACTIVE_QUARTER, HANDLED_MINUTE, MAXIMA, Tally, add_up
from tests.comparison import of_records
from tests.house import House
from tests.scenarios import scenario, sorted_scenario

SEEDS = range(40)
DIMS = (("chat", None, None, "normal", ()), ("chat", "ana", "vip", "high", ("refund",)))
MINUTE = 30_000_000
"""A minute since the epoch that facts lie near."""


def nothing() -> Panes:
    return Panes(Staff(Presences(), 0))


def usable(event: dict[str, Any]) -> bool:
    return type(event.get("at")) is int


def sent(alerts: list[dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(alert, sort_keys=True) for alert in alerts)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_restart_changes_nothing(seed: int) -> None:
    config, events, until = scenario(seed)
    events = [event for event in events if until is None or not usable(event) or event["at"] <= until]
    calm, shaken = House(config), House(config)
    rng = random.Random(seed)
    for event in events:
        for house in (calm, shaken):
            house.arrive(event)
        if rng.random() < 0.1:
            shaken.show()
        if rng.random() < 0.1:
            shaken.restart(0)
    calm.advance(until or 0)
    shaken.advance(until or 0)
    assert of_records(timely(telling(calm)), timely(telling(shaken))) == []
    assert sent(shaken.alerts) == sent(calm.alerts)


def timely(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the agent-minutes of days that are past: at a restart they stay as they were last told."""
    for record in records:
        if record["window"] in DAY_WINDOWS:
            for name in [name for name in record["metrics"] if name.startswith("occupancy")]:
                del record["metrics"][name]
    return records


def telling(house: House) -> list[dict[str, Any]]:
    """The records of scopes that tell something: after a restart only the topic of records knows of the others."""
    records = house.records()
    full = {(record["tenant"], record["scope"]) for record in records if any(record["metrics"].values())}
    return [record for record in records if (record["tenant"], record["scope"]) in full]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("partitions", [3])
def test_partitions_add_up(seed: int, partitions: int) -> None:
    """The same events over several shards and roll-ups give the records and alerts of one."""
    config, events, until = sorted_scenario(seed)
    events = [event for event in events if until is None or not usable(event) or event["at"] <= until]
    one, many = House(config).run(events, until), House(config, partitions).run(events, until)
    assert of_records(one.records(), many.records()) == []
    assert sent(many.alerts) == sent(one.alerts)
    assert many.outcomes() == one.outcomes()


@pytest.mark.parametrize("seed", SEEDS)
def test_incremental_is_rebuilt_at_any_point(seed: int) -> None:
    config, events, _ = scenario(seed)
    house = House(config)
    for number, event in enumerate(events):
        house.arrive(event)
        if number % 20 == seed % 20:
            house.advance(house.clock + 1)
            live = house.shards[0].panes
            again = House(config)
            again.clock, again.changelogs = house.clock, house.changelogs
            again.restart(0)
            rebuilt = again.shards[0].panes
            oldest = house.clock // 60_000 - FACTS_KEPT + QUARTER
            oldest -= oldest % QUARTER
            assert totals(rebuilt, oldest, rebuilt.oldest) == totals(live, oldest, rebuilt.oldest)
            assert standing(rebuilt) == standing(live)


def totals(panes: Panes, oldest: int, minutes: int) -> dict[tuple[str, str, int], Tally]:
    """The tallies from the minute `minutes` on, and of the quarter-hours before it, without maxima (corrected ones are
    within 1 %) and what is only of minutes."""
    found: dict[tuple[str, str, int], Tally] = {}
    for key, scope in panes.scopes.items():
        sealed = {quarter: dict(tally) for quarter, tally in scope.sealed.items() if quarter < minutes}
        for minute, tally in scope.minutes.items():
            if minute >= minutes:
                found[(*key, minute)] = dict(tally)
            elif (quarter := minute - minute % QUARTER) not in scope.sealed:
                add_up(sealed.setdefault(quarter, {}), tally)
        found |= {(*key, quarter): tally for quarter, tally in sealed.items() if quarter >= oldest}
    left = {*MAXIMA, ACTIVE_MINUTE, HANDLED_MINUTE}
    exact = {
        (tenant, name, minute): {
            each: n for each, n in tally.items() if each not in (MAXIMA if minute >= minutes else left)
        }
        for (tenant, name, minute), tally in found.items()
    }
    return {place: tally for place, tally in exact.items() if tally}


def standing(panes: Panes) -> dict[tuple[str, str], tuple[Tally, int]]:
    return {
        key: (scope.gauges, scope.oldest_waiting())
        for key, scope in panes.scopes.items()
        if scope.gauges or scope.waiting
    }


# -- booking and taking back ------------------------------------------------------------------------------

facts = st.builds(
    lambda kind, minute, dims, value: Fact(kind, MINUTE + minute, dims, 1, value if kind in {FRT, NRT} else 0),
    st.sampled_from([SEEN, MESSAGES_IN, MESSAGES_OUT, OPENED, SL_MET, FRT, NRT]),
    st.integers(0, 40),
    st.sampled_from(DIMS),
    st.integers(0, 1_000_000),
)


@given(st.lists(facts, max_size=20), st.lists(facts, max_size=20))
def test_rebooking_takes_back_what_was_booked(before: list[Fact], after: list[Fact]) -> None:
    panes, foot = nothing(), Foot(b"c")
    panes.book(foot, "acme", sorted(before, key=lambda fact: fact.minute))
    panes.rebook(foot, "acme", before, after)
    fresh = nothing()
    fresh.rebook(Foot(b"c"), "acme", [], after)
    assert totals(panes, 0, 0) == totals(fresh, 0, 0)
    for key, scope in fresh.scopes.items():
        for minute, tally in scope.minutes.items():
            for each in MAXIMA:
                assert abs(panes.scopes[key].minutes[minute].get(each, 0) - tally.get(each, 0)) <= (
                    0.015 * tally.get(each, 0) + 1
                )


@given(st.lists(st.tuples(st.sampled_from([b"c", b"d"]), facts), max_size=30))
def test_distinct_conversations_of_any_stretch(booked: list[tuple[bytes, Fact]]) -> None:
    """By minute, by quarter-hour, and up to now: each has a count that adds up (see tables.tally)."""
    panes, feet = nothing(), {b"c": Foot(b"c"), b"d": Foot(b"d")}
    booked.sort(key=lambda each: each[1].minute)
    for key, fact in booked:
        panes.book(feet[key], "acme", [fact])
    tenant = panes.scopes.get(("acme", "tenant"))
    minutes = tenant.minutes if tenant else {}
    touches = {(key, fact.minute) for key, fact in booked if fact.kind in {MESSAGES_IN, MESSAGES_OUT}}
    for start in range(MINUTE, MINUTE + 41):
        last = sum(tally.get(ACTIVE_LAST, 0) for minute, tally in minutes.items() if minute >= start)
        assert last == len({key for key, minute in touches if minute >= start})
        assert minutes.get(start, {}).get(ACTIVE_MINUTE, 0) == len({key for key, m in touches if m == start})
    for quarter in range(MINUTE - MINUTE % QUARTER, MINUTE + 41, QUARTER):
        total: Tally = {}
        for minute in range(quarter, quarter + QUARTER):
            add_up(total, minutes.get(minute, {}))
        expected = len({key for key, minute in touches if quarter <= minute < quarter + QUARTER})
        assert total.get(ACTIVE_QUARTER, 0) == expected
