"""What a threshold rule demands of the values of one series: contract section 6, its last paragraph.

A series is a list of (at, value) in the order in which the values came to be; of several at one instant only the last
one is ever looked at. The clock stands at `until` in the end: a value of that instant counts, a hold that runs out at
that instant is not over, for the clock is not past it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = int | float | None
Series = Sequence[tuple[int, Value]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `alert_rules`; `hold` is `for_s` in ms."""

    name: str
    scope: str
    metric: str
    window: str
    comparison: str
    threshold: float
    clear: float
    hold: int
    severity: str
    no_data: str

    def bad(self, value: float) -> bool:
        return value < self.threshold if self.comparison == "below" else value > self.threshold

    def good(self, value: float) -> bool:
        return value >= self.clear if self.comparison == "below" else value <= self.clear


def rule_from(entry: Mapping[str, Any]) -> Rule:
    """An entry of `alert_rules` as the settings file has it."""
    comparison = "below" if entry.get("below") is not None else "above"
    threshold = entry[comparison]
    clear = entry.get("clear")
    return Rule(
        name=entry["name"],
        scope=entry["scope"],
        metric=entry["metric"],
        window=entry["window"],
        comparison=comparison,
        threshold=threshold,
        clear=threshold if clear is None else clear,
        hold=round(entry.get("for_s", 0) * 1000),
        severity=entry.get("severity", "warning"),
        no_data=entry.get("no_data", "resolve"),
    )


def covers(selector: str, scope: str) -> bool:
    """Whether a scope selector, in which `*` stands for a whole id, means a scope."""
    ours, theirs = ([part.split(":", 1) for part in text.split("/")] for text in (selector, scope))
    if [part[0] for part in ours] != [part[0] for part in theirs]:
        return False
    return all(mine[1:] in (["*"], yours[1:]) for mine, yours in zip(ours, theirs, strict=True))


def ages(series: Series, rule: Rule) -> list[tuple[int, Value]]:
    """The series of `oldest_waiting_s` from that of `oldest_waiting_at`, at every instant that can matter to a rule.

    An age grows with the clock, so that it passes the rule's limits, and stands somewhere when a hold is over, at
    instants at which nothing else happens.
    """
    last = dict(series)  # the last of each instant
    changes = sorted(last)
    looked_at = set(changes)
    for since in last.values():
        for limit in (rule.threshold, rule.clear):
            near = 0 if since is None else int(since + limit * 1000)
            looked_at |= set(range(near - 2, near + 4))
    looked_at |= {at + rule.hold for at in looked_at}
    out: list[tuple[int, Value]] = []
    for at in sorted(looked_at):
        so_far = [change for change in changes if change <= at]
        if so_far:
            since = last[so_far[-1]]
            out.append((at, None if since is None else max(0, at - int(since)) / 1000))
    return out


def transitions(series: Series, rule: Rule, tenant: str, scope: str, until: int) -> list[dict[str, Any]]:
    """The alerts of one rule in one scope, in order, without their ids."""
    values = {at: value for at, value in series if at <= until}  # the last of each instant
    instants = sorted(values)

    def still_bad(value: Value) -> bool:
        return rule.no_data == "keep" if value is None else rule.bad(value)

    def over(value: Value) -> bool:
        return rule.no_data == "resolve" if value is None else rule.good(value)

    def stands(at: int) -> Value:
        return [values[each] for each in instants if each <= at][-1]

    out: list[dict[str, Any]] = []
    after = -1
    while True:
        started = next((at for at in instants if at > after and _is(rule.bad, values[at])), None)
        if started is None:
            return out
        broken = next((at for at in instants if at > started and not still_bad(values[at])), None)
        full = started + rule.hold
        held = rule.hold == 0 or (full < until and (broken is None or broken > full))
        end = next((at for at in instants if at > full and over(values[at])), None) if held else broken
        told = [("pending", started, values[started])] if rule.hold else []
        told += [("firing", full, stands(full))] if held else []
        told += [("resolved", end, values[end])] if end is not None else []
        out += [_record(rule, tenant, scope, started, *each) for each in told]
        if end is None:
            return out
        after = end


def _is(judge: Any, value: Value) -> bool:
    return value is not None and judge(value)


def _record(rule: Rule, tenant: str, scope: str, started: int, state: str, at: int, value: Value) -> dict[str, Any]:
    return {
        "v": 1,
        "kind": "threshold",
        "state": state,
        "rule": rule.name,
        "severity": rule.severity,
        "tenant": tenant,
        "scope": scope,
        "metric": rule.metric,
        "window": rule.window,
        "comparison": rule.comparison,
        "threshold": rule.threshold,
        "clear": rule.clear,
        "value": value,
        "started_at": started,
        "at": at,
        "for_s": rule.hold / 1000,
    }
