"""The words of an explanation's text: events, states, samples and durations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from tables.explain.records import Sample, Standing
from tables.explain.rules import duration

ORDERS: Final = {
    "behind_a_timer": "behind timers that had acted already",
    "out_of_order": "out of order",
    "late": "late",
}
"""How an event can arrive but in order."""
_WRITERS: Final = {
    ("inbound", "customer"): "customer message",
    ("outbound", "agent"): "human reply",
    ("outbound", "bot"): "bot message",
}


def duration_s(length: float) -> str:
    """A duration in seconds as text, from two minutes on also in larger units."""
    return duration(round(length * 1000))


def number(value: float) -> str:
    """A count, or seconds to the ms.

    >>> number(1200), number(29.5), number(30.0)
    ('1,200', '29.5', '30')
    """
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def of_event(event: dict[str, Any]) -> str:
    """A canonical event in a few words."""
    match event["type"]:
        case "message":
            text = _message(event)
        case "assigned":
            fields = (("agent", "agent_id"), ("team", "team"))
            given = [f"{name} {event[field] or 'none'}" for name, field in fields if field in event]
            text = f"assigned: {', '.join(given) or 'neither agent nor team given'}"
        case "handoff":
            text = f"hand-off to {event['team']}" if event["team"] else "hand-off"
        case "tagged":
            text = " ".join(("tagged", *(f"+{one}" for one in event["add"]), *(f"-{one}" for one in event["remove"])))
        case "survey":
            text = f"survey {event['survey']}: {event['score']}"
        case "delivery":
            text = f"message {event['message_id']} {event['state']}"
        case name:
            text = f"{name} {event[name]}"
    return text


def _message(event: dict[str, Any]) -> str:
    direction, author, agent = event["direction"], event["author"], event.get("agent_id")
    by = f" by {agent}" if agent and author == "agent" else ""
    if event.get("private"):
        return f"private note{by or f' by {author}'}"
    if event.get("auto"):
        return f"auto-reply{by or f' by {author}'}"
    return _WRITERS.get((direction, author), f"{direction} message by {author}") + by


def of_sample(sample: Sample) -> str:
    """A sample by its metric, with its value in seconds or its number if there are several."""
    text = sample.metric if sample.value_s is None else f"{sample.metric} {duration_s(sample.value_s)}"
    return text if sample.count == 1 else f"{text} x {sample.count}"


def amounts(samples: Iterable[Sample]) -> str:
    """Samples added up by metric; of durations the values, or how many there are."""
    counts: dict[str, int] = {}
    values: dict[str, list[float]] = {}
    for each in samples:
        counts[each.metric] = counts.get(each.metric, 0) + each.count
        if each.value_s is not None:
            values.setdefault(each.metric, []).extend([each.value_s] * each.count)
    return ", ".join(f"{name} {_amount(count, values.get(name))}" for name, count in counts.items())


def _amount(count: int, values: list[float] | None) -> str:
    if values is None:
        return str(count)
    total = duration_s(sum(values))
    return total if count == 1 else f"x {count} ({total} in all)"


def of_standing(standing: Standing, time: Callable[[int, int], str], beside: int) -> str:
    """What a conversation is; `time` puts an instant into words beside another."""
    if standing.status == "none":
        parts = ["no cycle opened yet"]
    else:
        number = f" (cycle {standing.cycle})" if standing.cycle > 1 else ""
        parts = [standing.status.replace("_", " ") + number]
    parts.append(f"assignee {standing.agent_id}" if standing.agent_id is not None else "unassigned")
    if standing.team is not None:
        parts.append(f"team {standing.team}")
    if standing.priority != "normal":
        parts.append(f"priority {standing.priority}")
    if standing.topics:
        parts.append(f"topics {' '.join(standing.topics)}")
    if standing.with_bot:
        parts.append("with the bot")
    if standing.waiting_since_at is not None:
        parts.append(f"customer waiting since {time(standing.waiting_since_at, beside)}")
    elif standing.status not in ("none", "resolved") and not standing.with_bot:
        parts.append("nobody waits")
    if standing.overdue:
        parts.append("overdue")
    return ", ".join(parts)
