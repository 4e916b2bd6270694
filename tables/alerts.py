"""SLA alerts as records of `sigap.alerts` (contract section 6)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streams.engine.ports import Output
from tables.history import History
from tables.sla import BREACHED, CANCELLED, IMMINENT, MET, MET_LATE, RETRACTED, Alert, alert_id
from tables.state import METRICS

STATES = (IMMINENT, BREACHED, MET, MET_LATE, CANCELLED, RETRACTED)


class AlertRecord(msgspec.Struct, frozen=True):
    """One SLA alert. Instants in ms, `late_s` in seconds; `instance` is the id of the event that started the run."""

    alert_id: str
    kind: Literal["sla"]
    state: Annotated[str, Meta(extra_json_schema={"enum": list(STATES)})]
    level: Annotated[int, Meta(ge=0)]
    metric: Annotated[str, Meta(extra_json_schema={"enum": list(METRICS)})]
    instance: str
    tenant: str
    conversation_id: str
    channel: str
    agent_id: str | None
    team: str | None
    priority: str
    policy: str
    started_at: int
    deadline_at: int
    at: int
    late_s: float
    reason: str | None = None
    """Why it was cancelled; null in every other state."""
    v: int = 1


_encode = msgspec.json.Encoder().encode


def output(history: History, alert: Alert) -> Output:
    """The record to publish for an alert of a conversation; a conversation's alerts stay in order."""
    tenant, conversation_id = history.rules.tenant, history.conversation_id
    identity = alert_id(tenant, conversation_id, alert)
    record = AlertRecord(
        alert_id=identity,
        kind="sla",
        state=alert.state,
        level=alert.level,
        metric=METRICS[alert.metric],
        instance=alert.instance,
        tenant=tenant,
        conversation_id=conversation_id,
        channel=history.c.state.channel,
        agent_id=alert.agent,
        team=alert.team,
        priority=alert.priority,
        policy=alert.policy,
        started_at=alert.started_at,
        deadline_at=alert.deadline_at,
        at=alert.at,
        late_s=alert.late_s,
        reason=alert.reason,
    )
    return Output("alerts", identity.encode(), _encode(record), order=f"{tenant}/{conversation_id}".encode())
