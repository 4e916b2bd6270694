"""SLA runs of the oracle on calendars, the reply window, and why a run was cancelled (contract section 6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle import Result, run
from tests.timeline import T0, Event, alerts, at, bot, customer, ev, kpi, policy, reply, sla, status

MINUTE, HOUR, DAY = 60, 3600, 86_400  # s
OPENS, CLOSES = 3 * MINUTE, 33 * MINUTE  # T0 is Wednesday, 16:27
THURSDAY = 16 * HOUR + 33 * MINUTE  # 09:00
OFFICE = {"tz": "UTC", "hours": {"wed": [["16:30", "17:00"]], "thu": [["09:00", "10:00"]]}}


def office(*policies: dict[str, Any]) -> dict[str, Any]:
    return sla(*policies, calendars={"office": OFFICE})


def in_office(target: float, metric: str = "first_response", **more: Any) -> dict[str, Any]:
    return policy(calendar="office", targets={metric: target}, **more)


def reasons(result: Result) -> list[tuple[str, str | None]]:
    return [(alert["instance"], alert["reason"]) for alert in result.alerts if alert["state"] == "cancelled"]


# Calendars


def test_target_and_warnings_are_open_time() -> None:
    rules = office(in_office(20 * MINUTE, warn=[0.5, "-30s"]))
    result = run([customer(0, "m"), reply(28 * MINUTE)], rules)
    assert alerts(result) == [
        ("imminent1", "m", OPENS + 10 * MINUTE),
        ("imminent2", "m", OPENS + 20 * MINUTE - 30),
        ("breached", "m", OPENS + 20 * MINUTE),
        ("met_late", "m", 28 * MINUTE),
    ]
    assert (result.alerts[-1]["late_s"], result.alerts[-1]["deadline_at"]) == (5 * MINUTE, at(OPENS + 20 * MINUTE))


@pytest.mark.parametrize(
    ("second", "state", "late_s"),
    [
        (CLOSES, "met", 0),
        (CLOSES + 0.001, "met_late", 0),  # no open time has passed since
        (THURSDAY, "met_late", 0),
        (THURSDAY + 1.5, "met_late", 1.5),
    ],
)
def test_the_deadline_can_be_closing_time(second: float, state: str, late_s: float) -> None:
    last = run([customer(0, "m"), reply(second)], office(in_office(30 * MINUTE))).alerts[-1]
    assert (last["state"], last["late_s"], last["deadline_at"]) == (state, late_s, at(CLOSES))


def test_what_is_left_of_the_target_runs_on_when_it_opens_again() -> None:
    result = run([customer(0, "m")], office(in_office(30 * MINUTE + 0.001)), until=at(DAY))
    assert alerts(result) == [("breached", "m", THURSDAY + 0.001)]


def test_a_run_that_starts_while_closed_starts_to_count_when_it_opens() -> None:
    events = [customer(CLOSES, "m"), reply(CLOSES + HOUR), status(THURSDAY + 50, "resolved")]
    result = run(events, office(in_office(50, "resolution")))
    assert [(a["started_at"], a["deadline_at"]) for a in result.alerts] == [(at(CLOSES), at(THURSDAY + 50))]


def test_a_pause_takes_only_open_time() -> None:
    rules = office(in_office(40 * MINUTE, "resolution"))
    until = at(2 * DAY)
    events = [customer(0, "m"), status(OPENS + 20 * MINUTE, "pending"), status(THURSDAY + 5 * MINUTE, "open")]
    assert alerts(run(events, rules, until)) == [("breached", "m", THURSDAY + 25 * MINUTE)]
    closed = [customer(0, "m"), status(CLOSES, "pending"), status(THURSDAY, "open")]
    assert alerts(run(closed, rules, until)) == [("breached", "m", THURSDAY + 10 * MINUTE)]


def test_a_pause_that_begins_after_closing_time_is_too_late_for_a_deadline_there() -> None:
    events = [customer(0, "m"), status(CLOSES + 1, "pending"), status(THURSDAY + 60, "resolved")]
    result = run(events, office(in_office(30 * MINUTE, "resolution")))
    assert alerts(result) == [("breached", "m", CLOSES), ("met_late", "m", THURSDAY + 60)]
    assert result.alerts[-1]["late_s"] == 60


def test_a_re_choice_measures_all_anew_in_its_own_calendar() -> None:
    urgent = policy(
        "urgent", {"priority": "urgent"}, calendar="office", targets={"resolution": 25 * MINUTE}, warn=[0.2]
    )
    rules = office(urgent, policy("rest", targets={"resolution": HOUR}, warn=[0.5]))
    events = [customer(0, "m"), status(5 * MINUTE, "pending"), status(10 * MINUTE, "open")]  # 16:32 to 16:37
    to_urgent = ev(14 * MINUTE, "priority", priority="urgent")
    result = run([*events, to_urgent], rules, until=at(DAY))
    assert alerts(result) == [("breached", "m", CLOSES)]  # the warning, after 5 min: 16:40, is past
    back = run([*events, to_urgent, ev(15 * MINUTE, "priority", "p", priority="low")], rules, until=at(DAY))
    assert alerts(back) == [("imminent1", "m", 35 * MINUTE), ("breached", "m", 65 * MINUTE)]


def test_a_re_choice_breaches_at_once_what_its_calendar_puts_in_the_past() -> None:
    urgent = policy("urgent", {"priority": "urgent"}, calendar="office", targets={"first_response": 20 * MINUTE})
    rules = office(urgent, policy("rest", targets={"first_response": DAY}))
    events = [customer(0, "m"), ev(2 * HOUR, "priority", priority="urgent"), reply(THURSDAY + 60)]
    result = run(events, rules)
    assert alerts(result) == [("breached", "m", 2 * HOUR), ("met_late", "m", THURSDAY + 60)]
    assert (result.alerts[0]["deadline_at"], result.alerts[1]["late_s"]) == (at(OPENS + 20 * MINUTE), 11 * MINUTE)


def test_a_breach_keeps_its_calendar() -> None:
    urgent = policy("urgent", {"priority": "urgent"}, targets={"first_response": 60})
    rules = office(urgent, in_office(20 * MINUTE))
    events = [customer(0, "m"), ev(25 * MINUTE, "priority", priority="urgent"), reply(THURSDAY + 60)]
    last = run(events, rules).alerts[-1]
    assert (last["state"], last["policy"], last["late_s"]) == ("met_late", "all", 11 * MINUTE)


def test_a_value_or_a_list_of_values_matches() -> None:
    rules = sla(policy(match={"channel": ["email", "chat"], "priority": "normal"}))  # type: ignore[dict-item]
    assert alerts(run([customer(0, "m"), reply(1)], rules)) == [("met", "m", 1)]
    assert alerts(run([customer(0, "m", channel="phone"), reply(1)], rules)) == []


def test_warnings_of_minutes_and_hours_before() -> None:
    rules = sla(policy(targets={"first_response": 2 * HOUR}, warn=["-90m", "-0.5h"]))
    result = run([customer(0, "m")], rules, until=at(2 * HOUR))
    assert alerts(result) == [("imminent1", "m", 30 * MINUTE), ("imminent2", "m", 90 * MINUTE)]


# Reasons


def test_a_cancelled_run_says_why() -> None:
    events = [customer(0, "m"), bot(5), ev(10, "handoff", "h"), ev(20, "handoff", "i"), status(30, "resolved")]
    result = run(events, sla(policy()))
    assert reasons(result) == [("m", "bot"), ("h", "handoff"), ("i", "resolved")]
    assert {alert["reason"] for alert in result.alerts if alert["state"] != "cancelled"} <= {None}


def test_a_run_cancelled_by_a_re_choice_or_by_history_says_so() -> None:
    rules = sla(policy("none", {"topic": "x"}, targets={}), policy(warn=[0.5]))
    assert reasons(run([customer(0, "m"), ev(40, "tagged", add=["x"])], rules)) == [("m", "policy")]
    moved = run([customer(10, "m"), customer(50, "n"), customer(5, "l")], rules)
    assert reasons(moved) == [("m", "history")]
    assert [alert["reason"] for alert in moved.alerts if alert["state"] != "cancelled"] == [None, None]


# The reply window


def whatsapp(*events: Event) -> list[Event]:
    return [event | {"channel": "whatsapp"} for event in events]


def windows(events: list[Event], config: dict[str, Any] | None = None, until: float = 4 * DAY) -> list[Any]:
    return alerts(run(events, config, until=at(until)), "reply_window")


@pytest.mark.parametrize(
    ("second", "states"),
    [(DAY, [("met", "m", DAY)]), (DAY + 0.001, [("breached", "m", DAY), ("met_late", "m", DAY + 0.001)])],
)
def test_whatsapp_gives_a_day_from_the_last_message_without_any_policy(second: float, states: list[Any]) -> None:
    result = run(whatsapp(customer(0, "m"), reply(second)))
    assert alerts(result) == states
    assert {(a["policy"], a["deadline_at"], a["started_at"]) for a in result.alerts} == {("built-in", at(DAY), T0)}
    assert windows([customer(0, "m")]) == []  # of chat


def test_a_newer_message_moves_the_window_without_an_alert() -> None:
    events = whatsapp(customer(0, "m"), customer(100, "n"), reply(200), customer(300, "o"))
    assert windows(events) == [("met", "n", 200), ("breached", "o", 300 + DAY)]


def test_a_newer_message_cancels_a_window_of_which_something_was_sent() -> None:
    events = whatsapp(customer(0, "m"), customer(DAY + 60, "n"), reply(DAY + 70))
    assert windows(events) == [("breached", "m", DAY), ("cancelled", "m", DAY + 60), ("met", "n", DAY + 70)]
    assert reasons(run(events)) == [("m", "newer_message")]


def test_messages_while_nobody_waits_for_an_answer_open_no_window() -> None:
    events = whatsapp(customer(0, "m"), bot(5), customer(10, "n"), status(20, "resolved"))
    assert windows(events) == [("cancelled", "m", 5)]
    assert reasons(run(events)) == [("m", "bot")]
    resolved = whatsapp(customer(0, "m"), status(20, "resolved"))
    assert reasons(run(resolved)) == [("m", "resolved")]


@pytest.mark.parametrize("back", [ev(10, "handoff", "h"), ev(10, "assigned", "a", agent_id="ana")], ids=["h", "a"])
def test_a_hand_back_goes_on_from_the_customers_last_message(back: Event) -> None:
    events = whatsapp(customer(0, "m"), bot(5), back)
    assert windows(events) == [("cancelled", "m", 5), ("breached", "m", DAY)]
    assert kpi(run(events), window="now")["oldest_waiting_at"] == at(10)
    newer = whatsapp(customer(0, "m"), bot(5), customer(7, "n"), back)
    assert windows(newer) == [("cancelled", "m", 5), ("breached", "n", 7 + DAY)]


def test_a_window_already_past_at_the_hand_back_breaches_at_once() -> None:
    result = run(whatsapp(customer(0, "m"), bot(5), ev(DAY + 9, "handoff", "h"), reply(DAY + 20)))
    assert alerts(result) == [("cancelled", "m", 5), ("breached", "m", DAY + 9), ("met_late", "m", DAY + 20)]
    assert [(a["deadline_at"], a["late_s"]) for a in result.alerts[1:]] == [(at(DAY), 0), (at(DAY), 20)]


def test_a_second_cancellation_is_sent_only_if_something_was_sent_since_the_first() -> None:
    events = whatsapp(customer(0, "m"), bot(5), ev(10, "handoff", "h"))
    assert windows([*events, status(20, "resolved")]) == [("cancelled", "m", 5)]
    breached = windows([*events, ev(DAY + 20, "status", status="resolved")])
    assert breached == [("cancelled", "m", 5), ("breached", "m", DAY), ("cancelled", "m", DAY + 20)]


def test_a_policys_reply_window_has_warnings_but_neither_hours_nor_pauses() -> None:
    mine = policy("mine", calendar="office", targets={"reply_window": 2 * HOUR}, warn=[0.5])
    rules = office(mine | {"pause_on": {"reply_window": ["pending"]}})
    events = [customer(0, "m"), status(60, "pending")]
    expected = [("imminent1", "m", HOUR), ("breached", "m", 2 * HOUR)]
    assert windows(events, rules) == windows(whatsapp(*events), rules) == expected
    assert {a["policy"] for a in run(events, rules, until=at(DAY)).alerts} == {"mine"}


def test_a_re_choice_changes_the_window_from_its_start() -> None:
    rules = sla(policy("short", {"topic": "x"}, targets={"reply_window": HOUR}), policy("other", warn=[0.5]))
    tagged, untagged = ev(60, "tagged", "t", add=["x"]), ev(120, "tagged", "u", remove=["x"])
    assert windows(whatsapp(customer(0, "m"), tagged), rules) == [("breached", "m", HOUR)]
    assert windows(whatsapp(customer(0, "m"), tagged, untagged), rules) == [("breached", "m", DAY)]
    assert windows([customer(0, "m"), tagged], rules) == [("breached", "m", HOUR)]
    assert windows([customer(0, "m"), tagged, untagged], rules) == []


def test_a_missed_window_is_overdue() -> None:
    events = whatsapp(customer(0, "m"))
    assert kpi(run(events, until=at(DAY)), window="now")["backlog_overdue"] == 0
    assert kpi(run(events, until=at(DAY + 1)), window="now")["backlog_overdue"] == 1


def test_a_reply_known_late_takes_the_breach_of_a_window_back() -> None:
    clock = customer(130, conversation_id="c2")
    rules = sla(policy(targets={"reply_window": 60}))
    result = run([customer(0, "m"), clock, reply(50)], rules, until=at(150))
    assert sorted(alerts(result)) == [("breached", "m", 60), ("met", "m", 50), ("retracted", "m", 50)]
    newer = run([customer(0, "m"), clock, customer(50, "n")], rules, until=at(150))
    assert sorted(alerts(newer)) == [
        *(("breached", "m", 60), ("breached", "n", 110), ("cancelled", "m", 50), ("retracted", "m", 50)),
    ]
    assert reasons(newer) == [("m", "newer_message")]


def test_an_id_told_again_when_it_is_forgotten_starts_another_run() -> None:
    first = [customer(0, "m"), status(100, "resolved")]
    alive = [ev(day * DAY, "tagged", add=["x"]) for day in (4, 8)]
    result = run([*first, *alive, customer(0, "m")], sla(policy()), until=at(9 * DAY))
    assert result.counts["late"] == 1
    assert alerts(result) == [("breached", "m", 60), ("cancelled", "m", 100), ("breached", "m", 8 * DAY + 60)]
