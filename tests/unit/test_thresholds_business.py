"""Rules about business figures: what a tenant earns and spends in a month, by events and by the clock alone."""

from typing import Any

from tables.replay import replay

MAY = 1_714_521_600_000  # 1 May 2024, UTC
MINUTE = 60_000
COST = {"type": "cost", "amount": 100.0, "period_start_at": MAY, "period_end_at": MAY + 100 * MINUTE}


def fired(rule: dict[str, Any], *events: dict[str, Any]) -> list[tuple[str, float | None, int]]:
    """The alerts as (state, value, minute) when a conversation goes on for two hours beside these events."""
    common = {"v": 1, "tenant": "acme", "at": MAY}
    talk = {"type": "message", "direction": "inbound", "author": "customer", "conversation_id": "c", "channel": "chat"}
    told: list[Any] = [common | {"event_id": f"b{number}"} | each for number, each in enumerate(events)]
    told += [common | talk | {"event_id": f"m{at}", "at": MAY + at * MINUTE} for at in range(0, 120, 7)]
    told.sort(key=lambda each: each["at"])
    whole = {"name": "r", "scope": "tenant", "window": "mtd"} | rule
    result = replay(told, {"alert_rules": [whole]}, MAY + 120 * MINUTE)
    assert result.dlq == []
    return [
        (each["state"], each["value"], (each["at"] - MAY) // MINUTE)
        for each in result.alerts
        if each["kind"] == "threshold"
    ]


def test_by_events() -> None:
    visits = [{"type": "visit", "visitor_id": f"v{each}", "at": MAY + each * 10 * MINUTE} for each in range(1, 5)]
    assert fired({"metric": "visitors", "above": 2}, *visits) == [("firing", 3, 30)]


def test_a_cost_that_accrues_is_seen_by_the_minute() -> None:
    ((state, value, minute),) = fired({"metric": "support_cost", "above": 50}, COST | {"currency": "EUR"})
    assert (state, round(value or 0, 6), minute) == ("firing", 51, 51)


def test_the_money_of_one_currency() -> None:
    costs = [COST | {"currency": each} for each in ("EUR", "USD")]
    ((state, value, minute),) = fired({"metric": "support_cost_eur", "above": 50}, *costs)
    assert (state, round(value or 0, 6), minute) == ("firing", 51, 51)
