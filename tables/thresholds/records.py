"""Threshold alerts as records of `sigap.alerts` (contract section 6)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import msgspec

from streams.engine.ports import Output
from tables.thresholds.rule import RESOLVED, Comparison, Rule, State


class ThresholdAlert(msgspec.Struct, frozen=True):
    """A transition of one rule in one scope. Instants in ms, `for_s` in seconds.

    `value` is the metric's at the transition (null: none); `started_at` begins the episode, `at` is the transition's.
    """

    alert_id: str
    kind: Literal["threshold"]
    state: State
    rule: str
    severity: str
    tenant: str
    scope: str
    metric: str
    window: str
    comparison: Comparison
    threshold: float
    clear: float
    value: int | float | None
    started_at: int
    at: int
    for_s: float
    v: int = 1

    def continues(self, rule: Rule) -> bool:
        """Whether the rule still watches the same series in the same direction: its numbers may be others."""
        return (self.metric, self.window, self.comparison) == (rule.metric, rule.window, rule.comparison)

    def ended(self, at: int) -> ThresholdAlert:
        """The end of the episode of a rule that is gone: nothing is measured any more."""
        identity = alert_id(self.tenant, self.rule, self.scope, self.started_at, RESOLVED)
        return msgspec.structs.replace(self, alert_id=identity, state=RESOLVED, value=None, at=at)


_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(ThresholdAlert).decode


def alert_id(tenant: str, rule: str, scope: str, started_at: int, state: State) -> str:
    """The id of an alert: the same for the same tenant, rule, scope, start of the episode (ms) and state."""
    parts = (tenant, rule, scope, str(started_at), state)
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def encode(alert: ThresholdAlert) -> bytes:
    """The alert as JSON."""
    return _encode(alert)


def output(value: bytes, alert: ThresholdAlert) -> Output:
    """The record to publish; `value` is the alert as JSON. What a rule says of a scope stays in order."""
    return Output("alerts", alert.alert_id.encode(), value, order=f"{alert.tenant}/{alert.scope}/{alert.rule}".encode())
