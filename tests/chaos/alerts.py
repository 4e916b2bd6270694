"""Every alert that a round has left in Kafka against those of the replay."""

import json
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from tests.chaos.verdict import Verdict
from tests.outcomes import Alert, Reached, by_run, unexplained

_RUN = ("tenant", "conversation_id", "metric", "instance")


def compare_alerts(verdict: Verdict, records: list[Any], expected: list[Alert], came: Reached) -> None:
    """Judge the records of the alerts topic."""
    verdict.alerts = len(expected)
    first: dict[bytes, Any] = {}
    for record in sorted(records, key=lambda each: int(each.timestamp)):
        if record.value in first:
            verdict.repeated += 1
        first.setdefault(record.value, record)
    delivered = [(json.loads(each.value), each.timestamp) for each in first.values()]
    verdict.differences += unexplained(expected, delivered, came)
    _identities(verdict, [alert for alert, _ in delivered])
    _order(verdict, [alert for alert, _ in delivered], came)
    wanted = {alert["alert_id"] for alert in expected if alert["state"] == "retracted"}
    verdict.retracted += [
        f"{alert['tenant']}/{alert['conversation_id']} {alert['metric']} {alert['instance']}"
        for alert, _ in delivered
        if alert["state"] == "retracted" and alert["alert_id"] not in wanted
    ]


def _identities(verdict: Verdict, alerts: Iterable[Alert]) -> None:
    """One id for each level and state of a run; whether an id says one thing only."""
    ids: dict[tuple[str, ...], set[str]] = defaultdict(set)
    texts: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        ids[tuple(str(alert[name]) for name in (*_RUN, "state", "level"))].add(alert["alert_id"])
        texts[alert["alert_id"]].append(alert)
    for identity, found in ids.items():
        if len(found) > 1:
            verdict.note("doubled", f"alert {identity}: {len(found)} ids")
    verdict.restated += [f"{id_}: {said}" for id_, said in texts.items() if len(said) > 1]


def _order(verdict: Verdict, alerts: Iterable[Alert], came: Reached) -> None:
    """Whether a run was told as it went; what an event that came late has changed is told after what it changes."""
    for run, told in by_run(alerts).items():
        for earlier, later in pairwise(told):
            if later["at"] >= earlier["at"]:
                continue
            if any(at <= earlier["at"] < arrived for at, arrived in came[run[:2]]):
                verdict.belated += 1
            else:
                states = f"{later['state']} at {later['at']} after {earlier['state']} at {earlier['at']}"
                verdict.note("wrong", f"{run}: {states}")
