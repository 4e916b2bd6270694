"""The comparison finds what a fault may have broken, and lets pass only what has a reason."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tables.replay import Result, replay
from tests.chaos.alerts import compare_alerts
from tests.chaos.comparison import compare_intervals, compare_records
from tests.chaos.verdict import Verdict
from tests.outcomes import Alert, Reached

T = 1_750_000_500_000
CONFIG = {
    "lateness_s": 60,
    "sla_policies": [{"name": "all", "targets": {"first_response": 2, "resolution": 60}, "warn": [0.5]}],
}


def message(at: int, conversation: str, author: str) -> dict[str, Any]:
    direction = "inbound" if author == "customer" else "outbound"
    return {
        "v": 1,
        "tenant": "acme",
        "event_id": f"{conversation}-{at}",
        "type": "message",
        "at": at,
        "conversation_id": conversation,
        "channel": "chat",
        "direction": direction,
        "author": author,
        "agent_id": "ana",
    }


EVENTS = [message(T, "slow", "customer"), message(T + 3_000, "slow", "agent"), message(T + 9_000, "open", "customer")]


@pytest.fixture
def expected() -> Result:
    found = replay(EVENTS, CONFIG, T + 2_000_000)
    assert {alert["state"] for alert in found.alerts} >= {"imminent", "breached", "met_late"}
    assert found.intervals
    return found


def delivered(*alerts: Alert) -> list[Any]:
    """Records of the alerts topic, a second apart."""
    return [SimpleNamespace(value=json.dumps(each).encode(), timestamp=T + 1_000 * n) for n, each in enumerate(alerts)]


def punctual() -> Reached:
    """Every event a millisecond after it happened."""
    return {("acme", "slow"): [(T, T + 1), (T + 3_000, T + 3_001)], ("acme", "open"): [(T + 9_000, T + 9_001)]}


def late(at: int, came: int) -> Reached:
    return punctual() | {("acme", "slow"): [(T, T + 1), (at, came)]}


def of_alerts(expected: Result, alerts: list[Alert], came: Reached) -> Verdict:
    verdict = Verdict()
    compare_alerts(verdict, delivered(*alerts), expected.alerts, came)
    return verdict


def kinds(verdict: Verdict) -> set[str]:
    return {each.what for each in verdict.differences}


def test_what_is_the_same_passes_however_often_it_came(expected: Result) -> None:
    verdict = of_alerts(expected, [*expected.alerts, *expected.alerts[:2]], punctual())
    assert (verdict.differences, verdict.repeated, verdict.alerts) == ([], 2, len(expected.alerts))


@pytest.mark.parametrize("state", ["imminent", "breached", "met_late"])
def test_a_lost_alert_is_found(expected: Result, state: str) -> None:
    left = [alert for alert in expected.alerts if (alert["state"], alert["conversation_id"]) != (state, "slow")]
    assert "lost" in kinds(of_alerts(expected, left, punctual()))


def test_an_alert_under_two_ids_is_found(expected: Result) -> None:
    assert kinds(of_alerts(expected, [*expected.alerts, expected.alerts[0] | {"alert_id": "x"}], punctual())) == {
        "doubled",
        "wrong",
    }


def test_another_content_under_the_same_id_is_found(expected: Result) -> None:
    verdict = of_alerts(expected, [*expected.alerts, expected.alerts[0] | {"team": "x"}], punctual())
    assert kinds(verdict) == {"wrong"}
    assert len(verdict.restated) == 1


def test_a_breach_taken_back_needs_an_event_that_came_late(expected: Result) -> None:
    at = T + 9_000 + 2_000
    wrong = dict(next(each for each in expected.alerts if each["state"] == "breached")) | {
        "conversation_id": "open",
        "instance": "other",
        "at": at,
    }
    pair = [wrong | {"alert_id": "a"}, wrong | {"alert_id": "b", "state": "retracted"}]
    came = punctual() | {("acme", "open"): [(at - 5, at + 700)]}
    excused = of_alerts(expected, [*expected.alerts, *pair], came)
    assert (excused.differences, len(excused.retracted)) == ([], 1)
    assert kinds(of_alerts(expected, [*expected.alerts, *pair], punctual())) == {"wrong"}
    assert kinds(of_alerts(expected, [*expected.alerts, pair[0]], came)) == {"wrong"}  # never taken back


def test_a_run_is_told_in_order_but_for_what_came_late(expected: Result) -> None:
    run = [each for each in expected.alerts if each["conversation_id"] == "slow" and each["metric"] == "first_response"]
    others = [each for each in expected.alerts if each not in run]
    swapped = [*others, *reversed(run)]
    assert [each["state"] for each in run] == ["imminent", "breached", "met_late"]
    assert "wrong" in kinds(of_alerts(expected, swapped, punctual()))
    belated = of_alerts(expected, swapped, late(T + 1_000, T + 5_000))
    assert (belated.differences, belated.belated) == ([], 2)


def test_a_breach_may_tell_of_an_agent_who_came_late(expected: Result) -> None:
    told = [each | {"agent_id": "x"} if each["state"] == "breached" else each for each in expected.alerts]
    assert kinds(of_alerts(expected, told, punctual())) == {"lost", "wrong"}
    came = {conversation: [(T - 1, T + 90_000)] for conversation in punctual()}
    assert of_alerts(expected, told, came).differences == []


def changed(record: dict[str, Any], **metrics: Callable[[Any], Any]) -> dict[str, Any]:
    return record | {"metrics": record["metrics"] | {name: of(record["metrics"][name]) for name, of in metrics.items()}}


def test_records_are_compared_field_by_field(expected: Result) -> None:
    def judged(records: list[dict[str, Any]]) -> set[str]:
        verdict = Verdict()
        compare_records(verdict, "Kafka", expected.kpi, records)
        return kinds(verdict)

    hour = next(each for each in expected.kpi if (each["scope"], each["window"]) == ("tenant", "1h"))
    others = [each for each in expected.kpi if each is not hour]
    assert judged([hour | {"seq": 7}, *others]) == set()
    assert judged(others) == {"lost"}
    assert judged([hour, *others, hour | {"window": "2h"}]) == {"doubled"}
    assert judged([changed(hour, messages_in=lambda count: count + 1), *others]) == {"wrong"}
    assert judged([changed(hour, frt_max_s=lambda seconds: seconds * 1.005), *others]) == set()
    assert judged([changed(hour, frt_max_s=lambda seconds: seconds * 1.02), *others]) == {"wrong"}
    assert judged([changed(hour, frt_max_s=lambda _: None), *others]) == {"wrong"}


def test_only_gauges_of_an_interval_that_an_event_decided_late_may_differ(expected: Result) -> None:
    end = expected.intervals[0]["window_start_at"] + 900_000

    def judged(records: list[dict[str, Any]], came: Reached) -> tuple[set[str], int]:
        verdict = Verdict()
        compare_intervals(verdict, expected.intervals, records, came)
        return kinds(verdict), verdict.snapshots

    first, *others = expected.intervals
    gauge = [changed(first, backlog_open=lambda count: count + 1), *others]
    count = [changed(first, messages_in=lambda count: count + 1), *others]
    assert judged(expected.intervals, punctual()) == (set(), 0)
    assert judged(gauge, punctual()) == ({"wrong"}, 0)
    assert judged(gauge, late(end - 1, end + 500)) == (set(), 1)
    assert judged(count, late(end - 1, end + 500)) == ({"wrong"}, 0)
    assert judged(others, punctual())[0] == {"lost"}
    assert judged([*expected.intervals, first | {"scope": "team:x"}], punctual())[0] == {"doubled"}
    assert judged([*expected.intervals, first], punctual())[0] == {"doubled"}
