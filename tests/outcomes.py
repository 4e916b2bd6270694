"""What alerts came of events, compared with those of a replay: which differences have a reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

Alert = dict[str, Any]
Run = tuple[str, str, str, str]
FINAL_STATES = {"met", "met_late", "cancelled"}


def by_run(alerts: list[Alert]) -> dict[Run, list[Alert]]:
    """SLA alerts by what they are about."""
    runs: dict[Run, list[Alert]] = defaultdict(list)
    for alert in alerts:
        runs[alert["tenant"], alert["conversation_id"], alert["metric"], alert["instance"]].append(alert)
    return runs


def unexplained(
    expected: list[Alert],
    delivered: list[tuple[Alert, int]],
    events: Mapping[tuple[str, str], Sequence[tuple[int, int]]],
) -> list[str]:
    """What differs between alerts delivered, repetitions aside, and those of the replay, without a reason.

    `delivered`: each with the instant at which the broker got it. `events`: by conversation, when each event happened
    and when the broker had it. A reason: an event of the conversation that happened before an alert's instant and
    reached the broker after it, so that the alert was sent before it could be known to be wrong.
    """
    distinct = {repr(sorted(alert.items())): alert for alert, _ in reversed(delivered)}  # the first delivery of each
    lines = []
    wanted, got = by_run(expected), by_run(list(reversed(distinct.values())))
    for run in wanted.keys() | got.keys():
        conversation = events[run[:2]]
        differing = [alert for alert in wanted[run] if alert not in got[run]]
        extra = [alert for alert in got[run] if alert not in wanted[run]]
        # What differs only in whom it names stands on both sides.
        more = Counter(alert["state"] for alert in extra)
        more.subtract(alert["state"] for alert in differing)
        # Fewer than retractions are fine: a breach that is sent again is the same once more.
        if more["breached"] > more["retracted"]:
            lines.append(f"{run}: {dict(more)} more in Kafka")
        for place, alerts in (("Kafka", extra), ("the replay", differing)):
            for alert in alerts:
                told_late = any(at <= alert["at"] < came for at, came in conversation)
                if alert["state"] != "retracted" and not told_late and not _stands(alert, got[run]):
                    lines.append(f"{run}: {alert['state']} at {alert['at']} only in {place}")
        # What was sent last counts, or what is last by its instant: a late event may put a breach before an end.
        sent = _ends(got[run]) | ({_end(got[run][-1])} if got[run] else set())
        # A run that is gone from the history was cancelled, and the replay never knew it.
        if not sent & _ends(wanted[run]) and not ("cancelled" in sent and not wanted[run]):
            lines.append(f"{run}: ends as {sent}, not as in the replay")
    return lines


def _stands(alert: Alert, sent: list[Alert]) -> bool:
    """Whether a warning of that level was sent, if for another instant: it is not sent again."""
    return alert["state"] == "imminent" and any(
        each["level"] == alert["level"] and each["at"] < alert["at"] for each in sent if each["state"] == "imminent"
    )


def _ends(alerts: list[Alert]) -> set[str | None]:
    """How a run ends: in several ways where they bear one instant, with None where it goes on."""
    last = max((alert["at"] for alert in alerts), default=0)
    return {_end(alert) for alert in alerts if alert["at"] == last} or {None}


def _end(alert: Alert) -> str | None:
    return alert["state"] if alert["state"] in FINAL_STATES else None
