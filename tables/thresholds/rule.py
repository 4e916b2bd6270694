"""A rule: which scopes it looks at, and how a value stands to its threshold."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Final, Literal

from streams.codecs import decode_id, encode_id
from tables.settings_model import AlertRule

Comparison = Literal["below", "above"]
Standing = Literal["idle", "pending", "firing"]
"""How a rule stands in a scope."""
State = Literal["pending", "firing", "resolved"]
"""What is told of it."""

IDLE: Final = "idle"
PENDING: Final = "pending"
FIRING: Final = "firing"
RESOLVED: Final = "resolved"

AGES: Final = {"oldest_waiting_s": "oldest_waiting_at"}
"""Metrics that grow with the clock alone, and the metric that says since when (ms)."""
_CENTURY_S: Final = 3_155_760_000


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `alert_rules`. `scope` is a selector in which `*` stands for a whole id; `hold_ms` is `for_s`."""

    name: str
    scope: str
    metric: str
    window: str
    comparison: Comparison
    threshold: float
    clear: float
    hold_ms: int
    severity: str
    no_data: Literal["resolve", "keep"]

    def covers(self, scope: str) -> bool:
        """Whether the rule looks at a scope.

        >>> rule = Rule("r", "agent:*", "messages_in", "1h", "above", 9.0, 9.0, 0, "page", "resolve")
        >>> [rule.covers(each) for each in ("agent:ana", "agent:ana/channel:chat", "team:ana", "tenant")]
        [True, False, False, False]
        """
        wanted, given = self.scope.split("/"), scope.split("/")
        return len(wanted) == len(given) and all(map(_matches, wanted, given))

    def breaches(self, value: float) -> bool:
        """Whether the value is on the wrong side of the threshold; the threshold itself is not."""
        return value < self.threshold if self.comparison == "below" else value > self.threshold

    def clears(self, value: float) -> bool:
        """Whether the value ends an alert that fires; `clear` itself does."""
        return value >= self.clear if self.comparison == "below" else value <= self.clear

    def turns_at(self, since: int, standing: Standing) -> int | None:
        """When (ms) an age that grows from `since` on changes how the rule stands; None: never."""
        above = self.comparison == "above"
        limit = self.clear if standing == FIRING else self.threshold
        if above != (standing == IDLE) or limit > _CENTURY_S:
            return None
        return _reaches(since, limit, past=above)


def age_s(since: int, at: int) -> float:
    """The age in seconds, at an instant, of what began at `since`, as KPI records have it."""
    return max(0, at - since) / 1000


def _reaches(since: int, limit: float, *, past: bool) -> int:
    """The first instant at which an age is `limit` seconds; with `past`, the first at which it is more.

    >>> _reaches(5_000, 0.25, past=False), _reaches(5_000, 0.25, past=True), _reaches(5_000, -1, past=True)
    (5250, 5251, 5000)
    """
    at = since + max(0, floor(limit * 1000) - 1)  # a product may be rounded up to the next ms
    while age_s(since, at) < limit or (past and age_s(since, at) == limit):
        at += 1
    return at


def _matches(wanted: str, given: str) -> bool:
    return wanted == given or (wanted.endswith(":*") and given.startswith(wanted[:-1]))


def rule_of(model: AlertRule) -> Rule:
    """The rule that an entry of the settings file describes."""
    comparison: Comparison
    if model.below is not None:
        comparison, threshold = "below", model.below
    else:
        assert model.above is not None  # noqa: S101 - validated
        comparison, threshold = "above", model.above
    return Rule(
        name=model.name,
        scope="/".join(_normal(part) for part in model.scope.split("/")),
        metric=model.metric,
        window=model.window,
        comparison=comparison,
        threshold=threshold,
        clear=threshold if model.clear is None else model.clear,
        hold_ms=round(model.for_s * 1000),
        severity=model.severity,
        no_data=model.no_data,
    )


def _normal(part: str) -> str:
    """A part of a scope with its id encoded as in the scopes of records (`%2f` may stand for `%2F`)."""
    kind, colon, name = part.partition(":")
    return kind + colon + encode_id(decode_id(name))
