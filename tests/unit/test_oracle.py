"""The oracle against figures worked out by hand, one rule of the contract each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle import run
from tests.oracle.rules import rules_for
from tests.oracle.validate import MAX_RECORD
from tests.oracle.windows import window_start
from tests.timeline import T0, alerts, at, bot, customer, ev, kpi, policy, reply, sla, status

DAY = 86_400_000


# Section 3: cycles, replies, waits


def test_a_reply_gives_a_first_response_and_the_next_one_a_next_response() -> None:
    got = kpi(run([customer(0), reply(10), reply(12), customer(20), customer(25), reply(50)]))
    assert (got["frt_count"], got["frt_mean_s"], got["nrt_count"], got["nrt_mean_s"]) == (1, 10.0, 1, 30.0)
    assert (got["messages_in"], got["messages_out"], got["conversations_opened"]) == (3, 3, 1)


def test_private_and_automatic_messages_are_none() -> None:
    result = run([customer(0, auto=True), customer(1), reply(2, private=True), reply(3, auto=True), bot(4)])
    got = kpi(result)
    assert (got["messages_in"], got["messages_out"], got["frt_count"]) == (1, 0, 0)
    assert kpi(result, window="now")["backlog_open"] == 1


def test_what_comes_before_the_first_cycle_opens_none() -> None:
    early = [bot(0), reply(1, private=True), status(2, "resolved"), ev(3, "assigned", agent_id="ana")]
    result = run(early)
    assert result.kpi == []
    got = run([*early, customer(4)])
    assert kpi(got, "agent:ana")["conversations_opened"] == 1  # booked under the assignee of the moment before
    assert kpi(got)["conversations_reopened"] == 0


def test_a_customer_message_reopens_a_resolved_conversation_and_a_reply_does_not() -> None:
    result = run([customer(0), reply(5), status(10, "resolved"), status(11, "resolved"), reply(12, agent="bo")])
    got = kpi(result)
    assert (got["conversations_resolved"], got["conversations_reopened"], got["messages_out"]) == (1, 0, 2)
    assert kpi(result, window="now")["backlog_open"] == 0
    got = kpi(run([customer(0), status(10, "resolved"), customer(20), status(30, "resolved"), status(40, "on_hold")]))
    assert (got["conversations_opened"], got["conversations_reopened"], got["conversations_resolved"]) == (3, 2, 2)


def test_a_customer_message_opens_a_pending_conversation_but_not_one_on_hold() -> None:
    assert kpi(run([status(0, "pending")]), window="now")["backlog_pending"] == 1
    assert kpi(run([status(0, "pending"), customer(1)]), window="now")["backlog_pending"] == 0
    held = run([status(0, "on_hold"), ev(1, "assigned", agent_id="ana"), customer(2)])
    assert kpi(held, window="now")["concurrency"] == 0


def test_the_first_reply_assigns_and_an_absent_field_leaves_what_null_clears() -> None:
    events = [customer(0), reply(1), reply(2, agent="bo"), ev(3, "assigned", team="t")]
    assert kpi(run(events), "agent:ana", "now")["concurrency"] == 1
    cleared = run([*events, ev(4, "assigned", agent_id=None)])
    assert kpi(cleared, "team:t", "now")["backlog_unassigned"] == 1


def test_a_bot_ends_the_wait_and_a_handoff_starts_it_anew() -> None:
    result = run([customer(0), bot(5), customer(20), ev(100, "handoff"), reply(130)])
    got = kpi(result)
    assert (got["frt_mean_s"], got["sl_met"], got["sl_missed"], got["nrt_count"]) == (30.0, 1, 0, 0)


def test_a_human_reply_while_with_the_bot_counts_as_answered_without_a_sample() -> None:
    got = kpi(run([customer(0), bot(5), reply(6), customer(10), reply(30)]))
    assert (got["frt_count"], got["sl_met"], got["nrt_mean_s"]) == (0, 0, 20.0)


def test_a_bot_does_not_take_over_what_a_human_has_touched_in_the_cycle() -> None:
    touched = run([customer(0), ev(1, "assigned", agent_id="ana"), bot(2)])
    assert kpi(touched, window="now")["backlog_waiting"] == 1
    before = run([ev(0, "assigned", agent_id="ana"), customer(1), bot(2)])
    assert kpi(before, window="now")["backlog_waiting"] == 0


def test_a_handoff_during_a_wait_starts_another_but_leaves_waiting_since() -> None:
    result = run([customer(0), ev(61, "handoff"), reply(100)])
    assert (kpi(result)["sl_missed"], kpi(result)["sl_met"], kpi(result)["frt_mean_s"]) == (1, 1, 39.0)
    assert kpi(run([customer(0), ev(40, "handoff")]), window="now")["oldest_waiting_at"] == T0


@pytest.mark.parametrize(
    ("second", "met", "missed"), [(59.999, 1, 0), (60, 1, 0), (60.001, 0, 1)], ids=["before", "at", "after"]
)
def test_service_level_is_met_up_to_the_threshold(second: float, met: int, missed: int) -> None:
    got = kpi(run([customer(0), reply(second)]))
    assert (got["sl_met"], got["sl_missed"], got["frt_count"]) == (met, missed, 1)
    assert got["service_level_ratio"] == met


def test_missed_is_booked_at_its_instant_under_the_assignee_of_then() -> None:
    events = [customer(0), ev(60, "assigned", agent_id="bo"), ev(61, "assigned", agent_id="ana")]
    assert kpi(run(events), "agent:bo")["sl_missed"] == 1
    assert kpi(run([customer(0)], until=at(60)))["sl_missed"] == 0  # a timer acts once the clock is past it
    assert kpi(run([customer(0)], until=at(60.001)))["sl_missed"] == 1


@pytest.mark.parametrize(("second", "abandoned", "missed"), [(5, 0, 0), (5.001, 1, 0), (60, 1, 0), (60.001, 0, 1)])
def test_abandoned_is_resolved_within_the_threshold_and_not_short(second: float, abandoned: int, missed: int) -> None:
    got = kpi(run([customer(0), status(second, "resolved")]))
    assert (got["sl_abandoned"], got["sl_missed"]) == (abandoned, missed)


@pytest.mark.parametrize(
    ("formula", "ratio"), [("ignore_abandoned", 1 / 2), ("abandoned_missed", 1 / 3), ("abandoned_met", 2 / 3)]
)
def test_the_three_formulas(formula: str, ratio: float) -> None:
    ways = [reply(10), reply(70), status(30, "resolved"), status(1, "resolved")]
    events = [e | {"conversation_id": f"c{n}"} for n, way in enumerate(ways) for e in (customer(0), way)]
    events.sort(key=lambda e: (e["at"], e["conversation_id"]))
    got = kpi(run(events, {"service_level": {"formula": formula}}))
    assert got["service_level_ratio"] == pytest.approx(ratio)


# Section 3: order, lateness, memory


def test_events_of_an_instant_are_folded_by_event_id_by_code_point() -> None:
    same = [customer(0), status(1, "resolved", "\U0001f600"), status(1, "pending", "\uffdc")]
    assert kpi(run(same))["conversations_resolved"] == 1
    assert kpi(run(same), window="now")["backlog_open"] == 0


def test_a_duplicate_changes_nothing() -> None:
    result = run([customer(0), reply(5), customer(0), reply(5)])
    assert result.counts["duplicate"] == 2
    assert kpi(result) == kpi(run([customer(0), reply(5)]))


def test_out_of_order_within_lateness_is_folded_in_its_place() -> None:
    result = run([customer(0), customer(600), reply(30)])
    assert result.counts["reordered"] == 1
    assert kpi(result)["frt_mean_s"] == 30.0
    assert kpi(result, window="now")["oldest_waiting_at"] == at(600)


def test_a_late_event_takes_effect_at_the_newest_events_instant() -> None:
    result = run([customer(0), ev(601, "tagged", add=["x"]), reply(0.5)])
    assert (result.counts["late"], kpi(result)["frt_mean_s"]) == (1, 601.0)
    assert kpi(result, window="5m")["messages_out"] == 0  # booked at its own instant
    assert kpi(result, window="15m")["messages_out"] == 1


def test_a_late_customer_message_older_than_the_last_reply_starts_no_wait() -> None:
    early = run([customer(0), reply(700), customer(10)])
    assert (early.counts["late"], kpi(early, window="now")["backlog_waiting"]) == (1, 0)


def test_a_late_reply_older_than_waiting_since_ends_no_wait() -> None:
    result = run([status(0, "open"), customer(900), reply(100)])
    assert (result.counts["late"], kpi(result, window="now")["backlog_waiting"]) == (1, 1)


def test_out_of_order_is_late_once_the_clock_is_past_the_newest_by_the_lateness() -> None:
    other = customer(701, conversation_id="c2")
    assert run([customer(100), other, customer(50)]).counts["late"] == 1
    assert run([customer(100), other, customer(150)]).counts["late"] == 0  # in order
    assert run([customer(101), other, customer(50)]).counts["late"] == 0


def test_fewer_events_than_reorder_max_are_passed() -> None:
    events = [customer(n) for n in (1, 2, 3)] + [customer(0)]
    assert run(events, {"reorder_max": 4}).counts["late"] == 0
    assert run(events, {"reorder_max": 3}).counts["late"] == 1


def test_a_resolved_conversation_is_forgotten_after_seven_days_and_an_open_one_is_not() -> None:
    opening = [ev(0, "priority", priority="high"), customer(0), status(10, "resolved")]
    kept, gone = customer(10 + 7 * 86_400), customer(10.001 + 7 * 86_400)
    assert kpi(run([*opening, kept]), "priority:high", "1h")["conversations_reopened"] == 1
    again = run([*opening, gone])
    assert again.counts["forgotten"] == 1
    assert (kpi(again)["conversations_opened"], kpi(again)["conversations_reopened"]) == (1, 0)
    assert kpi(again, "priority:normal", "now")["backlog_open"] == 1
    assert run([*opening[:2], gone]).counts["forgotten"] == 0


# Sections 4 and 5


def test_scopes_encode_their_ids_and_stay_known() -> None:
    events = [customer(0, channel="chat"), reply(1, agent="budi/jkt"), ev(2, "tagged", add=["a b|%:"], remove=[])]
    result = run([*events, status(3, "resolved")])
    scopes = {r["scope"] for r in result.kpi}
    agent = "agent:budi%2Fjkt"
    assert scopes == {
        "tenant",
        "channel:chat",
        "priority:normal",
        agent,
        f"{agent}/channel:chat",
        "topic:a%20b%7C%25%3A",
    }
    assert {r["window"] for r in result.kpi} == {"now", "5m", "15m", "30m", "1h", "today", "mtd", "30d"}
    assert kpi(result, "topic:a%20b%7C%25%3A", "now")["backlog_open"] == 0


def test_a_rolling_window_is_the_current_pane_and_those_before_it() -> None:
    events = [customer(-0.001), customer(0)]
    assert kpi(run(events, until=at(299.999)), window="5m")["messages_in"] == 1
    assert kpi(run(events, until=at(300)), window="5m")["messages_in"] == 0
    assert kpi(run(events, until=at(239.999)), window="5m")["messages_in"] == 2


@pytest.mark.parametrize(
    ("zone", "now", "start"),
    [
        ("Europe/Berlin", 1_711_839_600_000 + 3_600_000, 1_711_839_600_000),  # 2024-03-31, 23 hours long
        ("Europe/Berlin", 1_711_839_600_000 + 23 * 3_600_000, 1_711_922_400_000),
        ("America/New_York", 1_730_606_400_000 + 25 * 3_600_000 - 1, 1_730_606_400_000),  # 25 hours long
        ("Asia/Jakarta", 1_709_226_000_000 - 1, 1_709_226_000_000 - DAY),
    ],
)
def test_today_starts_at_local_midnight(zone: str, now: int, start: int) -> None:
    assert window_start("today", now, rules_for({"timezone": zone}, "acme").zone) == start


def test_percentiles_are_the_nearest_rank() -> None:
    events = [e | {"conversation_id": f"c{n}"} for n in range(10) for e in (customer(0), reply(n + 1))]
    got = kpi(run(sorted(events, key=lambda e: e["at"])))
    assert [got[f"frt_{name}_s"] for name in ("p50", "p90", "p95", "max", "mean")] == [5.0, 9.0, 10.0, 10.0, 5.5]


def test_gauges_of_the_backlog() -> None:
    events = [customer(0), customer(3600, conversation_id="c2"), reply(3700, conversation_id="c2")]
    got = kpi(run(events, sla(policy(targets={"resolution": 3600})), until=at(3600 * 4)), window="now")
    assert (got["backlog_open"], got["backlog_unassigned"], got["backlog_waiting"], got["concurrency"]) == (2, 1, 1, 1)
    assert (got["backlog_age_lt1h"], got["backlog_age_lt4h"], got["backlog_age_lt24h"]) == (0, 1, 1)
    assert (got["oldest_waiting_s"], got["oldest_waiting_at"], got["backlog_overdue"]) == (14400.0, T0, 2)


def test_a_tenants_overrides_are_laid_over_the_rest() -> None:
    config = {"service_level": {"threshold_s": {"chat": 20}}, "tenants": {"acme": {"service_level": {"formula": "x"}}}}
    rules = rules_for(config, "acme")
    assert (rules.formula, rules.threshold("chat"), rules.threshold("email"), rules.threshold("sms")) == (
        "x",
        20_000,
        14_400_000,
        300_000,
    )


# Section 6


def test_warnings_then_breach_then_met_late() -> None:
    result = run([customer(0, "m"), reply(61)], sla(policy(warn=[0.5, "-10s", "-60s"])))
    assert alerts(result) == [
        ("imminent1", "m", 30),
        ("imminent2", "m", 50),
        ("breached", "m", 60),
        ("met_late", "m", 61),
    ]
    late = result.alerts[-1]
    assert (late["late_s"], late["deadline_at"], late["started_at"]) == (1.0, at(60), T0)
    assert (late["agent_id"], late["policy"], late["kind"]) == ("ana", "all", "sla")


def test_an_answer_at_the_deadline_is_met_and_one_at_a_warning_prevents_it() -> None:
    assert alerts(run([customer(0, "m"), reply(60)], sla(policy()))) == [("met", "m", 60)]
    assert alerts(run([customer(0, "m"), reply(30)], sla(policy(warn=[0.5])))) == [("met", "m", 30)]


def test_runs_end_cancelled_at_a_bot_a_handoff_and_a_resolve() -> None:
    events = [customer(0, "m"), bot(5), ev(10, "handoff", "h"), ev(20, "handoff", "i"), status(30, "resolved")]
    assert alerts(run(events, sla(policy()))) == [("cancelled", "m", 5), ("cancelled", "h", 20), ("cancelled", "i", 30)]


def test_next_response_and_resolution_runs() -> None:
    events = [customer(0, "m"), reply(1), customer(2, "n"), reply(30), status(40, "resolved")]
    result = run(events, sla(policy(targets={"next_response": 20, "resolution": 100})))
    assert alerts(result, "next_response") == [("breached", "n", 22), ("met_late", "n", 30)]
    assert alerts(result, "resolution") == [("met", "m", 40)]


def test_a_pause_moves_the_deadline_unless_it_begins_there() -> None:
    rules = sla(policy(targets={"resolution": 60}))
    moved = run([customer(0, "m"), status(20, "pending"), status(50, "open"), status(95, "resolved")], rules)
    assert alerts(moved) == [("breached", "m", 90), ("met_late", "m", 95)]
    at_it = run([customer(0, "m"), status(60, "pending"), status(90, "resolved")], rules)
    assert alerts(at_it) == [("breached", "m", 60), ("met_late", "m", 90)]
    assert at_it.alerts[-1]["late_s"] == 30.0


def test_a_re_choice_skips_past_warnings_and_breaches_at_its_event() -> None:
    urgent = policy("urgent", {"priority": "urgent"}, targets={"first_response": 20}, warn=[0.5])
    rules = sla(urgent, policy("rest", warn=[0.5]))
    late = run([customer(0, "m"), ev(25, "priority", priority="urgent"), reply(40)], rules)
    assert alerts(late) == [("breached", "m", 25), ("met_late", "m", 40)]
    assert (late.alerts[0]["deadline_at"], late.alerts[1]["late_s"], late.alerts[1]["policy"]) == (at(20), 20, "urgent")
    between = run([customer(0, "m"), ev(15, "priority", priority="urgent")], rules, until=at(90))
    assert alerts(between) == [("breached", "m", 20)]


def test_a_run_without_a_target_ends_tracking() -> None:
    rules = sla(policy("none", {"topic": "x"}, targets={}), policy(warn=[0.5]))
    tag: dict[str, Any] = {"add": ["x"], "remove": []}
    assert alerts(run([customer(0, "m"), ev(40, "tagged", **tag), reply(90)], rules)) == [
        ("imminent1", "m", 30),
        ("cancelled", "m", 40),
    ]
    assert alerts(run([customer(0, "m"), ev(20, "tagged", **tag), reply(90)], rules)) == []
    breached = run([customer(0, "m"), ev(70, "tagged", **tag), reply(90)], rules)
    assert alerts(breached)[1:] == [("breached", "m", 60), ("met_late", "m", 90)]


def test_a_breach_that_did_not_happen_is_retracted() -> None:
    clock = customer(100, conversation_id="c2", channel="email")
    result = run([customer(0, "m"), clock, reply(50)], sla(policy(match={"channel": "chat"})))
    assert sorted(alerts(result)) == [("breached", "m", 60), ("met", "m", 50), ("retracted", "m", 50)]
    (taken_back,) = (a for a in result.alerts if a["state"] == "retracted")
    assert (taken_back["started_at"], taken_back["deadline_at"], taken_back["late_s"]) == (T0, at(60), 0)


def test_a_moved_start_cancels_the_old_instance() -> None:
    events = [customer(10, "m"), customer(80, "n"), customer(5, "l")]
    result = run(events, sla(policy(warn=[0.5])))
    assert alerts(result) == [
        ("cancelled", "m", 5),
        ("retracted", "m", 5),
        ("imminent1", "l", 35),
        ("imminent1", "m", 40),
        ("breached", "l", 65),
        ("breached", "m", 70),
    ]


def test_a_terminal_state_that_is_no_longer_true_is_corrected() -> None:
    result = run([customer(0, "m"), status(40, "resolved"), reply(30)], sla(policy()))
    assert alerts(result) == [("met", "m", 30), ("cancelled", "m", 40)]


# Sections 2 and 9


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"{", "not_json"),
        ("[]", "wrong_type"),
        ({}, "missing_field"),
        (customer(0) | {"v": 2}, "unknown_version"),
        (customer(0) | {"type": "call"}, "unknown_type"),
        (customer(0) | {"at": True}, "wrong_type"),
        (customer(0) | {"at": 0}, "bad_value"),
        (customer(0) | {"event_id": "é" * 257}, "bad_value"),
        (ev(0, "status", status="closed"), "bad_value"),
        (ev(0, "survey", survey="nps", score=11), "bad_value"),
        (ev(0, "message", direction="outbound", author="agent"), "missing_field"),
        (customer(0) | {"x": "y" * MAX_RECORD}, "too_large"),
        (customer(301), "future"),
    ],
)
def test_bad_input_has_a_reason_and_stops_nothing(record: Any, reason: str) -> None:
    result = run([record, None, customer(0)], wall=T0)
    assert [entry["reason"] for entry in result.dlq] == [reason]
    assert result.counts["null"] == 1
    assert kpi(result)["messages_in"] == 1


def test_later_events_than_until_are_left_out() -> None:
    result = run([customer(0), reply(10), customer(5)], until=at(9))
    assert (kpi(result)["messages_in"], kpi(result)["messages_out"], result.kpi[0]["as_of"]) == (2, 0, at(9))
    assert run([]).kpi == []


def test_what_is_of_no_conversation_moves_the_clock_and_no_figure_of_one() -> None:
    online = {"v": 1, "tenant": "acme", "event_id": "p", "type": "presence", "at": at(61), "agent_id": "ana"}
    visit = {"v": 1, "tenant": "acme", "event_id": "v", "type": "visit", "at": at(62), "visitor_id": "x"}
    result = run([customer(0), online | {"state": "online"}, visit])
    assert (result.dlq, kpi(result)["messages_in"], kpi(result)["sl_missed"]) == ([], 1, 1)
    assert result.kpi[0]["as_of"] == at(62)
