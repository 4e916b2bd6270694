"""Top topics: a cycle counts once for each topic it has had; shares and changes against the window before."""

from __future__ import annotations

from typing import Any

from tables.replay import replay

JUNE_12 = 1_718_186_400_000
DAY = 86_400_000


def event(number: int, at: int, conversation: str, **fields: Any) -> dict[str, Any]:
    common = {"v": 1, "tenant": "acme", "event_id": f"e{number}", "at": at, "conversation_id": conversation}
    return common | {"channel": "chat"} | fields


def opened(number: int, at: int, conversation: str, *topics: str) -> list[dict[str, Any]]:
    """A conversation that begins, and is then tagged."""
    wrote = {"type": "message", "direction": "inbound", "author": "customer"}
    tagged = [
        event(number + 1 + i, at + 1 + i, conversation, type="tagged", add=[topic]) for i, topic in enumerate(topics)
    ]
    return [event(number, at, conversation, **wrote), *tagged]


def top(events: list[dict[str, Any]], until: int, window: str) -> list[tuple[str, int, float | None, float | None]]:
    records = replay(events, {}, until).kpi
    metrics = next(r["metrics"] for r in records if (r["scope"], r["window"]) == ("tenant", window))
    return [tuple(each.values()) for each in metrics["top_topics"]]


def test_topics_are_ranked_with_share_and_change() -> None:
    events = [
        *opened(0, JUNE_12 - 40 * DAY, "a", "refund"),
        *opened(10, JUNE_12 - 39 * DAY, "b", "refund", "login"),
        *opened(20, JUNE_12 - 5 * DAY, "c", "login", "a]b"),
        *opened(30, JUNE_12 - 4 * DAY, "d", "login"),
        *opened(40, JUNE_12 - 3 * DAY, "e"),
    ]
    assert top(events, JUNE_12, "30d") == [("login", 2, 2 / 3, 1.0), ("a]b", 1, 1 / 3, None)]


def test_the_month_is_held_against_the_same_days_of_the_month_before() -> None:
    events = [
        *opened(0, JUNE_12 - 31 * DAY, "a", "x"),  # 12 May
        *opened(10, JUNE_12 - 30 * DAY, "b", "x"),  # 13 May: after the same days
        *opened(20, JUNE_12 - 2 * DAY, "c", "x"),
    ]
    assert top(events, JUNE_12, "mtd") == [("x", 1, 1.0, 0.0)]


def test_a_cycle_counts_once_for_a_topic_however_often_it_is_tagged() -> None:
    events = [
        *opened(0, JUNE_12, "a", "x"),
        event(10, JUNE_12 + 10, "a", type="tagged", add=[], remove=["x"]),
        event(11, JUNE_12 + 20, "a", type="tagged", add=["x"]),
        event(12, JUNE_12 + 30, "a", type="status", status="resolved"),
        event(13, JUNE_12 + 40, "a", type="status", status="open"),  # another cycle, which has it from the start
    ]
    assert top(events[:3], JUNE_12 + 100, "mtd") == [("x", 1, 1.0, None)]
    assert top(events, JUNE_12 + 100, "mtd") == [("x", 2, 1.0, None)]


def test_a_late_event_takes_a_topic_back() -> None:
    told = opened(0, JUNE_12, "a", "x")
    earlier = event(5, JUNE_12 + 2, "a", type="tagged", add=["y"])
    retold = [*told, event(6, JUNE_12 + 5_000, "a", type="priority", priority="high"), earlier]
    assert top(retold, JUNE_12 + 9_000, "mtd") == [("x", 1, 1.0, None), ("y", 1, 1.0, None)]
