"""Threshold alerts: a roll-up reads by turns, a replay at every instant, so only what must be the same is compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.engine.ports import Record

Alert = dict[str, Any]
_NEXT = {None: {"pending", "firing"}, "pending": {"firing", "resolved"}, "firing": {"resolved"}}


def of_rules(published: list[Record], replayed: list[Alert]) -> Iterator[str]:
    """One alert never in two versions, episodes one after the other, and those open at the end are the replay's."""
    said: dict[tuple[str, str], bytes] = {}
    standing: dict[tuple[str, str, str], Alert] = {}
    for value in [record.value or b"" for record in published]:
        alert = msgspec.json.decode(value)
        if alert["kind"] != "threshold":
            continue
        known = said.setdefault((alert["alert_id"], alert["state"]), value)
        if known != value:
            yield f"two versions of {alert['state']}: {known.decode()} and {value.decode()}"
        elif known is value:
            yield from _goes_on(standing, alert)
    last = {_key(alert): alert for alert in replayed if alert["kind"] == "threshold"}
    wanted = {key for key, alert in last.items() if alert["state"] != "resolved"}
    if wanted != standing.keys():
        yield f"open at the end: {sorted(standing)}, replay {sorted(wanted)}"


def _goes_on(standing: dict[tuple[str, str, str], Alert], alert: Alert) -> Iterator[str]:
    key = _key(alert)
    before = standing.pop(key, None)
    state = before["state"] if before is not None else None
    if alert["state"] not in _NEXT[state]:
        yield f"{key}: {alert['state']} at {alert['at']} after {state}"
    if before is not None and (before["started_at"] != alert["started_at"] or before["at"] > alert["at"]):
        yield f"{key}: {alert['state']} at {alert['at']} is not of the episode that {before['state']} at {before['at']}"
    if alert["state"] != "resolved":
        standing[key] = alert


def _key(alert: Alert) -> tuple[str, str, str]:
    return alert["tenant"], alert["rule"], alert["scope"]
