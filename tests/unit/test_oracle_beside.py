"""What the oracle makes of presence and of business events, against figures worked out by hand (contract 5 and 7)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle import Result, run
from tests.timeline import T0, Event, at, customer, ev, kpi, reply, status

HOUR, DAY = 3600, 86_400  # s; T0 is 16:27 UTC on the 29th of May


def beside(second: float, kind: str, name: str | None = None, **fields: Any) -> Event:
    event = ev(second, kind, name) | fields
    return {key: value for key, value in event.items() if key not in ("conversation_id", "channel")}


def says(second: float, state: str, agent: str = "ana", name: str | None = None) -> Event:
    return beside(second, "presence", name or f"{agent}@{second}", agent_id=agent, state=state)


def occupancy(result: Result, scope: str = "tenant", window: str = "1h") -> tuple[int, int]:
    got = kpi(result, scope, window)
    whole = got["occupancy_occupied"] / got["occupancy_online"] if got["occupancy_online"] else None
    assert got["occupancy_ratio"] == whole
    return got["occupancy_occupied"], got["occupancy_online"]


# Occupancy


def test_a_pane_counts_in_which_it_was_so_at_any_moment() -> None:
    events = [says(30, "online"), reply(70), status(150, "resolved"), says(240, "offline")]
    result = run(events, until=at(600))
    assert occupancy(result) == occupancy(result, "agent:ana") == (2, 4)  # minutes 1 and 2 of 0 to 3
    assert "occupancy_ratio" not in kpi(result, "channel:chat")
    assert "occupancy_ratio" not in kpi(result, "agent:ana/channel:chat", "today")
    assert "occupancy_ratio" not in kpi(result, "priority:normal")


def test_what_goes_on_reaches_up_to_the_clock() -> None:
    events = [says(0, "online"), reply(60)]
    assert occupancy(run(events, until=at(60))) == (1, 2)
    assert occupancy(run(events, until=at(600))) == (10, 11)
    assert occupancy(run(events, until=at(600)), window="5m") == (5, 5)


def test_only_a_conversation_open_and_assigned_occupies_and_only_who_is_online() -> None:
    events = [
        *(reply(0), says(120, "busy"), status(240, "pending"), status(360, "open", "again")),
        *(ev(480, "assigned", agent_id=None), says(600, "away")),
    ]
    assert occupancy(run(events, until=at(900))) == (4, 8)  # minutes 2, 3, 6, 7 of 2 to 9


def test_several_conversations_occupy_once_and_several_agents_add_up() -> None:
    events = [
        *(says(0, "online"), says(0, "online", "bo"), reply(60), reply(60, conversation_id="c2")),
        *(ev(180, "assigned", agent_id="bo"), status(300, "resolved"), says(300, "offline", "bo")),
    ]
    result = run(events, until=at(419))
    assert occupancy(result, "agent:ana") == (6, 7)
    assert occupancy(result, "agent:bo") == (2, 5)
    assert occupancy(result) == (8, 12)


def test_a_teams_agents_are_those_whom_its_conversations_occupied_that_day() -> None:
    events = [
        *(says(0, "online"), says(0, "online", "bo"), ev(1, "assigned", agent_id="ana", team="t")),
        *(customer(2), ev(120, "assigned", "x", team="u"), status(180, "resolved"), says(600, "offline")),
        says(DAY, "online"),
    ]
    result = run(events, until=at(DAY + 59))
    assert occupancy(result, "team:t", "30d") == (2, 10)  # ana of the first day, with all her minutes
    assert occupancy(result, "team:u", "mtd") == (1, 10)
    assert occupancy(result, "team:t", "today") == (0, 0)
    assert occupancy(result, "tenant", "today") == (0, 16 * 60 + 28 + 1)  # bo since midnight, ana for a minute


def test_the_members_of_a_rolling_window_are_those_of_today() -> None:
    midnight = 7 * HOUR + 33 * 60
    events = [
        says(midnight - 300, "online"),
        *(customer(midnight - 240), ev(midnight - 239, "assigned", agent_id="ana", team="t")),
        status(midnight - 120, "resolved"),
    ]
    assert occupancy(run(events, until=at(midnight - 1)), "team:t", "15m") == (2, 5)
    assert occupancy(run(events, until=at(midnight)), "team:t", "15m") == (0, 0)
    assert occupancy(run(events, until=at(midnight)), "agent:ana", "15m") == (2, 6)


def test_presence_out_of_order_and_told_twice_is_put_in_its_place() -> None:
    events = [says(0, "online"), says(600, "offline"), says(300, "away"), says(420, "busy"), says(420, "busy")]
    assert occupancy(run(events, until=at(900))) == (0, 5 + 3)
    assert occupancy(run([*events, says(0, "offline", name="ana@0.0")], until=at(900))) == (0, 3)  # the later id


@pytest.mark.parametrize(("hours", "minutes"), [(26, 10), (26.001, 0)])
def test_presence_more_than_26_hours_older_than_the_agents_newest_comes_too_late(hours: float, minutes: int) -> None:
    newest = says(DAY * 2, "offline")
    events = [
        says(0, "offline"),
        newest,
        says(DAY * 2 - hours * HOUR, "online"),
        says(DAY * 2 - 26 * HOUR + 600, "away"),
    ]
    assert occupancy(run(events), window="30d") == (0, minutes)


# Agents online


def test_agents_online_are_those_whose_newest_event_says_online_or_busy() -> None:
    events = [says(0, "online"), says(1, "busy", "b/o"), says(2, "offline", "cy"), says(3, "online", "di"), customer(4)]
    result = run([*events, says(5, "away", "di")])
    assert kpi(result, window="now")["agents_online"] == 2
    online = [kpi(result, f"agent:{name}", "now")["agents_online"] for name in ("ana", "b%2Fo", "cy", "di")]
    assert online == [1, 1, 0, 0]
    assert "agents_online" not in kpi(result, "channel:chat", "now")
    assert kpi(result, "agent:cy")["messages_in"] == 0


def test_an_interval_has_the_agents_online_at_its_end_and_its_own_occupancy() -> None:
    start = 3 * 60  # 16:30
    events = [says(60, "online"), reply(start), status(start + 60, "resolved"), says(start + 1200, "offline")]
    records = [r for r in run(events, until=at(5 * HOUR)).intervals if r["scope"] == "agent:ana"]
    metrics = [r["metrics"] for r in records]
    assert [(r["as_of"] - T0) // 1000 for r in records] == [start, start + 900, start + 1800]
    assert [m["agents_online"] for m in metrics] == [1, 1, 0]
    assert [(m["occupancy_occupied"], m["occupancy_online"]) for m in metrics] == [(0, 2), (1, 15), (0, 5)]


def test_what_comes_after_the_close_is_not_in_the_interval() -> None:
    events = [says(60, "online"), customer(120), says(30 * 60, "away"), says(110, "offline", name="late")]
    (first, *_) = [r for r in run(events, until=at(5 * HOUR)).intervals if r["scope"] == "tenant"]
    assert first["metrics"]["occupancy_online"] == 2
    assert occupancy(run(events), window="today") == (0, 1)
    in_time = [*events[:2], says(60 + 120 + 600, "away"), events[3]]
    (first, *_) = [r for r in run(in_time, until=at(5 * HOUR)).intervals if r["scope"] == "tenant"]
    assert first["metrics"]["occupancy_online"] == 1


# Business


def subscription(second: float, kind: str, before: float, after: float, who: str = "k") -> Event:
    said = {"customer_id": who, "kind": kind, "mrr_before": before, "mrr_after": after, "currency": "EUR"}
    return beside(second, "subscription", f"{who}@{second}") | said


def test_business_figures_are_the_tenants_in_the_windows_of_days() -> None:
    events = [subscription(-60 * DAY, "new", 0, 10), subscription(-DAY, "expansion", 10, 15), customer(0)]
    result = run([*events, subscription(5, "new", 0, 2, "l"), subscription(5, "new", 0, 2, "l")])
    got = kpi(result, window="mtd")
    assert (got["customers_at_start"], got["customers_new"], got["mrr_start"], got["mrr_new"]) == (1, 1, 10, 2)
    assert (got["mrr_expansion_eur"], got["net_revenue_retention_ratio"], got["messages_in"]) == (5, 1.5, 1)
    assert "customers_new" not in kpi(result, window="today")
    assert "customers_new" not in kpi(result, "channel:chat", "mtd")


@pytest.mark.parametrize(("formula", "cost"), [("resolved", 300.0), ("received", 150.0)])
def test_costs_are_per_cycle_of_the_window(formula: str, cost: float) -> None:
    period = {"period_start_at": at(-DAY), "period_end_at": at(DAY)}
    events = [customer(0), status(1, "resolved"), customer(2), beside(3, "cost", amount=600) | period]
    result = run(events, {"formulas": {"cost_per_resolution": formula}}, until=at(4))
    got = kpi(result, window="30d")
    assert got["cost_per_resolution"] == pytest.approx(cost, rel=1e-4)
    assert got["support_cost"] == pytest.approx(300, rel=1e-4)


def test_any_business_event_makes_the_tenant_known_and_moves_the_clock() -> None:
    result = run([beside(0, "visit", visitor_id="x"), beside(7, "conversion", visitor_id="x")])
    assert {record["scope"] for record in result.kpi} == {"tenant"}
    got = kpi(result, window="mtd")
    assert (got["visitors"], got["visitors_converted"], got["customers_at_start"]) == (1, 1, 0)
    assert (got["conversion_ratio"], got["customer_churn_ratio"]) == (1.0, None)
    assert result.kpi[0]["as_of"] == at(7)
