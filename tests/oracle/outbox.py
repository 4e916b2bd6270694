"""What is still to be sent, given what the history demands and what was sent before: contract section 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.oracle.demands import Alert, Demand
from tests.oracle.face import Face
from tests.oracle.life import Run

Key = tuple[str, str, int]


@dataclass(slots=True)
class Sent:
    """What has been sent of one run."""

    last: Alert
    levels: set[int] = field(default_factory=set)
    breach: Alert | None = None
    terminal: Alert | None = None


def key_of(one: Run | Alert) -> Key:
    """What makes it an alert of the same run. An id forgotten and told again starts another one."""
    return one.metric, one.instance, one.started_at


class Outbox:
    """Sends the difference between what the folded history demands and what was sent before."""

    def __init__(self) -> None:
        self.sent: dict[Key, Sent] = {}
        self.out: list[Alert] = []

    def settle(self, due: Sequence[Demand], cause_at: int | None, face: Face) -> list[Alert]:
        """`cause_at`: the `at` of the event that arrived, None if only the clock moved; `face`: the present one."""
        self.out = []
        wanted: dict[Key, Demand] = {}
        for demand in due:
            if demand.tracked:
                key = key_of(demand.run)
                wanted[key] = wanted[key].then(demand) if key in wanted else demand
        for key in [key for key in self.sent if key not in wanted]:
            self.gone(self.sent[key], cause_at, face)
        for demand in wanted.values():
            self.one(demand, cause_at, face)
        return self.out

    def gone(self, sent: Sent, cause_at: int | None, face: Face) -> None:
        self.retract(sent, cause_at, face)
        if sent.terminal is None or sent.terminal.state != "cancelled":
            assert cause_at is not None
            plain = replace(sent.last, level=0, at=cause_at, face=face, late_ms=0)
            self.send(replace(plain, state="cancelled", reason="history"))

    def one(self, demand: Demand, cause_at: int | None, face: Face) -> None:
        sent = self.sent.get(key_of(demand.run))
        for warning in demand.warnings:
            if sent is None or warning.level not in sent.levels:
                self.send(warning)
        if sent is not None and demand.breach is None:
            self.retract(sent, cause_at, face)
        if demand.breach is not None and (sent is None or sent.breach is None):
            self.send(demand.breach)
        sent = self.sent.get(key_of(demand.run))
        terminal = demand.end if sent is None else demand.end or demand.dropped
        if terminal is not None and (sent is None or sent.terminal is None or sent.terminal.state != terminal.state):
            self.send(terminal)

    def retract(self, sent: Sent, cause_at: int | None, face: Face) -> None:
        if sent.breach is not None:
            assert cause_at is not None
            self.send(replace(sent.breach, state="retracted", at=cause_at, face=face))

    def send(self, alert: Alert) -> None:
        self.out.append(alert)
        sent = self.sent.setdefault(key_of(alert), Sent(alert))
        sent.last = alert
        match alert.state:
            case "imminent":
                sent.levels.add(alert.level)
            case "breached":
                sent.breach = alert
            case "retracted":
                sent.breach = sent.terminal = None
                return
            case _:
                sent.terminal = alert
                return
        if sent.terminal is not None and alert.at >= sent.terminal.at:  # tracked again after it was cancelled
            sent.terminal = None


def as_record(alert: Alert, tenant: str, conversation_id: str) -> dict[str, Any]:
    return {
        "kind": "sla",
        "state": alert.state,
        "level": alert.level,
        "metric": alert.metric,
        "tenant": tenant,
        "conversation_id": conversation_id,
        "channel": alert.face.channel,
        "agent_id": alert.face.agent,
        "team": alert.face.team,
        "priority": alert.face.priority,
        "policy": alert.policy,
        "started_at": alert.started_at,
        "deadline_at": alert.deadline_at,
        "at": alert.at,
        "late_s": alert.late_ms / 1000,
        "reason": alert.reason,
        "instance": alert.instance,
    }
