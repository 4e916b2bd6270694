"""One rule in one scope: from values to transitions.

Every instant counts with the last value that it was given, and is decided once, when no other can come. Transitions
caused by a value bear its instant; a hold runs out at its nominal instant, unless a value ends it just then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, assert_never

from streams.codecs import encode_id
from tables.kpis.metric import Value
from tables.thresholds.records import ThresholdAlert, alert_id
from tables.thresholds.rule import AGES, FIRING, IDLE, PENDING, RESOLVED, Rule, Standing, State, age_s

NEVER = 1 << 62


class Reading(NamedTuple):
    """What is known of a metric: a value that stands, or since when (ms) an age grows."""

    value: Value = None
    since: Value = None

    def at(self, instant: int) -> Value:
        """The value at an instant (ms)."""
        return self.value if self.since is None else age_s(int(self.since), instant)


class Watch:
    """A rule in a scope that it covers, the episode in it, and what is not decided yet."""

    __slots__ = (
        "_reading",
        "_staged",
        "_unsure",
        "decided",
        "due",
        "key",
        "rule",
        "scope",
        "standing",
        "started_at",
        "tenant",
    )

    def __init__(self, rule: Rule, tenant: str, scope: str) -> None:
        self.rule = rule
        self.tenant = tenant
        self.scope = scope
        self.key = key_of(tenant, scope, rule.name)
        self.standing: Standing = IDLE
        self.started_at = 0
        self.decided = -1
        """The last instant (ms) that a value or a hold has been judged at."""
        self.due = NEVER
        """When this watch is on the agenda of whoever holds it."""
        self._reading = Reading()
        self._staged: tuple[int, Reading] | None = None
        """The instant that is not decided yet, and the last value that it was given."""
        self._unsure = False
        """Whether the reading is only remembered, and the rule's numbers may have changed since."""

    def resume(self, last: ThresholdAlert, age: list[int | None]) -> None:
        """Go on after what was told last; `age` says since when (ms) an age has grown, if that is known."""
        if last.state == RESOLVED:
            return
        self.standing, self.started_at = last.state, last.started_at
        if last.metric in AGES:
            first = None if last.value is None else last.at - round(last.value * 1000)
            self._reading = Reading(since=age[0] if age else first)
        else:
            self._reading = Reading(last.value)
        self._unsure = True

    @property
    def age(self) -> list[int | None]:
        """Since when (ms) the age has grown that an open episode is about, for `resume`; empty of anything else."""
        since = self._reading.since
        told = self.standing != IDLE and self.rule.metric in AGES
        return [None if since is None else int(since)] if told else []

    # -- values ---------------------------------------------------------------------------------------

    def read(self, metrics: Mapping[str, Value]) -> Reading | None:
        """What the metrics of a record say; None if it is what is known."""
        metric = self.rule.metric
        since = AGES.get(metric)
        reading = Reading(metrics.get(metric)) if since is None else Reading(since=metrics.get(since))
        return None if self._staged is None and not self._unsure and reading == self._reading else reading

    def stage(self, reading: Reading, at: int) -> list[ThresholdAlert]:
        """Take what was read at an instant (ms) that is not decided; gives what happened before it."""
        told = self.settle(at)
        self._staged = (at, reading)
        return told

    # -- time -----------------------------------------------------------------------------------------

    @property
    def next_at(self) -> int:
        """The next instant (ms) that something is to be decided at; `NEVER` if nothing is known of any."""
        return min(self._turns_at, self._holds_until)

    @property
    def _turns_at(self) -> int:
        """When a value comes, or an age passes a limit."""
        staged = NEVER if self._staged is None else self._staged[0]
        since = self._reading.since
        turn = None if since is None else self.rule.turns_at(int(since), self.standing)
        return staged if turn is None else min(staged, max(turn, self.decided + 1))

    @property
    def _holds_until(self) -> int:
        return self.started_at + self.rule.hold_ms if self.standing == PENDING else NEVER

    def settle(self, until: int, *, final: bool = False) -> list[ThresholdAlert]:
        """Decide all instants before `until` (ms); with `final` also the value at `until`, but no hold ends there."""
        told: list[ThresholdAlert] = []
        last_turn = until if final else until - 1
        while (turn := self._turns_at) <= last_turn or self._holds_until < until:
            at = min(turn, self._holds_until)
            if self._staged is not None and self._staged[0] == at:
                self._reading, self._staged, self._unsure = self._staged[1], None, False
            state = self._judge(self._reading.at(at), at, until)
            if state is not None:
                told.append(self._tell(state, at))
            self.decided = max(self.decided, at)
        return told

    def _judge(self, value: Value, at: int, until: int) -> State | None:
        """What is to be told of an instant, None if nothing."""
        match self.standing:
            case "idle":
                if value is None or not self.rule.breaches(value):
                    return None
                self.started_at = at
                return PENDING if self.rule.hold_ms else FIRING
            case "pending":
                if not (self.rule.no_data == "keep" if value is None else self.rule.breaches(value)):
                    return RESOLVED
                return FIRING if self._holds_until <= at < until else None
            case "firing":
                ends = self.rule.no_data == "resolve" if value is None else self.rule.clears(value)
                return RESOLVED if ends else None
            case _:
                assert_never(self.standing)

    def _tell(self, state: State, at: int) -> ThresholdAlert:
        rule = self.rule
        self.standing = IDLE if state == RESOLVED else state
        return ThresholdAlert(
            alert_id=alert_id(self.tenant, rule.name, self.scope, self.started_at, state),
            kind="threshold",
            state=state,
            rule=rule.name,
            severity=rule.severity,
            tenant=self.tenant,
            scope=self.scope,
            metric=rule.metric,
            window=rule.window,
            comparison=rule.comparison,
            threshold=rule.threshold,
            clear=rule.clear,
            value=self._reading.at(at),
            started_at=self.started_at,
            at=at,
            for_s=rule.hold_ms / 1000,
        )


def key_of(tenant: str, scope: str, rule: str) -> bytes:
    """The key under which the state of a rule in a scope is kept."""
    return f"{tenant}/{scope}/{encode_id(rule)}".encode()
