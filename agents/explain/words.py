"""The words of an explanation's text: events, states, samples and durations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from tables.explain.lengths import duration
from tables.explain.records import Running, Sample, Standing

ORDERS: Final = {
    "behind_a_timer": "behind timers that had acted already",
    "out_of_order": "out of order",
    "late": "late",
}
"""How an event can arrive but in order."""
REASONS: Final = {
    "bot": "the bot took over",
    "handoff": "handed off",
    "resolved": "the cycle was resolved",
    "policy": "the policy in force has no target for it",
    "history": "a later record changed the history",
    "newer_message": "a newer message of the customer moved it",
}
"""Why an alert says `cancelled`."""
_TOPICS: Final = 4
"""So many of an event's topics are named: all of them would not fit."""
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
            topics = [*(f"+{one}" for one in event["add"]), *(f"-{one}" for one in event["remove"])]
            more = [f"and {len(topics) - _TOPICS} more"] if len(topics) > _TOPICS else []
            text = " ".join(("tagged", *topics[:_TOPICS], *more))
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
    """A sample by its metric, with what it is worth, or its number if there are several."""
    text = sample.metric
    if sample.value_s is not None and sample.business_s is not None:
        text += f" {duration_s(sample.value_s)}{of_business(sample.value_s, sample.business_s, sample.calendar)}"
    elif sample.score is not None:
        text += f" {sample.score}"
    elif (name := sample.customer_id or sample.topic) is not None:
        text += f" {name}"
    if sample.count < 0:
        return f"{text} {sample.count}"
    return text if sample.count == 1 else f"{text} x {sample.count}"


def of_business(value: float, business: float, calendar: str | None = None) -> str:
    """How many of so many seconds were business time, where that is not all of them."""
    if business == value:
        return ""
    return f", {duration_s(business)} of it in {'business time' if calendar is None else f'calendar {calendar}'}"


def amounts(samples: Iterable[Sample]) -> str:
    """Samples added up by metric: durations and scores by what they are worth, customers by how many there are."""
    by_metric: dict[str, list[Sample]] = {}
    for each in samples:
        if each.first_at is None:
            by_metric.setdefault(each.metric, []).append(each)
    told = ((name, _amount(held)) for name, held in by_metric.items())
    return ", ".join(f"{name} {amount}" for name, amount in told if amount)


def _amount(held: list[Sample]) -> str:
    count = sum(each.count for each in held)
    if held[0].value_s is not None:
        value = sum(each.count * (each.value_s or 0) for each in held)
        business = of_business(value, sum(each.count * (each.business_s or 0) for each in held))
        return (duration_s(value) if count == 1 else f"x {count} ({duration_s(value)} in all)") + business
    if held[0].score is not None:
        scores = " ".join(str(each.score) for each in held for _ in range(each.count))
        return scores if count == 1 else f"x {count} ({scores})"
    if held[0].topic is not None:
        return " ".join(f"{topic} {number}" for topic, number in Counter(each.topic for each in held).items())
    if held[0].customer_id is not None:
        count = len({each.customer_id for each in held})
    return str(count) if count else ""


def of_running(run: Running, time: Callable[[int, int], str], beside: int) -> str:
    """How an SLA run stands; `time` puts an instant into words beside another."""
    where = "" if run.calendar is None else f" in calendar {run.calendar}"
    due = time(run.deadline_at, beside)
    if run.breached:
        return f"breached {due} (policy {run.policy}), {duration_s(run.late_s)} late so far{where}"
    spent = f"{duration_s(run.elapsed_s)} of {duration_s(run.target_s)} have passed{where} (policy {run.policy})"
    if run.paused_since_at is not None:
        return f"{spent}, {duration_s(run.left_s)} left; stands still since {time(run.paused_since_at, beside)}"
    return f"{spent}, {duration_s(run.left_s)} left, until {due}"


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
