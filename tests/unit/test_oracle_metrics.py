"""Every metric of the oracle against figures worked out by hand (contract sections 3 to 5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle import run
from tests.oracle.rules import rules_for
from tests.oracle.windows import window_start
from tests.timeline import T0, Event, at, bot, customer, ev, kpi, policy, reply, sla, status

HOUR, DAY = 3600, 86_400  # s
OFFICE = {"tz": "UTC", "hours": {"wed": [["16:30", "17:00"]], "thu": [["09:00", "10:00"]]}}  # T0 is Wednesday, 16:27


def assigned(second: float, agent: str | None = None, **fields: Any) -> Event:
    return ev(second, "assigned", agent_id=agent, **fields)


def survey(second: float, kind: str, score: int) -> Event:
    return ev(second, "survey", survey=kind, score=score)


def in_parallel(*talks: list[Event]) -> list[Event]:
    named = [event | {"conversation_id": f"c{n}"} for n, talk in enumerate(talks) for event in talk]
    return sorted(named, key=lambda event: (event["at"], event["conversation_id"]))


# Resolution and handle time


def test_resolution_runs_from_the_cycles_opening_and_handling_while_open_and_assigned() -> None:
    events = [
        *(customer(0), assigned(10, "ana"), status(40, "pending"), status(100, "open", "again")),
        *(assigned(130), assigned(150, "bo"), status(170, "resolved")),
    ]
    result = run(events)
    got = kpi(result)
    assert (got["resolution_count"], got["resolution_mean_s"], got["resolution_max_s"]) == (1, 170.0, 170.0)
    assert (got["handle_count"], got["handle_mean_s"]) == (1, 30.0 + 30.0 + 20.0)
    assert kpi(result, "agent:bo")["handle_p95_s"] == 80.0
    assert (kpi(result, "agent:ana")["handle_count"], kpi(result, "agent:ana")["handle_mean_s"]) == (0, None)


def test_a_cycle_that_nobody_handled_took_no_time() -> None:
    got = kpi(run([customer(0), status(10, "resolved")]))
    assert (got["handle_count"], got["handle_mean_s"]) == (1, 0.0)


def test_a_new_cycle_is_resolved_and_handled_by_itself() -> None:
    events = [customer(0), reply(5), status(25, "resolved"), customer(100), status(107, "resolved")]
    got = kpi(run(events))
    assert (got["resolution_count"], got["resolution_mean_s"], got["resolution_p50_s"]) == (2, 16.0, 7.0)
    assert (got["handle_mean_s"], got["handle_max_s"]) == ((20 + 7) / 2, 20.0)  # still assigned when reopened


# Business time


def test_business_time_is_that_of_the_policy_in_force_at_the_booking() -> None:
    office = policy("office", {"team": "day"}, calendar="office", targets={})
    rules = sla(office, policy("rest"), calendars={"office": OFFICE})
    events = [customer(0), reply(300), customer(400, "x"), ev(500, "assigned", team="day"), reply(600)]
    got = kpi(run(events, rules))
    assert (got["frt_mean_s"], got["frt_business_mean_s"]) == (300.0, 300.0)  # the policy without a calendar
    assert (got["nrt_mean_s"], got["nrt_business_mean_s"]) == (200.0, 200.0)
    in_office = [ev(-1, "assigned", team="day"), *events]
    got = kpi(run(in_office, rules))
    assert (got["frt_mean_s"], got["frt_business_mean_s"], got["frt_business_max_s"]) == (300.0, 120.0, 120.0)
    resolved = [*in_office, status(DAY, "resolved")]  # Thursday, 16:27
    assert kpi(run(resolved, rules))["resolution_business_mean_s"] == 30 * 60 + 60 * 60


def test_each_stretch_of_handling_is_measured_by_the_policy_in_force_at_its_end() -> None:
    office = policy("office", {"priority": "low"}, calendar="office", targets={})
    events = [
        *(customer(0), assigned(60, "ana"), assigned(90, "bo"), ev(120, "priority", "p", priority="low")),
        *(status(240, "pending"), ev(300, "priority", "q", priority="high")),
        *(status(400, "open"), status(500, "resolved")),
    ]
    got = kpi(run(events, sla(office, calendars={"office": OFFICE})))
    assert got["handle_mean_s"] == 180.0 + 100.0
    assert got["handle_business_mean_s"] == 60.0 + 100.0  # from 16:30 to 16:31, and all of the second


def test_there_is_no_second_count_and_without_a_calendar_nothing_differs() -> None:
    got = kpi(run([customer(0), reply(10), customer(20), reply(50), status(99, "resolved")]))
    assert "frt_business_count" not in got
    for kind in ("frt", "nrt", "resolution", "handle"):
        for part in ("mean", "p50", "p90", "p95", "max"):
            assert got[f"{kind}_business_{part}_s"] == got[f"{kind}_{part}_s"] is not None


# First contact resolution


@pytest.mark.parametrize(
    ("events", "one_touch"),
    [
        ([customer(0), status(9, "resolved")], 1),
        ([customer(0), reply(1), status(9, "resolved")], 1),
        ([customer(0), reply(1), reply(2), status(9, "resolved")], 0),
        ([reply(0), customer(1), reply(2), status(9, "resolved")], 0),
        ([reply(0), customer(1), status(9, "resolved")], 1),
        ([customer(0), reply(1), reply(2, private=True), status(9, "resolved"), reply(10)], 1),
        ([customer(0), status(1, "resolved"), reply(2), reply(3), customer(4), status(9, "resolved", "z")], 1),
    ],
    ids=["none", "one", "two", "opener-and-one", "opener", "note-and-after", "reopened"],
)
def test_one_touch_is_a_cycle_with_at_most_one_human_reply(events: list[Event], one_touch: int) -> None:
    assert kpi(run(events))["fcr_one_touch"] == one_touch


@pytest.mark.parametrize(("after", "kept"), [(72 * HOUR, 0), (72 * HOUR + 0.001, 1)])
def test_a_reopening_within_72_hours_takes_the_one_touch_back(after: float, kept: int) -> None:
    events = [customer(0), ev(1, "tagged", add=["x"]), status(10, "resolved"), ev(20, "tagged", remove=["x"])]
    result = run([*events, customer(10 + after)])
    got = kpi(result, window="30d")
    assert (got["fcr_one_touch"], got["conversations_resolved"], got["fcr_ratio"]) == (kept, 1, kept)
    (interval,) = (r for r in result.intervals if r["scope"] == "topic:x" and r["metrics"]["conversations_resolved"])
    assert interval["metrics"]["fcr_one_touch"] == 1  # closed, so not corrected


def test_an_interval_still_open_loses_the_one_touch_and_counts_the_next() -> None:
    events = [customer(0), status(10, "resolved"), customer(20), status(30, "resolved"), customer(2000, "later")]
    (interval,) = (r for r in run(events).intervals if r["scope"] == "tenant")
    assert (interval["metrics"]["fcr_one_touch"], interval["metrics"]["conversations_resolved"]) == (1, 2)
    assert kpi(run(events))["fcr_one_touch"] == 0


def test_a_late_reply_makes_it_two_touches() -> None:
    events = [customer(0), reply(1), status(10, "resolved")]
    assert kpi(run([*events, reply(5)]))["fcr_one_touch"] == 0


# Surveys, bots, deliveries


def test_surveys_count_also_outside_a_cycle_under_the_assignee() -> None:
    events = [customer(0), reply(1), status(2, "resolved"), survey(3, "csat", 5), survey(4, "csat", 3)]
    result = run([*events, survey(5, "csat", 4), survey(6, "csat", 1)])
    got = kpi(result, "agent:ana")
    assert (got["csat_count"], got["csat_satisfied"], got["csat_mean"], got["csat_ratio"]) == (4, 2, 13 / 4, 0.5)
    alone = kpi(run([survey(0, "csat", 2)]))
    assert (alone["csat_count"], alone["csat_ratio"], alone["nps"], alone["ces_ratio"]) == (1, 0.0, None, None)


def test_promoters_less_detractors() -> None:
    got = kpi(run([survey(n, "nps", score) for n, score in enumerate((0, 6, 7, 8, 9, 10, 10))]))
    assert (got["nps_count"], got["nps_promoters"], got["nps_detractors"]) == (7, 3, 2)
    assert got["nps"] == pytest.approx(100 / 7)


@pytest.mark.parametrize(("polarity", "easy"), [("high_is_easy", 2), ("low_is_easy", 3)])
def test_effort_is_easy_at_one_end(polarity: str, easy: int) -> None:
    events = [survey(n, "ces", score) for n, score in enumerate((1, 2, 3, 4, 5, 7))]
    got = kpi(run(events, {"formulas": {"ces": polarity}}))
    assert (got["ces_count"], got["ces_easy"], got["ces_mean"], got["ces_ratio"]) == (6, easy, 22 / 6, easy / 6)


def test_a_late_survey_is_booked_at_its_own_instant_under_what_the_conversation_is_now() -> None:
    events = [customer(0), ev(700, "assigned", team="t"), survey(5, "csat", 5)]
    result = run(events)
    assert result.counts["late"] == 1
    assert (kpi(result, "team:t", "5m")["csat_count"], kpi(result, "team:t", "15m")["csat_count"]) == (0, 1)


def test_a_cycle_resolved_with_the_bot_is_contained() -> None:
    talks = (
        [customer(0), bot(1), status(2, "resolved")],
        [customer(0), bot(1), reply(2), status(3, "resolved")],
        [customer(0), bot(1), ev(2, "handoff"), status(3, "resolved")],
        [customer(0), status(1, "resolved")],
    )
    got = kpi(run(in_parallel(*talks)))
    assert (got["bot_resolved"], got["bot_containment_ratio"]) == (1, 0.25)


def test_failed_deliveries_count_under_the_assignee() -> None:
    sent = [ev(n, "delivery", message_id="m", state=state) for n, state in enumerate(("sent", "failed", "read"))]
    result = run([assigned(-1, "bo"), *sent])
    assert (kpi(result)["delivery_failed"], kpi(result, "agent:bo")["delivery_failed"]) == (1, 1)


# Customers


def test_customers_are_counted_once_over_the_human_replies() -> None:
    talks = (
        [customer(0, customer_id="x"), reply(10), reply(20, agent="bo")],
        [customer(0, customer_id="x"), reply(30)],
        [customer(0), reply(40), reply(50, customer_id="y"), reply(60, private=True, customer_id="z")],
        [customer(0, customer_id="w")],
    )
    result = run(in_parallel(*talks))
    assert (kpi(result)["customers_handled"], kpi(result)["conversations_handled"]) == (2, 3)
    assert (kpi(result, "agent:ana")["customers_handled"], kpi(result, "agent:bo")["customers_handled"]) == (2, 1)


def test_a_reply_counts_the_customer_known_after_it() -> None:
    unknown = run([customer(0), reply(1), customer(2, customer_id="x")])
    assert kpi(unknown)["customers_handled"] == 0
    other = run([customer(0, customer_id="x"), reply(1), reply(2, private=True, customer_id="y"), reply(3)])
    assert kpi(other)["customers_handled"] == 2
    earlier = run([customer(1), reply(2), customer(3), customer(0, customer_id="x")])
    assert (kpi(earlier)["customers_handled"], earlier.counts["reordered"]) == (1, 1)


# Formula variants


def test_formula_variants() -> None:
    talks = (
        [customer(0, customer_id="x"), reply(10), status(30, "resolved")],
        [customer(0, customer_id="x"), reply(20), status(40, "resolved")],
        [customer(0), status(50, "resolved")],
        [customer(0, customer_id="y"), reply(60)],
    )
    formulas = {"frt_mean": "resolved", "handle_mean": "customers", "fcr": "received"}
    got = kpi(run(in_parallel(*talks), {"formulas": formulas}))
    assert (got["frt_mean_s"], got["frt_business_mean_s"]) == (90 / 3, 90 / 3)
    assert (got["handle_mean_s"], got["handle_business_mean_s"]) == (40 / 2, 40 / 2)  # 20 + 20 + 0 s; x and y
    assert (got["fcr_one_touch"], got["fcr_ratio"], got["nrt_mean_s"]) == (3, 3 / 4, None)
    plain = kpi(run(in_parallel(*talks)))
    assert (plain["frt_mean_s"], plain["handle_mean_s"], plain["fcr_ratio"]) == (30.0, 40 / 3, 1.0)


def test_a_variant_without_its_denominator_is_null() -> None:
    formulas = {"frt_mean": "resolved", "handle_mean": "customers", "fcr": "received"}
    got = kpi(run([customer(0), reply(1)], {"tenants": {"acme": {"formulas": formulas}}}))
    assert (got["frt_count"], got["frt_mean_s"], got["frt_p50_s"]) == (1, None, 1.0)
    old = kpi(run([customer(0), status(4000, "resolved")], {"formulas": formulas}), window="5m")
    assert (old["handle_count"], old["handle_mean_s"], old["fcr_ratio"]) == (1, None, None)


# Windows of days


@pytest.mark.parametrize(
    ("window", "now", "start"),
    [
        ("mtd", 1_711_922_400_000 - 1, 1_709_247_600_000),  # 2024-03-31 in Berlin: 2024-03-01 00:00, winter time
        ("mtd", 1_711_922_400_000, 1_711_922_400_000),  # 2024-04-01
        ("30d", 1_711_922_400_000 - 1, 1_709_334_000_000),  # 2024-03-31: 2024-03-02 00:00, 30 dates and 29 d 23 h
        ("30d", 1_711_922_400_000, 1_709_420_400_000),
    ],
)
def test_months_and_thirty_days_start_at_a_local_midnight(window: str, now: int, start: int) -> None:
    assert window_start(window, now, rules_for({"timezone": "Europe/Berlin"}, "acme").zone) == start


def test_windows_of_days_hold_what_happened_since_their_midnight() -> None:
    first = -28 * DAY - (16 * 60 + 27) * 60  # 2024-05-01, 00:00
    events = [customer(second) for second in (first - DAY - 0.001, first - DAY, first - 0.001, first, 0)]
    result = run(events)
    counts = [kpi(result, "channel:chat", window)["messages_in"] for window in ("today", "mtd", "30d")]
    assert counts == [1, 2, 4]
    (record,) = (r for r in result.kpi if (r["scope"], r["window"]) == ("tenant", "30d"))
    assert record["window_start_at"] == at(first - DAY)


def test_windows_of_days_are_kept_for_tenant_channel_team_and_agent() -> None:
    events = [customer(0), reply(1), ev(2, "tagged", add=["x"]), ev(3, "assigned", team="t/u")]
    result = run(events, until=T0 + 10_000)
    scopes = {r["scope"] for r in result.kpi if r["window"] == "mtd"}
    assert scopes == {"tenant", "channel:chat", "agent:ana", "team:t%2Fu"}
    assert scopes == {r["scope"] for r in result.kpi if r["window"] == "30d"}
