"""What `sigap explain` says of one conversation, as records; `deploy/docs/explain.md` describes them as JSON.

Instants are ms in fields named `at` or `*_at`, durations are seconds in fields named `*_s`, as in the contract.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tables.alerts import AlertRecord
from tables.explain.trace import Order

Number = int | float
Status = Literal["none", "open", "pending", "on_hold", "resolved"]
"""none: no cycle was ever opened."""
Outcome = Literal["duplicate", "rejected", "after_until"]
"""Why a record was not folded."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What the fold did, or why it did nothing: a rule of the contract by its name."""

    name: str
    why: str


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Equal samples, booked under the same scopes in the same minute."""

    metric: str
    """As in a KPI record; `frt`, `nrt`, `resolution`, `handle` for durations, `csat`, `nps`, `ces` for scores.

    `occupied` is a stretch of work: it makes `occupancy_*` together with the presence of the agent."""
    count: int
    """-1 for `fcr_one_touch` when a conversation that is reopened takes it back."""
    value_s: float | None = None
    """Of each, for durations."""
    business_s: float | None = None
    """The same in business time."""
    calendar: str | None = None
    """The calendar of that; None: around the clock, or a handle time, each stretch of which has its own."""
    score: int | None = None
    """Of each, for surveys."""
    customer_id: str | None = None
    """Of `customers_handled`: whom a human reply went to."""
    topic: str | None = None
    """Of `top_topics`: what a cycle had for the first time."""
    first_at: int | None = None
    """Of `occupied`: its first pane; `minute_at` is the last."""
    minute_at: int
    """The pane."""
    scopes: tuple[str, ...]
    windows: tuple[str, ...]
    """Those that hold the pane at `until`; of them `mtd` and `30d` are only kept for some scopes."""


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a deadline: an SLA run's, or the anchor + T of the service level."""

    metric: str
    """`service_level`, or a metric of policies."""
    change: Literal["set", "moved", "paused", "resumed", "untracked"]
    deadline_at: int | None
    """None while it is not tracked: the policy in force has no target for it."""
    policy: str
    """Empty where it is not tracked, and for the service level."""
    calendar: str | None
    """That it is measured in; None: around the clock."""
    target_s: float | None
    """T, or the policy's target in open seconds."""
    started_at: int


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """An SLA run at `until`, measured in open seconds of its calendar."""

    metric: str
    instance: str
    """The event that started it."""
    policy: str
    calendar: str | None
    """None: around the clock."""
    started_at: int
    target_s: float
    elapsed_s: float
    """The open time since the start, pauses left out."""
    left_s: float
    """Until the deadline; 0 once it has passed."""
    deadline_at: int
    paused_since_at: int | None
    breached: bool
    late_s: float
    """The open time since the deadline of a breached run."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the conversation is after a step."""

    status: Status
    agent_id: str | None
    team: str | None
    priority: str
    topics: tuple[str, ...]
    cycle: int
    """The number of the cycle, counted from 1; of a resolved conversation the last one's."""
    opened_at: int | None
    waiting_since_at: int | None
    with_bot: bool
    overdue: bool
    policy: str | None
    """The policy in force, None if none matches."""
    calendar: str | None
    """Its calendar, in which business time is measured; None: around the clock."""
    gauges: tuple[str, ...]
    """The gauges of `now` in which it counts for 1."""


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """How an event came in. `record` counts the records of the input from 1, empty lines aside."""

    record: int
    order: Order
    clock_at: int
    """The clock when it came."""
    behind_s: float
    """How long before the clock its `at` lies."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What an event changed of what was booked before it came, its own samples aside."""

    taken_back: tuple[Sample, ...]
    booked: tuple[Sample, ...]


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One instant of the timeline."""

    at: int
    kind: Literal["event", "timer", "undone", "forgotten"]
    """undone: an alert was sent of a timer that is no longer in the history; forgotten: the state was removed."""
    event: dict[str, Any] | None = None
    """The canonical event."""
    arrived: Arrived | None = None
    rules: tuple[Rule, ...] = ()
    samples: tuple[Sample, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    alerts: tuple[AlertRecord, ...] = ()
    """Published at this moment, as in `sigap.alerts`."""
    changed: Changed | None = None
    standing: Standing | None = None
    """Afterwards."""


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """A first-response wait: what the service level is made of."""

    anchor_at: int
    due_at: int
    """anchor + T."""
    threshold_s: float
    outcome: Literal["met", "missed", "abandoned", "short_abandoned", "undecided", "waiting"]
    """undecided: it ended before it was decided, and counts in nothing."""
    why: str
    decided_at: int | None
    agent_id: str | None
    """Under whom it was booked."""
    response_s: float | None
    """The FRT sample, where a human reply ended it."""
    windows: tuple[str, ...]
    """Those in which it counts at `until`."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the conversation that was not folded."""

    record: int
    outcome: Outcome
    at: int | None
    event_id: str | None
    reason: str
    """As in the dead-letter topic."""
    detail: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation's life, and what it counts for at `until`."""

    v: int = 1
    tenant: str
    conversation_id: str
    channel: str | None
    """None if no event was folded."""
    timezone: str
    until: int
    standing: Standing | None
    """At `until`; None if there is no state, or none any more."""
    gauges: dict[str, Number]
    """Its part of the gauges of `now` at `until`."""
    formula: str
    """Of the service level."""
    waits: tuple[Wait, ...]
    runs: tuple[Running, ...]
    """The SLA runs that are measured at `until`."""
    counts_in: dict[str, dict[str, dict[str, Number]]]
    """By scope and window at `until`: its part of the counts; of durations and scores also the sums behind means."""
    timeline: tuple[Moment, ...]
    refused: tuple[Refused, ...]
    nameless: int
    """Rejected records of the input that name no conversation at all."""
