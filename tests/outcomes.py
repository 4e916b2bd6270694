"""SLA outcomes of a real run against those of a replay: what differs, and what a late arrival explains."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

Alert = dict[str, Any]
Run = tuple[str, str, str, str]
"""Tenant, conversation, metric, instance."""
Reached = dict[tuple[str, str], list[tuple[int, int]]]
"""By tenant and conversation: when each event happened, and when it could be read (ms)."""
FINAL_STATES = {"met", "met_late", "cancelled"}
What = Literal["lost", "doubled", "wrong"]


class Difference(NamedTuple):
    """Something that is not as in the replay."""

    what: What
    text: str


def reached(records: Iterable[Any], came: Callable[[Any], int] = lambda record: int(record.timestamp)) -> Reached:
    """Of the records of the events topic; `came` gives the instant (ms) from which a record could be read."""
    found: Reached = defaultdict(list)
    for record in records:
        body = json.loads(record.value)
        found[body["tenant"], body["conversation_id"]].append((body["at"], came(record)))
    return found


def by_run(alerts: Iterable[Alert]) -> dict[Run, list[Alert]]:
    """The alerts of each run, in the order given."""
    runs: dict[Run, list[Alert]] = defaultdict(list)
    for alert in alerts:
        runs[alert["tenant"], alert["conversation_id"], alert["metric"], alert["instance"]].append(alert)
    return runs


def unexplained(expected: list[Alert], delivered: list[tuple[Alert, int]], events: Reached) -> list[Difference]:
    """What differs between alerts delivered, repetitions aside, and those of the replay, without a reason.

    A reason: an event of the conversation that happened before an alert's instant and reached the broker after it, so
    that the alert was sent before it could be known to be wrong.
    """
    distinct = {repr(sorted(alert.items())): alert for alert, _ in reversed(delivered)}
    wanted, got = by_run(expected), by_run(list(reversed(distinct.values())))
    found: list[Difference] = []
    for run in wanted.keys() | got.keys():
        conversation = events[run[:2]]
        missing = [alert for alert in wanted[run] if alert not in got[run]]
        extra = [alert for alert in got[run] if alert not in wanted[run]]
        # What differs only in whom it names stands on both sides.
        more = Counter(alert["state"] for alert in extra)
        more.subtract(alert["state"] for alert in missing)
        # Fewer than retractions are fine: a breach that is sent again is the same once more.
        if more["breached"] > more["retracted"]:
            found.append(Difference("wrong", f"{run}: {dict(more)} more in Kafka"))
        sides: list[tuple[list[Alert], What, str]] = [(extra, "wrong", "Kafka"), (missing, "lost", "the replay")]
        for alerts, what, place in sides:
            found += [
                Difference(what, f"{run}: {alert['state']} at {alert['at']} only in {place}")
                for alert in alerts
                if alert["state"] != "retracted"
                and not any(at <= alert["at"] < came for at, came in conversation)
                and not _stands(alert, got[run])
            ]
        # What was sent last counts, or what is last by its instant: a late event may put a breach before an end.
        sent = _ends(got[run]) | ({_end(got[run][-1])} if got[run] else set())
        # A run that is gone from the history was cancelled, and the replay never knew it.
        if not sent & _ends(wanted[run]) and not ("cancelled" in sent and not wanted[run]):
            found.append(
                Difference("wrong" if sent - {None} else "lost", f"{run}: ends as {sent}, not as in the replay")
            )
    return found


def _stands(alert: Alert, sent: list[Alert]) -> bool:
    """Whether a warning of that level was sent, if for another instant: it is not sent again."""
    return alert["state"] == "imminent" and any(
        each["level"] == alert["level"] and each["at"] < alert["at"] for each in sent if each["state"] == "imminent"
    )


def _ends(alerts: list[Alert]) -> set[str | None]:
    """How a run ends: in several ways where they bear one instant, with None where it goes on.

    Warnings end nothing, and what was retracted did not happen.
    """
    states = Counter(alert["state"] for alert in alerts)
    passing = {"imminent", "retracted"} | ({"breached"} if states["breached"] <= states["retracted"] else set())
    lasting = [alert for alert in alerts if alert["state"] not in passing]
    last = max((alert["at"] for alert in lasting), default=0)
    return {_end(alert) for alert in lasting if alert["at"] == last} or {None}


def _end(alert: Alert) -> str | None:
    return alert["state"] if alert["state"] in FINAL_STATES else None
